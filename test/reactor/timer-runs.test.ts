/**
 * The parts of the timer heap by themselves: the heap of slots, the runs, the slots.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SlotHeap } from '../../packages/reactor/src/slot-heap.js'
import { TimerRuns } from '../../packages/reactor/src/timer-runs.js'
import { NO_SLOT, TimerSlots } from '../../packages/reactor/src/timer-slots.js'

/** What heap and runs have in common. */
interface Container {
  readonly first: number
  insert(slot: number): unknown
  remove(slot: number): void
}

/** Removes all slots, first to last, and returns their due times and orders. */
function drain(container: Container, slots: TimerSlots): (readonly [number, number])[] {
  const drained: (readonly [number, number])[] = []
  for (let slot = container.first; slot !== NO_SLOT; slot = container.first) {
    drained.push([slots.dueAt[slot] ?? Number.NaN, slots.order[slot] ?? Number.NaN])
    container.remove(slot)
    slots.free(slot)
  }
  return drained
}

function inOrder(keys: readonly (readonly [number, number])[]): (readonly [number, number])[] {
  return keys.toSorted(([dueAt, order], [otherDueAt, otherOrder]) => dueAt - otherDueAt || order - otherOrder)
}

describe('SlotHeap', () => {
  it('gives its slots in order, whichever of them were removed before', () => {
    const dueAts = fc.array(fc.integer({ min: 0, max: 500 }), { minLength: 20, maxLength: 60 })
    fc.assert(
      fc.property(dueAts, fc.infiniteStream(fc.nat()), (times, picks) => {
        const slots = new TimerSlots()
        const heap = new SlotHeap(slots)
        const held = times.map((dueAt) => slots.take(dueAt))
        for (const slot of held) heap.insert(slot)
        for (let removals = times.length / 2; removals > 0; removals -= 1) {
          const [slot] = held.splice(picks.next().value % held.length, 1)
          heap.remove(slot ?? NO_SLOT)
        }
        const expected = inOrder(held.map((slot) => [slots.dueAt[slot] ?? 0, slots.order[slot] ?? 0]))
        expect(drain(heap, slots)).toEqual(expected)
      }),
      { numRuns: 500 },
    )
  })
})

describe('TimerRuns', () => {
  it('gives what it took in order, and takes all that comes in order', () => {
    const dueAts = fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 80 })
    fc.assert(
      fc.property(dueAts, fc.infiniteStream(fc.nat()), (times, picks) => {
        const slots = new TimerSlots()
        const runs = new TimerRuns(slots)
        const held: number[] = []
        for (const dueAt of times) {
          const slot = slots.take(dueAt)
          if (slots.capacity > 64) runs.resize(slots.capacity)
          if (runs.insert(slot)) held.push(slot)
          expect(runs.holds(slot)).toBe(held.at(-1) === slot)
          if (picks.next().value % 3 === 0 && held.length > 0) {
            const [removed] = held.splice(picks.next().value % held.length, 1)
            runs.remove(removed ?? NO_SLOT)
          }
        }
        const expected = inOrder(held.map((slot) => [slots.dueAt[slot] ?? 0, slots.order[slot] ?? 0]))
        expect(drain(runs, slots)).toEqual(expected)
      }),
      { numRuns: 500 },
    )
  })

  it('takes time-outs of as many lengths as there are runs, in any mixture', () => {
    const slots = new TimerSlots()
    const runs = new TimerRuns(slots)
    let refused = 0
    for (let now = 0; now < 200; now += 1) {
      for (let length = 1; length <= 30; length += 1) {
        const slot = slots.take(now + 1000 * ((length * 7) % 31))
        runs.resize(slots.capacity)
        if (!runs.insert(slot)) refused += 1
      }
    }
    expect(refused).toBe(0)
  })

  it('refuses what comes before the end of every run, and takes it again once there is an empty one', () => {
    const slots = new TimerSlots()
    const runs = new TimerRuns(slots)
    const falling = Array.from({ length: 60 }, (_, index) => slots.take(100 - index))
    const taken = falling.filter((slot) => runs.insert(slot))
    expect(taken.length).toBeLessThan(60)
    expect(taken.length).toBeGreaterThan(8)
    runs.remove(taken[3] ?? NO_SLOT)
    expect(runs.insert(slots.take(-5))).toBe(true)
    expect(runs.insert(slots.take(-6))).toBe(false)
    runs.clear()
    expect(runs.first).toBe(NO_SLOT)
    expect(runs.insert(slots.take(-7))).toBe(true)
  })
})

describe('TimerSlots', () => {
  it('gives each slot to one at a time', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 3 }), { maxLength: 400 }), (actions) => {
        const slots = new TimerSlots()
        const held: number[] = []
        for (const action of actions) {
          if (action > 0 || held.length === 0) {
            const slot = slots.take(action)
            expect(held).not.toContain(slot)
            held.push(slot)
          } else slots.free(held.shift() ?? NO_SLOT)
          expect(slots.used).toBe(held.length)
          expect(slots.capacity).toBeGreaterThanOrEqual(held.length)
        }
      }),
    )
  })

  it('gives memory back when it was not needed for long, and not between loads that come and go', () => {
    const slots = new TimerSlots()
    const burst = (count: number): void => {
      const held = Array.from({ length: count }, () => slots.take(0))
      for (const slot of held) slots.free(slot)
    }
    burst(10_000)
    const grown = slots.capacity
    for (let times = 0; times < 20; times += 1) {
      burst(10_000)
      burst(100)
    }
    expect(slots.capacity).toBe(grown)
    for (let times = 0; times < 100_000; times += 1) burst(2)
    expect(slots.capacity).toBeLessThan(grown / 8)
    burst(1000)
    expect(slots.used).toBe(0)
  })
})
