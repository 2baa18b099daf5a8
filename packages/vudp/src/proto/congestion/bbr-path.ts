/**
 * What BBR believes of the path: its rate, its round-trip time, its rounds and how unevenly it acknowledges
 * (draft-ietf-ccwg-bbr sections 5.5.1 to 5.5.9).
 *
 * Filters only; what follows from them is decided in `bbr`. Invariant: the rate is the largest sample of this probing
 * cycle and the last, the round-trip time the least of two probing intervals, ten seconds or more.
 */
import type { RateSample } from './delivery.js'

/** How old the least round-trip time may become before it is probed, and in round trips: probing costs about one. */
const PROBE_RTT_INTERVAL_MS = 5_000
const PROBE_RTT_INTERVAL_RTTS = 32
/** Rounds of one half of the filter of uneven acknowledgement, of which there are two. */
const EXTRA_ACKED_ROUNDS = 5

/** The filters. */
export class PathModel {
  /** Packet-timed round trips so far. */
  roundCount = 0
  /** True in the batch that began a round. */
  isRoundStart = false
  /** Bytes per millisecond; 0 before the first sample. */
  maxRate = 0
  /** Infinity before the first sample. */
  minRttMs: number = Number.POSITIVE_INFINITY
  /** True if the least round-trip time has not been seen for so long that it is to be probed. */
  isProbeRttDue = false
  /** How much more than its rate the path acknowledged in a short time. */
  extraAckedBytes = 0
  #roundEndBytes = 0
  #cycleRate = 0
  #lastCycleRate = 0
  #minRttAt = 0
  #probeRttMinMs = Number.POSITIVE_INFINITY
  #probeRttMinAt = 0
  #extraFrom = 0
  #extraDelivered = 0
  #extraMax = 0
  #lastExtraMax = 0
  #extraRound = 0

  /** A round begins now. */
  startRound(deliveredBytes: number): void {
    this.#roundEndBytes = deliveredBytes
  }

  /** Counts rounds. Returns true if the batch begins one. */
  onRound(sample: RateSample, deliveredBytes: number): boolean {
    this.isRoundStart = sample.priorDeliveredBytes >= this.#roundEndBytes
    if (!this.isRoundStart) return false
    this.startRound(deliveredBytes)
    this.roundCount += 1
    return true
  }

  /** Takes a rate; one that the application limited counts only if it is the largest. */
  onRate(sample: RateSample): void {
    if (sample.rate <= 0 || (sample.isAppLimited && sample.rate < this.maxRate)) return
    this.#cycleRate = Math.max(this.#cycleRate, sample.rate)
    this.maxRate = Math.max(this.#cycleRate, this.#lastCycleRate)
  }

  /** A probing cycle is over: what is older than the last one is forgotten. */
  advanceCycle(): void {
    if (this.#cycleRate === 0) return
    this.#lastCycleRate = this.#cycleRate
    this.#cycleRate = 0
    this.maxRate = this.#lastCycleRate
  }

  /** Takes a round-trip time; -1 for none. */
  onRtt(now: number, rttMs: number): void {
    const isKnown = this.minRttMs !== Number.POSITIVE_INFINITY
    const intervalMs = isKnown ? Math.max(PROBE_RTT_INTERVAL_MS, PROBE_RTT_INTERVAL_RTTS * this.minRttMs) : 0
    this.isProbeRttDue = isKnown && now > this.#probeRttMinAt + intervalMs
    if (rttMs >= 0 && (rttMs < this.#probeRttMinMs || this.isProbeRttDue)) {
      this.#probeRttMinMs = rttMs
      this.#probeRttMinAt = now
    }
    const isOld = now > this.#minRttAt + 2 * intervalMs
    if (this.#probeRttMinMs < this.minRttMs || isOld) {
      this.minRttMs = this.#probeRttMinMs
      this.#minRttAt = this.#probeRttMinAt
    }
  }

  /** The round-trip time has just been probed. */
  rttProbed(now: number): void {
    this.#probeRttMinAt = now
    this.isProbeRttDue = false
  }

  /** Sending begins anew after a pause, which is no sign of uneven acknowledgement. */
  restart(now: number): void {
    this.#extraFrom = now
    this.#extraDelivered = 0
  }

  /** Compares what was acknowledged with what `rate` would have given. */
  onAcked(now: number, ackedBytes: number, rate: number, windowBytes: number): void {
    let expected = rate * (now - this.#extraFrom)
    if (this.#extraDelivered <= expected) {
      this.#extraDelivered = 0
      this.#extraFrom = now
      expected = 0
    }
    this.#extraDelivered += ackedBytes
    const extra = Math.min(this.#extraDelivered - expected, windowBytes)
    if (this.isRoundStart && this.roundCount - this.#extraRound >= EXTRA_ACKED_ROUNDS) {
      this.#extraRound = this.roundCount
      this.#lastExtraMax = this.#extraMax
      this.#extraMax = 0
    }
    this.#extraMax = Math.max(this.#extraMax, extra)
    this.extraAckedBytes = Math.max(this.#extraMax, this.#lastExtraMax)
  }
}
