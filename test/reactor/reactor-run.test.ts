/**
 * Starting, running and stopping a reactor.
 */
import { NodeHost, VReactor, VReactorError, VReactorStopped, VSelectReactor } from '@vio/reactor'
import { VirtualHost } from '@vio/reactor/testing'
import { describe, expect, it } from 'vitest'
import { Recorder, virtualReactor } from './support.js'

describe('start', () => {
  it('returns at once and runs the loop in the background [VE-15] [VE-S01]', () => {
    const { host, reactor } = virtualReactor()
    const order: string[] = []
    reactor.callWhenRunning(() => order.push('turn'))
    reactor.start()
    order.push('start returned')
    expect(reactor.running).toBe(true)
    host.runUntilIdle()
    expect(order).toEqual(['start returned', 'turn'])
  })

  it('is refused a second time, and after stop, whichever way it was run [VE-S01]', () => {
    const { reactor } = virtualReactor()
    reactor.start()
    expect(() => reactor.start()).toThrow(VReactorError)
    expect(() => reactor.run()).toThrow(VReactorError)
    expect(reactor.running).toBe(true)
    reactor.stop()
    expect(() => reactor.start()).toThrow(VReactorStopped)
    expect(() => reactor.run()).toThrow(VReactorStopped)
    const never = virtualReactor().reactor
    never.stop()
    expect(() => never.start()).toThrow(VReactorStopped)
  })

  it('calls the started hook once, before anything that was queued [VE-S01]', () => {
    const order: string[] = []
    class Hooked extends VReactor {
      protected override started(): void {
        order.push(`started, running ${this.running}`)
        super.started()
      }
    }
    const host = new VirtualHost()
    const reactor = new Hooked({ host, logWatcher: null })
    reactor.callWhenRunning(() => order.push('call'))
    reactor.post({ runTask: () => order.push('task') })
    reactor.start()
    host.runUntilIdle()
    expect(order).toEqual(['started, running false', 'call', 'task'])
  })

  it('leaves a reactor as it was whose started hook throws', () => {
    let fails = true
    class Hooked extends VReactor {
      protected override started(): void {
        if (fails) throw new Error('not yet')
      }
    }
    const host = new VirtualHost()
    const reactor = new Hooked({ host })
    const order: string[] = []
    reactor.callWhenRunning(() => order.push('call'))
    expect(() => reactor.start()).toThrow('not yet')
    expect(reactor.running).toBe(false)
    fails = false
    reactor.start()
    host.runUntilIdle()
    expect(order).toEqual(['call'])
  })

  it('does not run a reactor that its started hook stops', async () => {
    class Hooked extends VReactor {
      protected override started(): void {
        this.stop()
      }
    }
    const host = new VirtualHost()
    const reactor = new Hooked({ host })
    let calls = 0
    reactor.callWhenRunning(() => {
      calls += 1
    })
    await reactor.run()
    host.advance(10)
    expect([calls, reactor.running]).toEqual([0, false])
  })
})

describe('run', () => {
  it('settles when the reactor has stopped, and not before [VE-S01] [T-VE-5]', async () => {
    const reactor = new VReactor({ logWatcher: null })
    const order: string[] = []
    const finished = reactor.run().then(() => order.push('run settled'))
    expect(reactor.running).toBe(true)
    reactor.callWhenRunning(() => {
      order.push('call')
      reactor.stop()
      order.push('stop returned')
    })
    await finished
    expect(order).toEqual(['call', 'stop returned', 'run settled'])
    expect(reactor.running).toBe(false)
  })

  it('starts and stops in the background [T-VE-6]', async () => {
    const reactor = new VReactor({ logWatcher: null })
    let calls = 0
    reactor.start()
    await new Promise<void>((resolve) => {
      reactor.schedule(1, () => {
        calls += 1
        resolve()
      })
    })
    reactor.stop()
    expect([calls, reactor.running]).toEqual([1, false])
  })

  it('makes a delayed call after its delay, with its arguments [T-VE-7]', async () => {
    const reactor = new VReactor({ logWatcher: null })
    const startedAt = reactor.time()
    let seen: unknown
    reactor.schedule(
      20,
      (text: string, n: number) => {
        seen = [text, n, reactor.time() - startedAt >= 20]
        reactor.stop()
      },
      'hello',
      7,
    )
    await reactor.run()
    expect(seen).toEqual(['hello', 7, true])
  })
})

