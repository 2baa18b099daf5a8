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
import { ProbeCycle, RttProbe } from './bbr-cycle.js'
import { LossExcess } from './bbr-excess.js'
import { Flight } from './bbr-flight.js'
import { FullPipe } from './bbr-full.js'
import { flightAtLoss, isTooMuch, LossEpisode, RoundLoss } from './bbr-loss.js'
import { PathModel } from './bbr-path.js'
import { PHASES, type Phase, type PhaseTerms } from './bbr-phase.js'
import { QueueWatch } from './bbr-queue.js'
import type { IVCongestion, IVCongestionOptions, IVRttView, IVSentRecord } from './controller.js'
import { DeliveryRate } from './delivery.js'

const DRAIN_ROUNDS = 3
/** Pacing stays this much below the estimated rate, so that a queue drains. */
const PACING_MARGIN = 0.01
const PROBE_RTT_GAIN = 0.5

/** BBRv3. */
export class Bbr implements IVCongestion {
  readonly name: string = 'bbr'
  readonly ssthreshBytes: number = Number.POSITIVE_INFINITY
  readonly #rtt: IVRttView
  readonly #delivery = new DeliveryRate()
  readonly #path = new PathModel()
  readonly #bounds = new Bounds()
  readonly #queue = new QueueWatch()
  readonly #excess = new LossExcess()
  readonly #cycle: ProbeCycle
  readonly #full = new FullPipe()
  readonly #flight: Flight
  readonly #losses = new LossEpisode<Phase>('startup')
  readonly #roundLoss = new RoundLoss()
  #phase: Phase = 'startup'
  #terms: PhaseTerms = PHASES.startup
  #window: number
  #priorWindow = 0
  #pacingRate = Number.POSITIVE_INFINITY
  #inFlightBytes = 0
  #isWindowLimited = false
  /** True if the long-term bound is what holds the window down. */
  #isLongBound = false
  #isRestart = false
  #drainRound = 0
  /** True until the acknowledgements of a probe that is over have come in. */
  #isProbeStopping = false
  /** True while acknowledgements and losses tell about a probe upward. */
  #isProbeSampled = false
  readonly #rttProbe = new RttProbe()

  constructor(options: IVCongestionOptions) {
    this.#rtt = options.rtt
    this.#cycle = new ProbeCycle(options.random ?? (() => 0.5))
    this.#flight = new Flight(options)
    this.#window = this.#flight.initialBytes
  }

