/**
 * What has been received and when an acknowledgement is owed (VUT 5).
 *
 * Decides when to acknowledge: at the second datagram that asks for it, after the delay, at once out of order, and less
 * often at high rates where the peer takes that. Repeats and forgeries never come here. Invariant: at most
 * `VUT1.maxAckRanges` ranges are kept, the highest ones.
 */
import { VUT1 } from '../profile.js'
import type { DatagramBuilder } from './builder.js'
import { writeAck } from './frames.js'
import { RangeSet } from './range-set.js'

/** What has been received on one connection. */
export class AckState {
  /** The most datagrams that the peer lets pass before an acknowledgement; 0 for as usual. */
  maxEvery = 0
  readonly #ranges = new RangeSet()
  /** Datagrams that ask for an acknowledgement and have none yet. */
  #owed = 0
  #isImmediate = false
  #dueAt = Number.POSITIVE_INFINITY
  #largest = -1
  #largestAt = 0
  #every = VUT1.ackEveryDatagrams
  /** How long the first of them may wait. */
  #delayMs: number = VUT1.ackDelayMs
  /** Datagrams that asked since this time, for how often they come. */
  #asked = 0
  #askedSince = 0

  /** When an acknowledgement has to leave; Infinity for never. */
  get dueAt(): number {
    return this.#isImmediate ? 0 : this.#dueAt
  }

  /** True if there is something new to acknowledge. */
  get isOwed(): boolean {
    return this.#owed > 0
  }

  /** In how many ranges the received numbers are. */
  get rangeCount(): number {
    return this.#ranges.count
  }

  /** A new datagram was opened; `asks` if it wants to be acknowledged. */
  onReceived(now: number, number: number, asks: boolean): void {
    const isInOrder = number === this.#largest + 1
    this.#ranges.add(number, number + 1)
    this.#ranges.keepHighest(VUT1.maxAckRanges)
    if (number > this.#largest) {
      this.#largest = number
      this.#largestAt = now
    }
    if (!asks) return
    if (this.#owed === 0) {
      this.#dueAt = now + this.#delayMs
    }
    this.#owed += 1
    if (!isInOrder || this.#owed >= this.#every) this.#isImmediate = true
  }

  /** The peer knows of everything up to `number`. */
  onAckAcked(number: number): void {
    this.#ranges.remove(0, number + 1)
  }

  /**
   * Writes an ACK if there is room; what was owed is paid then.
   *
   * @param smoothedRttMs how long an acknowledgement may be put off at high rates follows from it
   */
  write(now: number, builder: DatagramBuilder, smoothedRttMs: number): void {
    if (this.#ranges.isEmpty) return
    const delay = Math.max(0, Math.floor(((now - this.#largestAt) * 1000) / VUT1.ackDelayUnitUs))
    if (!writeAck(builder, this.#ranges, delay)) return
    if (builder.packet !== null) builder.packet.ackLargest = this.#ranges.highestEnd - 1
    this.#paid(now, smoothedRttMs)
  }

  #paid(now: number, smoothedRttMs: number): void {
    this.#asked += this.#owed
    this.#owed = 0
    this.#isImmediate = false
    this.#dueAt = Number.POSITIVE_INFINITY
    const spanMs = now - this.#askedSince
    // Over a round trip and not from one to the next: they come in bursts, which say nothing of how many there are.
    if (spanMs < Math.max(smoothedRttMs, VUT1.ackShortRttMs)) return
    this.#setPace(this.#asked / spanMs, smoothedRttMs)
    this.#asked = 0
    this.#askedSince = now
  }

  /** As many as come in a small part of a round trip, if the peer takes so few acknowledgements: what waits is late. */
  #setPace(perMs: number, smoothedRttMs: number): void {
    const { ackEveryDatagrams, ackRttParts, ackDelayMs, ackDelayRttParts } = VUT1
    const isShort = smoothedRttMs < VUT1.ackShortRttMs
    const leastMs = isShort ? VUT1.ackPartOfShortMs : VUT1.ackPartMs
    const inPart = Math.floor(perMs * Math.max(smoothedRttMs / ackRttParts, leastMs))
    const most = isShort ? this.maxEvery : Math.min(this.maxEvery, VUT1.ackMostOfLong)
    this.#every = Math.max(Math.min(inPart, most), ackEveryDatagrams)
    const isRare = this.#every > ackEveryDatagrams
    this.#delayMs = isRare
      ? Math.min(Math.max(smoothedRttMs / ackDelayRttParts, leastMs), ackDelayMs)
      : ackDelayMs
  }
}
