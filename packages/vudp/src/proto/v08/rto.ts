/**
 * The retransmission time-out of VUT 0.8, after RFC 2988.
 *
 * Decides how long to wait for an acknowledgement. What counts as a sample (Karn's rule) is for the recovery. Invariant:
 * the time-out lies within the bounds of the profile.
 */
import type { V08Profile } from './profile.js'

/** Smoothed round-trip time and the time-out that follows from it, in ms. */
export class RtoEstimator08 {
  readonly #profile: V08Profile
  #srtt = -1
  #rttvar = 0
  #minRtt = -1
  #rto: number
  #backoffs = 0

  constructor(profile: V08Profile) {
    this.#profile = profile
    this.#rto = profile.initialRtoMs
  }

  /** The time-out. */
  get rtoMs(): number {
    return this.#rto
  }

  /** The smoothed round-trip time, -1 while unknown. */
  get srttMs(): number {
    return this.#srtt
  }

  /** The shortest round trip that was seen, -1 while unknown. */
  get minRttMs(): number {
    return this.#minRtt
  }

  /** Back-offs since the last progress. */
  get backoffs(): number {
    return this.#backoffs
  }

  /** Takes a round trip of a segment that was sent once. */
  sample(rttMs: number): void {
    const rtt = Math.max(rttMs, 0)
    if (this.#srtt < 0) {
      this.#srtt = rtt
      this.#rttvar = rtt / 2
    } else {
      this.#rttvar += (Math.abs(this.#srtt - rtt) - this.#rttvar) / 4
      this.#srtt += (rtt - this.#srtt) / 8
    }
    if (this.#minRtt < 0 || rtt < this.#minRtt) this.#minRtt = rtt
    this.#backoffs = 0
    this.#rto = this.#bounded(this.#srtt + 4 * this.#rttvar)
  }

  /** Doubles the time-out; after many in a row forgets the round-trip time. */
  backOff(): void {
    this.#rto = this.#bounded(this.#rto * 2)
    this.#backoffs += 1
    if (this.#backoffs >= this.#profile.backoffsToForget) this.#srtt = -1
  }

  /**
   * Takes the doubling back, as something was acknowledged. The originals wait for a sample, which on a bad link is so
   * long in coming that the time-out grows to a minute.
   */
  onProgress(): void {
    this.#backoffs = 0
    const known = this.#srtt >= 0
    this.#rto = known
      ? this.#bounded(this.#srtt + 4 * this.#rttvar)
      : Math.min(this.#rto, this.#profile.initialRtoMs)
  }

  #bounded(ms: number): number {
    return Math.min(Math.max(ms, this.#profile.minRtoMs), this.#profile.maxRtoMs)
  }
}
