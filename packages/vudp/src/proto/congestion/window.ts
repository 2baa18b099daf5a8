/**
 * What the controllers with a window and slow start have in common: RFC 9002 section 7.
 *
 * Decides when the window grows, when it is cut and when a cut is taken back; by how much is for NewReno and CUBIC to
 * say. Losses of datagrams that were sent before a cut belong to that cut and cause no other. Invariant: the window is
 * never below two datagrams, and grows only while the flow makes use of it.
 */
import type { IVCongestion, IVCongestionOptions, IVRttView, IVSentRecord } from './controller.js'
import { DeliveryRate } from './delivery.js'
import { HyStart } from './hystart.js'
import { Reduction } from './reduction.js'

const INITIAL_DATAGRAMS = 10
/** The initial window is no larger than this, however large a datagram is, unless that allows not even two. */
const INITIAL_WINDOW_BYTES = 14_720
const MIN_DATAGRAMS = 2
/** How much faster than a window a round trip datagrams leave, so that the window and not the pacer decides. */
const SLOW_START_PACING = 2
/** No more than that: what has been held up somewhere would else overflow a short queue as it catches up. */
const PACING = 1.05
/** And after a cut, until the flight is even again: there is a gap in it, and faster than the path it fills a queue. */
const SETTLING_PACING = 1
/** A flow that had this part of its window in flight makes use of it. */
const USED_PART = 7 / 8

/** A controller with a window, slow start and one cut a round trip. */
export abstract class WindowCongestion implements IVCongestion {
  abstract readonly name: string
  protected readonly rtt: IVRttView
  protected datagramBytes: number
  protected window: number
  protected ssthresh: number = Number.POSITIVE_INFINITY
  readonly #maxWindowBytes: number
  readonly #delivery = new DeliveryRate()
  readonly #reduction = new Reduction()
  #hyStart = new HyStart()
  #deliveryRate = 0
  #pacingRate = Number.POSITIVE_INFINITY
  #sentNumber = -1
  /** Acknowledged bytes of this batch that were sent after the last cut. */
  #growingBytes = 0
  #ackedNumber = -1
  /** The last datagram sent before the cut, and the first that it was made for. */
  #cutEnd = -1
  #cutStart = 0
  #inRecovery = false
  /** From a cut on until a round after recovery. */
  #isSettling = false
  #settledAfter = -1
  #cutDue = false
  #cutDueFrom = 0
  #lossesDue = 0
  /** Losses that belong to the last cut and have not turned out to be late datagrams. */
  #lossesOfCut = 0
  #windowBefore = 0
  #ssthreshBefore = 0
  /** The most in flight in the running round and in the one before. */
  #peakBytes = 0
  #lastPeakBytes = 0
  #roundEnd = -1

  constructor(options: IVCongestionOptions) {
    this.rtt = options.rtt
    this.datagramBytes = options.datagramBytes
    this.#maxWindowBytes = options.maxWindowBytes ?? Number.POSITIVE_INFINITY
    this.window = initialWindow(options)
  }

