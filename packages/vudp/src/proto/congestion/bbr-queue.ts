/**
 * Whether there is a full queue: what tells a loss by a queue from a loss by chance (docs/decisions/0016).
 *
 * A router that drops what it cannot hold has just been holding all it can, and the datagrams around the lost one took
 * that much longer; a radio link or a bad cable drops at any time. So a loss counts against the flow only if the least
 * round-trip time of the last moments is above the least of the path, and near the longest that datagrams were seen to
 * survive. The least and not the mean of some moments, as a late timer or a held back acknowledgement delays some
 * datagrams, a queue all of them. Invariant: without a sample there is a queue, which is the careful answer.
 */

/** The moments that count: this part of a round trip, and the one before it. */
const SPAN_PART = 1 / 4
const MIN_SPAN_MS = 2
/** By how much the round trip must have grown: this part of it, and no less than timers are off. */
const GROWN_PART = 1 / 32
const MIN_GROWN_MS = 1
/** A queue is not full below this part of the delay that it was seen to hold. */
const FULL_PART = 3 / 4
/** How long it is remembered what the queue was seen to hold: at least this, at most twice. Longer than probes are apart. */
const PEAK_MS = 5_000

/** Watches the round-trip times of one path. */
export class QueueWatch {
  #leastMs = Number.POSITIVE_INFINITY
  #lastLeastMs = Number.POSITIVE_INFINITY
  #spanEnd = Number.NEGATIVE_INFINITY
  #peakMs = 0
  #lastPeakMs = 0
  #peakEnd = Number.NEGATIVE_INFINITY

  /** A datagram that had taken `rttMs` was acknowledged; `minRttMs` is the least of the path. */
  onRtt(now: number, rttMs: number, minRttMs: number): void {
    if (now >= this.#spanEnd) this.#startSpan(now, minRttMs)
    if (rttMs < this.#leastMs) this.#leastMs = rttMs
  }

  /** How much longer than `minRttMs` the fastest datagram of the last moments took; Infinity without any. */
  delayMs(minRttMs: number): number {
    return Math.min(this.#leastMs, this.#lastLeastMs) - minRttMs
  }

  /** True if the path shows a queue, or nothing. */
  isSeen(minRttMs: number): boolean {
    if (minRttMs === Number.POSITIVE_INFINITY) return true
    return this.delayMs(minRttMs) > Math.max(MIN_GROWN_MS, minRttMs * GROWN_PART)
  }

  /** True if the path shows a queue that may be full. */
  isFull(minRttMs: number): boolean {
    if (minRttMs === Number.POSITIVE_INFINITY) return true
    const held = Math.max(this.#peakMs, this.#lastPeakMs)
    return this.isSeen(minRttMs) && this.delayMs(minRttMs) > held * FULL_PART
  }

  #startSpan(now: number, minRttMs: number): void {
    this.#notePeak(now, this.delayMs(minRttMs))
    const spanMs = minRttMs === Number.POSITIVE_INFINITY ? 0 : minRttMs * SPAN_PART
    this.#lastLeastMs = this.#leastMs
    this.#leastMs = Number.POSITIVE_INFINITY
    this.#spanEnd = now + Math.max(spanMs, MIN_SPAN_MS)
  }

  #notePeak(now: number, delayMs: number): void {
    if (now >= this.#peakEnd) {
      this.#peakEnd = now + PEAK_MS
      this.#lastPeakMs = this.#peakMs
      this.#peakMs = 0
    }
    if (Number.isFinite(delayMs)) this.#peakMs = Math.max(this.#peakMs, delayMs)
  }
}
