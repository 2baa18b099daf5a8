/**
 * Several addresses of one target, tried so that a dead one costs little: RFC 8305, "happy eyeballs".
 *
 * Decides which address is tried when, which attempt wins, and which are given up. It has no sockets and no clock: time
 * and outcomes come in, actions go out. Whether an address may be tried at all is asked by whoever carries an action out.
 * Invariants: addresses are tried in the order given, each once; after a win or a loss nothing is tried any more, and
 * every attempt that had no outcome was told to be given up.
 */
import type { VSocketPeer } from '@vio/io'

/** How long an attempt has before the next one is started beside it (RFC 8305, section 5). */
export const ATTEMPT_DELAY_MS = 250

/** What is to be done. */
export type RaceAction =
  | { readonly kind: 'attempt'; readonly index: number }
  | { readonly kind: 'giveUp'; readonly index: number }
  | { readonly kind: 'won'; readonly index: number }
  | { readonly kind: 'lost'; readonly late: boolean }

/** What a race is told at its start. */
export interface RaceTerms {
  /** How many addresses there are; at least 1. */
  readonly count: number
  /** How long an attempt is alone. */
  readonly attemptDelayMs: number
  /** When all is given up; Infinity for never. */
  readonly endsAt: number
}

/** One race. `handle...` takes what happened, `pollAction` gives what to do until it gives undefined. */
export class ConnectRace {
  readonly #terms: RaceTerms
  readonly #actions: RaceAction[] = []
  /** Attempts that were started and have no outcome. */
  readonly #running = new Set<number>()
  #next = 0
  #nextAt = Number.POSITIVE_INFINITY
  #over = false

  constructor(now: number, terms: RaceTerms) {
    this.#terms = terms
    this.#startNext(now)
  }

  /** What is to be done next, in order; undefined when nothing is. */
  pollAction(): RaceAction | undefined {
    return this.#actions.shift()
  }

  /** When `handleTimeout` is due; Infinity for never. */
  pollTimeout(): number {
    return this.#over ? Number.POSITIVE_INFINITY : Math.min(this.#nextAt, this.#terms.endsAt)
  }

  handleTimeout(now: number): void {
    if (this.#over) return
    if (now >= this.#terms.endsAt) this.#finish({ kind: 'lost', late: true })
    else if (now >= this.#nextAt) this.#startNext(now)
  }

  /** An attempt failed, or was not allowed. */
  handleFailed(now: number, index: number): void {
    if (!this.#running.delete(index) || this.#over) return
    if (this.#next === this.#terms.count) {
      if (this.#running.size === 0) this.#finish({ kind: 'lost', late: false })
    } else if (this.#running.size === 0 || index === this.#next - 1) this.#startNext(now)
  }

  /** An attempt succeeded. */
  handleConnected(index: number): void {
    if (!this.#running.delete(index) || this.#over) return
    this.#finish({ kind: 'won', index })
  }

  /** Nobody wants the outcome any more. */
  handleGivenUp(): void {
    if (!this.#over) this.#finish(undefined)
  }

  #startNext(now: number): void {
    const index = this.#next
    this.#next += 1
    this.#running.add(index)
    this.#actions.push({ kind: 'attempt', index })
    this.#nextAt =
      this.#next < this.#terms.count ? now + this.#terms.attemptDelayMs : Number.POSITIVE_INFINITY
  }

  #finish(outcome: RaceAction | undefined): void {
    this.#over = true
    // An attempt that is still among the actions is never carried out.
    const unstarted = new Set(
      this.#actions.splice(0).map((action) => (action.kind === 'attempt' ? action.index : -1)),
    )
    for (const index of this.#running)
      if (!unstarted.has(index)) this.#actions.push({ kind: 'giveUp', index })
    this.#running.clear()
    if (outcome !== undefined) this.#actions.push(outcome)
  }
}

/** The addresses with the families taking turns, beginning with that of the first (RFC 8305, section 4). */
export function interleaveFamilies<P extends Pick<VSocketPeer, 'family'>>(peers: readonly P[]): P[] {
  const first = peers.filter(({ family }) => family === peers[0]?.family)
  const others = peers.filter(({ family }) => family !== peers[0]?.family)
  const mixed: P[] = []
  for (let at = 0; at < Math.max(first.length, others.length); at += 1) {
    mixed.push(...first.slice(at, at + 1), ...others.slice(at, at + 1))
  }
  return mixed
}
