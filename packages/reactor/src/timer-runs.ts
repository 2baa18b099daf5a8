/**
 * Slots in runs: lists that are in order because each slot was due no earlier than the one before it.
 *
 * Most timers are time-outs of a few lengths, and those of one length come in order by themselves: to append to a list
 * and to unlink from it takes the same time however many wait. What fits no run is left to the heap. Invariant: within a
 * run due times do not fall, and of equal ones the earlier inserted comes first.
 */
import { NO_SLOT, resized, type TimerSlots } from './timer-slots.js'

/** How many lists there are; each insertion and each removal of a first slot looks at those in use. */
const MAX_RUNS = 32

const NO_RUN = -1

/** A bounded number of ordered lists of slots. */
export class TimerRuns {
  readonly #slots: TimerSlots
  /** Runs from here on are empty. */
  #usedRuns = 0
  /** The run whose head comes first. */
  #firstRun = NO_RUN

  // By run. An empty run takes any due time at its end, and has none at its head.
  readonly #head = new Int32Array(MAX_RUNS).fill(NO_SLOT)
  readonly #tail = new Int32Array(MAX_RUNS).fill(NO_SLOT)
  readonly #headDueAt = new Float64Array(MAX_RUNS).fill(Number.POSITIVE_INFINITY)
  readonly #tailDueAt = new Float64Array(MAX_RUNS).fill(Number.NEGATIVE_INFINITY)

  // By slot.
  #runOf: Int32Array
  #previous: Int32Array
  #next: Int32Array

  constructor(slots: TimerSlots) {
    this.#slots = slots
    this.#runOf = new Int32Array(slots.capacity)
    this.#previous = new Int32Array(slots.capacity)
    this.#next = new Int32Array(slots.capacity)
  }

  /** The slot that comes first; `NO_SLOT` if there is none. */
  get first(): number {
    return this.#firstRun === NO_RUN ? NO_SLOT : (this.#head[this.#firstRun] as number)
  }

  /** Whether a slot that is in use is in a run. */
  holds(slot: number): boolean {
    return this.#runOf[slot] !== NO_RUN
  }

  /** Appends a slot, of which due time and order are set, to the run that it fits best; false if it fits none. */
  insert(slot: number): boolean {
    const run = this.#bestRun(this.#slots.dueAt[slot] as number)
    this.#runOf[slot] = run
    if (run === NO_RUN) return false
    if (run === this.#usedRuns) this.#usedRuns += 1
    const tail = this.#tail[run] as number
    this.#previous[slot] = tail
    this.#next[slot] = NO_SLOT
    this.#tail[run] = slot
    this.#tailDueAt[run] = this.#slots.dueAt[slot] as number
    if (tail !== NO_SLOT) {
      this.#next[tail] = slot
      return true
    }
    this.#setHead(run, slot)
    if (this.#firstRun === NO_RUN || this.#slots.isBefore(slot, this.first)) this.#firstRun = run
    return true
  }

  /** Unlinks a slot that is in a run. */
  remove(slot: number): void {
    const run = this.#runOf[slot] as number
    const previous = this.#previous[slot] as number
    const next = this.#next[slot] as number
    if (next !== NO_SLOT) this.#previous[next] = previous
    else {
      this.#tail[run] = previous
      const { dueAt } = this.#slots
      this.#tailDueAt[run] = previous === NO_SLOT ? Number.NEGATIVE_INFINITY : (dueAt[previous] as number)
    }
    if (previous !== NO_SLOT) {
      this.#next[previous] = next
      return
    }
    this.#setHead(run, next)
    if (next === NO_SLOT) this.#dropEmptyRuns()
    if (run === this.#firstRun) this.#findFirstRun()
  }

  /** Removes all slots. */
  clear(): void {
    this.#usedRuns = 0
    this.#firstRun = NO_RUN
    this.#head.fill(NO_SLOT)
    this.#headDueAt.fill(Number.POSITIVE_INFINITY)
    this.#tail.fill(NO_SLOT)
    this.#tailDueAt.fill(Number.NEGATIVE_INFINITY)
  }

  /** Follows the capacity of the slots. */
  resize(capacity: number): void {
    this.#runOf = resized(this.#runOf, new Int32Array(capacity))
    this.#previous = resized(this.#previous, new Int32Array(capacity))
    this.#next = resized(this.#next, new Int32Array(capacity))
  }

  /** The run with the latest end of those that end no later than `dueAt`: the others stay open to earlier times. */
  #bestRun(dueAt: number): number {
    let best = NO_RUN
    let bestEnd = Number.NEGATIVE_INFINITY
    const looked = Math.min(this.#usedRuns + 1, MAX_RUNS)
    for (let run = 0; run < looked; run += 1) {
      const end = this.#tailDueAt[run] as number
      if (end > dueAt || (end <= bestEnd && best !== NO_RUN)) continue
      best = run
      bestEnd = end
    }
    return best
  }

  #setHead(run: number, slot: number): void {
    this.#head[run] = slot
    this.#headDueAt[run] = slot === NO_SLOT ? Number.POSITIVE_INFINITY : (this.#slots.dueAt[slot] as number)
  }

  #findFirstRun(): void {
    let firstRun = NO_RUN
    let firstDueAt = Number.POSITIVE_INFINITY
    for (let run = 0; run < this.#usedRuns; run += 1) {
      const dueAt = this.#headDueAt[run] as number
      if (dueAt > firstDueAt || this.#head[run] === NO_SLOT) continue
      if (dueAt === firstDueAt && firstRun !== NO_RUN && this.#comesBefore(firstRun, run)) continue
      firstRun = run
      firstDueAt = dueAt
    }
    this.#firstRun = firstRun
  }

  #comesBefore(run: number, other: number): boolean {
    return this.#slots.isBefore(this.#head[run] as number, this.#head[other] as number)
  }

  #dropEmptyRuns(): void {
    while (this.#usedRuns > 0 && this.#head[this.#usedRuns - 1] === NO_SLOT) this.#usedRuns -= 1
  }
}