  get state(): Phase {
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
    if (inFlightBytes + this.#flight.datagramBytes > this.#window) this.#isWindowLimited = true
  }

  onAck(now: number, packet: IVSentRecord): void {
    this.#delivery.onAck(now, packet)
    this.#excess.count(packet, false)
    this.#queue.onRtt(now, now - packet.sentAt, this.#path.minRttMs)
  }

  onLoss(now: number, packet: IVSentRecord): void {
    this.#excess.count(packet, true)
    const counts = this.#excess.isFound || this.#queue.isFull(this.#path.minRttMs)
    this.#delivery.onLoss(packet, counts)
    if (!counts) return
    if (!this.#bounds.hasLoss) this.#losses.begin(this.#phase)
    this.#bounds.noteLoss(this.#delivery.deliveredBytes)
    this.#losses.note(packet)
    if (!this.#isProbeSampled) return
    const flight = flightAtLoss(packet, this.#delivery.lostBytes - packet.lostBytes)
    if (flight >= 0) this.#tooMuchInFlight(now, flight, packet.isAppLimited)
  }

  onSpurious(now: number, packet: IVSentRecord): void {
    this.#delivery.onAck(now, packet)
    if (!this.#losses.undoOne()) return
    this.#bounds.undoLoss()
    this.#full.reset(0)
    const { phase } = this.#losses
    if (this.#phase === 'probe-rtt' || this.#phase === phase) return
    if (phase === 'startup' && !this.#full.isReached) this.#enter('startup')
    else if (phase === 'probe-up') this.#startUp()
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
      this.#setPacingRate(this.#terms.pacing)
    }
    this.#setWindow(sample.ackedBytes)
    this.#delivery.clear()
  }

  onPersistentCongestion(_now: number): void {
    this.#priorWindow = Math.max(this.#priorWindow, this.#window)
    this.#window = this.#flight.leastBytes
  }

  onAppLimited(inFlightBytes: number): void {
    this.#delivery.onAppLimited(inFlightBytes)
  }

  setDatagramBytes(sizeBytes: number): void {
    this.#flight.datagramBytes = sizeBytes
    this.#window = Math.max(this.#window, this.#flight.leastBytes)
  }

  /** The rate to send at, before gains. */
  get #rate(): number {
    return Math.min(this.#path.maxRate, this.#bounds.shortRate)
  }

  /** Takes the sample into the filters and bounds. */
  #learn(now: number, hasRate: boolean): void {
    const { sample, deliveredBytes } = this.#delivery
    this.#bounds.onSample(now, sample, deliveredBytes)
    if (this.#path.onRound(sample, deliveredBytes)) {
      this.#cycle.onRound()
      this.#excess.onRound()
    }
    this.#path.onRate(sample)
    this.#roundLoss.count(sample)
    if (this.#bounds.isRoundStart && !this.#full.isReached) this.#checkStartupLoss()
    const adapts = this.#terms.adapts && !this.#roundLoss.isExplained(this.#excess.chance)
    this.#bounds.endRound(adapts, this.#path.maxRate, this.#window)
    if (this.#bounds.isRoundStart) this.#roundLoss.clear()
    this.#path.onAcked(now, sample.ackedBytes, this.#rate, this.#window)
    if (hasRate && this.#path.isRoundStart) this.#full.onRound(sample, this.#window, this.#pacingRate)
  }

  /** Startup ends as well when a round loses too much, in many places. */
  #checkStartupLoss(): void {
    const isLossy = this.#bounds.hasLoss && this.#losses.isSpread && this.#roundLoss.isLossy
    if (!isLossy && !this.#roundLoss.isExcess(this.#flight.datagramBytes)) return
    this.#full.isReached = true
    this.#bounds.longBytes = Math.max(this.#filling(1), this.#bounds.latestBytes)
  }

  #advancePhase(now: number, hasRate: boolean): void {
    if (this.#phase === 'startup' && this.#full.isReached) {
      this.#enter('drain')
      this.#drainRound = this.#path.roundCount
    }
    if (this.#phase === 'drain' && this.#isDrained()) this.#startDown(now)
    if (!this.#full.isReached) return
    this.#adaptLongTerm()
    if (this.#phase === 'probe-down' || this.#phase === 'probe-cruise') {
      const filling = this.#filling(1)
      const room = Math.min(this.#bounds.withHeadroom(this.#flight, filling), filling)
      const datagrams = Math.min(this.#product, this.#window) / this.#flight.datagramBytes
      if (this.#cycle.isDue(now, datagrams)) this.#startRefill()
      else if (this.#phase === 'probe-down' && this.#inFlightBytes <= room) this.#enter('probe-cruise')
    } else if (this.#phase === 'probe-refill' && this.#path.isRoundStart) {
      this.#isProbeSampled = true
      this.#startUp()
    } else if (this.#phase === 'probe-up' && hasRate && this.#isUpDone()) this.#startDown(now)
  }

  #isDrained(): boolean {
    return this.#inFlightBytes <= this.#filling(1) || this.#path.roundCount > this.#drainRound + DRAIN_ROUNDS
  }

  #isUpDone(): boolean {
    if (this.#isWindowLimited && this.#isLongBound) {
      this.#full.reset(this.#delivery.sample.rate)
      return false
    }
    return this.#full.isNow
  }

  #adaptLongTerm(): void {
    const { sample } = this.#delivery
    if (this.#path.isRoundStart && this.#isProbeStopping) {
      this.#isProbeSampled = false
      this.#isProbeStopping = false
      const isProbing = this.#phase.startsWith('probe-') && this.#phase !== 'probe-rtt'
      if (isProbing && !sample.isAppLimited) this.#path.advanceCycle()
    }
    if (isTooMuch(sample) || this.#bounds.longBytes === Number.POSITIVE_INFINITY) return
    this.#bounds.longBytes = Math.max(this.#bounds.longBytes, sample.inFlightBytes)
    if (this.#phase !== 'probe-up' || !this.#isWindowLimited || !this.#isLongBound) return
    this.#bounds.probeUp(sample.ackedBytes)
    if (this.#path.isRoundStart) this.#bounds.raiseSlope(this.#flight.datagramBytes, this.#window)
  }

  /** A probe has lost too much: this is the most that the path takes for now. */
  #tooMuchInFlight(now: number, inFlightBytes: number, isAppLimited: boolean): void {
    this.#isProbeSampled = false
    if (!isAppLimited) this.#bounds.lowerLong(inFlightBytes, Math.min(this.#product, this.#window))
    if (this.#phase === 'probe-up') this.#startDown(now)
  }

  #enter(phase: Phase): void {
    this.#phase = phase
    this.#terms = PHASES[phase]
    this.#excess.setSlow(this.#terms.pacing < 1, this.#delivery.deliveredBytes)
  }

  #startRound(): void {
    this.#path.startRound(this.#delivery.deliveredBytes)
    this.#isWindowLimited = false
  }

  #startDown(now: number): void {
    this.#bounds.resetRound(now, this.#delivery.deliveredBytes)
    this.#cycle.start(now)
    this.#isProbeStopping = true
    this.#startRound()
    this.#enter('probe-down')
  }

  #startRefill(): void {
    this.#bounds.resetShort()
    this.#isProbeStopping = false
    this.#startRound()
    this.#enter('probe-refill')
  }

  #startUp(): void {
    this.#isProbeStopping = false
    this.#startRound()
    this.#full.reset(this.#delivery.sample.rate)
    this.#enter('probe-up')
    this.#bounds.startUp(this.#flight.datagramBytes, this.#window)
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
      if (!this.#queue.isSeen(this.#path.minRttMs)) this.#rttProbe.onEmpty(now, this.#path.minRttMs)
      const isLow = this.#inFlightBytes <= this.#probeRttWindow
      if (this.#rttProbe.hold(now, isLow, this.#path.isRoundStart)) this.#startRound()
      else if (this.#rttProbe.isRoundOver) this.#endProbeRtt(now)
    }
    this.#isRestart = false
  }

  #startProbeRtt(): void {
    this.#enter('probe-rtt')
    this.#priorWindow = this.#bounds.hasLoss ? Math.max(this.#priorWindow, this.#window) : this.#window
    this.#rttProbe.start(this.#path.minRttMs)
    this.#isProbeStopping = true
    this.#startRound()
  }

  #endProbeRtt(now: number): void {
    if (!this.#rttProbe.isOver(now)) return
    this.#path.rttProbed(now)
    this.#window = Math.max(this.#window, this.#priorWindow)
    this.#bounds.resetShort()
    if (!this.#full.isReached) {
      this.#enter('startup')
      return
    }
    this.#startDown(now)
    this.#enter('probe-cruise')
  }

  get #product(): number {
    return this.#flight.product(this.#rate, this.#path.minRttMs)
  }

  get #probeRttWindow(): number {
    return Math.max(PROBE_RTT_GAIN * this.#product, this.#flight.leastBytes)
  }

  /** What in flight fills the path `gain` times. */
  #filling(gain: number): number {
    const bytes = gain * this.#flight.product(this.#path.maxRate, this.#path.minRttMs)
    return this.#flight.withBursts(bytes, this.#pacingRate, this.#phase === 'probe-up')
  }

  #setPacingRate(gain: number): void {
    // What is lost by chance does not fill the path: it is sent on top.
    const rate = (gain * this.#rate * (1 - PACING_MARGIN)) / (1 - this.#excess.chance)
    if (rate <= 0) {
      if (this.#rtt.hasSample) this.#pacingRate = (gain * this.#window) / this.#rtt.smoothedMs
      return
    }
    const isFirst = this.#pacingRate === Number.POSITIVE_INFINITY
    if (this.#full.isReached || isFirst || rate > this.#pacingRate) this.#pacingRate = rate
  }

  #setWindow(ackedBytes: number): void {
    const most = this.#filling(this.#terms.window) + this.#path.extraAckedBytes
    if (this.#full.isReached) this.#window = Math.min(this.#window + ackedBytes, most)
    else if (this.#window < most || this.#delivery.deliveredBytes < this.#flight.initialBytes)
      this.#window += ackedBytes
    if (this.#phase === 'probe-rtt') this.#window = Math.min(this.#window, this.#probeRttWindow)
    const bound = this.#bounds.longFor(this.#phase, this.#flight, this.#filling(1))
    this.#isLongBound = bound <= this.#window
    this.#window = this.#flight.clamp(Math.min(this.#window, bound, this.#bounds.shortBytes))
  }
}
