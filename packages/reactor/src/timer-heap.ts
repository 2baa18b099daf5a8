/**
 * Entries by due time.
 *
 * Decides which entry comes next: the earliest, and of equal times the one inserted first. Entries that come in order are
 * kept in runs, the others in a heap, so that each operation takes O(log n) at most, and the time-outs of a few lengths
 * that most programs have take O(1). Leaves to its owner what an entry means and what the time is. Invariant: an entry
 * has a slot for exactly as long as it is held, and that slot is either in a run or in the heap.
 */
import { SlotHeap } from './slot-heap.js'
import { TimerRuns } from './timer-runs.js'
import { NO_SLOT, TimerSlots } from './timer-slots.js'

/** What can be held by one `TimerHeap` at a time. */
export class HeapEntry {
  /** Stands for the entry in the heap that holds it; -1 while none does. */
  protected heapSlot: number = NO_SLOT
}

/** Holds entries by due time. */
export class TimerHeap<E extends HeapEntry> {
  readonly #slots = new TimerSlots()
  readonly #runs = new TimerRuns(this.#slots)
  readonly #heap = new SlotHeap(this.#slots)
  #capacity = this.#slots.capacity
  #entries: (E | undefined)[] = []
  #firstSlot = NO_SLOT

  /** The number of entries held. */
  get size(): number {
    return this.#slots.used
  }

  /** The earliest due time; `Infinity` if none. */
  get nextDueAt(): number {
    return this.#firstSlot === NO_SLOT
      ? Number.POSITIVE_INFINITY
      : (this.#slots.dueAt[this.#firstSlot] as number)
  }

  /** The number of insertions so far: a mark for `popDue`. */
  get inserted(): number {
    return this.#slots.given
  }

  /** Whether this or another heap holds `entry`. */
  static holds(entry: HeapEntry): boolean {
    return entry['heapSlot'] !== NO_SLOT
  }

  /** Inserts an entry that no heap holds. Equal due times come out in the order of insertion. */
  insert(entry: E, dueAt: number): void {
    const slot = this.#slots.take(dueAt)
    if (this.#slots.capacity !== this.#capacity) this.#resize()
    this.#entries[slot] = entry
    entry['heapSlot'] = slot
    if (!this.#runs.insert(slot)) this.#heap.insert(slot)
    if (this.#firstSlot === NO_SLOT || this.#slots.isBefore(slot, this.#firstSlot)) this.#firstSlot = slot
  }

  /** Removes an entry that this heap holds. */
  remove(entry: E): void {
    const slot = entry['heapSlot']
    entry['heapSlot'] = NO_SLOT
    this.#entries[slot] = undefined
    if (this.#runs.holds(slot)) this.#runs.remove(slot)
    else this.#heap.remove(slot)
    if (slot === this.#firstSlot) this.#findFirst()
    if (this.#slots.free(slot)) this.#resize()
  }

  /** Removes and returns the first entry if it is due at `now` and was among the first `inserted` insertions. */
  popDue(now: number, inserted: number): E | undefined {
    const slot = this.#firstSlot
    if (slot === NO_SLOT || (this.#slots.dueAt[slot] as number) > now) return undefined
    if ((this.#slots.order[slot] as number) > inserted) return undefined
    const entry = this.#entries[slot] as E
    this.remove(entry)
    return entry
  }

  /** Removes all entries and returns them in no particular order. */
  clear(): E[] {
    const all = this.#entries.filter((entry) => entry !== undefined)
    for (const entry of all) entry['heapSlot'] = NO_SLOT
    this.#entries = []
    this.#firstSlot = NO_SLOT
    this.#runs.clear()
    this.#heap.clear()
    this.#slots.clear()
    this.#resize()
    return all
  }

  #findFirst(): void {
    const inRun = this.#runs.first
    const inHeap = this.#heap.first
    const heapFirst = inRun === NO_SLOT || (inHeap !== NO_SLOT && this.#slots.isBefore(inHeap, inRun))
    this.#firstSlot = heapFirst ? inHeap : inRun
  }

  #resize(): void {
    this.#capacity = this.#slots.capacity
    this.#runs.resize(this.#capacity)
    this.#heap.resize(this.#capacity)
    if (this.#entries.length > this.#capacity) this.#entries.length = this.#capacity
  }
}
