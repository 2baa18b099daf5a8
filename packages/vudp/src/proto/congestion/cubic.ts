/**
 * CUBIC (RFC 9438): after a loss the window goes back to where it was along a cubic curve of time, and beyond.
 *
 * Decides growth and cuts; slow start, recovery and undo are in `window`. The curve counts in datagrams and seconds as
 * the RFC does. Invariant: where NewReno would have a larger window, the window is NewReno's.
 */
import { WindowCongestion } from './window.js'

/** C of RFC 9438 section 5.1. */
const CUBIC_FACTOR = 0.4
const LOSS_FACTOR = 0.7
/** What makes the growth of NewReno fit to cuts by `LOSS_FACTOR` (section 4.3). */
const RENO_GROWTH = (3 * (1 - LOSS_FACTOR)) / (1 + LOSS_FACTOR)
/** The window grows by at most half in a round trip (section 4.2). */
const MAX_STEP = 1.5

/** What a cut is taken back to. */
interface Curve {
  maxBytes: number
  priorBytes: number
  epochAt: number
  epochBytes: number
  renoBytes: number
}

/** CUBIC. */
export class Cubic extends WindowCongestion {
  readonly name: string = 'cubic'
  /** The curve: where it is flat, the window before the last cut, and the epoch since that. -1: no epoch is running. */
  #curve: Curve = { maxBytes: 0, priorBytes: 0, epochAt: -1, epochBytes: 0, renoBytes: 0 }
  #before: Curve | undefined
  #usedAt = -1
  /** True if the last cut ended slow start. */
  #hasOvershot = false

  protected avoid(now: number, ackedBytes: number): number {
    const curve = this.#curve
    if (curve.epochAt < 0) this.#startEpoch(now)
    this.#usedAt = now
    const reno = curve.renoBytes >= curve.priorBytes ? 1 : RENO_GROWTH
    curve.renoBytes += (reno * this.datagramBytes * ackedBytes) / this.window
    const elapsedMs = now - curve.epochAt
    if (this.#bytesAt(elapsedMs) < curve.renoBytes) return Math.max(0, curve.renoBytes - this.window)
    const wanted = this.#bytesAt(elapsedMs + this.rtt.smoothedMs)
    const target = Math.min(Math.max(wanted, this.window), MAX_STEP * this.window)
    return ((target - this.window) * ackedBytes) / this.window
  }

  protected cutTo(_now: number): number {
    this.#before = { ...this.#curve }
    const curve = this.#curve
    // Section 4.7: a flow that loses before it is back where it was makes room for others.
    const isBelow = this.window < curve.maxBytes
    this.#hasOvershot = this.window < this.ssthresh
    curve.maxBytes = isBelow ? (this.window * (1 + LOSS_FACTOR)) / 2 : this.window
    curve.priorBytes = this.window
    curve.epochAt = -1
    return this.window * LOSS_FACTOR
  }

  /** Slow start ends with up to twice what the path holds. What of it was lost did not fit: it is nothing to go back to. */
  protected override recovered(lostBytes: number): void {
    if (this.#hasOvershot) this.#curve.maxBytes -= lostBytes
  }

  protected override uncut(): void {
    if (this.#before !== undefined) this.#curve = this.#before
    this.#before = undefined
  }

  protected override collapsed(_now: number): void {
    this.#curve.epochAt = -1
    this.#curve.maxBytes = 0
    this.#before = undefined
  }

  /** Time in which the flow does not use its window does not count (section 5.8). */
  protected override unused(now: number): void {
    if (this.#curve.epochAt >= 0 && this.#usedAt >= 0) this.#curve.epochAt += now - this.#usedAt
    this.#usedAt = now
  }

  #startEpoch(now: number): void {
    const curve = this.#curve
    curve.epochAt = now
    curve.epochBytes = this.window
    curve.renoBytes = this.window
    if (curve.maxBytes < this.window) curve.maxBytes = this.window
  }

  /** The window of the curve, `elapsedMs` into the epoch. */
  #bytesAt(elapsedMs: number): number {
    const { maxBytes, epochBytes } = this.#curve
    const missing = (maxBytes - epochBytes) / this.datagramBytes
    const flatAt = Math.cbrt(missing / CUBIC_FACTOR)
    const distance = elapsedMs / 1000 - flatAt
    return maxBytes + CUBIC_FACTOR * distance * distance * distance * this.datagramBytes
  }
}
