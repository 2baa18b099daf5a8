/**
 * Whether the path is filled: three rounds in which the rate has not grown by a quarter
 * (draft-ietf-ccwg-bbr section 5.3.1.2).
 *
 * Asked in startup, and again whenever BBR probes upward. A round in which the sender could not keep up with what it might
 * have sent tells how fast the sender is, and nothing about the path. Invariant: once reached, `isReached` stays.
 */
import type { RateSample } from './delivery.js'

const GROWTH = 1.25
const ROUNDS = 3
/** A sender that had less than this part of its window in flight, and sent at less than this part of its rate, was late. */
const LEAST_OF_WINDOW = 3 / 4
const LEAST_OF_PACING = 1 / 2

/** True if the sender used neither window nor rate: it was itself what held the rate down, and not the path. */
function isLate(sample: RateSample, windowBytes: number, pacingRate: number): boolean {
  return (
    sample.inFlightBytes < LEAST_OF_WINDOW * windowBytes && sample.sentRate < LEAST_OF_PACING * pacingRate
  )
}

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

  /** Takes the sample that begins a round, with what the sender might have had in flight and at what rate. */
  onRound(sample: RateSample, windowBytes: number, pacingRate: number): void {
    if (this.#isNow || sample.isAppLimited) return
    if (sample.rate >= this.#rate * GROWTH) {
      this.reset(sample.rate)
      return
    }
    if (isLate(sample, windowBytes, pacingRate)) return
    this.#rounds += 1
    this.#isNow = this.#rounds >= ROUNDS
    if (this.#isNow) this.isReached = true
  }
}
