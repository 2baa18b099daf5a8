/**
 * The contract of a reactor's host, seen without a reactor.
 *
 * Time passes only inside the fixture's `until`, which leaves to each host how. Invariant: no case depends on how long
 * anything takes, only on what comes before what.
 */
import { deepStrictEqual, ok, strictEqual, throws } from 'node:assert/strict'
import { VReactorError } from '../../errors.js'
import type { IVContractCase } from './case.js'
import { FakeHandle, hostCase, passTime, type VHostFactory } from './host-fixture.js'

/** A number that is no open descriptor anywhere. */
const NO_DESCRIPTOR = 2 ** 30

/** The cases of the host alone. */
export const HOST_ALONE_CASES: readonly IVContractCase<VHostFactory>[] = [
  hostCase('drives one reactor: a second bind is refused', ({ host }) => {
    host.bind(() => undefined)
    throws(() => host.bind(() => undefined), VReactorError)
  }),

  hostCase('has a clock that never falls', async ({ host, until }) => {
    let last = host.now()
    let wakes = 0
    host.bind(() => {
      const now = host.now()
      ok(now >= last, `the clock fell from ${last} to ${now}`)
      last = now
      wakes += 1
      if (wakes < 20) host.wakeAt(now + 1)
    })
    host.post()
    await until(() => wakes === 20)
    ok(last > 0)
  }),

  hostCase(
    'counts any number of posts before a wake as one, and wakes later than it was asked',
    async (fixture) => {
      let wakes = 0
      fixture.host.bind(() => {
        wakes += 1
      })
      for (let times = 0; times < 5; times += 1) fixture.host.post()
      strictEqual(wakes, 0, 'the host woke the reactor from inside post')
      await fixture.until(() => wakes > 0)
      await passTime(fixture, 5)
      strictEqual(wakes, 1)
    },
  ),

  hostCase('wakes again for a post from inside a wake', async ({ host, until }) => {
    let depth = 0
    let wakes = 0
    host.bind(() => {
      strictEqual(depth, 0, 'a wake inside a wake')
      depth += 1
      wakes += 1
      if (wakes < 1000) host.post()
      depth -= 1
    })
    host.post()
    await until(() => wakes === 1000)
  }),

  hostCase('never wakes before the alarm is due [VE-S03]', async ({ host, until }) => {
    const delays = [0.3, 1, 1.4, 2, 3.7, 5, 0.01, 8]
    const early: number[] = []
    let dueAt = Number.POSITIVE_INFINITY
    let wakes = 0
    const arm = (): void => {
      dueAt = host.now() + (delays[wakes] ?? Number.POSITIVE_INFINITY)
      host.wakeAt(dueAt)
    }
    host.bind(() => {
      if (host.now() < dueAt) early.push(dueAt - host.now())
      wakes += 1
      arm()
    })
    arm()
    strictEqual(wakes, 0, 'the host woke the reactor from inside wakeAt')
    await until(() => wakes === delays.length)
    deepStrictEqual(early, [])
  }),

  hostCase('has one alarm: the latest replaces the one before, Infinity clears it', async (fixture) => {
    const { host } = fixture
    const wokenAt: number[] = []
    const start = host.now()
    host.bind(() => wokenAt.push(host.now() - start))
    host.wakeAt(start + 2)
    host.wakeAt(start + 6)
    await fixture.until(() => wokenAt.length > 0)
    await passTime(fixture, 8)
    strictEqual(wokenAt.length, 1, 'woken by both alarms')
    ok((wokenAt[0] as number) >= 6, `woken after ${wokenAt[0]} ms by an alarm that was replaced`)
    host.wakeAt(host.now() + 2)
    host.wakeAt(Number.POSITIVE_INFINITY)
    await passTime(fixture, 8)
    strictEqual(wokenAt.length, 1, 'woken by an alarm that was cleared')
  }),

  hostCase('wakes soon for an alarm in the past', async ({ host, until }) => {
    let wakes = 0
    host.bind(() => {
      wakes += 1
    })
    host.wakeAt(host.now() - 1000)
    strictEqual(wakes, 0, 'the host woke the reactor from inside wakeAt')
    await until(() => wakes === 1)
  }),

  hostCase('holds an alarm that is further off than a timer of the system reaches', async (fixture) => {
    let wakes = 0
    fixture.host.bind(() => {
      wakes += 1
    })
    fixture.host.wakeAt(fixture.host.now() + 2 ** 40)
    await passTime(fixture, 5)
    strictEqual(wakes, 0)
  }),

  hostCase('tells that a descriptor which is always ready is so, without an event for it', (fixture) => {
    const { host } = fixture
    const fd = fixture.openReady()
    host.bind(() => undefined)
    for (const direction of ['read', 'write'] as const) {
      let events = 0
      const watch = host.watch(fd, direction, () => {
        events += 1
      })
      strictEqual(watch.ready, true)
      strictEqual(events, 0, 'onReady is for a change, and not called from inside watch')
      watch.close()
      watch.close()
    }
  }),

  hostCase('refuses a descriptor whose readiness it cannot tell', ({ host }) => {
    host.bind(() => undefined)
    throws(
      () => host.watch(NO_DESCRIPTOR, 'read', () => undefined),
      (error: unknown) => error instanceof VReactorError && error.message.includes(String(NO_DESCRIPTOR)),
    )
  }),

  hostCase('watches the input of a stream-backed handle, level-triggered', ({ host }) => {
    const handle = new FakeHandle()
    let events = 0
    const watch = host.watch(handle, 'read', () => {
      events += 1
    })
    strictEqual(watch.ready, false)
    handle.readableLength = 3
    handle.emit('readable')
    deepStrictEqual([watch.ready, events], [true, 1])
    watch.attempt?.()
    strictEqual(watch.ready, true, 'ready until what is there is taken')
    handle.readableLength = 0
    strictEqual(watch.ready, false)
    handle.readableEnded = true
    handle.emit('end')
    deepStrictEqual([watch.ready, events], [true, 2])
    watch.attempt?.()
    strictEqual(watch.ready, true, 'ready for good once the input has ended')
    watch.close()
    strictEqual(handle.listenerCount, 0, 'a closed watch listens no more')
  }),

  hostCase('takes a readable event of an empty handle as good for one attempt', ({ host }) => {
    const handle = new FakeHandle()
    const watch = host.watch(handle, 'read', () => undefined)
    handle.emit('readable')
    strictEqual(watch.ready, true, 'the end is told only to one who tries to read')
    watch.attempt?.()
    strictEqual(watch.ready, false)
    watch.close()
  }),

  hostCase('watches the output of a stream-backed handle', ({ host }) => {
    const handle = new FakeHandle()
    let events = 0
    const watch = host.watch(handle, 'write', () => {
      events += 1
    })
    strictEqual(watch.ready, false)
    handle.writableNeedDrain = false
    handle.emit('drain')
    deepStrictEqual([watch.ready, events], [true, 1])
    handle.writableNeedDrain = true
    strictEqual(watch.ready, false)
    handle.destroyed = true
    handle.emit('close')
    deepStrictEqual([watch.ready, events], [true, 2], 'a destroyed handle is ready: one finds out by trying')
    watch.close()
    handle.emit('close')
    strictEqual(events, 2)
  }),
]
