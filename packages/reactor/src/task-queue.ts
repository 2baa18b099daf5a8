/**
 * The tasks that were posted, a turn at a time.
 *
 * Keeps one ring, so that a task which posts itself again costs neither an allocation nor a move. What a task that
 * throws leads to is the reactor's. Invariants: a task posted in a turn runs in the next one; a slot that was run
 * holds no reference.
 */
import type { IVTask } from './types.js'

const MIN_SLOTS = 16

/** A ring that grew beyond this is not kept once it is empty. */
const MAX_KEPT_SLOTS = 16_384

/** First in, first out, one turn at a time. */
export class TaskQueue {
  #slots: (IVTask | undefined)[] = new Array<IVTask | undefined>(MIN_SLOTS).fill(undefined)
  #mask = MIN_SLOTS - 1
  #head = 0
  #count = 0
  /** How many of the first tasks belong to the turn that is running. */
  #left = 0

  /** The number of tasks posted for the next turn. */
  get postedCount(): number {
    return this.#count - this.#left
  }

  /** Adds a task for the next turn. */
  push(task: IVTask): void {
    if (this.#count > this.#mask) this.#resize(this.#slots.length * 2)
    this.#slots[(this.#head + this.#count) & this.#mask] = task
    this.#count += 1
  }

  /** Makes what was posted the tasks of this turn. Those of the turn before must have been run or cleared. */
  beginTurn(): void {
    this.#left = this.#count
  }

  /** Runs the tasks of this turn. One that throws ends `run`, which can be called again to go on behind it. */
  run(): void {
    while (this.#left > 0) {
      const head = this.#head
      const task = this.#slots[head] as IVTask
      this.#slots[head] = undefined
      this.#head = (head + 1) & this.#mask
      this.#count -= 1
      this.#left -= 1
      task.runTask()
    }
    if (this.#count === 0 && this.#slots.length > MAX_KEPT_SLOTS) this.#resize(MIN_SLOTS)
  }

  /** Drops all tasks, those of the running turn too. */
  clear(): void {
    this.#count = 0
    this.#left = 0
    this.#resize(MIN_SLOTS)
  }

  #resize(size: number): void {
    const slots = new Array<IVTask | undefined>(size).fill(undefined)
    for (let at = 0; at < this.#count; at += 1) slots[at] = this.#slots[(this.#head + at) & this.#mask]
    this.#slots = slots
    this.#mask = size - 1
    this.#head = 0
  }
}
