/**
 * The contract of a reactor's host, seen through a reactor on it.
 *
 * What a user of the reactor relies on comes out the same on every host: the order of a turn, fairness, and that nothing
 * runs before its time. Invariant: no case depends on how long anything takes, only on what comes before what.
 */
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import { VReactor } from '../../reactor.js'
import type { IVReader, IVSelectable, IVWriter } from '../../types.js'
import type { IVContractCase } from './case.js'
import { hostCase, type IVHostFixture, type VHostFactory } from './host-fixture.js'

/** A reader and writer whose reactions a case gives. */
class Handler implements IVReader, IVWriter, IVSelectable {
  readonly #fd: number
  readonly reasons: string[] = []
  doRead: () => void = () => undefined
  doWrite: () => void = () => undefined

  constructor(fd: number) {
    this.#fd = fd
  }

  fileno(): number {
    return this.#fd
  }

  closeInput(): boolean {
    return this.#closed('input')
  }

  closeOutput(): boolean {
    return this.#closed('output')
  }

  closeIO(): boolean {
    return this.#closed('io')
  }

  #closed(what: string): boolean {
    this.reasons.push(what)
    return true
  }
}

function reactorCase(
  title: string,
  body: (reactor: VReactor, fixture: IVHostFixture) => Promise<void>,
): IVContractCase<VHostFactory> {
  return hostCase(title, async (fixture) => {
    const reactor = new VReactor({ host: fixture.host, logWatcher: null })
    try {
      await body(reactor, fixture)
    } finally {
      reactor.stop()
    }
  })
}

/** The cases of a host with a reactor on it. */
export const HOST_REACTOR_CASES: readonly IVContractCase<VHostFactory>[] = [
  reactorCase(
    'runs a turn in order: writers, readers, due calls, tasks [VE-S03]',
    async (reactor, fixture) => {
      const order: string[] = []
      const handler = new Handler(fixture.openReady())
      handler.doRead = () => {
        order.push('read')
        reactor.removeReader(handler)
      }
      handler.doWrite = () => {
        order.push('write')
        reactor.removeWriter(handler)
      }
      reactor.post({ runTask: () => order.push('task') })
      reactor.schedule(0, () => order.push('call'))
      reactor.addReader(handler)
      reactor.addWriter(handler)
      reactor.start()
      await fixture.until(() => order.length === 4)
      deepStrictEqual(order, ['write', 'read', 'call', 'task'])
    },
  ),

  reactorCase(
    'calls nothing before its time, and equal times in order [VE-S03]',
    async (reactor, fixture) => {
      const { host } = fixture
      const early: number[] = []
      const ran: number[] = []
      const delays = [7, 3.2, 0, 1.5, 3.2, 12, 0.4, 0, -5, 9.9]
      const calls = delays.map((delayMs, index) =>
        reactor.schedule(delayMs, () => {
          const lateness = host.now() - (calls[index]?.scheduledAt ?? Number.NaN)
          if (!(lateness >= 0)) early.push(lateness)
          ran.push(index)
        }),
      )
      reactor.start()
      await fixture.until(() => ran.length === delays.length)
      deepStrictEqual(early, [])
      const expected = [...calls.keys()].sort((left, right) => {
        const [one, other] = [calls[left]?.scheduledAt ?? 0, calls[right]?.scheduledAt ?? 0]
        return one - other || left - right
      })
      deepStrictEqual(ran, expected)
    },
  ),

  reactorCase(
    'calls a handler on every turn while it neither takes nor stops, and starves nobody [VE-07] [VE-08]',
    async (reactor, fixture) => {
      const greedy = [new Handler(fixture.openReady()), new Handler(fixture.openReady())]
      const counts = [0, 0, 0, 0]
      greedy.forEach((handler, index) => {
        handler.doRead = () => {
          counts[index] = (counts[index] ?? 0) + 1
        }
        handler.doWrite = () => {
          counts[index + 2] = (counts[index + 2] ?? 0) + 1
        }
        reactor.addReader(handler)
        reactor.addWriter(handler)
      })
      let calls = 0
      const again = (): void => {
        calls += 1
        reactor.callWhenRunning(again)
      }
      again()
      let tasks = 0
      const task = {
        runTask: () => {
          tasks += 1
          reactor.post(task)
          if (tasks === 200) reactor.stop()
        },
      }
      reactor.post(task)
      reactor.start()
      await fixture.until(() => !reactor.running)
      deepStrictEqual(counts, [200, 200, 200, 200])
      ok(calls >= 200, `${calls} calls in 200 turns`)
    },
  ),

  reactorCase('does not call what was removed earlier in the same turn', async (reactor, fixture) => {
    const handlers = [new Handler(fixture.openReady()), new Handler(fixture.openReady())]
    const called: number[] = []
    handlers.forEach((handler, index) => {
      handler.doWrite = () => {
        called.push(index)
        for (const other of handlers) reactor.removeWriter(other)
      }
      reactor.addWriter(handler)
    })
    let turns = 0
    const count = { runTask: () => (turns++ < 5 ? reactor.post(count) : undefined) }
    reactor.post(count)
    reactor.start()
    await fixture.until(() => turns > 5)
    deepStrictEqual(called, [0])
  }),

  reactorCase('goes on after a handler that throws, which is closed [VE-S09]', async (reactor, fixture) => {
    const broken = new Handler(fixture.openReady())
    broken.doRead = () => {
      throw new Error('broken on purpose')
    }
    const sound = new Handler(fixture.openReady())
    let reads = 0
    sound.doRead = () => {
      reads += 1
      if (reads === 3) reactor.removeReader(sound)
    }
    reactor.addReader(broken)
    reactor.addReader(sound)
    reactor.start()
    await fixture.until(() => reads === 3)
    deepStrictEqual(broken.reasons, ['input'])
    strictEqual(reactor.running, true)
  }),

  reactorCase('runs nothing that was queued after stop [VE-S01]', async (reactor, fixture) => {
    const ran: string[] = []
    const handler = new Handler(fixture.openReady())
    handler.doRead = () => ran.push('read')
    reactor.callWhenRunning(() => {
      ran.push('stop')
      reactor.addReader(handler)
      reactor.post({ runTask: () => ran.push('task') })
      reactor.schedule(1, () => ran.push('later'))
      reactor.stop()
    })
    reactor.callWhenRunning(() => ran.push('next'))
    reactor.start()
    const end = fixture.host.now() + 5
    await fixture.until(() => fixture.host.now() >= end)
    deepStrictEqual(ran, ['stop'])
  }),

  reactorCase('wakes an idle reactor for what is asked from outside', async (reactor, fixture) => {
    const ran: string[] = []
    reactor.start()
    await fixture.until(() => true)
    reactor.post({ runTask: () => ran.push('task') })
    await fixture.until(() => ran.length === 1)
    reactor.schedule(50, () => ran.push('later'))
    await fixture.until(() => true)
    reactor.schedule(2, () => ran.push('sooner'))
    await fixture.until(() => ran.length === 3)
    deepStrictEqual(ran, ['task', 'sooner', 'later'])
  }),
]
