/**
 * How a window gets smaller: proportional rate reduction (RFC 6937).
 *
 * After a cut, what leaves follows what is delivered, so that the flight is at its new size when the round trip is over.
 * Without this nothing would leave until the flight is that small, and then each loss that is found would let another
 * datagram go: more than the path delivers, into a queue that has just overflowed. Whether there is a cut, and to what,
 * is decided in `window`. Invariant: while the flight is below its new size, no more leaves than was delivered, and half
 * as much again where nothing more turns out lost.
 */

/** What one datagram more each acknowledgement comes to, where an acknowledgement is for two: this part of what it says. */
const CATCH_UP_PART = 1 / 2

/** One reduction at a time. */
export class Reduction {
  #targetBytes = 0
  /** What was in flight when it began. */
  #flightBytes = 0
  #deliveredBytes = 0
  #sentBytes = 0
  #windowBytes = 0

  /** What may be in flight now. */
  get windowBytes(): number {
    return this.#windowBytes
  }

  /**
   * A cut to `targetBytes`.
   *
   * @param flightBytes what was in flight before the batch that showed the loss
   */
  begin(targetBytes: number, flightBytes: number): void {
    this.#targetBytes = targetBytes
    this.#flightBytes = Math.max(flightBytes, 1)
    this.#deliveredBytes = 0
    this.#sentBytes = 0
  }

  /** A datagram has left. */
  onSent(sizeBytes: number): void {
    this.#sentBytes += sizeBytes
  }

  /**
   * Takes a batch, also the one that began it.
   *
   * @param deliveredBytes what it acknowledged
   * @param inFlightBytes what is in flight after it
   * @param isSafe true if it showed no loss
   * @param datagramBytes the size of a full datagram: one may always leave first
   */
  onBatch(deliveredBytes: number, inFlightBytes: number, isSafe: boolean, datagramBytes: number): void {
    this.#deliveredBytes += deliveredBytes
    let more: number
    if (inFlightBytes > this.#targetBytes) {
      more = (this.#deliveredBytes * this.#targetBytes) / this.#flightBytes - this.#sentBytes
    } else {
      more = Math.max(this.#deliveredBytes - this.#sentBytes, deliveredBytes)
      if (isSafe) more += deliveredBytes * CATCH_UP_PART
      more = Math.min(more, this.#targetBytes - inFlightBytes)
    }
    if (this.#sentBytes === 0) more = Math.max(more, datagramBytes)
    this.#windowBytes = inFlightBytes + Math.max(more, 0)
  }
}
