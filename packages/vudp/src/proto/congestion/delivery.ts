/**
 * How fast the path delivers: the rate samples of draft-ietf-ccwg-bbr section 4.1.
 *
 * Writes into each sent record what was known when it left, and makes one sample of each batch of acknowledgements: the
 * bytes delivered between then and now, over the longer of the times that sending and acknowledging them took. What a
 * sample means is left to the controllers. Invariant: there is one sample record, and it is written over by each batch.
 */
import type { IVSentRecord } from './controller.js'

/** What one batch of acknowledgements tells. */
export interface RateSample {
  /** Bytes per millisecond; 0 if the batch gave none that can be trusted. */
  rate: number
  /** At what rate that was sent, in bytes per millisecond. */
  sentRate: number
  /** Bytes delivered since the newest acknowledged datagram left. */
  deliveredBytes: number
  /** The bytes that had been delivered when that datagram left. */
  priorDeliveredBytes: number
  /** What was in flight right after that datagram left. */
  inFlightBytes: number
  /** Bytes lost since that datagram left, as far as `lostBytes` counts them. */
  lostBytes: number
  /** True if the application had left room before that datagram. */
  isAppLimited: boolean
  /** Bytes that the batch acknowledged. */
  ackedBytes: number
  /** Bytes that the batch gave up. */
  newlyLostBytes: number
}

/** The count of what was delivered and lost on one path, and the samples made of it. */
export class DeliveryRate {
  /** The sample of the batch that is being told, complete after `finish`. */
  readonly sample: RateSample = {
    rate: 0,
    sentRate: 0,
    deliveredBytes: 0,
    priorDeliveredBytes: 0,
    inFlightBytes: 0,
    lostBytes: 0,
    isAppLimited: false,
    ackedBytes: 0,
    newlyLostBytes: 0,
  }
  #deliveredBytes = 0
  #deliveredAt = 0
  #firstSentAt = 0
  #lostBytes = 0
  /** Deliveries up to this count were sent while the application left room; 0 for none. */
  #limitedUntil = 0
  #newestNumber = -1
  #batchNumber = -1
  #batchSentAt = 0
  #batchFirstSentAt = 0
  #batchDeliveredAt = 0
  #batchLostBefore = 0

  /** All bytes delivered so far. */
  get deliveredBytes(): number {
    return this.#deliveredBytes
  }

  /** All bytes noted as lost so far. */
  get lostBytes(): number {
    return this.#lostBytes
  }

  /** True while what is sent counts as limited by the application. */
  get isAppLimited(): boolean {
    return this.#limitedUntil > 0
  }

  /** The number of the newest datagram that was acknowledged; -1 for none. */
  get newestNumber(): number {
    return this.#newestNumber
  }

  /** Writes into `packet` what is known as it leaves. */
  onSent(now: number, packet: IVSentRecord, inFlightBytes: number): void {
    if (inFlightBytes <= packet.sizeBytes) {
      this.#firstSentAt = now
      this.#deliveredAt = now
    }
    packet.deliveredBytes = this.#deliveredBytes
    packet.deliveredAt = this.#deliveredAt
    packet.firstSentAt = this.#firstSentAt
    packet.lostBytes = this.#lostBytes
    packet.inFlightBytes = inFlightBytes
    packet.isAppLimited = this.#limitedUntil > 0
  }

  /** Counts an acknowledged datagram. */
  onAck(now: number, packet: IVSentRecord): void {
    this.#deliveredBytes += packet.sizeBytes
    this.#deliveredAt = now
    this.sample.ackedBytes += packet.sizeBytes
    if (packet.number <= this.#batchNumber || packet.number <= this.#newestNumber) return
    this.#batchNumber = packet.number
    this.#batchSentAt = packet.sentAt
    this.#batchFirstSentAt = packet.firstSentAt
    this.#batchDeliveredAt = packet.deliveredAt
    this.#batchLostBefore = packet.lostBytes
    this.sample.priorDeliveredBytes = packet.deliveredBytes
    this.sample.inFlightBytes = packet.inFlightBytes
    this.sample.isAppLimited = packet.isAppLimited
  }

  /** Counts a datagram that was given up; `counts` is false if the loss is not to be part of `lostBytes`. */
  onLoss(packet: IVSentRecord, counts = true): void {
    if (counts) this.#lostBytes += packet.sizeBytes
    this.sample.newlyLostBytes += packet.sizeBytes
  }

  /** What is in flight and what will be sent next says nothing about the rate of the path. */
  onAppLimited(inFlightBytes: number): void {
    this.#limitedUntil = Math.max(1, this.#deliveredBytes + inFlightBytes)
  }

  /** Completes the sample of a batch. Returns false if it has no rate. */
  finish(minRttMs: number): boolean {
    const { sample } = this
    sample.rate = 0
    if (this.#limitedUntil > 0 && this.#deliveredBytes > this.#limitedUntil) this.#limitedUntil = 0
    if (this.#batchNumber === -1) return false
    this.#newestNumber = this.#batchNumber
    sample.deliveredBytes = this.#deliveredBytes - sample.priorDeliveredBytes
    sample.lostBytes = this.#lostBytes - this.#batchLostBefore
    const sendMs = this.#batchSentAt - this.#batchFirstSentAt
    const ackMs = this.#deliveredAt - this.#batchDeliveredAt
    const intervalMs = Math.max(sendMs, ackMs)
    this.#firstSentAt = this.#batchSentAt
    // Less than a round trip cannot be: acknowledgements were held back and then came at once.
    if (intervalMs <= 0 || intervalMs < minRttMs) return false
    sample.rate = sample.deliveredBytes / intervalMs
    sample.sentRate = sendMs > 0 ? sample.deliveredBytes / sendMs : Number.POSITIVE_INFINITY
    return true
  }

  /** Empties the sample for the next batch. */
  clear(): void {
    this.sample.ackedBytes = 0
    this.sample.newlyLostBytes = 0
    this.#batchNumber = -1
  }
}
