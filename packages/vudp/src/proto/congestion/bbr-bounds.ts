/**
 * The bounds that losses put on BBR (draft-ietf-ccwg-bbr sections 5.3.3 and 5.5.10): a short-term one on rate and
 * flight until the next probe, and a long-term one on the flight that is raised by probing only.
 *
 * Which losses are told here is decided in `bbr`. Invariant: a bound that was never reached is Infinity, and only a
 * loss lowers one.
 */
import type { Phase } from './bbr-phase.js'
import type { RateSample } from './delivery.js'

/** What remains of a short-term bound after a round with loss, unless more was delivered. */
const LOSS_FACTOR = 0.7
/** What the long-term bound keeps of a flight that lost too much: flows that share a link come to their shares by it. */
const FLIGHT_FACTOR = 0.9
/** It keeps this much of a flight that is hardly larger than what the path should take, and keeps all up to so many times
 * that: one flow alone needs it to fill a path with a short queue. */
const NEAR_FACTOR = 0.95
const NEAR = 1.2
/** The part of the long-term bound that is left free for others while not probing: with more, one flow alone does not fill
 * a path with a short queue. */
const HEADROOM = 0.1
/** And at least this part of what the bound allows above what the path takes without a queue: nobody needs that alone. */
const QUEUE_HEADROOM = 0.5
const MAX_UP_ROUNDS = 30

/** What a loss episode may have to be taken back to. */
interface Saved {
  shortRate: number
  shortBytes: number
  longBytes: number
}

/** The size of a datagram, and the least that may be in flight. */
interface BoundSizes {
  readonly datagramBytes: number
  readonly leastBytes: number
}

/** The bounds of one path. */
export class Bounds {
  /** The rate that is safe for now. */
  shortRate: number = Number.POSITIVE_INFINITY
  /** The flight that is safe for now. */
  shortBytes: number = Number.POSITIVE_INFINITY
  /** The flight that did no harm when probed. */
  longBytes: number = Number.POSITIVE_INFINITY
  /** True if this round lost something that counts. */
  hasLoss = false
  /** True in the batch that ends a round without, or after, loss. */
  isRoundStart = false
  /** The most delivered in flight, in this round. */
  latestBytes = 0
  #latestRate = 0
  /** What the round that has just ended delivered, over all of its time. */
  #meanRate = 0
  #roundFromBytes = 0
  #roundFromAt = 0
  #roundEndBytes = 0
  #upRounds = 0
  #upAckedBytes = 0
  #upDivisor = Number.POSITIVE_INFINITY
  #saved: Saved = { shortRate: this.shortRate, shortBytes: this.shortBytes, longBytes: this.longBytes }

  /** A loss that counts; `deliveredBytes` is all that was delivered so far. */
  noteLoss(deliveredBytes: number): void {
    if (this.hasLoss) return
    this.#saved = { shortRate: this.shortRate, shortBytes: this.shortBytes, longBytes: this.longBytes }
    this.#roundEndBytes = deliveredBytes
    this.hasLoss = true
  }

