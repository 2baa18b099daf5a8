/**
 * What can be done with a call that waits.
 */
import { type IVCallQueue, VReactorError, VScheduledCall } from '@vio/reactor'
import { describe, expect, it } from 'vitest'
import { collectGarbage, virtualReactor } from './support.js'

describe('VScheduledCall', () => {
  it('cancels: it does not run, is not active, and lets go of its function [VE-S06]', () => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    let calls = 0
    const call = reactor.schedule(10, () => {
      calls += 1
    })
    expect([call.active, call.executed]).toEqual([true, false])
    call.cancel()
    call.cancel()
    expect([call.active, call.executed]).toEqual([false, false])
    host.advance(100)
    expect(calls).toBe(0)
    expect(call.execute()).toBeUndefined()
    expect(host.alarmAt).toBe(Number.POSITIVE_INFINITY)
  })

  it('frees function and arguments of a cancelled call that is still held [VE-S06]', async () => {
    const { reactor } = virtualReactor()
    let held: object | undefined = { big: true }
    const reference = new WeakRef(held)
    const make = (target: object): VScheduledCall => reactor.schedule(10, (...args) => args.length, target)
    const call = make(held)
    held = undefined
    call.cancel()
    await collectGarbage()
    expect(reference.deref()).toBeUndefined()
    expect(call.active).toBe(false)
  })

  it('is put off by delay, which adds to its time [VE-S06]', () => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    const ranAt: number[] = []
    const call = reactor.schedule(10, () => ranAt.push(host.now()))
    host.advance(4)
    call.delay(5)
    expect(call.scheduledAt).toBe(15)
    call.delay(-3)
    expect(call.scheduledAt).toBe(12)
    host.advance(20)
    expect(ranAt).toEqual([12])
  })

  it('is set anew by reset, from now, earlier or later [VE-S06]', () => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    const ranAt: string[] = []
    const later = reactor.schedule(10, () => ranAt.push(`later ${host.now()}`))
    const sooner = reactor.schedule(50, () => ranAt.push(`sooner ${host.now()}`))
    host.advance(5)
    later.reset(10)
    sooner.reset(1)
    expect([later.scheduledAt, sooner.scheduledAt]).toEqual([15, 6])
    host.advance(100)
    expect(ranAt).toEqual(['sooner 6', 'later 15'])
  })

  it('is only ever brought forward by resetIfEarlier [VE-S06]', () => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    const ranAt: number[] = []
    const call = reactor.schedule(10, () => ranAt.push(host.now()))
    call.resetIfEarlier(20)
    expect(call.scheduledAt).toBe(10)
    call.resetIfEarlier(10)
    expect(call.scheduledAt).toBe(10)
    call.resetIfEarlier(3)
    expect(call.scheduledAt).toBe(3)
    host.advance(100)
    expect(ranAt).toEqual([3])
  })

  it('runs at once by execute, gives the value, and does not run again [VE-S06]', () => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    let calls = 0
    const add = (left: number, right: number): number => {
      calls += 1
      return left + right
    }
    const call = reactor.schedule(10, add, 1, 2)
    expect(call.execute()).toBe(3)
    expect([call.active, call.executed]).toEqual([false, true])
    expect(call.execute()).toBeUndefined()
    host.advance(20)
    expect(calls).toBe(1)
  })

  it('is executed and over when its function throws [VE-S06]', () => {
    const { reactor } = virtualReactor()
    const call = reactor.schedule(10, () => {
      throw new Error('on purpose')
    })
    expect(() => call.execute()).toThrow('on purpose')
    expect([call.active, call.executed]).toEqual([false, true])
  })

  it('tells its group and its time [VE-S06]', () => {
    const { host, reactor } = virtualReactor()
    const group = {}
    host.advance(7)
    const call = reactor.cgSchedule(10, group, () => undefined)
    expect(call.callGroup).toBe(group)
    expect(call.scheduledAt).toBe(17)
    expect(reactor.schedule(0, () => undefined).callGroup).toBeNull()
  })

  it('does nothing when it is told something after its end [VE-S06]', () => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    let calls = 0
    const call = reactor.schedule(1, () => {
      calls += 1
    })
    host.advance(1)
    call.reset(1)
    call.delay(1)
    call.resetIfEarlier(0)
    call.cancel()
    reactor.addCall(call)
    host.advance(10)
    expect(calls).toBe(1)
    expect([call.active, call.executed]).toEqual([false, true])
  })

  it('comes behind calls of the same time that were there before, once it is moved [VE-S06]', () => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    const order: string[] = []
    const moved = reactor.schedule(10, () => order.push('moved'))
    reactor.schedule(10, () => order.push('other'))
    moved.reset(10)
    host.advance(10)
    expect(order).toEqual(['other', 'moved'])
  })

  it('waits for ever with an infinite delay, until it is reset [VE-S06]', () => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    const ranAt: number[] = []
    const call = reactor.schedule(Number.POSITIVE_INFINITY, () => ranAt.push(host.now()))
    host.advance(2 ** 40)
    call.delay(Number.NEGATIVE_INFINITY)
    call.delay(-5)
    expect([call.active, call.scheduledAt, ranAt.length]).toEqual([true, Number.POSITIVE_INFINITY, 0])
    call.reset(1)
    host.advance(1)
    expect(ranAt).toEqual([2 ** 40 + 1])
  })
})

