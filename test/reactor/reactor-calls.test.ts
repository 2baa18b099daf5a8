/**
 * Calls at a time, calls in a group, calls from inside and outside, and tasks.
 */
import { VReactor, VScheduledCall } from '@vio/reactor'
import { VirtualHost } from '@vio/reactor/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { collectGarbage, Recorder, virtualReactor } from './support.js'

describe('callWhenRunning', () => {
  it('is a call with no delay, and gives back its reference [VE-S02]', () => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    const seen: unknown[] = []
    const call = reactor.callWhenRunning((...args: unknown[]) => seen.push(...args), 1, 'two')
    expect(call).toBeInstanceOf(VScheduledCall)
    expect(call.scheduledAt).toBe(host.now())
    expect(seen).toEqual([])
    host.runUntilIdle()
    expect(seen).toEqual([1, 'two'])
  })

  it('waits for the start when called before it, and runs in order [VE-S02]', () => {
    const { host, reactor } = virtualReactor()
    const ran: string[] = []
    reactor.callWhenRunning(() => ran.push('first'))
    reactor.schedule(0, () => ran.push('second'))
    host.advance(50)
    expect(ran).toEqual([])
    reactor.start()
    host.runUntilIdle()
    expect(ran).toEqual(['first', 'second'])
  })
})

describe('schedule', () => {
  it('calls never before its time, in order of time, equal times in order of scheduling [VE-S03]', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -3, max: 20 }), { maxLength: 60 }), (delays) => {
        const { host, reactor } = virtualReactor()
        reactor.start()
        const ran: { index: number; at: number }[] = []
        delays.forEach((delayMs, index) => {
          reactor.schedule(delayMs, () => ran.push({ index, at: host.now() }))
        })
        host.advance(30)
        const dueAt = delays.map((delayMs) => Math.max(delayMs, 0))
        const order = [...delays.keys()].sort((a, b) => (dueAt[a] ?? 0) - (dueAt[b] ?? 0) || a - b)
        expect(ran).toEqual(order.map((index) => ({ index, at: dueAt[index] })))
      }),
    )
  })

  it('takes a negative delay as none [VE-S03]', () => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    const ran: string[] = []
    reactor.schedule(0, () => ran.push('zero'))
    reactor.schedule(-100, () => ran.push('negative'))
    host.runUntilIdle()
    expect(ran).toEqual(['zero', 'negative'])
  })

  it('does not call early on a host whose alarm comes early [VE-S03]', () => {
    let now = 0
    let alarmAt = Number.POSITIVE_INFINITY
    let wake = (): void => undefined
    const reactor = new VReactor({
      host: {
        now: () => now,
        bind: (fn) => {
          wake = fn
        },
        wakeAt: (dueAt) => {
          alarmAt = dueAt
        },
        post: () => undefined,
        watch: () => ({ ready: false, close: () => undefined }),
        keepAlive: () => undefined,
      },
      logWatcher: null,
    })
    const ranAt: number[] = []
    reactor.start()
    reactor.schedule(10, () => ranAt.push(now))
    wake()
    expect(alarmAt).toBe(10)
    for (const early of [9.2, 9.9, 9.999]) {
      now = early
      alarmAt = Number.POSITIVE_INFINITY
      wake()
      expect(ranAt).toEqual([])
      expect(alarmAt).toBe(10)
    }
    now = 10
    wake()
    expect(ranAt).toEqual([10])
  })

  it('logs a call that throws, with its trace, and makes the others [VE-S03]', () => {
    const { host, reactor, logged } = virtualReactor()
    reactor.start()
    const ran: string[] = []
    const error = new Error('on purpose')
    reactor.schedule(1, () => {
      throw error
    })
    reactor.schedule(1, () => ran.push('other'))
    reactor.schedule(2, () => ran.push('later'))
    host.advance(5)
    expect(ran).toEqual(['other', 'later'])
    expect(logged).toEqual([{ atMs: 1, level: 40, prefix: '', message: 'scheduled call failed', error }])
    expect(error.stack).toContain('reactor-calls.test')
  })

  it('handles what is ready before what is due, and tasks last [VE-S03]', () => {
    const { host, reactor } = virtualReactor()
    const order: string[] = []
    const fd = host.openDescriptor()
    const handler = new Recorder(fd)
    handler.onRead = () => order.push('read')
    handler.onWrite = () => order.push('write')
    reactor.addReader(handler)
    reactor.addWriter(handler)
    reactor.start()
    reactor.schedule(5, () => order.push('due'))
    host.runUntilIdle()
    host.elapse(5)
    reactor.post({ runTask: () => order.push('task') })
    host.setReady(fd, 'read', true)
    host.setReady(fd, 'write', true)
    host.runUntil(() => order.includes('task'))
    expect(order).toEqual(['write', 'read', 'due', 'task'])
  })

  it('leaves what is scheduled in a turn, even for now, to the next turn', () => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    const turns: number[] = []
    const again = (left: number): void => {
      turns.push(host.steps)
      if (left > 0) reactor.callWhenRunning(again, left - 1)
    }
    reactor.callWhenRunning(again, 3)
    host.runUntilIdle()
    const first = turns[0] ?? 0
    expect(turns).toEqual([first, first + 1, first + 2, first + 3])
  })

  it('puts a call that is overdue when it is added behind what the turn has yet to call', () => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    const ran: string[] = []
    const overdue = new VScheduledCall(reactor, 5, () => ran.push(`overdue ${host.steps}`))
    reactor.schedule(10, () => {
      ran.push(`first ${host.steps}`)
      reactor.addCall(overdue)
    })
    reactor.schedule(10, () => ran.push(`second ${host.steps}`))
    host.runUntilIdle()
    const turn = host.steps + 1
    host.advance(10)
    expect(ran).toEqual([`first ${turn}`, `second ${turn}`, `overdue ${turn + 1}`])
  })

  it('wakes the host no more than needed: the alarm follows the earliest call', () => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    const late = reactor.schedule(100, () => undefined)
    const soon = reactor.schedule(10, () => undefined)
    host.runUntilIdle()
    expect(host.alarmAt).toBe(10)
    soon.cancel()
    host.runUntilIdle()
    expect(host.alarmAt).toBe(100)
    late.cancel()
    host.runUntilIdle()
    expect(host.alarmAt).toBe(Number.POSITIVE_INFINITY)
  })

  it('holds a million calls, and lets go of each [VE-S06]', () => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    let ran = 0
    const count = (): void => {
      ran += 1
    }
    const calls = Array.from({ length: 1_000_000 }, (_, index) => reactor.schedule(1 + (index % 997), count))
    calls.forEach((call, index) => {
      if (index % 1000 !== 0) call.cancel()
    })
    host.advance(1000)
    expect(ran).toBe(1000)
    expect(calls.some((call) => call.active)).toBe(false)
  })
})

