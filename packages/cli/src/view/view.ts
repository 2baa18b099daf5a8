/**
 * Where events go: the interface that the three kinds of view share.
 *
 * Decides nothing. Invariant: after `close` nothing more is shown and no timer is left.
 */
import type { VCliEvent } from './event.js'

/** Shows what happens to whoever watches. */
export interface IVView {
  /** Something has happened. */
  tell(event: VCliEvent): void
  /** Shows lines of their own: a list of files, a report. Left out by `--quiet` and by `--json`. */
  print(text: string): void
  /** Takes the live line away, so that something else may write: until `resume` nothing is shown on a terminal. */
  pause(): void
  /** Shows what has happened since `pause`. The cursor is at the beginning of a line. */
  resume(): void
  /** Shows what is due and lets go. */
  close(): void
}
