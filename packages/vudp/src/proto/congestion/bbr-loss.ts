/**
 * The losses of one episode: how many places they were in, and whether they were losses at all.
 *
 * Counts for `bbr`, which decides what follows. Invariant: an episode ends with the round, or when every loss in it has
 * turned out to be a late datagram.
 */
import type { IVSentRecord } from './controller.js'
import type { RateSample } from './delivery.js'

/** How much of what was in flight may be lost before that was too much. */
const THRESHOLD = 0.02

/** Separate losses in one round that end startup. */
const STARTUP_PLACES = 6

/** Counts the losses that count. */
export class LossEpisode<P> {
  /** Separate places in which datagrams were lost. */
  places = 0
  /** The phase in which it began. */
  phase: P
  #open = 0
  #lastNumber = -2

  constructor(phase: P) {
    this.phase = phase
  }

  /** A new episode. */
  begin(phase: P): void {
    this.phase = phase
    this.places = 0
    this.#open = 0
  }

  /** True if they were in so many places that they may end startup. */
  get isSpread(): boolean {
    return this.places >= STARTUP_PLACES
  }

  /** Counts a loss. */
  note(packet: IVSentRecord): void {
    this.#open += 1
    if (packet.number !== this.#lastNumber + 1) this.places += 1
    this.#lastNumber = packet.number
  }

  /** One of the losses was none. Returns true if that was the last. */
  undoOne(): boolean {
    if (this.#open === 0) return false
    this.#open -= 1
    return this.#open === 0
  }
}

/** So much of a round is lost to a queue, whatever round-trip times say; so many datagrams at least. */
const EXCESS = 0.2
const EXCESS_DATAGRAMS = 16
/** Up to this part of a round may be lost by chance, as far as startup can tell: it has no slower rate to compare with. */
const MAX_CHANCE = 0.1
/** A round that loses so many times what is lost by chance has lost more than that. */
const EXPLAINED = 3

/** What one round has acknowledged and lost, for whatever reason. */
export class RoundLoss {
  #ackedBytes = 0
  #lostBytes = 0

  /** Takes a batch. */
  count(sample: RateSample): void {
    this.#ackedBytes += sample.ackedBytes
    this.#lostBytes += sample.newlyLostBytes
  }

  /** The round is over. */
  clear(): void {
    this.#ackedBytes = 0
    this.#lostBytes = 0
  }

  /** True if it lost more than chance ever takes. */
  isExcess(datagramBytes: number): boolean {
    const lost = this.#lostBytes
    return lost > EXCESS * (lost + this.#ackedBytes) && lost > EXCESS_DATAGRAMS * datagramBytes
  }

  /** True if it lost more than may be chance. */
  get isLossy(): boolean {
    return this.#lostBytes > MAX_CHANCE * (this.#lostBytes + this.#ackedBytes)
  }

  /** True if it lost no more than can be expected where `chance`, a part of all, is lost anyway. */
  isExplained(chance: number): boolean {
    return this.#lostBytes <= EXPLAINED * chance * (this.#lostBytes + this.#ackedBytes)
  }
}

/** True if a round lost too much of its flight. */
export function isTooMuch(sample: RateSample): boolean {
  return sample.lostBytes > sample.inFlightBytes * THRESHOLD
}

/**
 * The flight at which losses went over the threshold, somewhere within the datagram that was lost; -1 if they did not.
 *
 * @param lostBytes what was lost since it left, itself included
 */
export function flightAtLoss(packet: IVSentRecord, lostBytes: number): number {
  if (lostBytes <= packet.inFlightBytes * THRESHOLD) return -1
  const flightBefore = packet.inFlightBytes - packet.sizeBytes
  const lostBefore = lostBytes - packet.sizeBytes
  return flightBefore + Math.max(0, (THRESHOLD * flightBefore - lostBefore) / (1 - THRESHOLD))
}
