/**
 * Streams that a limit of the peer stops, and when to ask about it again (VUT 4).
 *
 * Decides the pace: at the pace of probes, as long as a stream stands. What is asked is the frame BLOCKED. Invariant: the
 * work of one round does not grow with the streams that stand.
 */
import { VUT1 } from '../profile.js'
import { OWED, type Stream } from './stream.js'

/** The streams that stand at a limit. */
export class BlockedStreams {
  /** Made with the first one: most connections never have one. */
  #streams: Set<Stream> | null = null
  #askAt = Number.POSITIVE_INFINITY
  #rounds = 0

  /** When to ask again; Infinity while none stands. */
  get dueAt(): number {
    return this.#streams === null || this.#streams.size === 0 ? Number.POSITIVE_INFINITY : this.#askAt
  }

  /** A stream has told that it stands; the first of them is asked for again after `waitMs`. */
  onBlocked(now: number, stream: Stream, waitMs: number): void {
    this.#streams ??= new Set()
    if (this.#streams.size === 0) {
      this.#rounds = 0
      this.#askAt = now + waitMs
    }
    this.#streams.add(stream)
  }

  /** Has some of those that still stand ask again. */
  onTimeout(now: number, ptoMs: number): void {
    const streams = this.#streams
    if (streams === null) return
    this.#rounds += 1
    this.#askAt = now + Math.min(ptoMs * 2 ** this.#rounds, Math.max(VUT1.maxPtoMs, ptoMs))
    let left = Math.min(VUT1.blockedPerRound, streams.size)
    for (const stream of streams) {
      if (left === 0) return
      left -= 1
      streams.delete(stream)
      if (!stream.output.isBlocked) continue
      // At the end again, so that all get their turn.
      streams.add(stream)
      stream.owe(OWED.blocked)
    }
  }

  /** Forgets all. */
  clear(): void {
    this.#streams = null
  }
}
