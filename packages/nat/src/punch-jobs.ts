/**
 * What a puncher has to send, and when.
 *
 * Decides the order in which addresses, predicted ports and random ports get their turn, within a rate and a total. What a
 * datagram contains is the puncher's. Invariants: no more leaves than the plan allows, in any second and in a round; what
 * is due and may not leave yet waits, and what waits longest goes first.
 */
import type { VIPSocketPeer } from '@vio/io'

/** One address, sent to from one lane. */
export interface PunchJob {
  readonly lane: number
  readonly peer: VIPSocketPeer
  dueAt: number
  delayMs: number
  readonly maxDelayMs: number
  /** How often it may still be sent to. */
  left: number
}

/** How an address is repeated. */
export interface PunchRepeat {
  readonly firstMs: number
  readonly maxMs: number
  /** How often; by default without end. */
  readonly times?: number
}

const SECOND = 1_000
/** How many may leave at once. The rate is as much lower, so that no second has more than it may. */
const BURST = 10
/** Times are sums of parts of milliseconds: what is due as nearly as this is due. */
const NEARLY_MS = 0.001

/** The addresses of one round. */
export class PunchJobs {
  /** How many datagrams have left in this round. */
  sent = 0
  readonly #perSecond: number
  readonly #max: number
  readonly #jobs: PunchJob[] = []
  #tokens = BURST
  #tokensAt = 0
  #lastAt = Number.NEGATIVE_INFINITY

  constructor(now: number, perSecond: number, max: number) {
    this.#perSecond = Math.max(1, perSecond - BURST)
    this.#max = max
    this.#tokensAt = now
  }

  /** Adds an address; the same one on the same lane begins anew, at once. */
  add(dueAt: number, lane: number, peer: VIPSocketPeer, repeat: PunchRepeat): void {
    const left = repeat.times ?? Number.POSITIVE_INFINITY
    const known = this.#jobs.find((each) => each.lane === lane && each.peer.equals(peer))
    if (known !== undefined) {
      known.dueAt = Math.min(known.dueAt, dueAt)
      known.left = Math.max(known.left, left)
      known.delayMs = Math.min(known.delayMs, repeat.firstMs)
      return
    }
    this.#jobs.push({ lane, peer, dueAt, delayMs: repeat.firstMs, maxDelayMs: repeat.maxMs, left })
  }

  /** True if nothing more will leave. */
  get isSpent(): boolean {
    return this.sent >= this.#max
  }

  /** When `take` may give something. */
  get dueAt(): number {
    let dueAt = Number.POSITIVE_INFINITY
    for (const job of this.#jobs) dueAt = Math.min(dueAt, job.dueAt)
    return Math.max(dueAt, this.mayLeaveAt)
  }

  /** When one more may leave; Infinity once the round is spent. */
  get mayLeaveAt(): number {
    return this.isSpent ? Number.POSITIVE_INFINITY : this.#mayAt
  }

  /** True if one more may leave now. */
  mayLeave(now: number): boolean {
    return !this.isSpent && now + NEARLY_MS >= this.#mayAt
  }

  get #mayAt(): number {
    if (this.#tokens >= 1) return this.#lastAt
    return this.#tokensAt + ((1 - this.#tokens) * SECOND) / this.#perSecond
  }

  /** The address whose turn it is, with its next turn noted; undefined if none is due or none may leave. */
  take(now: number): PunchJob | undefined {
    if (!this.mayLeave(now)) return undefined
    let next: PunchJob | undefined
    for (const job of this.#jobs) {
      if (job.dueAt <= now + NEARLY_MS && (next === undefined || job.dueAt < next.dueAt)) next = job
    }
    if (next === undefined) return undefined
    this.spend(now)
    next.left -= 1
    next.dueAt = next.left > 0 ? now + next.delayMs : Number.POSITIVE_INFINITY
    next.delayMs = Math.min(2 * next.delayMs, next.maxDelayMs)
    if (next.left <= 0) this.#jobs.splice(this.#jobs.indexOf(next), 1)
    return next
  }

  /** One leaves. */
  spend(now: number): void {
    const gained = ((now - this.#tokensAt) * this.#perSecond) / SECOND
    this.#tokens = Math.min(BURST, this.#tokens + Math.max(0, gained)) - 1
    this.#tokensAt = now
    this.#lastAt = now
    this.sent += 1
  }
}
