/**
 * How long a round trip takes: RFC 9002 section 5.
 *
 * Keeps the newest, the smoothed and the least sample of one path, and what follows from them: when a datagram counts
 * as late and when a probe is due. Which acknowledgement gives a sample is decided by the caller. Invariant: a peer can
 * make a sample shorter by what it says it waited, but never shorter than the least raw sample.
 */
import type { IVRttView } from './congestion/controller.js'

/** Milliseconds that any timer may be off by (RFC 9002 section 6.1.2). */
const GRANULARITY_MS = 1

/** The round-trip times of one path. */
export class Rtt implements IVRttView {
  readonly #initialMs: number
  #latestMs: number
  #smoothedMs: number
  #varianceMs: number
  #minMs = Number.POSITIVE_INFINITY
  #hasSample = false

  /** @param initialMs what is assumed before the first sample; 333 ms unless given (RFC 9002 section 6.2.2) */
  constructor(initialMs = 333) {
    this.#initialMs = initialMs
    this.#latestMs = initialMs
    this.#smoothedMs = initialMs
    this.#varianceMs = initialMs / 2
  }

  get hasSample(): boolean {
    return this.#hasSample
  }

  get latestMs(): number {
    return this.#latestMs
  }

  get smoothedMs(): number {
    return this.#smoothedMs
  }

  get varianceMs(): number {
    return this.#varianceMs
  }

  get minMs(): number {
    return this.#minMs
  }

  /** How long after it was sent a datagram counts as lost once a later one was acknowledged (section 6.1.2). */
  get lossDelayMs(): number {
    return Math.max((9 / 8) * Math.max(this.#latestMs, this.#smoothedMs), GRANULARITY_MS)
  }

  /**
   * Takes a sample and returns it, less the delay as far as that is believed.
   *
   * @param rawMs from sending to the arrival of the acknowledgement
   * @param ackDelayMs what the peer says it waited, already capped by what it promised at most
   */
  update(rawMs: number, ackDelayMs: number): number {
    // A clock that stands still gives 0, of which nothing could be computed.
    const raw = Math.max(rawMs, 0.001)
    this.#minMs = Math.min(this.#minMs, raw)
    const adjusted = raw >= this.#minMs + ackDelayMs ? raw - ackDelayMs : raw
    this.#latestMs = adjusted
    if (!this.#hasSample) {
      this.#hasSample = true
      this.#smoothedMs = adjusted
      this.#varianceMs = adjusted / 2
      return adjusted
    }
    this.#varianceMs += (Math.abs(this.#smoothedMs - adjusted) - this.#varianceMs) / 4
    this.#smoothedMs += (adjusted - this.#smoothedMs) / 8
    return adjusted
  }

  /** The probe time-out without back-off (section 6.2.1). `maxAckDelayMs` is what the peer may wait at most. */
  ptoMs(maxAckDelayMs: number): number {
    return this.#smoothedMs + Math.max(4 * this.#varianceMs, GRANULARITY_MS) + maxAckDelayMs
  }

  /** Forgets the least sample: after persistent congestion the path may be another one (section 5.2). */
  resetMin(): void {
    this.#minMs = Number.POSITIVE_INFINITY
  }

  /** Forgets everything, for a new path. */
  reset(): void {
    this.#hasSample = false
    this.#minMs = Number.POSITIVE_INFINITY
    this.#latestMs = this.#initialMs
    this.#smoothedMs = this.#initialMs
    this.#varianceMs = this.#initialMs / 2
  }
}