describe('stop', () => {
  it('comes before the work that is queued, and drops all of it without calling anything [VE-16] [VE-S01]', () => {
    const { host, reactor } = virtualReactor()
    const ran: string[] = []
    const fd = host.openDescriptor()
    host.setReady(fd, 'read', true)
    host.setReady(fd, 'write', true)
    const handler = new Recorder(fd)
    const queue = (): void => {
      reactor.addReader(handler)
      reactor.addWriter(handler)
      reactor.post({ runTask: () => ran.push('task') })
      reactor.schedule(5, () => ran.push('timer'))
      reactor.cgSchedule(0, 'g', () => ran.push('group'))
    }
    reactor.start()
    reactor.callWhenRunning(() => {
      queue()
      reactor.stop()
      ran.push('stopped')
    })
    const after = reactor.callWhenRunning(() => ran.push('after'))
    host.advance(100)
    expect(ran).toEqual(['stopped'])
    expect([handler.reads, handler.writes, handler.closed]).toEqual([0, 0, []])
    expect([reactor.readers, reactor.writers]).toEqual([[], []])
    expect([after.active, after.executed]).toEqual([false, false])
    expect(host.watchCount(fd)).toBe(0)
    expect(host.alarmAt).toBe(Number.POSITIVE_INFINITY)
  })

  it.each(['writer', 'reader', 'call', 'task'])(
    'ends a turn in which it is called by a %s [VE-S01]',
    (where) => {
      const { host, reactor } = virtualReactor()
      const ran: string[] = []
      const stopIn = (phase: string): void => {
        ran.push(phase)
        if (phase === where) reactor.stop()
      }
      for (let times = 0; times < 2; times += 1) {
        const fd = host.openDescriptor()
        host.setReady(fd, 'read', true)
        host.setReady(fd, 'write', true)
        const handler = new Recorder(fd)
        handler.onWrite = () => stopIn('writer')
        handler.onRead = () => stopIn('reader')
        reactor.addReader(handler)
        reactor.addWriter(handler)
        reactor.callWhenRunning(() => stopIn('call'))
        reactor.post({ runTask: () => stopIn('task') })
      }
      reactor.start()
      host.runUntilIdle()
      const phases = ['writer', 'writer', 'reader', 'reader', 'call', 'call', 'task', 'task']
      expect(ran).toEqual(phases.slice(0, phases.indexOf(where) + 1))
    },
  )

  it('can be called again, from outside, and before start [VE-16] [VE-S01]', () => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    reactor.schedule(50, () => undefined)
    host.runUntilIdle()
    expect(host.alarmAt).toBe(50)
    reactor.stop()
    reactor.stop()
    expect([reactor.running, host.alarmAt]).toEqual([false, Number.POSITIVE_INFINITY])
    const other = virtualReactor()
    const call = other.reactor.callWhenRunning(() => undefined)
    other.reactor.stop()
    expect(call.active).toBe(false)
  })

  it('leaves a reactor that takes no more work: calls come back inactive, tasks are dropped [VE-S01]', () => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    reactor.stop()
    const ran: string[] = []
    const calls = [
      reactor.schedule(0, () => ran.push('schedule')),
      reactor.callWhenRunning(() => ran.push('callWhenRunning')),
      reactor.cgSchedule(0, 'g', () => ran.push('cgSchedule')),
    ]
    reactor.post({ runTask: () => ran.push('task') })
    host.advance(10)
    expect(calls.map((call) => call.active)).toEqual([false, false, false])
    expect(ran).toEqual([])
    expect(reactor.execute(() => 'at once')).toBe('at once')
  })
})

describe('the names of the reactor', () => {
  it.each([
    ['VReactor', VReactor],
    ['VSelectReactor', VSelectReactor],
  ])(
    '%s constructs a reactor that works, on real time unless told otherwise [VE-17]',
    async (_name, Reactor) => {
      const reactor = new Reactor({ logWatcher: null })
      let calls = 0
      reactor.callWhenRunning(() => {
        calls += 1
        reactor.stop()
      })
      await reactor.run()
      expect(calls).toBe(1)
      expect(reactor).toBeInstanceOf(VReactor)
      expect(reactor).toBeInstanceOf(VSelectReactor)
    },
  )

  it('has a host to itself', () => {
    for (const host of [new NodeHost(), new VirtualHost()]) {
      new VReactor({ host })
      expect(() => new VReactor({ host })).toThrow(VReactorError)
    }
  })
})
