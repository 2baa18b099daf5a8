/**
 * Whether losses come from the flow's own rate: the answer for queues too short to be seen in round-trip times
 * (docs/decisions/0016).
 *
 * Losses by chance take the same part of what is sent at any rate; a link that is given too much loses less when it is
 * given less. BBR slows down once a probing cycle anyway, so the part lost then is compared with the part lost at other
 * times. Invariant: a difference that chance explains is none.
 */
import type { IVSentRecord } from './controller.js'

/** How much more must be lost than at the slow rate. */
const THRESHOLD = 0.02
/** And how many standard deviations of the difference. */
const DEVIATIONS = 2.5
/** What of the old counts remains with each slow phase, and with each round at other rates. */
const DECAY = 0.5
/** More than this is never taken for chance. */
const MAX_CHANCE = 0.1
/** Fewer datagrams than this at the slow rate tell nothing. */
const MIN_SLOW = 30

/** Counts of one rate. */
class Tally {
  total = 0
  lost = 0

  decay(): void {
    this.total *= DECAY
    this.lost *= DECAY
  }

  get part(): number {
    return this.total === 0 ? 0 : this.lost / this.total
  }

  /** The variance of `part`, taken for a few losses where there were none. */
  get variance(): number {
    const part = (this.lost + 1) / (this.total + 2)
    return (part * (1 - part)) / (this.total + 2)
  }
}

/** Compares the losses at two rates. */
export class LossExcess {
  /** True if more is lost at the usual rate than at the slow one. */
  isFound = false
  /** The part that is lost by chance, by what was lost at the slow rate; 0 while that tells too little. */
  chance = 0
  readonly #slow = new Tally()
  readonly #usual = new Tally()
  #isSlow = false
  /** What was sent before this much was delivered was sent at the rate before. */
  #switchedAtBytes = 0

  /** The rate changes, when `deliveredBytes` are delivered. */
  setSlow(isSlow: boolean, deliveredBytes: number): void {
    if (isSlow === this.#isSlow) return
    this.#isSlow = isSlow
    this.#switchedAtBytes = deliveredBytes
    if (isSlow) this.#slow.decay()
  }

  /** A datagram arrived, or was lost. */
  count(packet: IVSentRecord, isLost: boolean): void {
    const isNew = packet.deliveredBytes >= this.#switchedAtBytes
    const tally = isNew === this.#isSlow ? this.#slow : this.#usual
    tally.total += 1
    if (isLost) tally.lost += 1
  }

  /** A round is over: looks at what there is. */
  onRound(): void {
    const [slow, usual] = [this.#slow, this.#usual]
    const noise = DEVIATIONS * Math.sqrt(slow.variance + usual.variance)
    this.chance =
      slow.total < MIN_SLOW ? 0 : Math.min(Math.max(slow.part - Math.sqrt(slow.variance), 0), MAX_CHANCE)
    this.isFound = slow.total >= MIN_SLOW && usual.part - slow.part > THRESHOLD + noise
    usual.decay()
  }
}
