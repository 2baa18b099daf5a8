/**
 * A heap of entries by due time.
 *
 * Decides which entry comes next: the earliest, and of equal times the one inserted first. Leaves to its owner what an
 * entry means and what the time is. Invariant: every held entry has a slot of its own for as long as it is held, and
 * `#positionOf[slot]` is where the heap has it, so that removal needs no search. The order is kept in typed arrays
 * alone: moving an entry within a heap of a million touches no object.
 */

/** What can be held by one `TimerHeap` at a time. */
export class HeapEntry {
  /** Where the heap keeps the entry; -1 while no heap holds it. */
  protected heapSlot = -1
}

const ARITY_SHIFT = 2
const FIRST_CAPACITY = 64

/** Holds entries by due time with insertion and removal in O(log n). */
export class TimerHeap<E extends HeapEntry> {
  #size = 0
  #capacity = FIRST_CAPACITY
  #inserted = 0

  // By position in the heap.
  #dueAt = new Float64Array(FIRST_CAPACITY)
  #slotAt = new Int32Array(FIRST_CAPACITY)

  // By slot. The slots from `#size` on in `#freeSlots` are those that nobody holds.
  #entries: (E | undefined)[] = []
  #order = new Float64Array(FIRST_CAPACITY)
  #positionOf = new Int32Array(FIRST_CAPACITY)
  #freeSlots = countUp(new Int32Array(FIRST_CAPACITY), 0)

  /** The number of entries held. */
  get size(): number {
    return this.#size
  }

  /** The earliest due time; `Infinity` if none. */
  get nextDueAt(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : (this.#dueAt[0] as number)
  }

  /** The number of insertions so far: a mark for `popDue`. */
  get inserted(): number {
    return this.#inserted
  }

  /** Whether this or another heap holds `entry`. */
  static holds(entry: HeapEntry): boolean {
    return entry['heapSlot'] !== -1
  }

  /** Inserts an entry that no heap holds. Equal due times come out in the order of insertion. */
  insert(entry: E, dueAt: number): void {
    if (this.#size === this.#capacity) this.#resize(this.#capacity * 2)
    const position = this.#size
    const slot = this.#freeSlots[position] as number
    this.#entries[slot] = entry
    entry['heapSlot'] = slot
    this.#order[slot] = ++this.#inserted
    this.#size += 1
    this.#put(position, slot, dueAt)
    this.#siftUp(position)
  }

  /** Removes an entry that this heap holds. */
  remove(entry: E): void {
    this.#removeAt(this.#positionOf[entry['heapSlot']] as number)
  }

  /** Removes and returns the first entry if it is due at `now` and was among the first `inserted` insertions. */
  popDue(now: number, inserted: number): E | undefined {
    if (this.#size === 0 || (this.#dueAt[0] as number) > now) return undefined
    const slot = this.#slotAt[0] as number
    if ((this.#order[slot] as number) > inserted) return undefined
    const entry = this.#entries[slot]
    this.#removeAt(0)
    return entry
  }

  /** Removes all entries and returns them in no particular order. */
  clear(): E[] {
    const all: E[] = []
    for (const entry of this.#entries) {
      if (entry === undefined) continue
      entry['heapSlot'] = -1
      all.push(entry)
    }
    this.#size = 0
    this.#entries = []
    this.#resize(FIRST_CAPACITY)
    countUp(this.#freeSlots, 0)
    return all
  }

  #removeAt(position: number): void {
    const slot = this.#slotAt[position] as number
    const entry = this.#entries[slot] as E
    entry['heapSlot'] = -1
    this.#entries[slot] = undefined
    const last = --this.#size
    this.#freeSlots[last] = slot
    if (position === last) return
    // The last one fills the hole, which may be too high or too low for it.
    this.#put(position, this.#slotAt[last] as number, this.#dueAt[last] as number)
    if (this.#siftUp(position) === position) this.#siftDown(position)
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
    let bestSlot = this.#slotAt[best] as number
    let bestDueAt = this.#dueAt[best] as number
    for (let child = best + 1; child < end; child += 1) {
      const dueAt = this.#dueAt[child] as number
      if (dueAt > bestDueAt) continue
      const slot = this.#slotAt[child] as number
      if (dueAt === bestDueAt && (this.#order[slot] as number) > (this.#order[bestSlot] as number)) continue
      best = child
      bestSlot = slot
      bestDueAt = dueAt
    }
    return best
  }

  #isBefore(slot: number, dueAt: number, position: number): boolean {
    const other = this.#dueAt[position] as number
    if (dueAt !== other) return dueAt < other
    return (this.#order[slot] as number) < (this.#order[this.#slotAt[position] as number] as number)
  }

  #put(position: number, slot: number, dueAt: number): void {
    this.#dueAt[position] = dueAt
    this.#slotAt[position] = slot
    this.#positionOf[slot] = position
  }

  #resize(capacity: number): void {
    this.#dueAt = resized(this.#dueAt, new Float64Array(capacity))
    this.#slotAt = resized(this.#slotAt, new Int32Array(capacity))
    this.#order = resized(this.#order, new Float64Array(capacity))
    this.#positionOf = resized(this.#positionOf, new Int32Array(capacity))
    this.#freeSlots = countUp(resized(this.#freeSlots, new Int32Array(capacity)), this.#capacity)
    this.#capacity = capacity
  }
}

/** Copies what fits of `from` to `to`, and returns `to`. */
function resized<T extends Float64Array | Int32Array>(from: T, to: T): T {
  to.set(from.length <= to.length ? from : (from.subarray(0, to.length) as T))
  return to
}

/** Sets each element from `start` on to its own index. */
function countUp(slots: Int32Array, start: number): Int32Array {
  for (let index = start; index < slots.length; index += 1) slots[index] = index
  return slots
}
