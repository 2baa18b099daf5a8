/**
 * BBRv3 (draft-ietf-ccwg-bbr): paces at the rate that the path was seen to deliver, and keeps in flight what that rate
 * and the least round-trip time make.
 *
 * Decides in which phase the flow is and what follows for rate and window. Filters are in `bbr-path`, bounds by losses
 * in `bbr-bounds`. One rule is not the draft's: a loss counts only while the path shows a queue (`bbr-queue`,
 * docs/decisions/0016), so that random losses do not look like a full link. Invariant: whatever is lost, four
 * datagrams may be in flight.
 */
import { Bounds } from './bbr-bounds.js'
import { PathModel } from './bbr-path.js'
import { PHASES, type Phase, type PhaseGains } from './bbr-phase.js'
import { QueueWatch } from './bbr-queue.js'
import type { IVCongestion, IVCongestionOptions, IVRttView, IVSentRecord } from './controller.js'
import { DeliveryRate } from './delivery.js'
import { initialWindow } from './window.js'

/** How much of what was in flight may be lost before that was too much. */
const LOSS_THRESHOLD = 0.02
/** What the long-term bound keeps of the flight at a loss. */
const LOSS_FACTOR = 0.7
/** Separate losses in one round that end startup. */
const STARTUP_LOSSES = 6
const FULL_GROWTH = 1.25
const FULL_ROUNDS = 3
const DRAIN_ROUNDS = 3
/** Pacing stays this much below the estimated rate, so that a queue drains. */
const PACING_MARGIN = 0.01
const PROBE_RTT_MS = 200
const PROBE_RTT_GAIN = 0.5
const MIN_DATAGRAMS = 4
const MIN_PROBE_WAIT_MS = 2_000
const MAX_MORE_WAIT_MS = 1_000
/** Rounds after which a flow probes in any case, so that NewReno's share is not lost beside it. */
const MAX_RENO_ROUNDS = 63
/** What is sent at a time: a millisecond of the rate, up to this. */
const MAX_QUANTUM_BYTES = 65_536
const QUANTA_IN_FLIGHT = 3

/** Which acknowledgements are coming in, seen from probing upward. */
type AckPhase = 'none' | 'refilling' | 'starting' | 'feedback' | 'stopping'

/** BBRv3. */
export class Bbr implements IVCongestion {
  readonly name: string = 'bbr'
  readonly ssthreshBytes: number = Number.POSITIVE_INFINITY
  readonly #rtt: IVRttView
  readonly #random: () => number
  readonly #maxWindowBytes: number
  readonly #initialBytes: number
  readonly #delivery = new DeliveryRate()
  readonly #path = new PathModel()
  readonly #bounds = new Bounds()
  readonly #queue = new QueueWatch()
  #datagramBytes: number
  #phase: Phase = 'startup'
  #gains: PhaseGains = PHASES.startup
  #window: number
  #priorWindow = 0
  #pacingRate = Number.POSITIVE_INFINITY
  #inFlightBytes = 0
  #isWindowLimited = false
  #isRestart = false
  /** Startup and probing upward: the rate that has to be outgrown, and for how many rounds it was not. */
  #fullRate = 0
  #fullRounds = 0
  #isFullNow = false
  #isFullReached = false
  #drainRound = 0
  #ackPhase: AckPhase = 'none'
  #cycleAt = 0
  #probeWaitMs = 0
  #roundsSinceProbe = 0
  /** True while acknowledgements and losses tell about a probe upward. */
  #isProbeSampled = false
  #probeRttEndAt = -1
  #probeRttRoundDone = false
  /** Separate losses in this round; the last number lost. */
  #lossEvents = 0
  #lastLost = -1
  /** Losses of this episode that have not turned out to be late datagrams, and the phase that it began in. */
  #openLosses = 0
  #phaseBeforeLoss: Phase = 'startup'

  constructor(options: IVCongestionOptions) {
    this.#rtt = options.rtt
    this.#random = options.random ?? (() => 0.5)
    this.#maxWindowBytes = options.maxWindowBytes ?? Number.POSITIVE_INFINITY
    this.#datagramBytes = options.datagramBytes
    this.#initialBytes = initialWindow(options)
    this.#window = this.#initialBytes
  }

  get state(): string {
    return this.#phase
  }

  get windowBytes(): number {
    return this.#window
  }

  get pacingRate(): number {
    return this.#pacingRate
  }

  get deliveryRate(): number {
    return this.#rate
  }

