/**
 * HyStart++ (RFC 9406): leaves slow start before the queue overflows.
 *
 * Compares the least round-trip time of a round with the one before. When it has grown, growth goes on at a quarter for
 * up to five rounds; if the time falls back, it was no queue and slow start goes on. The window itself is the
 * controller's. Invariant: a round ends when a datagram is acknowledged that was sent after the round began.
 */

const MIN_THRESHOLD_MS = 4
const MAX_THRESHOLD_MS = 16
const THRESHOLD_DIVISOR = 8
const SAMPLES_PER_ROUND = 8
const CONSERVATIVE_ROUNDS = 5
const CONSERVATIVE_DIVISOR = 4

/** Watches one slow start. */
export class HyStart {
  #roundEnd = -1
  #lastRoundMinMs = Number.POSITIVE_INFINITY
  #roundMinMs = Number.POSITIVE_INFINITY
  #samples = 0
  #baselineMs = Number.POSITIVE_INFINITY
  #conservativeRounds = 0
  #isConservative = false

  /** By how much the growth of slow start is to be divided. */
  get growthDivisor(): number {
    return this.#isConservative ? CONSERVATIVE_DIVISOR : 1
  }

  /** True in conservative slow start. */
  get isConservative(): boolean {
    return this.#isConservative
  }

  /**
   * Takes what one ACK told. Returns true if slow start is over.
   *
   * @param ackedNumber the newest datagram acknowledged
   * @param sentNumber the newest datagram sent
   * @param rttMs the ACK's sample; -1 for none
   */
  onAck(ackedNumber: number, sentNumber: number, rttMs: number): boolean {
    if (rttMs >= 0) {
      this.#roundMinMs = Math.min(this.#roundMinMs, rttMs)
      this.#samples += 1
      this.#judge()
    }
    if (ackedNumber <= this.#roundEnd) return false
    this.#roundEnd = sentNumber
    this.#lastRoundMinMs = this.#roundMinMs
    this.#roundMinMs = Number.POSITIVE_INFINITY
    this.#samples = 0
    if (!this.#isConservative) return false
    this.#conservativeRounds += 1
    return this.#conservativeRounds >= CONSERVATIVE_ROUNDS
  }

  #judge(): void {
    if (this.#samples < SAMPLES_PER_ROUND) return
    if (this.#isConservative) {
      if (this.#roundMinMs >= this.#baselineMs) return
      this.#isConservative = false
      this.#baselineMs = Number.POSITIVE_INFINITY
      return
    }
    if (this.#lastRoundMinMs === Number.POSITIVE_INFINITY) return
    const threshold = this.#lastRoundMinMs / THRESHOLD_DIVISOR
    const allowed = Math.max(MIN_THRESHOLD_MS, Math.min(threshold, MAX_THRESHOLD_MS))
    if (this.#roundMinMs < this.#lastRoundMinMs + allowed) return
    this.#isConservative = true
    this.#baselineMs = this.#roundMinMs
    this.#conservativeRounds = 0
  }
}
