/**
 * When BBR probes. For more: after two to three seconds, or after as many rounds as NewReno would need to grow by a
 * quarter of its window (draft-ietf-ccwg-bbr section 5.3.3.5).
 *
 * For the round-trip time: it holds the flight down for 200 ms and a round (section 5.3.4), or for a round where the queue is
 * empty by then and the path no shorter than it was believed to be.
 *
 * The wait is drawn at random, so that flows which share a link do not probe at one time. Invariant: a flow of few
 * datagrams probes after few rounds.
 */

const MIN_WAIT_MS = 2_000
const MAX_MORE_WAIT_MS = 1_000
/** The first wait is so much shorter: what startup has found is rough. */
const FIRST_PART = 1 / 4
const MAX_ROUNDS = 63
const RTT_PROBE_MS = 200
/** A path that is found to be shorter by more than this may be shorter still, once others have made room as well. */
const SHORTER_PART = 1 / 32

/** The wait from one probe to the next. */
export class ProbeCycle {
  readonly #random: () => number
  #startAt = 0
  #waitMs = 0
  #rounds = 0
  #part = FIRST_PART

  constructor(random: () => number) {
    this.#random = random
  }

  /** A probe is over. */
  start(now: number): void {
    this.#rounds = this.#random() < 0.5 ? 0 : 1
    this.#waitMs = this.#part * (MIN_WAIT_MS + this.#random() * MAX_MORE_WAIT_MS)
    this.#part = 1
    this.#startAt = now
  }

  /** A round is over. */
  onRound(): void {
    this.#rounds += 1
  }

  /** True if it is time to probe; `datagrams` is what the flow has in flight. */
  isDue(now: number, datagrams: number): boolean {
    return now > this.#startAt + this.#waitMs || this.#rounds >= Math.min(datagrams, MAX_ROUNDS)
  }
}

/** The time for which the flight is held down to see the round-trip time. */
export class RttProbe {
  /** True if a round has passed since the flight was down. */
  isRoundOver = false
  #endAt = -1
  #believedMs = Number.POSITIVE_INFINITY

  /** The flight is to go down; `minRttMs` is what the path was believed to take. */
  start(minRttMs: number): void {
    this.#believedMs = minRttMs
    this.#endAt = -1
    this.isRoundOver = false
  }

  /** Takes a batch: `isLow` once the flight is down. Returns true if the time begins now. */
  hold(now: number, isLow: boolean, isRoundStart: boolean): boolean {
    if (this.#endAt < 0) {
      if (!isLow) return false
      this.#endAt = now + RTT_PROBE_MS
      return true
    }
    if (isRoundStart) this.isRoundOver = true
    return false
  }

  /** There is no queue, and `minRttMs` is what the path is believed to take now. */
  onEmpty(now: number, minRttMs: number): void {
    const isShorter = minRttMs < this.#believedMs * (1 - SHORTER_PART)
    if (this.isRoundOver && !isShorter) this.#endAt = Math.min(this.#endAt, now)
  }

  /** True if the time is over. */
  isOver(now: number): boolean {
    return this.#endAt >= 0 && now >= this.#endAt
  }
}
