/**
 * How fast bytes pass, and how long it will take.
 *
 * Decides what "now" is: the last two seconds. Invariant: bytes that were there already (a resumed file) count as there, but
 * not as passed, so that they make no rate.
 */

const WINDOW_MS = 2000
/** Samples closer than this are one. */
const GRAIN_MS = 50

/** After so long without a sample nothing is taken to pass. */
const STALE_MS = 500

interface Sample {
  readonly at: number
  bytes: number
}

/** Rates from a count that grows. */
export class Meter {
  #samples: Sample[] = []
  #first: Sample | null = null

  /** The count so far. */
  get bytes(): number {
    return this.#samples.at(-1)?.bytes ?? 0
  }

  /** The count at a time. */
  update(now: number, bytes: number): void {
    this.#first ??= { at: now, bytes }
    const last = this.#samples.at(-1)
    if (last !== undefined && now - last.at < GRAIN_MS && this.#samples.length > 1) last.bytes = bytes
    else this.#samples.push({ at: now, bytes })
    while ((this.#samples[1]?.at ?? now) < now - WINDOW_MS) this.#samples.shift()
  }

  /** Bytes a second over the last two seconds. */
  current(now: number): number {
    const last = this.#samples.at(-1)
    const oldest = this.#samples.find(({ at }) => at >= now - WINDOW_MS) ?? last
    if (last === undefined || oldest === undefined) return 0
    return perSecond(last.bytes - oldest.bytes, this.#until(now) - oldest.at)
  }

  /** Bytes a second since the first count. */
  mean(now: number): number {
    return this.#first === null
      ? 0
      : perSecond(this.bytes - this.#first.bytes, this.#until(now) - this.#first.at)
  }

  /** How long the rest will take at the mean of both rates, in seconds; Infinity while nothing passes. */
  secondsLeft(now: number, totalBytes: number): number {
    const rate = (this.current(now) + this.mean(now)) / 2
    if (this.bytes >= totalBytes) return 0
    return this.current(now) > 0 ? (totalBytes - this.bytes) / rate : Number.POSITIVE_INFINITY
  }

  /** Between two samples the rates stand still; when none comes for a while they fall. */
  #until(now: number): number {
    const at = this.#samples.at(-1)?.at ?? now
    return now - at > STALE_MS ? now : at
  }
}

function perSecond(bytes: number, ms: number): number {
  return ms > 0 ? (bytes * 1000) / ms : 0
}
