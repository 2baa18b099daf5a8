/**
 * A token bucket: how many bytes a rate allows at a given time.
 *
 * Decides nothing about waiting; whoever asks brings the time. What has been earned is counted from one moment on, not
 * step by step, so that rounding does not add up. Invariant: from any moment on, at most `burstBytes` and what the rate
 * earns since are available.
 */
import { UNLIMITED } from '../limit.js'

/** Less than this is missing only because times are rounded. */
const ROUNDING_BYTES = 1e-6

/** Counts tokens, one a byte. Full at the beginning. */
export class TokenBucket {
  #bytesPerMs: number
  #burstBytes: number
  /** What was there at `#since`. */
  #base: number
  #since: number
  #taken = 0

  constructor(now: number, bytesPerSecond: number, burstBytes: number) {
    this.#bytesPerMs = bytesPerSecond / 1000
    this.#burstBytes = burstBytes
    this.#base = burstBytes
    this.#since = now
  }

  /** Whole bytes that are available; below 0 if more were taken than there were. */
  available(now: number): number {
    return Math.floor(this.#level(now) + ROUNDING_BYTES)
  }

  /** In how many milliseconds `bytes` are available; Infinity if they are more than a burst. */
  waitMs(now: number, bytes: number): number {
    if (this.available(now) >= bytes) return 0
    if (bytes > this.#burstBytes) return UNLIMITED
    const earnedAt = this.#since + (bytes - this.#base + this.#taken) / this.#bytesPerMs
    return Math.max(0, earnedAt - now)
  }

  /** Takes bytes out, whether they are there or not. */
  take(now: number, bytes: number): void {
    // A bucket that ran over since it was last looked at earned no more than fits.
    if (this.#level(now) !== UNLIMITED) this.#taken += bytes
  }

  /** Sets another rate and size. What is there stays, as far as it fits. */
  reset(now: number, bytesPerSecond: number, burstBytes: number): void {
    this.#restart(now, Math.min(this.#level(now), burstBytes))
    this.#bytesPerMs = bytesPerSecond / 1000
    this.#burstBytes = burstBytes
  }

  #level(now: number): number {
    if (this.#bytesPerMs === UNLIMITED) return UNLIMITED
    const bytes = this.#base - this.#taken + (now - this.#since) * this.#bytesPerMs
    if (bytes < this.#burstBytes) return bytes
    this.#restart(now, this.#burstBytes)
    return this.#burstBytes
  }

  #restart(now: number, base: number): void {
    this.#base = base
    this.#since = now
    this.#taken = 0
  }
}
