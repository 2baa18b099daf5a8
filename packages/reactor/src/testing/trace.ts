/**
 * An ordered record of what happened in a test, with a digest.
 *
 * Keeps the events as text, in the order of recording, so that two runs with one seed can be told to be the same by one
 * short string. What is worth recording is left to the test. Invariant: the digest covers every event ever recorded,
 * also those that are no longer kept.
 */
import { TextHash } from './hash.js'

/** One recorded event. */
export interface VTraceEvent {
  /** The time it was given. */
  readonly atMs: number
  /** What kind of event it is. */
  readonly kind: string
  /** What there is to say about it. */
  readonly detail: string
}

/**
 * Records events.
 *
 * @example
 * const trace = new VTrace()
 * trace.record(host.now(), 'send', peer, bytes.length)
 * trace.digest // the same in every run with the same seed
 */
export class VTrace {
  readonly #maxKept: number
  readonly #hash = new TextHash()
  #events: VTraceEvent[] = []
  #count = 0

  /** @param maxKept how many of the latest events are kept for reading; 10,000 unless given */
  constructor(maxKept = 10_000) {
    this.#maxKept = maxKept
  }

  /** Records an event; what is no string in `details` is written as JSON. */
  record(atMs: number, kind: string, ...details: readonly unknown[]): void {
    const detail = details.map((part) => (typeof part === 'string' ? part : JSON.stringify(part))).join(' ')
    this.#hash.update(`${atMs}\t${kind}\t${detail}\n`)
    this.#count += 1
    this.#events.push({ atMs, kind, detail })
    if (this.#events.length >= 2 * this.#maxKept) this.#events = this.#events.slice(-this.#maxKept)
  }

  /** The number of events ever recorded. */
  get count(): number {
    return this.#count
  }

  /** The latest events, in the order of recording. */
  get events(): readonly VTraceEvent[] {
    return this.#events.slice(-this.#maxKept)
  }

  /** 16 hexadecimal digits that stand for every event recorded so far and their order. */
  get digest(): string {
    return this.#hash.hex
  }

  /** The latest events as lines of text. */
  toString(): string {
    return this.events.map((event) => `${event.atMs} ${event.kind} ${event.detail}`.trimEnd()).join('\n')
  }
}
