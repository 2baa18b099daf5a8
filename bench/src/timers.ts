/**
 * Timed calls of the reactor beside Node's own timers.
 *
 * Three loads: a time-out that is taken back at once, as each request of a server has one; a million that are pending at
 * the same time and are then taken back; and a hundred thousand that fire. Both sides get the same delays in the same
 * order. What fires counts itself, and what was taken back stops the process if it fires after all.
 */
import { VReactor } from '@vio/reactor'
import type { Bench, BenchSubject } from './harness.js'

const PENDING = 1_000_000
const FIRING = 100_000

/** Long enough that nothing of it fires in time. */
const FAR_MS = 3_600_000

/** Due times of what fires are spread over this many milliseconds, out of order. */
const SPREAD_MS = 20

/** What a kind of timer offers: the same two functions for both sides. */
interface Timers<T> {
  readonly name: string
  readonly set: (fn: () => void, delayMs: number) => T
  readonly clear: (timer: T) => void
}

function failIfCalled(): void {
  throw new Error('a call fired that was taken back')
}

function spreadMs(index: number): number {
  return 1 + ((index * 7919) % SPREAD_MS)
}

function setAndClear<T>(timers: Timers<T>): number {
  for (let index = 0; index < PENDING; index += 1) timers.clear(timers.set(failIfCalled, FAR_MS))
  return PENDING
}

function setAllThenClearAll<T>(timers: Timers<T>): number {
  const pending: T[] = []
  for (let index = 0; index < PENDING; index += 1) pending.push(timers.set(failIfCalled, FAR_MS))
  for (const timer of pending) timers.clear(timer)
  return pending.length
}

function fire<T>(timers: Timers<T>): Promise<number> {
  return new Promise((resolve) => {
    let fired = 0
    const count = (): void => {
      fired += 1
      if (fired === FIRING) resolve(fired)
    }
    for (let index = 0; index < FIRING; index += 1) timers.set(count, spreadMs(index))
  })
}

function subjectsOf<T>(timers: Timers<T>): BenchSubject[] {
  const unit = 'calls/s'
  return [
    { subject: `${timers.name}: one at a time`, unit, load: PENDING, run: () => setAndClear(timers) },
    { subject: `${timers.name}: all pending`, unit, load: PENDING, run: () => setAllThenClearAll(timers) },
    { subject: `${timers.name}: firing`, unit, load: FIRING, run: () => fire(timers) },
  ]
}

/** The bench of timed calls. */
export const bench: Bench = {
  name: 'timers',
  what: 'scheduling and taking back a million calls, firing a hundred thousand',
  subjects: () => {
    const reactor = new VReactor()
    reactor.start()
    return [
      ...subjectsOf({
        name: 'reactor',
        set: (fn, delayMs) => reactor.schedule(delayMs, fn),
        clear: (call) => call.cancel(),
      }),
      ...subjectsOf({ name: 'node', set: setTimeout, clear: clearTimeout }),
    ]
  },
  ratios: [
    { key: 'one_at_a_time_vs_node', of: 'reactor: one at a time', over: 'node: one at a time' },
    { key: 'all_pending_vs_node', of: 'reactor: all pending', over: 'node: all pending' },
    { key: 'firing_vs_node', of: 'reactor: firing', over: 'node: firing' },
  ],
}
