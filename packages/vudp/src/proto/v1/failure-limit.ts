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
  /** Made with the first failure. */
  #sources: Map<VIPSocketPeer, Failures> | null = null
  #shared: number = VUT1.sharedChecksPerSecond
  #filledAt = 0

  /** True if a check may be made for what came from `from`. */
  allows(now: number, from: VIPSocketPeer): boolean {
    const sources = this.#sources
    if (sources === null) return true
    forget(sources, now)
    const failures = sources.get(from)
    if (failures === undefined) return sources.size < VUT1.watchedSources || this.#takeShared(now)
    return failures.count < VUT1.maxFailuresPerSecond || this.#takeShared(now)
  }

  /** A check has failed. */
  failed(now: number, from: VIPSocketPeer): void {
    this.#sources ??= new Map()
    const failures = this.#sources.get(from)
    if (failures !== undefined) {
      failures.count += 1
      return
    }
    // What there is no room for was counted as shared.
    if (this.#sources.size < VUT1.watchedSources) this.#sources.set(from, { count: 1, since: now })
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

/** Lets go of those whose second is over; the first ones were noted first. */
function forget(sources: Map<VIPSocketPeer, Failures>, now: number): void {
  for (const [source, { since }] of sources) {
    if (now - since < SECOND_MS) return
    sources.delete(source)
  }
}