describe('execute', () => {
  it('calls at once inside the reactor and gives the value [VE-S04]', () => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    const fd = host.openDescriptor()
    const values: unknown[] = []
    const here = (where: string): void => {
      values.push(reactor.execute((name: string) => `in ${name}`, where))
    }
    const handler = new Recorder(fd)
    handler.onRead = () => {
      here('reader')
      reactor.removeReader(handler)
    }
    host.setReady(fd, 'read', true)
    reactor.addReader(handler)
    reactor.callWhenRunning(here, 'call')
    reactor.post({ runTask: () => here('task') })
    host.runUntilIdle()
    expect(values).toEqual(['in reader', 'in call', 'in task'])
  })

  it('calls at once while the loop does not run [VE-S04]', () => {
    const { reactor } = virtualReactor()
    expect(reactor.execute((n: number) => n + 1, 1)).toBe(2)
    reactor.start()
    reactor.stop()
    expect(reactor.execute((n: number) => n + 1, 2)).toBe(3)
  })

  it('schedules from outside of a running reactor and gives the reference [VE-S04]', () => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    const seen: string[] = []
    const returned = reactor.execute((text: string) => seen.push(text), 'hello')
    expect(returned).toBeInstanceOf(VScheduledCall)
    expect(seen).toEqual([])
    host.runUntilIdle()
    expect(seen).toEqual(['hello'])
    reactor.execute(() => seen.push('again'))
    expect(seen).toEqual(['hello'])
  })

  it('lets what an immediate call throws go to the caller [VE-S04]', () => {
    const { reactor } = virtualReactor()
    const fail = (): never => {
      throw new Error('on purpose')
    }
    expect(() => reactor.execute(fail)).toThrow('on purpose')
  })
})

