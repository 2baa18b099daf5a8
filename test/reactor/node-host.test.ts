/**
 * The host on real time: timers that fire early, delays that are too long, and how long a process lives.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { NodeHost, VReactor } from '@vio/reactor'
import { afterEach, describe, expect, it, vi } from 'vitest'

const runProcess = promisify(execFile)
const LIFETIME = fileURLToPath(new URL('./fixtures/lifetime.mjs', import.meta.url))

afterEach(() => {
  vi.restoreAllMocks()
})

/** Replaces Node's timers by ones that fire at once, however long they were told to wait. */
function mockEarlyTimers(): number[] {
  const delays: number[] = []
  const early = (fn: () => void, delayMs = 0): NodeJS.Immediate => {
    delays.push(delayMs)
    return setImmediate(fn)
  }
  vi.spyOn(globalThis, 'setTimeout').mockImplementation(early as never)
  vi.spyOn(globalThis, 'clearTimeout').mockImplementation(((timer: NodeJS.Immediate) =>
    clearImmediate(timer)) as never)
  return delays
}

describe('NodeHost', () => {
  it('does not wake early when the timers of Node fire early: it looks at the clock and waits on [VE-S03]', () => {
    let now = 1000
    const timers: (() => void)[] = []
    vi.spyOn(performance, 'now').mockImplementation(() => now)
    vi.spyOn(globalThis, 'setTimeout').mockImplementation(((fn: () => void) => timers.push(fn)) as never)
    const host = new NodeHost()
    const wokenAt: number[] = []
    host.bind(() => wokenAt.push(now))
    host.wakeAt(1003)
    for (const early of [1002.2, 1002.9, 1002.999]) {
      now = early
      timers.shift()?.()
      expect([wokenAt.length, timers.length]).toEqual([0, 1])
    }
    now = 1003
    timers.shift()?.()
    expect([wokenAt, timers.length]).toEqual([[1003], 0])
  })

  it('calls nothing early through a reactor either [VE-S03]', async () => {
    mockEarlyTimers()
    const reactor = new VReactor({ logWatcher: null })
    const early: number[] = []
    let left = 20
    for (let index = 0; index < 20; index += 1) {
      const call = reactor.schedule(0.3 * index, () => {
        const lateness = reactor.time() - call.scheduledAt
        if (lateness < 0) early.push(lateness)
        left -= 1
        if (left === 0) reactor.stop()
      })
    }
    await reactor.run()
    expect(early).toEqual([])
  })

  it('never asks a timer of Node for longer than it can wait, nor for less than a millisecond', () => {
    const delays = mockEarlyTimers()
    const host = new NodeHost()
    host.bind(() => undefined)
    host.wakeAt(host.now() + 2 ** 40)
    host.wakeAt(host.now() + 0.2)
    host.wakeAt(host.now() - 5)
    host.wakeAt(Number.POSITIVE_INFINITY)
    expect(delays).toEqual([2 ** 31 - 1, 1, 1])
  })

  it('lets other code run while its reactor has work without end', async () => {
    const reactor = new VReactor({ logWatcher: null })
    let turns = 0
    const busy = {
      runTask: () => {
        turns += 1
        reactor.post(busy)
      },
    }
    reactor.post(busy)
    reactor.start()
    await new Promise((resolve) => setTimeout(resolve, 5))
    const afterTimer = turns
    // The wake that is asked for was posted before this, and so comes before it.
    await new Promise((resolve) => setImmediate(resolve))
    const afterImmediate = turns
    await new Promise((resolve) => setImmediate(resolve))
    reactor.stop()
    expect(afterImmediate).toBeGreaterThan(afterTimer)
    expect(turns).toBeGreaterThan(afterImmediate)
  })

  it('lets a promise that a task settles go on before the work without end is over', async () => {
    const reactor = new VReactor({ logWatcher: null })
    let turns = 0
    const seen: number[] = []
    const busy = {
      runTask: () => {
        turns += 1
        if (turns === 5) void Promise.resolve().then(() => seen.push(turns))
        if (turns < 1000) reactor.post(busy)
        else reactor.stop()
      },
    }
    reactor.post(busy)
    await reactor.run()
    expect(seen.length).toBe(1)
    expect(seen[0]).toBeLessThan(100)
  })

  it('does what promises ask for that a task has settled within the same call of the loop', async () => {
    const reactor = new VReactor({ logWatcher: null })
    const order: string[] = []
    const answer = (name: string) => reactor.post({ runTask: () => order.push(name) })
    const values = async function* () {
      yield await settled.promise
    }
    const settled = { promise: Promise.resolve(), settle: () => undefined as void }
    settled.promise = new Promise((resolve) => {
      settled.settle = resolve
    })
    const reads = [settled.promise.then(() => answer('awaited'))]
    reads.push(
      (async () => {
        for await (const _value of values()) answer('iterated')
      })(),
    )
    reactor.start()
    await new Promise((resolve) => setImmediate(resolve))
    reactor.post({
      runTask: () => {
        order.push('task')
        settled.settle()
        setImmediate(() => order.push('loop'))
      },
    })
    await Promise.all(reads)
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    reactor.stop()
    expect(order).toEqual(['task', 'awaited', 'iterated', 'loop'])
  })

  it('does so after a wake within a call of the loop, and no longer than a burst', async () => {
    const reactor = new VReactor({ logWatcher: null })
    reactor.start()
    await new Promise((resolve) => setTimeout(resolve, 5))
    let turns = 0
    let loops = 0
    const again = {
      runTask: () => {
        turns += 1
        // The bound makes this fail, where it would not end.
        if (turns < 1_000_000 && loops === 0) void Promise.resolve().then(() => reactor.post(again))
      },
    }
    setImmediate(() => {
      setImmediate(() => {
        loops = turns
      })
      reactor.enter(() => reactor.post(again), undefined)
    })
    await new Promise((resolve) => setTimeout(resolve, 20))
    reactor.stop()
    expect(loops).toBeGreaterThan(1)
    expect(loops).toBeLessThan(1_000_000)
  })

  it('gathers what other calls of the loop ask for into one wake', async () => {
    const host = new NodeHost()
    const order: string[] = []
    host.bind(() => {
      order.push('wake')
      host.now()
      host.rested()
    })
    host.post()
    const calls = (names: string) => {
      for (const name of names) {
        setImmediate(() => {
          order.push(name)
          host.post()
        })
      }
    }
    calls('ab')
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    expect(order).toEqual(['wake', 'a', 'b', 'wake'])
  })

  it('gives the time of the wall for log records', () => {
    const before = Date.now()
    const now = new NodeHost().wallNow()
    expect(now).toBeGreaterThanOrEqual(before)
    expect(now).toBeLessThanOrEqual(Date.now())
  })
})

describe('a process', () => {
  it.each([
    ['start with nothing pending', ''],
    ['start with a timer', 'timer ran\n'],
    ['cancel the only timer', ''],
    ['run until stop', 'run settled\n'],
    ['keepAlive until stop', 'stopping\n'],
    ['stop with the alarm set', ''],
    ['stop with everything pending', ''],
  ])('ends by itself: %s [VE-16]', async (scenario, output) => {
    const { stdout } = await runProcess(process.execPath, [LIFETIME, scenario], { timeout: 30_000 })
    expect(stdout).toBe(output)
  })
})