  /** The losses of the last episode were none. */
  undoLoss(): void {
    this.hasLoss = false
    this.shortRate = Math.max(this.shortRate, this.#saved.shortRate)
    this.shortBytes = Math.max(this.shortBytes, this.#saved.shortBytes)
    this.longBytes = Math.max(this.longBytes, this.#saved.longBytes)
  }

  /** Takes a batch, before anything else does. */
  onSample(now: number, sample: RateSample, deliveredBytes: number): void {
    this.#latestRate = Math.max(this.#latestRate, sample.rate)
    this.latestBytes = Math.max(this.latestBytes, sample.deliveredBytes)
    this.isRoundStart = sample.priorDeliveredBytes >= this.#roundEndBytes
    if (!this.isRoundStart) return
    this.#roundEndBytes = deliveredBytes
    if (now > this.#roundFromAt)
      this.#meanRate = (deliveredBytes - this.#roundFromBytes) / (now - this.#roundFromAt)
    this.#beginMean(now, deliveredBytes)
  }

  /** At the end of a round: lowers the short-term bounds if it had a loss and `adapts` says that this is the time. */
  endRound(adapts: boolean, maxRate: number, windowBytes: number): void {
    if (!this.isRoundStart) return
    if (adapts && this.hasLoss) {
      const rate = Math.min(this.shortRate, maxRate)
      const bytes = Math.min(this.shortBytes, windowBytes)
      // After a probe the samples show how slowly was sent, while a queue is drained at the path's rate.
      this.shortRate = Math.max(this.#latestRate, this.#meanRate, LOSS_FACTOR * rate)
      this.shortBytes = Math.max(this.latestBytes, LOSS_FACTOR * bytes)
    }
    this.hasLoss = false
  }

  /** Takes a batch, after everything else has. */
  advance(sample: RateSample): void {
    if (!this.isRoundStart) return
    this.#latestRate = sample.rate
    this.latestBytes = sample.deliveredBytes
  }

  /** A round begins now, and what the running one has shown is forgotten. */
  resetRound(now: number, deliveredBytes: number): void {
    this.#roundEndBytes = deliveredBytes
    this.#beginMean(now, deliveredBytes)
    this.hasLoss = false
    this.#latestRate = 0
    this.latestBytes = 0
  }

  /** Lifts the short-term bounds. */
  resetShort(): void {
    this.shortRate = Number.POSITIVE_INFINITY
    this.shortBytes = Number.POSITIVE_INFINITY
  }

  /** A flight lost too much: the long-term bound is below it, but not far below what the path should take. */
  lowerLong(inFlightBytes: number, targetBytes: number): void {
    const near = Math.min(NEAR_FACTOR * inFlightBytes, NEAR * targetBytes)
    this.longBytes = Math.max(FLIGHT_FACTOR * inFlightBytes, near, LOSS_FACTOR * targetBytes)
  }

  /** The long-term bound with room for others, on a path that takes `productBytes` without a queue. */
  withHeadroom({ datagramBytes, leastBytes }: BoundSizes, productBytes: number): number {
    if (this.longBytes === Number.POSITIVE_INFINITY) return this.longBytes
    const inQueue = QUEUE_HEADROOM * (this.longBytes - productBytes)
    const room = Math.max(datagramBytes, HEADROOM * this.longBytes, inQueue)
    return Math.max(this.longBytes - room, leastBytes)
  }

  /** What the long-term bound allows in a phase. */
  longFor(phase: Phase, sizes: BoundSizes, productBytes: number): number {
    if (phase === 'probe-cruise' || phase === 'probe-rtt') return this.withHeadroom(sizes, productBytes)
    return phase.startsWith('probe-') ? this.longBytes : Number.POSITIVE_INFINITY
  }

  /** Probing upward begins. */
  startUp(datagramBytes: number, windowBytes: number): void {
    this.#upRounds = 0
    this.#upAckedBytes = 0
    this.raiseSlope(datagramBytes, windowBytes)
  }

  /** Probing upward for another round: the bound may grow twice as fast. */
  raiseSlope(datagramBytes: number, windowBytes: number): void {
    const growthBytes = datagramBytes * 2 ** this.#upRounds
    this.#upRounds = Math.min(this.#upRounds + 1, MAX_UP_ROUNDS)
    this.#upDivisor = Math.max(windowBytes / growthBytes, 1)
  }

  /** Raises the long-term bound while probing finds no harm. */
  probeUp(ackedBytes: number): void {
    this.#upAckedBytes += ackedBytes
    if (this.#upAckedBytes < this.#upDivisor) return
    const growth = Math.floor(this.#upAckedBytes / this.#upDivisor)
    this.#upAckedBytes -= growth * this.#upDivisor
    this.longBytes += growth
  }

  #beginMean(now: number, deliveredBytes: number): void {
    this.#roundFromAt = now
    this.#roundFromBytes = deliveredBytes
  }
}
