/**
 * The numbers that stand for timers, and what is known of each: due time and order.
 *
 * A timer that is held has a slot, a small number of its own; heap and runs move slots about in typed arrays and touch no
 * object. Leaves the order of slots to them. Invariant: a slot is given out again only after it was freed.
 */

/** No slot. */
export const NO_SLOT = -1

const FIRST_CAPACITY = 64

/** Gives out slots and keeps due time and order of each. */
export class TimerSlots {
  #capacity = FIRST_CAPACITY
  #used = 0
  #given = 0
  /** The order at which a good part of the slots was last in use. */
  #busyAt = 0
  /** The slots from `#used` on are free. */
  #free = countUp(new Int32Array(FIRST_CAPACITY), 0)
  #dueAt = new Float64Array(FIRST_CAPACITY)
  #order = new Float64Array(FIRST_CAPACITY)

  /** How many slots there can be before the arrays grow; whoever keeps arrays by slot keeps them at this length. */
  get capacity(): number {
    return this.#capacity
  }

  /** The number of slots in use. */
  get used(): number {
    return this.#used
  }

  /** How many slots were ever given out: the order of the latest one. */
  get given(): number {
    return this.#given
  }

  /** The due time of each slot. */
  get dueAt(): Float64Array {
    return this.#dueAt
  }

  /** The order of each slot: of equal due times the lower one comes first. */
  get order(): Float64Array {
    return this.#order
  }

  /** Gives out a slot. */
  take(dueAt: number): number {
    if (this.#used === this.#capacity) this.#resize(this.#capacity * 2)
    const slot = this.#free[this.#used++] as number
    this.#dueAt[slot] = dueAt
    this.#order[slot] = ++this.#given
    if (this.#used * 4 > this.#capacity) this.#busyAt = this.#given
    return slot
  }

  /** Takes a slot back. Returns true if the arrays have shrunk, which they do only when no slot is in use. */
  free(slot: number): boolean {
    this.#free[--this.#used] = slot
    return this.#used === 0 && this.#shrinkIfLarge()
  }

  /** Takes all slots back. */
  clear(): void {
    this.#used = 0
    this.#resize(FIRST_CAPACITY)
  }

  /** Whether slot `left` comes before slot `right`. */
  isBefore(left: number, right: number): boolean {
    const leftDueAt = this.#dueAt[left] as number
    const rightDueAt = this.#dueAt[right] as number
    if (leftDueAt !== rightDueAt) return leftDueAt < rightDueAt
    return (this.#order[left] as number) < (this.#order[right] as number)
  }

  /** Gives back half of the memory once it was not needed for so long that making it anew would not be felt. */
  #shrinkIfLarge(): boolean {
    if (this.#capacity === FIRST_CAPACITY || this.#given - this.#busyAt < 4 * this.#capacity) return false
    this.#resize(this.#capacity / 2)
    return true
  }

  #resize(capacity: number): void {
    const known = this.#used === 0 ? 0 : this.#capacity
    this.#dueAt = resized(this.#dueAt, new Float64Array(capacity))
    this.#order = resized(this.#order, new Float64Array(capacity))
    this.#free = countUp(resized(this.#free, new Int32Array(capacity)), known)
    this.#capacity = capacity
  }
}

/** Copies what fits of `from` to `to`, and returns `to`. */
export function resized<T extends Float64Array | Int32Array>(from: T, to: T): T {
  to.set(from.length <= to.length ? from : (from.subarray(0, to.length) as T))
  return to
}

/** Sets each element from `start` on to its own index. */
function countUp(slots: Int32Array, start: number): Int32Array {
  for (let index = start; index < slots.length; index += 1) slots[index] = index
  return slots
}
