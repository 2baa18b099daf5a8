/**
 * Which sequence numbers have been seen.
 *
 * Decides whether a number is new, among so many of the last ones as the window holds. Invariant: a number is new once at
 * most; memory does not grow.
 */

const DEFAULT_NUMBERS = 4_096

/** The numbers that were seen last. */
export class ReplayWindow {
  readonly #seen: Uint32Array
  #highest = 0

  constructor(numbers: number = DEFAULT_NUMBERS) {
    this.#seen = new Uint32Array(numbers)
  }

  /** Notes a number from 1 on; false if it was seen before, or is older than all that are remembered. */
  accept(number: number): boolean {
    const size = this.#seen.length
    if (number < 1 || number + size <= this.#highest) return false
    const place = number % size
    if (this.#seen[place] === number) return false
    this.#seen[place] = number
    this.#highest = Math.max(this.#highest, number)
    return true
  }
}
