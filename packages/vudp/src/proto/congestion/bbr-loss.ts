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
