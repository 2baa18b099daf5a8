/**
 * Fairness among ready handlers.
 */
import { VReactor } from '@vio/reactor'
import { VirtualHost } from '@vio/reactor/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ReadySet } from '../../packages/reactor/src/ready-set.js'
import { Recorder, virtualReactor } from './support.js'

/** A watch whose readiness a test sets. */
class Watch {
  ready = true
  closed = false
  onReady: () => void = () => undefined

  close(): void {
    this.closed = true
  }
}

/** A host that, like one on real time, leaves it to the clock when a wake has had enough turns. */
class ManyTurns extends VirtualHost {
  override readonly turnsPerWake = 1000
}

describe('a reactor with more ready handlers than a turn calls', () => {
  it('calls them in rotation, and timers and tasks between them', () => {
    const { host, reactor } = virtualReactor()
    const fd = host.openDescriptor()
    host.setReady(fd, 'read', true)
    const handlers = Array.from({ length: 200 }, () => new Recorder(fd))
    for (const handler of handlers) reactor.addReader(handler)
    const readsAtTurn: number[] = []
    const total = (): number => handlers.reduce((sum, handler) => sum + handler.reads, 0)
    let calls = 0
    const count = {
      runTask: () => {
        readsAtTurn.push(total())
        if (readsAtTurn.length < 100) reactor.post(count)
      },
    }
    reactor.post(count)
    reactor.schedule(0, function again() {
      calls += 1
      reactor.schedule(0, again)
    })
    reactor.start()
    host.runUntil(() => readsAtTurn.length === 100)
    expect(readsAtTurn[0]).toBeLessThan(200)
    // All were called equally often, give or take the round that is not finished.
    const reads = handlers.map((handler) => handler.reads)
    expect(Math.max(...reads) - Math.min(...reads)).toBeLessThanOrEqual(1)
    expect(Math.min(...reads)).toBeGreaterThan(10)
    expect(calls).toBeGreaterThanOrEqual(99)
  })

  it('goes on with a handler that turns ready while others never stop', () => {
    const { host, reactor } = virtualReactor()
    const greedy = host.openDescriptor()
    const modest = host.openDescriptor()
    host.setReady(greedy, 'read', true)
    for (let index = 0; index < 100; index += 1) reactor.addReader(new Recorder(greedy))
    const handler = new Recorder(modest)
    handler.onRead = () => host.setReady(modest, 'read', false)
    reactor.addReader(handler)
    reactor.start()
    host.runUntil(() => host.steps > 10)
    host.setReady(modest, 'read', true)
    const before = host.steps
    host.runUntil(() => handler.reads === 1)
    expect(host.steps - before).toBeLessThanOrEqual(3)
  })

  it('leaves the rest of the work to later wakes when a handler takes long', () => {
    const host = new ManyTurns()
    const reactor = new VReactor({ host, logWatcher: null })
    const fd = host.openDescriptor()
    host.setReady(fd, 'read', true)
    const handler = new Recorder(fd)
    handler.onRead = () => host.elapse(5)
    reactor.addReader(handler)
    reactor.start()
    host.runUntil(() => handler.reads >= 3)
    expect(host.steps).toBe(handler.reads)
  })
})

describe('a reactor with many long tasks', () => {
  it('leaves further turns to later wakes', () => {
    const host = new ManyTurns()
    const reactor = new VReactor({ host, logWatcher: null })
    let turns = 0
    const task = { runTask: () => host.elapse(0.1) }
    const post = (): void => {
      for (let index = 0; index < 50; index += 1) reactor.post(task)
    }
    const count = {
      runTask: () => {
        turns += 1
        if (turns < 3) post()
        if (turns < 3) reactor.post(count)
      },
    }
    post()
    reactor.post(count)
    reactor.start()
    host.runUntilIdle()
    expect([turns, host.steps]).toEqual([3, 3])
  })
})

describe('ReadySet', () => {
  it('gives each ready handler once a round, whatever is added and removed meanwhile', () => {
    const action = fc.record({
      kind: fc.constantFrom('add', 'remove', 'ready', 'unready', 'round'),
      id: fc.nat({ max: 7 }),
    })
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const set = new ReadySet<number>(() => undefined)
        const watches = new Map<number, Watch>()
        for (const { kind, id } of actions) {
          const watch = watches.get(id)
          if (kind === 'add' && watch === undefined) {
            const added = new Watch()
            watches.set(id, added)
            set.register(id, (onReady) => {
              added.onReady = onReady
              return added
            })
          } else if (kind === 'remove') {
            expect(set.remove(id)).toBe(watch !== undefined)
            expect(watch?.closed ?? true).toBe(true)
            watches.delete(id)
          } else if (kind === 'ready' && watch !== undefined && !watch.ready) {
            watch.ready = true
            watch.onReady()
          } else if (kind === 'unready' && watch !== undefined) watch.ready = false
          else if (kind === 'round') {
            const seen = playRound(set)
            const expected = [...watches].filter(([, { ready }]) => ready).map(([known]) => known)
            expect([...seen].sort()).toEqual(expected.sort())
          }
          expect(set.handlers).toEqual([...watches.keys()])
          const anyReady = [...watches.values()].some(({ ready }) => ready)
          if (anyReady) expect(set.hasReady).toBe(true)
        }
      }),
    )
  })

  it('does not hear a watch that still calls after it was closed', () => {
    let told = 0
    const set = new ReadySet<number>(() => {
      told += 1
    })
    const watch = new Watch()
    watch.ready = false
    set.register(1, (onReady) => {
      watch.onReady = onReady
      return watch
    })
    set.remove(1)
    watch.ready = true
    watch.onReady()
    expect([set.hasReady, set.queuedCount, told]).toEqual([false, 0, 0])
  })

  it('does not grow by a handler that is removed and added over and over', () => {
    const set = new ReadySet<number>(() => undefined)
    for (let times = 0; times < 10_000; times += 1) {
      set.register(1, () => new Watch())
      set.remove(1)
    }
    expect(set.queuedCount).toBeLessThan(200)
    expect(set.hasReady).toBe(false)
  })
})

/** Calls what is queued now, as a turn does, and returns who was called. */
function playRound(set: ReadySet<number>): number[] {
  const seen: number[] = []
  for (let left = set.queuedCount; left > 0; left -= 1) {
    const entry = set.next()
    if (entry === undefined) continue
    seen.push(entry.handler)
    set.done(entry)
  }
  return seen
}