describe('call groups', () => {
  it('are cancelled together, and no other call with them [VE-S05]', () => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    const ran: string[] = []
    const group = {}
    reactor.cgSchedule(1, group, (text: string) => ran.push(text), 'in the group')
    reactor.cgSchedule(5, group, () => ran.push('also'))
    reactor.cgSchedule(1, {}, () => ran.push('equal but another group'))
    reactor.schedule(1, () => ran.push('no group'))
    reactor.cgRemoveCalls(group)
    reactor.cgRemoveCalls(group)
    reactor.cgRemoveCalls('unknown')
    host.advance(10)
    expect(ran).toEqual(['equal but another group', 'no group'])
  })

  it.each([0, '', false, Symbol('s'), Number.NaN])('can have the key %s [VE-S05]', (key) => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    let calls = 0
    reactor.cgSchedule(1, key, () => {
      calls += 1
    })
    reactor.cgRemoveCalls(key)
    host.advance(5)
    expect(calls).toBe(0)
  })

  it.each([null, undefined])('cannot have the key %s [VE-S05]', (key) => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    let calls = 0
    const count = (): void => {
      calls += 1
    }
    expect(() => reactor.cgSchedule(1, key, count)).toThrow(TypeError)
    host.advance(5)
    expect(calls).toBe(0)
  })

  it('are left by calls that were made, moved or cancelled [VE-S05]', () => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    const ran: string[] = []
    const made = reactor.cgSchedule(1, 'g', () => ran.push('made'))
    const moved = reactor.cgSchedule(2, 'g', () => ran.push('moved'))
    host.advance(1)
    expect([made.executed, made.callGroup]).toEqual([true, null])
    moved.reset(50)
    // The group knows the moved call still, and nothing of the one that ran.
    reactor.cgRemoveCalls('g')
    expect([moved.active, made.executed]).toEqual([false, true])
    host.advance(100)
    expect(ran).toEqual(['made'])
  })

  it('hold neither a call that was made or cancelled, nor a key without calls [VE-S05]', async () => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    const schedule = (): WeakRef<object>[] => {
      const key = {}
      const made = reactor.cgSchedule(1, 'kept', () => undefined)
      const cancelled = reactor.cgSchedule(1, 'kept', () => undefined)
      cancelled.cancel()
      reactor.cgSchedule(1, key, () => undefined)
      return [new WeakRef(made), new WeakRef(cancelled), new WeakRef(key)]
    }
    const references = schedule()
    reactor.cgSchedule(1000, 'kept', () => undefined)
    host.advance(5)
    await collectGarbage()
    expect(references.map((reference) => reference.deref())).toEqual([undefined, undefined, undefined])
  })

  it('can be cancelled from one of their own calls [VE-S05]', () => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    const ran: number[] = []
    for (let index = 0; index < 3; index += 1) {
      reactor.cgSchedule(1, 'g', () => {
        ran.push(index)
        reactor.cgRemoveCalls('g')
      })
    }
    host.advance(10)
    expect(ran).toEqual([0])
  })
})

describe('post', () => {
  it('runs each task once, on the next turn, in order', () => {
    const { host, reactor } = virtualReactor()
    const ran: string[] = []
    const task = (name: string, more?: string) => ({
      runTask: () => {
        ran.push(`${name} ${host.steps}`)
        if (more !== undefined) reactor.post(task(more))
      },
    })
    reactor.post(task('a', 'c'))
    reactor.post(task('b'))
    reactor.start()
    host.runUntilIdle()
    expect(ran).toEqual(['a 1', 'b 1', 'c 2'])
  })

  it('runs a task as often as it was posted', () => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    let runs = 0
    const task = {
      runTask: () => {
        runs += 1
      },
    }
    for (let times = 0; times < 100_000; times += 1) reactor.post(task)
    host.runUntilIdle()
    reactor.post(task)
    host.runUntilIdle()
    expect(runs).toBe(100_001)
  })

  it('logs a task that throws and runs the others of the turn', () => {
    const { host, reactor, logged } = virtualReactor()
    reactor.start()
    const ran: string[] = []
    const bad = {
      runTask: () => {
        throw new Error('on purpose')
      },
    }
    reactor.post(bad)
    reactor.post({ runTask: () => ran.push('one') })
    reactor.post(bad)
    reactor.post({ runTask: () => ran.push('two') })
    host.runUntilIdle()
    expect(ran).toEqual(['one', 'two'])
    expect(logged.map((entry) => entry.message)).toEqual(['task failed', 'task failed'])
  })

  it('takes turns with the host also when a task throws and posts itself on every turn', async () => {
    const reactor = new VReactor({ logWatcher: null })
    let turns = 0
    const bad = {
      runTask: () => {
        turns += 1
        reactor.post(bad)
        throw new Error('on purpose')
      },
    }
    reactor.post(bad)
    reactor.start()
    // That these come back at all is the point.
    while (turns < 1000) await new Promise((resolve) => setImmediate(resolve))
    reactor.stop()
    const { host, reactor: simulated } = virtualReactor()
    let runs = 0
    const again = {
      runTask: () => {
        runs += 1
        if (runs < 5) simulated.post(again)
        throw new Error('on purpose')
      },
    }
    simulated.post(again)
    simulated.start()
    host.runUntil(() => runs === 5)
    expect(host.steps).toBe(5)
  })

  it('does not hold the task of a turn that is over', async () => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    const make = (): WeakRef<object> => {
      const task = { runTask: () => undefined }
      reactor.post(task)
      return new WeakRef(task)
    }
    const reference = make()
    host.runUntilIdle()
    await collectGarbage()
    expect(reference.deref()).toBeUndefined()
  })
})

describe('time', () => {
  it('is the time of the host [VE-S07]', () => {
    const host = new VirtualHost({ startAtMs: 40 })
    const reactor = new VReactor({ host, logWatcher: null })
    expect(reactor.time()).toBe(40)
    host.advance(2.5)
    expect(reactor.time()).toBe(42.5)
  })
})
