/**
 * Congestion control of VUT 0.8: slow start and avoidance of RFC 2581, counted in segments.
 *
 * Decides how many segments may be in flight. When a segment is lost is for the recovery; the hello's losses do not count.
 * Invariant: at least the profile's minimum may always be in flight.
 */
import type { V08Profile } from './profile.js'

/** The least that a slow-start threshold may be, in segments. */
const MIN_THRESHOLD = 2
/** How many segments one acknowledgement may speak for. */
const COUNTED_SEGMENTS = 2
/** More segments than this are never in flight with buffers that anybody uses. */
const MAX_WINDOW = 65_536

/** The congestion window in segments. */
export class Congestion08 {
  readonly #initial: number
  readonly #least: number
  #window: number
  #threshold: number

  constructor(profile: V08Profile) {
    this.#initial = profile.initialWindowSegments
    this.#least = profile.minWindowSegments
    this.#window = this.#initial
    this.#threshold = profile.nominalWindow / profile.maxDataBytes
  }

  /** How many segments may be in flight. A fraction counts for nothing yet. */
  get window(): number {
    return Math.max(this.#window, this.#least)
  }

  /** Up to here the window grows by one with each acknowledgement. */
  get threshold(): number {
    return this.#threshold
  }

  /** `segments` were acknowledged at once: counted up to two, as a receiver answers every other one (RFC 3465). */
  onAck(segments: number): void {
    const counted = Math.min(segments, COUNTED_SEGMENTS)
    const growth = this.#window <= this.#threshold ? counted : counted / this.#window
    this.#window = Math.min(this.#window + growth, MAX_WINDOW)
  }

  /** Duplicate acknowledgements showed a loss with `inFlight` segments under way; some of them have arrived. */
  onFastRetransmit(inFlight: number, duplicates: number): void {
    this.#threshold = Math.max(Math.floor(inFlight / 2), MIN_THRESHOLD)
    this.#window = this.#threshold + duplicates
  }

  /** Another segment has left the network during recovery. */
  onFurtherDuplicate(): void {
    this.#window = Math.min(this.#window + 1, MAX_WINDOW)
  }

  /** During recovery `segments` were acknowledged, and the next one is lost as well. */
  onPartialAck(segments: number): void {
    this.#window = Math.max(this.#window - segments + 1, this.#threshold)
  }

  /** All that was in flight at the loss has been acknowledged. */
  onRecovered(): void {
    this.#window = this.#threshold
  }

  /** The timer expired with `inFlight` segments under way. */
  onTimeout(inFlight: number): void {
    this.#threshold = Math.max(Math.floor(inFlight / 2), MIN_THRESHOLD)
    this.#window = this.#least
  }

  /** Nothing was sent for more than a retransmission time-out. */
  onPause(): void {
    this.#window = Math.min(this.#window, this.#initial)
  }
}
