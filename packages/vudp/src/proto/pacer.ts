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
/** How much lateness is made up for. */
const MAX_LATE_MS = 10
/** And how fast: so much more than the rate leaves until then. At once it would overflow a short queue. */
const CATCH_UP = 0.25
/** Who comes later than this has not waited all the time. */
const LAPSE_MS = 100

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
  /** What did not leave in time because whoever waited came late. */
  #owedBytes = 0
  #filledAt = 0
  /** When whoever waits was told to come again; Infinity if nobody waits. */
  #awaitedAt = Number.POSITIVE_INFINITY

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
    if (wasUnlimited) this.#tokens = Math.min(this.#tokens, this.burstBytes)
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
    this.#awaitedAt = Number.POSITIVE_INFINITY
  }

  /** When it is worth to send on; `now` or earlier if it is so already. */
  nextAt(now: number): number {
    if (this.allowance(now) > 0) return now
    const wanted = Math.max(1, Math.min(this.#rate * QUANTUM_MS, this.burstBytes))
    this.#awaitedAt = now + (wanted - this.#tokens) / this.#rate
    return this.#awaitedAt
  }

  #fill(now: number): void {
    const elapsedMs = now - this.#filledAt
    this.#filledAt = now
    if (this.#rate === Number.POSITIVE_INFINITY) this.#tokens = Number.POSITIVE_INFINITY
    else if (elapsedMs > 0) this.#earn(now, elapsedMs * this.#rate)
  }

  #earn(now: number, bytes: number): void {
    const most = this.burstBytes
    const tokens = this.#tokens + bytes
    if (tokens <= most) {
      const more = Math.min(this.#owedBytes, bytes * CATCH_UP, most - tokens)
      this.#owedBytes -= more
      this.#tokens = tokens + more
      return
    }
    this.#tokens = most
    const lateMs = now - this.#awaitedAt
    // Who did not wait for the pacer was not held up by it.
    if (lateMs <= 0 || lateMs >= LAPSE_MS) this.#owedBytes = 0
    else this.#owedBytes = Math.min(this.#owedBytes + tokens - most, MAX_LATE_MS * this.#rate)
  }
}
