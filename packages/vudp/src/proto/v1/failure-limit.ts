/**
 * How many failed checks a source may cause before what it sends is mostly dropped unseen (VUT 6).
 *
 * Decides whether a check that costs a hash or a key exchange is worth making for an address. Sources over their number
 * share one bounded budget: who forges the address of the true peer makes that one slower, and cannot shut it out.
 * Invariant: a bounded number of sources is remembered; when there are more, the one that was noted first is forgotten.
 */
import type { VIPSocketPeer } from '@vio/io'
import { VUT1 } from '../profile.js'

const SECOND_MS = 1000

interface Failures {
  count: number
  since: number
}

/** Counts failures by source. */
export class FailureLimit {
  readonly #sources = new Map<VIPSocketPeer, Failures>()
  #shared: number = VUT1.sharedChecksPerSecond
  #filledAt = 0

  /** True if a check may be made for what came from `from`. */
  allows(now: number, from: VIPSocketPeer): boolean {
    const failures = this.#sources.get(from)
    if (failures === undefined) return true
    if (now - failures.since >= SECOND_MS) {
      this.#sources.delete(from)
      return true
    }
    return failures.count < VUT1.maxFailuresPerSecond || this.#takeShared(now)
  }

  /** A check has failed. */
  failed(now: number, from: VIPSocketPeer): void {
    const failures = this.#sources.get(from)
    if (failures !== undefined) {
      failures.count += 1
      return
    }
    if (this.#sources.size >= VUT1.watchedSources) {
      for (const oldest of this.#sources.keys()) {
        this.#sources.delete(oldest)
        break
      }
    }
    this.#sources.set(from, { count: 1, since: now })
  }

  #takeShared(now: number): boolean {
    const { sharedChecksPerSecond } = VUT1
    const grown = this.#shared + ((now - this.#filledAt) * sharedChecksPerSecond) / SECOND_MS
    this.#shared = Math.min(grown, sharedChecksPerSecond)
    this.#filledAt = now
    if (this.#shared < 1) return false
    this.#shared -= 1
    return true
  }
}
