/**
 * The tasks of the next turn.
 *
 * Keeps two arrays and swaps them, so that a task posted in a turn runs in the next one and posting allocates nothing.
 * What a task that throws leads to is the reactor's. Invariant: a slot that was run holds no reference.
 */
import type { IVTask } from './types.js'

/** An array that grew beyond this is not kept. */
const MAX_KEPT = 16_384

/** First in, first out, one turn at a time. */
export class TaskQueue {
  #posted: (IVTask | undefined)[] = []
  #postedCount = 0
  #running: (IVTask | undefined)[] = []
  #runningCount = 0
  #next = 0

  /** The number of tasks posted for the next turn. */
  get postedCount(): number {
    return this.#postedCount
  }

  /** Adds a task for the next turn. */
  push(task: IVTask): void {
    this.#posted[this.#postedCount++] = task
  }

  /** Makes what was posted the tasks of this turn. Those of the turn before must have been run or cleared. */
  beginTurn(): void {
    const empty = this.#running
    this.#running = this.#posted
    this.#runningCount = this.#postedCount
    this.#next = 0
    this.#posted = empty.length > MAX_KEPT ? [] : empty
    this.#postedCount = 0
  }

  /** Runs the tasks of this turn. One that throws ends `run`, which can be called again to go on behind it. */
  run(): void {
    const tasks = this.#running
    while (this.#next < this.#runningCount) {
      const index = this.#next++
      const task = tasks[index] as IVTask
      tasks[index] = undefined
      task.runTask()
    }
  }

  /** Drops all tasks, those of the running turn too. */
  clear(): void {
    this.#posted = []
    this.#postedCount = 0
    this.#running = []
    this.#runningCount = 0
    this.#next = 0
  }
}
