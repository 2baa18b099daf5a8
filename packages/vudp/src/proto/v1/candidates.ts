/**
 * The addresses where the peer may be, and when PUNCH and INIT go to each (VUT 2).
 *
 * Decides the plan: at once to a new one, then after a delay that doubles up to its bound. What is in these datagrams is
 * the handshake's affair. Invariant: a bounded number of addresses, the configured one always among them.
 */
import type { VIPSocketPeer } from '@vio/io'
import { VUT1 } from '../profile.js'

/** When something is repeated: at once, then after a delay that doubles up to its bound. */
class Repeat {
  /** When it is due; Infinity once it is over. */
  dueAt: number
  count = 0
  #delayMs: number
  readonly #maxMs: number

  constructor(now: number, firstMs: number, maxMs: number) {
    this.dueAt = now
    this.#delayMs = firstMs
    this.#maxMs = maxMs
  }

  /** It was done. Time that stood still is not made up for. */
  done(now: number): void {
    this.count += 1
    this.dueAt = now + this.#delayMs
    this.#delayMs = Math.min(2 * this.#delayMs, this.#maxMs)
  }

  /** There is a reason to believe that it will be heard now. */
  hasten(now: number): void {
    if (this.dueAt !== Number.POSITIVE_INFINITY) this.dueAt = Math.min(this.dueAt, now)
  }
}

/** One address. */
export interface Candidate {
  readonly peer: VIPSocketPeer
  punch: Repeat
  init: Repeat
  /** Bytes that came from it, and that went to it before it proved itself. */
  receivedBytes: number
  sentBytes: number
  /** When INIT went there last. */
  initSentAt: number
}

const OVER = new Repeat(Number.POSITIVE_INFINITY, 0, 0)

/** All addresses of one handshake. */
export class Candidates {
  #list: readonly Candidate[] = []
  readonly #sendsInit: boolean
  #isOver = false

  constructor(sendsInit: boolean) {
    this.#sendsInit = sendsInit
  }

  /** Each of them. */
  get all(): readonly Candidate[] {
    return this.#list
  }

  /** When one of them is due. */
  get dueAt(): number {
    let due = Number.POSITIVE_INFINITY
    for (const { punch, init } of this.#list) due = Math.min(due, punch.dueAt, init.dueAt)
    return due
  }

  /** The candidate of an address, which is added if there is room; null if there is none. */
  add(now: number, peer: VIPSocketPeer): Candidate | null {
    const known = this.find(peer)
    if (known !== null) return known
    if (this.#list.length >= VUT1.maxCandidates) return null
    const repeatsInit = this.#sendsInit && !this.#isOver
    const candidate: Candidate = {
      peer,
      punch: this.#isOver ? OVER : new Repeat(now, VUT1.punchFirstDelayMs, VUT1.punchMaxDelayMs),
      init: repeatsInit ? new Repeat(now, VUT1.initFirstDelayMs, VUT1.initMaxDelayMs) : OVER,
      receivedBytes: 0,
      sentBytes: 0,
      initSentAt: now,
    }
    this.#list = this.#list.concat(candidate)
    return candidate
  }

  /** The peer is believed to be reached at an address from now on: what waits to be repeated there goes at once. */
  hasten(now: number, peer: VIPSocketPeer): void {
    const candidate = this.add(now, peer)
    candidate?.init.hasten(now)
    candidate?.punch.hasten(now)
  }

  /** The candidate of an address, or null. */
  find(peer: VIPSocketPeer): Candidate | null {
    for (const each of this.#list) if (each.peer === peer) return each
    for (const each of this.#list) if (each.peer.equals(peer)) return each
    return null
  }

  /** Neither PUNCH nor INIT any more, to no address. */
  end(): void {
    this.#isOver = true
    for (const candidate of this.#list) {
      candidate.punch = OVER
      candidate.init = OVER
    }
  }
}