  onSent(now: number, packet: IVSentRecord, inFlightBytes: number): void {
    if (inFlightBytes <= packet.sizeBytes && this.#delivery.isAppLimited) this.#restart(now)
    this.#delivery.onSent(now, packet, inFlightBytes)
    this.#inFlightBytes = inFlightBytes
    if (inFlightBytes + this.#datagramBytes > this.#window) this.#isWindowLimited = true
  }

  onAck(now: number, packet: IVSentRecord): void {
    this.#delivery.onAck(now, packet)
    this.#queue.onRtt(now, now - packet.sentAt, this.#path.minRttMs)
  }

  onLoss(now: number, packet: IVSentRecord): void {
    const counts = this.#queue.isQueued(this.#path.minRttMs)
    this.#delivery.onLoss(packet, counts)
    if (!counts) return
    if (!this.#bounds.hasLoss) {
      this.#openLosses = 0
      this.#phaseBeforeLoss = this.#phase
      this.#lossEvents = 0
    }
    this.#bounds.noteLoss(this.#delivery.deliveredBytes)
    this.#openLosses += 1
    if (packet.number !== this.#lastLost + 1) this.#lossEvents += 1
    this.#lastLost = packet.number
    if (!this.#isProbeSampled) return
    const lostBytes = this.#delivery.lostBytes - packet.lostBytes
    if (lostBytes <= packet.inFlightBytes * LOSS_THRESHOLD) return
    this.#tooMuchInFlight(now, this.#flightAtLoss(packet, lostBytes), packet.isAppLimited)
  }

  onSpurious(now: number, packet: IVSentRecord): void {
    this.#delivery.onAck(now, packet)
    if (this.#openLosses === 0) return
    this.#openLosses -= 1
    if (this.#openLosses > 0) return
    this.#bounds.undoLoss()
    this.#resetFull(0)
    if (this.#phase === 'probe-rtt' || this.#phase === this.#phaseBeforeLoss) return
    if (this.#phaseBeforeLoss === 'startup' && !this.#isFullReached) this.#enter('startup')
    else if (this.#phaseBeforeLoss === 'probe-up') this.#startUp()
  }

  onBatchEnd(now: number, inFlightBytes: number, rttMs: number): void {
    this.#inFlightBytes = inFlightBytes
    const { sample } = this.#delivery
    const hasRate = this.#delivery.finish(this.#path.minRttMs)
    if (sample.ackedBytes > 0) {
      this.#learn(now, hasRate)
      this.#advancePhase(now, hasRate)
      this.#path.onRtt(now, rttMs)
      this.#checkProbeRtt(now)
      this.#bounds.advance(sample)
      this.#setPacingRate(this.#gains.pacing)
    }
    this.#setWindow(sample.ackedBytes)
    this.#delivery.clear()
  }

  onPersistentCongestion(_now: number): void {
    this.#priorWindow = Math.max(this.#priorWindow, this.#window)
    this.#window = this.#leastBytes
  }

  onAppLimited(inFlightBytes: number): void {
    this.#delivery.onAppLimited(inFlightBytes)
  }

  setDatagramBytes(sizeBytes: number): void {
    this.#datagramBytes = sizeBytes
    this.#window = Math.max(this.#window, this.#leastBytes)
  }

  get #rate(): number {
    return Math.min(this.#path.maxRate, this.#bounds.shortRate)
  }

  get #leastBytes(): number {
    return MIN_DATAGRAMS * this.#datagramBytes
  }

  /** Takes the sample into the filters and bounds. */
  #learn(now: number, hasRate: boolean): void {
    const { sample } = this.#delivery
    const { deliveredBytes } = this.#delivery
    this.#bounds.onSample(sample, deliveredBytes)
    if (this.#path.onRound(sample, deliveredBytes)) this.#roundsSinceProbe += 1
    this.#path.onRate(sample)
    if (this.#bounds.isRoundStart) this.#checkStartupLoss()
    const isProbing =
      this.#phase === 'probe-refill' || this.#phase === 'probe-up' || this.#phase === 'startup'
    this.#bounds.endRound(!isProbing, this.#path.maxRate, this.#window)
    this.#path.onAcked(now, sample.ackedBytes, this.#rate, this.#window)
    if (hasRate) this.#checkFull()
  }

  /** Full: three rounds in which the rate has not grown by a quarter. */
  #checkFull(): void {
    const { sample } = this.#delivery
    if (this.#isFullNow || !this.#path.isRoundStart || sample.isAppLimited) return
    if (sample.rate >= this.#fullRate * FULL_GROWTH) {
      this.#resetFull(sample.rate)
      return
    }
    this.#fullRounds += 1
    this.#isFullNow = this.#fullRounds >= FULL_ROUNDS
    if (this.#isFullNow) this.#isFullReached = true
  }

  #resetFull(rate: number): void {
    this.#fullRate = rate
    this.#fullRounds = 0
    this.#isFullNow = false
  }

  /** Startup ends as well when a round loses too much, in many places. */
  #checkStartupLoss(): void {
    if (this.#isFullReached || !this.#bounds.hasLoss || this.#lossEvents < STARTUP_LOSSES) return
    if (!this.#isTooMuch()) return
    this.#isFullReached = true
    this.#bounds.longBytes = Math.max(this.#flight(1), this.#bounds.latestBytes)
  }

  #isTooMuch(): boolean {
    const { sample } = this.#delivery
    return sample.lostBytes > sample.inFlightBytes * LOSS_THRESHOLD
  }

  #advancePhase(now: number, hasRate: boolean): void {
    if (this.#phase === 'startup' && this.#isFullReached) {
      this.#enter('drain')
      this.#drainRound = this.#path.roundCount
    }
    if (this.#phase === 'drain' && this.#isDrained()) this.#startDown(now)
    if (!this.#isFullReached) return
    this.#adaptLongTerm()
    if (this.#phase === 'probe-down' && !this.#isProbeDue(now) && this.#isRoomMade())
      this.#enter('probe-cruise')
    if (this.#phase === 'probe-down' || this.#phase === 'probe-cruise') {
      if (this.#isProbeDue(now)) this.#startRefill()
    } else if (this.#phase === 'probe-refill' && this.#path.isRoundStart) {
      this.#isProbeSampled = true
      this.#startUp()
    } else if (this.#phase === 'probe-up' && hasRate && this.#isUpDone()) this.#startDown(now)
  }

  #isDrained(): boolean {
    return this.#inFlightBytes <= this.#flight(1) || this.#path.roundCount > this.#drainRound + DRAIN_ROUNDS
  }

  #isRoomMade(): boolean {
    const room = this.#bounds.withHeadroom(this.#datagramBytes, this.#leastBytes)
    return this.#inFlightBytes <= Math.min(room, this.#flight(1))
  }

  #isProbeDue(now: number): boolean {
    if (now > this.#cycleAt + this.#probeWaitMs) return true
    const target = Math.min(this.#bdp, this.#window) / this.#datagramBytes
    return this.#roundsSinceProbe >= Math.min(target, MAX_RENO_ROUNDS)
  }

  #isUpDone(): boolean {
    if (this.#isWindowLimited && this.#window >= this.#bounds.longBytes) {
      this.#resetFull(this.#delivery.sample.rate)
      return false
    }
    return this.#isFullNow
  }

  #adaptLongTerm(): void {
    const { sample } = this.#delivery
    if (this.#path.isRoundStart && this.#ackPhase === 'starting') this.#ackPhase = 'feedback'
    else if (this.#path.isRoundStart && this.#ackPhase === 'stopping') {
      this.#isProbeSampled = false
      this.#ackPhase = 'none'
      if (this.#phase.startsWith('probe-') && this.#phase !== 'probe-rtt' && !sample.isAppLimited) {
        this.#path.advanceCycle()
      }
    }
    if (this.#isTooMuch() || this.#bounds.longBytes === Number.POSITIVE_INFINITY) return
    this.#bounds.longBytes = Math.max(this.#bounds.longBytes, sample.inFlightBytes)
    if (this.#phase !== 'probe-up' || !this.#isWindowLimited || this.#window < this.#bounds.longBytes) return
    this.#bounds.probeUp(sample.ackedBytes)
    if (this.#path.isRoundStart) this.#bounds.raiseSlope(this.#datagramBytes, this.#window)
  }

  /** A probe has lost too much: this is the most that the path takes for now. */
  #tooMuchInFlight(now: number, inFlightBytes: number, isAppLimited: boolean): void {
    this.#isProbeSampled = false
    if (!isAppLimited) {
      const least = LOSS_FACTOR * Math.min(this.#bdp, this.#window)
      this.#bounds.longBytes = Math.max(inFlightBytes, least)
    }
    if (this.#phase === 'probe-up') this.#startDown(now)
  }

  /** At which flight the losses went over the threshold; within the datagram that was lost. */
  #flightAtLoss(packet: IVSentRecord, lostBytes: number): number {
    const flightBefore = packet.inFlightBytes - packet.sizeBytes
    const lostBefore = lostBytes - packet.sizeBytes
    const missing = (LOSS_THRESHOLD * flightBefore - lostBefore) / (1 - LOSS_THRESHOLD)
    return flightBefore + Math.max(0, missing)
  }

  #enter(phase: Phase): void {
    this.#phase = phase
    this.#gains = PHASES[phase]
  }

  #startRound(): void {
    this.#path.startRound(this.#delivery.deliveredBytes)
    this.#isWindowLimited = false
  }

  #startDown(now: number): void {
    this.#bounds.resetRound()
    this.#roundsSinceProbe = this.#random() < 0.5 ? 0 : 1
    this.#probeWaitMs = MIN_PROBE_WAIT_MS + this.#random() * MAX_MORE_WAIT_MS
    this.#cycleAt = now
    this.#ackPhase = 'stopping'
    this.#startRound()
    this.#enter('probe-down')
  }

  #startRefill(): void {
    this.#bounds.resetShort()
    this.#ackPhase = 'refilling'
    this.#startRound()
    this.#enter('probe-refill')
  }

  #startUp(): void {
    this.#ackPhase = 'starting'
    this.#startRound()
    this.#resetFull(this.#delivery.sample.rate)
    this.#enter('probe-up')
    this.#bounds.startUp(this.#datagramBytes, this.#window)
  }

  /** Sending goes on after a pause that the application made. */
  #restart(now: number): void {
    this.#isRestart = true
    this.#path.restart(now)
    if (this.#phase === 'probe-rtt') this.#endProbeRtt(now)
    else if (this.#phase.startsWith('probe-')) this.#setPacingRate(1)
  }

  #checkProbeRtt(now: number): void {
    if (this.#phase !== 'probe-rtt') {
      if (this.#path.isProbeRttDue && !this.#isRestart) this.#startProbeRtt()
    } else {
      // What is held back on purpose says nothing about the path's rate.
      this.#delivery.onAppLimited(this.#inFlightBytes)
      if (this.#probeRttEndAt < 0) {
        if (this.#inFlightBytes <= this.#probeRttWindow) {
          this.#probeRttEndAt = now + PROBE_RTT_MS
          this.#probeRttRoundDone = false
          this.#startRound()
        }
      } else {
        if (this.#path.isRoundStart) this.#probeRttRoundDone = true
        if (this.#probeRttRoundDone) this.#endProbeRtt(now)
      }
    }
    this.#isRestart = false
  }

  #startProbeRtt(): void {
    this.#enter('probe-rtt')
    this.#priorWindow = this.#bounds.hasLoss ? Math.max(this.#priorWindow, this.#window) : this.#window
    this.#probeRttEndAt = -1
    this.#ackPhase = 'stopping'
    this.#startRound()
  }

  #endProbeRtt(now: number): void {
    if (this.#probeRttEndAt < 0 || now <= this.#probeRttEndAt) return
    this.#path.rttProbed(now)
    this.#window = Math.max(this.#window, this.#priorWindow)
    this.#bounds.resetShort()
    if (!this.#isFullReached) {
      this.#enter('startup')
      return
    }
    this.#startDown(now)
    this.#enter('probe-cruise')
  }

  get #bdp(): number {
    if (this.#path.minRttMs === Number.POSITIVE_INFINITY) return this.#initialBytes
    return this.#rate * this.#path.minRttMs
  }

  get #probeRttWindow(): number {
    return Math.max(PROBE_RTT_GAIN * this.#bdp, this.#leastBytes)
  }

  /** What in flight fills the path `gain` times, with what bursts need. */
  #flight(gain: number): number {
    if (this.#path.minRttMs === Number.POSITIVE_INFINITY) return this.#quantized(gain * this.#initialBytes)
    return this.#quantized(gain * this.#path.maxRate * this.#path.minRttMs)
  }

  #quantized(bytes: number): number {
    const quantum = Math.min(Math.max(this.#pacingRate, 2 * this.#datagramBytes), MAX_QUANTUM_BYTES)
    const least = Math.max(bytes, QUANTA_IN_FLIGHT * quantum, this.#leastBytes)
    return this.#phase === 'probe-up' ? least + 2 * this.#datagramBytes : least
  }

  #setPacingRate(gain: number): void {
    const rate = gain * this.#rate * (1 - PACING_MARGIN)
    if (rate <= 0) {
      if (this.#rtt.hasSample) this.#pacingRate = (gain * this.#window) / this.#rtt.smoothedMs
      return
    }
    const isFirst = this.#pacingRate === Number.POSITIVE_INFINITY
    if (this.#isFullReached || isFirst || rate > this.#pacingRate) this.#pacingRate = rate
  }

  #setWindow(ackedBytes: number): void {
    const most = this.#flight(this.#gains.window) + this.#path.extraAckedBytes
    if (this.#isFullReached) this.#window = Math.min(this.#window + ackedBytes, most)
    else if (this.#window < most || this.#delivery.deliveredBytes < this.#initialBytes)
      this.#window += ackedBytes
    this.#window = Math.max(this.#window, this.#leastBytes)
    if (this.#phase === 'probe-rtt') this.#window = Math.min(this.#window, this.#probeRttWindow)
    const { longBytes, shortBytes } = this.#bounds
    let cap = Number.POSITIVE_INFINITY
    if (this.#phase === 'probe-cruise' || this.#phase === 'probe-rtt') {
      cap = this.#bounds.withHeadroom(this.#datagramBytes, this.#leastBytes)
    } else if (this.#phase.startsWith('probe-')) cap = longBytes
    this.#window = Math.min(
      Math.max(this.#leastBytes, Math.min(this.#window, cap, shortBytes)),
      this.#maxWindowBytes,
    )
  }
}
