/**
 * Spreads datagrams over time: a bucket that fills at the controller's rate.
 *
 * Decides how many bytes may leave now and when it is worth waking up again; how much may be in flight is the
 * controller's affair. Invariant: over any stretch of time no more leaves than the rate allows plus one burst, which is
 * ten datagrams or two milliseconds of the rate, whichever is more.
 */

/** Datagrams of a burst at low rates. */
const BURST_DATAGRAMS = 10
/** The burst at high rates, as time at the rate. */
const BURST_MS = 2
/** How much is worth a wake-up at high rates, as time at the rate: timers are no finer. */
const QUANTUM_MS = 1

/** Options of a pacer. */
export interface PacerOptions {
  /** The size of a full datagram at first. */
  readonly datagramBytes: number
}

/** The pacer of one path. */
export class Pacer {
  #datagramBytes: number
  #rate = Number.POSITIVE_INFINITY
  #tokens: number
  #filledAt = 0

  constructor(options: PacerOptions) {
    this.#datagramBytes = options.datagramBytes
    this.#tokens = this.burstBytes
  }

  /** The most that leaves at once; Infinity without a rate. */
  get burstBytes(): number {
    return Math.max(BURST_DATAGRAMS * this.#datagramBytes, BURST_MS * this.#rate)
  }

  /** Sets the rate in bytes per millisecond from now on; Infinity for no pacing. */
  setRate(now: number, rate: number): void {
    if (rate === this.#rate) return
    this.#fill(now)
    const wasUnlimited = this.#rate === Number.POSITIVE_INFINITY
    this.#rate = rate
    // What was saved up without a rate is not worth more than a burst with one.
    if (wasUnlimited || this.#tokens > this.burstBytes) this.#tokens = Math.min(this.#tokens, this.burstBytes)
  }

  /** The full datagram has another size from now on. */
  setDatagramBytes(sizeBytes: number): void {
    this.#datagramBytes = sizeBytes
  }

  /** How many bytes may leave now. A datagram may leave whenever this is above zero. */
  allowance(now: number): number {
    this.#fill(now)
    return this.#tokens
  }

  /** True if a datagram may leave now. */
  canSend(now: number): boolean {
    return this.allowance(now) > 0
  }

  /** Bytes have left. May overdraw the bucket by less than a datagram. */
  onSent(now: number, sizeBytes: number): void {
    if (this.#rate === Number.POSITIVE_INFINITY) return
    this.#fill(now)
    this.#tokens -= sizeBytes
  }

  /** When it is worth to send on; `now` or earlier if it is so already. */
  nextAt(now: number): number {
    if (this.allowance(now) > 0) return now
    const wanted = Math.max(1, Math.min(this.#rate * QUANTUM_MS, this.burstBytes))
    return now + (wanted - this.#tokens) / this.#rate
  }

  #fill(now: number): void {
    const elapsedMs = now - this.#filledAt
    this.#filledAt = now
    if (this.#rate === Number.POSITIVE_INFINITY) this.#tokens = Number.POSITIVE_INFINITY
    else if (elapsedMs > 0) this.#tokens = Math.min(this.#tokens + elapsedMs * this.#rate, this.burstBytes)
  }
}
