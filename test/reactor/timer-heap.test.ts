/**
 * The heap of due times against a sorted list.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HeapEntry, TimerHeap } from '../../packages/reactor/src/timer-heap.js'

class Entry extends HeapEntry {
  readonly id: number

  constructor(id: number) {
    super()
    this.id = id
  }
}

/** The naive model: a list in the order in which entries are to come out. */
class SortedList {
  readonly #held: { entry: Entry; dueAt: number; order: number }[] = []
  #inserted = 0

  insert(entry: Entry, dueAt: number): void {
    this.#held.push({ entry, dueAt, order: ++this.#inserted })
    this.#held.sort((left, right) => left.dueAt - right.dueAt || left.order - right.order)
  }

  remove(entry: Entry): void {
    const at = this.#held.findIndex((held) => held.entry === entry)
    this.#held.splice(at, 1)
  }

  popDue(now: number, inserted: number): Entry | undefined {
    const first = this.#held[0]
    if (first === undefined || first.dueAt > now || first.order > inserted) return undefined
    return this.#held.shift()?.entry
  }

  get entries(): Entry[] {
    return this.#held.map((held) => held.entry)
  }

  get nextDueAt(): number {
    return this.#held[0]?.dueAt ?? Number.POSITIVE_INFINITY
  }
}

type Operation =
  | { readonly kind: 'insert'; readonly dueAt: number }
  | { readonly kind: 'remove' | 'move'; readonly which: number; readonly dueAt: number }
  | { readonly kind: 'pop'; readonly now: number; readonly lately: number }
  | { readonly kind: 'clear' }

/** Few different times, so that many are equal. */
const dueAts = fc.oneof(
  fc.integer({ min: 0, max: 12 }),
  fc.constant(Number.POSITIVE_INFINITY),
  fc.double({ min: 0, max: 12, noNaN: true }),
)

const operations: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('insert' as const), dueAt: dueAts }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('remove' as const), which: fc.nat(), dueAt: dueAts }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('move' as const), which: fc.nat(), dueAt: dueAts }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('pop' as const), now: dueAts, lately: fc.nat({ max: 2 }) }),
  },
)

/** Does the same to heap and model and compares what they say. */
function step(heap: TimerHeap<Entry>, model: SortedList, operation: Operation, id: number): void {
  switch (operation.kind) {
    case 'insert': {
      const entry = new Entry(id)
      heap.insert(entry, operation.dueAt)
      model.insert(entry, operation.dueAt)
      return
    }
    case 'pop': {
      const inserted = heap.inserted - operation.lately
      const popped = heap.popDue(operation.now, inserted)
      expect(popped?.id).toBe(model.popDue(operation.now, inserted)?.id)
      if (popped !== undefined) expect(TimerHeap.holds(popped)).toBe(false)
      return
    }
    case 'clear':
      expect(new Set(heap.clear())).toEqual(new Set(model.entries))
      for (const entry of model.entries) model.remove(entry)
      return
    default: {
      const entry = model.entries[operation.which % Math.max(model.entries.length, 1)]
      if (entry === undefined) return
      heap.remove(entry)
      model.remove(entry)
      expect(TimerHeap.holds(entry)).toBe(false)
      if (operation.kind === 'remove') return
      heap.insert(entry, operation.dueAt)
      model.insert(entry, operation.dueAt)
    }
  }
}

describe('TimerHeap', () => {
  it('does what a sorted list does, whatever is inserted, removed, moved and popped', () => {
    fc.assert(
      fc.property(fc.nat({ max: 60 }), fc.array(operations, { maxLength: 300 }), (falling, sequence) => {
        const heap = new TimerHeap<Entry>()
        const model = new SortedList()
        // Times that fall: each begins a run of its own until there is none left, and the rest goes to the heap.
        for (let index = 0; index < falling; index += 1) {
          step(heap, model, { kind: 'insert', dueAt: 10 - index / 5 }, -index)
        }
        sequence.forEach((operation, id) => {
          step(heap, model, operation, id)
          expect(heap.size).toBe(model.entries.length)
          expect(heap.nextDueAt).toBe(model.nextDueAt)
        })
        const rest = model.entries.map((entry) => entry.id)
        const popped = rest.map(() => heap.popDue(Number.POSITIVE_INFINITY, heap.inserted)?.id)
        expect(popped).toEqual(rest)
      }),
      { numRuns: 500 },
    )
  })

  it('gives back all it held when cleared, and starts anew', () => {
    const heap = new TimerHeap<Entry>()
    const entries = Array.from({ length: 300 }, (_, id) => new Entry(id))
    for (const entry of entries) heap.insert(entry, entry.id % 7)
    heap.remove(entries[5] as Entry)
    expect(new Set(heap.clear())).toEqual(new Set(entries.filter((entry) => entry.id !== 5)))
    expect(heap.size).toBe(0)
    expect(entries.some((entry) => TimerHeap.holds(entry))).toBe(false)
    for (const entry of entries) heap.insert(entry, -entry.id)
    expect(heap.popDue(0, heap.inserted)?.id).toBe(299)
    expect(heap.size).toBe(299)
  })

  it('does not hold what was inserted after the mark that popDue is given', () => {
    const heap = new TimerHeap<Entry>()
    heap.insert(new Entry(1), 5)
    const mark = heap.inserted
    heap.insert(new Entry(2), 5)
    expect(heap.popDue(5, mark)?.id).toBe(1)
    expect(heap.popDue(5, mark)).toBeUndefined()
    expect(heap.popDue(5, heap.inserted)?.id).toBe(2)
  })

  it('holds a million entries and removes each out of order, which a search for each would never get done', () => {
    const heap = new TimerHeap<Entry>()
    const entries: Entry[] = []
    for (let id = 0; id < 1_000_000; id += 1) {
      const entry = new Entry(id)
      entries.push(entry)
      // Scattered over a million times by a multiplier that shares no factor with them.
      heap.insert(entry, (id * 104_729) % 1_000_000)
    }
    expect(heap.nextDueAt).toBe(0)
    for (let id = 0; id < 1_000_000; id += 1) heap.remove(entries[(id * 7919) % 1_000_000] as Entry)
    expect(heap.size).toBe(0)
    expect(heap.nextDueAt).toBe(Number.POSITIVE_INFINITY)
  })
})