  get state(): string {
    if (this.#inRecovery) return 'recovery'
    if (this.window >= this.ssthresh) return 'avoidance'
    return this.#hyStart.isConservative ? 'conservative-slow-start' : 'slow-start'
  }

  get windowBytes(): number {
    if (!this.#inRecovery) return this.window
    // Something has to be in flight for an answer to come.
    return Math.max(this.#reduction.windowBytes, MIN_DATAGRAMS * this.datagramBytes)
  }

  get ssthreshBytes(): number {
    return this.ssthresh
  }

  get pacingRate(): number {
    return this.#pacingRate
  }

  get deliveryRate(): number {
    return this.#deliveryRate
  }

  onSent(now: number, packet: IVSentRecord, inFlightBytes: number): void {
    this.#delivery.onSent(now, packet, inFlightBytes)
    this.#sentNumber = packet.number
    if (inFlightBytes > this.#peakBytes) this.#peakBytes = inFlightBytes
    if (this.#inRecovery) this.#reduction.onSent(packet.sizeBytes)
  }

  onAck(now: number, packet: IVSentRecord): void {
    this.#delivery.onAck(now, packet)
    if (packet.number > this.#ackedNumber) this.#ackedNumber = packet.number
    if (packet.number > this.#cutEnd) this.#growingBytes += packet.sizeBytes
  }

  onLoss(_now: number, packet: IVSentRecord): void {
    this.#delivery.onLoss(packet)
    if (packet.number <= this.#cutEnd) {
      if (packet.number >= this.#cutStart) this.#lossesOfCut += 1
      return
    }
    if (!this.#cutDue || packet.number < this.#cutDueFrom) this.#cutDueFrom = packet.number
    this.#cutDue = true
    this.#lossesDue += 1
  }

  onBatchEnd(now: number, inFlightBytes: number, rttMs: number): void {
    const { sample } = this.#delivery
    if (this.#delivery.finish(this.rtt.minMs)) this.#deliveryRate = sample.rate
    this.#checkRecovery()
    if (this.#cutDue) this.#cut(now, inFlightBytes + sample.ackedBytes + sample.newlyLostBytes)
    else if (this.#growingBytes > 0) this.#grow(now, this.#growingBytes, rttMs)
    if (this.#inRecovery) {
      const isSafe = sample.newlyLostBytes === 0
      this.#reduction.onBatch(sample.ackedBytes, inFlightBytes, isSafe, this.datagramBytes)
    }
    this.#delivery.clear()
    this.#growingBytes = 0
    if (this.#ackedNumber > this.#roundEnd) this.#startRound()
    this.#setPacingRate()
  }

  onSpurious(now: number, packet: IVSentRecord): void {
    this.#delivery.onAck(now, packet)
    if (packet.number < this.#cutStart || packet.number > this.#cutEnd || this.#lossesOfCut === 0) return
    this.#lossesOfCut -= 1
    if (this.#lossesOfCut > 0) return
    // RFC 9438 section 4.9: all that the cut was for arrived after all.
    this.window = Math.max(this.window, this.#windowBefore)
    this.ssthresh = this.#ssthreshBefore
    this.#inRecovery = false
    this.uncut()
  }

  onPersistentCongestion(now: number): void {
    this.window = MIN_DATAGRAMS * this.datagramBytes
    this.#inRecovery = false
    this.#isSettling = false
    this.#cutEnd = this.#sentNumber
    this.#cutStart = this.#sentNumber + 1
    this.#lossesOfCut = 0
    this.collapsed(now)
    this.#setPacingRate()
  }

  onAppLimited(inFlightBytes: number): void {
    this.#delivery.onAppLimited(inFlightBytes)
  }

  setDatagramBytes(sizeBytes: number): void {
    this.datagramBytes = sizeBytes
    this.window = Math.max(this.window, MIN_DATAGRAMS * sizeBytes)
  }

  /** Avoids congestion: returns how much the window grows for `ackedBytes`. */
  protected abstract avoid(now: number, ackedBytes: number): number
  /** A cut is due: returns the window after it. */
  protected abstract cutTo(now: number): number
  /** Recovery from the last cut is over, in which so much turned out lost. */
  protected recovered(_lostBytes: number): void {}
  /** The cut was taken back; the window is already what it was. */
  protected uncut(): void {}
  /** Persistent congestion has set the window to its least. */
  protected collapsed(_now: number): void {}
  /** The flow does not make use of its window. */
  protected unused(_now: number): void {}

  #grow(now: number, ackedBytes: number, rttMs: number): void {
    const isSlowStart = this.window < this.ssthresh
    const used = Math.max(this.#peakBytes, this.#lastPeakBytes)
    const isUsed =
      used + this.datagramBytes > this.window || used >= this.window * (isSlowStart ? 0.5 : USED_PART)
    if (!isUsed) {
      this.unused(now)
      return
    }
    if (isSlowStart) this.#growFast(ackedBytes, rttMs)
    else this.window += this.avoid(now, ackedBytes)
    this.window = Math.min(this.window, this.#maxWindowBytes)
  }

  #growFast(ackedBytes: number, rttMs: number): void {
    const isOver = this.#hyStart.onAck(this.#ackedNumber, this.#sentNumber, rttMs)
    this.window = Math.min(this.window + ackedBytes / this.#hyStart.growthDivisor, this.ssthresh)
    if (isOver) this.ssthresh = this.window
  }

  /** `flightBytes` was in flight before the loss was found. */
  #cut(now: number, flightBytes: number): void {
    this.#windowBefore = this.window
    this.#ssthreshBefore = this.ssthresh
    this.window = Math.max(this.cutTo(now), MIN_DATAGRAMS * this.datagramBytes)
    this.ssthresh = this.window
    this.#reduction.begin(this.window, flightBytes)
    this.#inRecovery = true
    this.#isSettling = true
    this.#cutEnd = this.#sentNumber
    this.#cutStart = this.#cutDueFrom
    this.#lossesOfCut = this.#lossesDue
    this.#cutDue = false
    this.#lossesDue = 0
    // A slow start after persistent congestion is a new one.
    this.#hyStart = new HyStart()
  }

  #checkRecovery(): void {
    if (this.#inRecovery && this.#ackedNumber > this.#cutEnd) {
      this.#inRecovery = false
      this.#settledAfter = this.#sentNumber
      this.recovered(this.#lossesOfCut * this.datagramBytes)
    } else if (!this.#inRecovery && this.#ackedNumber > this.#settledAfter) this.#isSettling = false
  }

  #startRound(): void {
    this.#roundEnd = this.#sentNumber
    this.#lastPeakBytes = this.#peakBytes
    this.#peakBytes = 0
  }

  #setPacingRate(): void {
    if (!this.rtt.hasSample) return
    this.#pacingRate = (this.#pacingGain * this.window) / this.rtt.smoothedMs
  }

  get #pacingGain(): number {
    if (this.window < this.ssthresh) return SLOW_START_PACING
    return this.#isSettling ? SETTLING_PACING : PACING
  }
}

/** The window at the start (RFC 9002 section 7.2). */
export function initialWindow(options: IVCongestionOptions): number {
  const { datagramBytes, initialDatagrams } = options
  const most = options.maxWindowBytes ?? Number.POSITIVE_INFINITY
  const count = initialDatagrams ?? INITIAL_DATAGRAMS
  const cap = initialDatagrams === undefined ? INITIAL_WINDOW_BYTES : count * datagramBytes
  return Math.min(Math.max(Math.min(count * datagramBytes, cap), MIN_DATAGRAMS * datagramBytes), most)
}
