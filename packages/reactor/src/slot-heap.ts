/**
 * A heap of slots by due time and order.
 *
 * Decides which of its slots comes first, with insertion and removal in O(log n). Invariant: `#positionOf[slot]` is where
 * the heap has the slot, so that removal needs no search.
 */
import { NO_SLOT, resized, type TimerSlots } from './timer-slots.js'

/** Each node has four children: a flatter heap than one of two, whose siblings share a line of the cache. */
const ARITY_SHIFT = 2

/** A heap of slots. */
export class SlotHeap {
  readonly #slots: TimerSlots
  #size = 0
  #slotAt: Int32Array
  #dueAt: Float64Array
  #positionOf: Int32Array

  constructor(slots: TimerSlots) {
    this.#slots = slots
    this.#slotAt = new Int32Array(slots.capacity)
    this.#dueAt = new Float64Array(slots.capacity)
    this.#positionOf = new Int32Array(slots.capacity)
  }

  /** The slot that comes first; `NO_SLOT` if there is none. */
  get first(): number {
    return this.#size === 0 ? NO_SLOT : (this.#slotAt[0] as number)
  }

  /** Inserts a slot, of which due time and order are set. */
  insert(slot: number): void {
    const position = this.#size++
    this.#put(position, slot, this.#slots.dueAt[slot] as number)
    this.#siftUp(position)
  }

  /** Removes a slot that the heap holds. */
  remove(slot: number): void {
    const position = this.#positionOf[slot] as number
    const last = --this.#size
    if (position === last) return
    // The last one fills the hole, which may be too high or too low for it.
    this.#put(position, this.#slotAt[last] as number, this.#dueAt[last] as number)
    if (this.#siftUp(position) === position) this.#siftDown(position)
  }

  /** Removes all slots. */
  clear(): void {
    this.#size = 0
  }

  /** Follows the capacity of the slots. */
  resize(capacity: number): void {
    this.#slotAt = resized(this.#slotAt, new Int32Array(capacity))
    this.#dueAt = resized(this.#dueAt, new Float64Array(capacity))
    this.#positionOf = resized(this.#positionOf, new Int32Array(capacity))
  }

  /** Moves what is at `start` up to where it belongs, and returns where that is. */
  #siftUp(start: number): number {
    const slot = this.#slotAt[start] as number
    const dueAt = this.#dueAt[start] as number
    let position = start
    while (position > 0) {
      const parent = (position - 1) >> ARITY_SHIFT
      if (!this.#isBefore(slot, dueAt, parent)) break
      this.#put(position, this.#slotAt[parent] as number, this.#dueAt[parent] as number)
      position = parent
    }
    if (position !== start) this.#put(position, slot, dueAt)
    return position
  }

  /** Moves what is at `start` down to where it belongs. */
  #siftDown(start: number): void {
    const slot = this.#slotAt[start] as number
    const dueAt = this.#dueAt[start] as number
    let position = start
    for (;;) {
      const child = this.#firstChild(position)
      if (child === -1 || this.#isBefore(slot, dueAt, child)) break
      this.#put(position, this.#slotAt[child] as number, this.#dueAt[child] as number)
      position = child
    }
    if (position !== start) this.#put(position, slot, dueAt)
  }

  /** The position of the child that comes first; -1 if there is no child. */
  #firstChild(position: number): number {
    let best = (position << ARITY_SHIFT) + 1
    if (best >= this.#size) return -1
    const end = Math.min(best + (1 << ARITY_SHIFT), this.#size)
    let bestDueAt = this.#dueAt[best] as number
    for (let child = best + 1; child < end; child += 1) {
      const dueAt = this.#dueAt[child] as number
      if (dueAt > bestDueAt || !this.#isBefore(this.#slotAt[child] as number, dueAt, best)) continue
      best = child
      bestDueAt = dueAt
    }
    return best
  }

  #isBefore(slot: number, dueAt: number, position: number): boolean {
    const other = this.#dueAt[position] as number
    if (dueAt !== other) return dueAt < other
    const order = this.#slots.order
    return (order[slot] as number) < (order[this.#slotAt[position] as number] as number)
  }

  #put(position: number, slot: number, dueAt: number): void {
    this.#dueAt[position] = dueAt
    this.#slotAt[position] = slot
    this.#positionOf[slot] = position
  }
}
