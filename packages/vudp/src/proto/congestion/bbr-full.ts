/**
 * Whether the path is filled: three rounds in which the rate has not grown by a quarter
 * (draft-ietf-ccwg-bbr section 5.3.1.2).
 *
 * Asked in startup, and again whenever BBR probes upward. Invariant: once reached, `isReached` stays.
 */
import type { RateSample } from './delivery.js'

const GROWTH = 1.25
const ROUNDS = 3

/** Watches the rate grow. */
export class FullPipe {
  /** True if the path was found full once. */
  isReached = false
  #isNow = false
  #rate = 0
  #rounds = 0

  /** True if it has been found full since the last `reset`. */
  get isNow(): boolean {
    return this.#isNow
  }

  /** Looks anew, for growth above `rate`. */
  reset(rate: number): void {
    this.#rate = rate
    this.#rounds = 0
    this.#isNow = false
  }

  /** Takes the sample that begins a round. */
  onRound(sample: RateSample): void {
    if (this.#isNow || sample.isAppLimited) return
    if (sample.rate >= this.#rate * GROWTH) {
      this.reset(sample.rate)
      return
    }
    this.#rounds += 1
    this.#isNow = this.#rounds >= ROUNDS
    if (this.#isNow) this.isReached = true
  }
}
