/**
 * How many failed checks a source may cause before what it sends is mostly dropped unseen (VUT 6).
 *
 * Decides whether a check that costs a hash or a key exchange is worth making for an address. Sources over their number
 * share one bounded budget, and so do those that there is no room to remember: who forges the address of the true peer,
 * or very many, makes that one slower, and cannot shut it out. Invariant: a bounded number of sources is remembered, and
 * checks that fail are bounded over all of them.
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
    this.#forget(now)
    const failures = this.#sources.get(from)
    if (failures === undefined) return this.#sources.size < VUT1.watchedSources || this.#takeShared(now)
    return failures.count < VUT1.maxFailuresPerSecond || this.#takeShared(now)
  }

  /** A check has failed. */
  failed(now: number, from: VIPSocketPeer): void {
    const failures = this.#sources.get(from)
    if (failures !== undefined) {
      failures.count += 1
      return
    }
    // What there is no room for was counted as shared.
    if (this.#sources.size < VUT1.watchedSources) this.#sources.set(from, { count: 1, since: now })
  }

  /** Lets go of those whose second is over; the first ones were noted first. */
  #forget(now: number): void {
    for (const [source, { since }] of this.#sources) {
      if (now - since < SECOND_MS) return
      this.#sources.delete(source)
    }
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
