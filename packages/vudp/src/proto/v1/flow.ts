/**
 * The receive window: how far a peer may send, for a stream or for all together (VUT 4).
 *
 * Decides when a new limit is worth telling and how large the window is: it doubles, up to a bound, while the application
 * reads a quarter of it or more within two round trips. That leaves room for a sender that doubles its rate, while lost
 * bytes hold up for a round trip or two what has come behind them. Invariant: the limit that was told never falls.
 */

/** A new limit is told for each such part of the window that was read. */
const PARTS = 8
/** So many parts, read within so many round trips, make the window grow. */
const GROW_PARTS = 2
const GROW_ROUND_TRIPS = 2

/** One receive window. */
export class ReceiveWindow {
  #windowBytes: number
  readonly #maxBytes: number
  #limit: number
  #read = 0
  #markRead = 0
  #markAt = Number.NEGATIVE_INFINITY

  /** @param windowBytes the first limit, which the peer knows from the handshake */
  constructor(windowBytes: number, maxBytes: number) {
    this.#windowBytes = windowBytes
    this.#maxBytes = Math.max(windowBytes, maxBytes)
    this.#limit = windowBytes
  }

  /** The highest offset that the peer may reach. */
  get limit(): number {
    return this.#limit
  }

  /** The present size. */
  get windowBytes(): number {
    return this.#windowBytes
  }

  /** Counts bytes that were read, or dropped for good. Returns true if a new limit is worth telling. */
  onRead(sizeBytes: number): boolean {
    this.#read += sizeBytes
    return this.#limit - this.#read <= this.#windowBytes - this.#windowBytes / PARTS
  }

  /** The limit to tell now; called when it is told, not when it is read. */
  nextLimit(now: number, smoothedRttMs: number): number {
    const part = (this.#windowBytes / PARTS) * GROW_PARTS
    const isRecent = now - this.#markAt < GROW_ROUND_TRIPS * smoothedRttMs
    if (isRecent && this.#read - this.#markRead >= part) {
      this.#windowBytes = Math.min(2 * this.#windowBytes, this.#maxBytes)
      this.#mark(now)
    } else if (!isRecent) this.#mark(now)
    this.#limit = Math.max(this.#limit, this.#read + this.#windowBytes)
    return this.#limit
  }

  #mark(now: number): void {
    this.#markAt = now
    this.#markRead = this.#read
  }
}
