/**
 * What forwards tell while they run, in plain values.
 *
 * Decides names and fields; words and lines are the command's. Invariant: text of the other side stands in fields of its
 * own, never inside a sentence.
 */
import type { ForwardSpec, ListenAt } from './spec.js'

/** A forward that is in place. */
export interface ForwardListening {
  readonly spec: ForwardSpec
  /** Where, with the port that was found. */
  readonly at: string
}

/** One event. */
export type ForwardEvent =
  /** All forwards of this side are in place. */
  | { readonly type: 'ready'; readonly listening: readonly ForwardListening[] }
  /** The other side has something listened on here. */
  | { readonly type: 'serving'; readonly at: ListenAt }
  /** The other side asked for something and was told no. */
  | { readonly type: 'refused'; readonly what: string; readonly rule: string }
  /** A connection that this side asked for did not come about. */
  | { readonly type: 'failed'; readonly error: Error }
  /** A connection has begun. */
  | { readonly type: 'opened'; readonly what: string }
  /** A connection is over. */
  | {
      readonly type: 'closed'
      readonly what: string
      readonly sentBytes: number
      readonly receivedBytes: number
      readonly clean: boolean
    }

/** Takes events. */
export type ForwardListener = (event: ForwardEvent) => void