describe('a call made by hand', () => {
  it('runs after addCall, once, with its arguments and in its group [VE-S06]', () => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    const seen: unknown[] = []
    const call = new VScheduledCall(reactor, 5, (...args: unknown[]) => seen.push(...args, host.now()), {
      args: ['a', 1],
      group: 'g',
    })
    host.advance(10)
    expect(seen).toEqual([])
    reactor.addCall(call)
    reactor.addCall(call)
    host.advance(0)
    expect(seen).toEqual(['a', 1, 10])
    const inGroup = new VScheduledCall(reactor, 5, () => seen.push('no'), { group: 'g' })
    reactor.addCall(inGroup)
    reactor.cgRemoveCalls('g')
    expect(inGroup.active).toBe(false)
  })

  it('is ignored by addCall when it is not active, by removeCall when it is unknown [VE-S06]', () => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    let calls = 0
    const call = new VScheduledCall(reactor, 0, () => {
      calls += 1
    })
    reactor.removeCall(call)
    expect(call.active).toBe(true)
    call.cancel()
    reactor.addCall(call)
    host.advance(1)
    expect(calls).toBe(0)
  })

  it('can be taken out by removeCall and put back by addCall [VE-S06]', () => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    const ranAt: number[] = []
    const call = reactor.schedule(5, () => ranAt.push(host.now()))
    reactor.removeCall(call)
    host.advance(10)
    expect([ranAt.length, call.active]).toEqual([0, true])
    reactor.addCall(call)
    host.advance(0)
    expect(ranAt).toEqual([10])
  })

  it('belongs to the reactor that it was made for', () => {
    const one = virtualReactor().reactor
    const other = virtualReactor().reactor
    const call = new VScheduledCall(one, 0, () => undefined)
    expect(() => other.addCall(call)).toThrow(VReactorError)
    expect(call.active).toBe(true)
  })

  it.each([
    ['a string', '5', TypeError],
    ['undefined', undefined, TypeError],
    ['a bigint', 5n, TypeError],
    ['NaN', Number.NaN, RangeError],
  ])('refuses %s as a delay and queues nothing', (_name, delayMs, kind) => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    host.runUntilIdle()
    const bad = delayMs as number
    expect(() => reactor.schedule(bad, () => undefined)).toThrow(kind)
    expect(() => reactor.cgSchedule(bad, 'g', () => undefined)).toThrow(kind)
    expect(() => new VScheduledCall(reactor as IVCallQueue, bad, () => undefined)).toThrow(kind)
    const call = reactor.schedule(5, () => undefined)
    expect(() => call.reset(bad)).toThrow(kind)
    expect(() => call.delay(bad)).toThrow(kind)
    expect(() => call.resetIfEarlier(bad)).toThrow(kind)
    expect(call.scheduledAt).toBe(5)
    call.cancel()
    host.runUntilIdle()
    expect(host.alarmAt).toBe(Number.POSITIVE_INFINITY)
  })

  it('refuses what is no function', () => {
    const { reactor } = virtualReactor()
    expect(() => reactor.schedule(1, undefined as unknown as () => void)).toThrow(
      /needs a function, got undefined/,
    )
  })
})
