/**
 * The host on simulated time: what its contract with the reactor leaves open.
 */
import { VInvariantError, VReactorError } from '@vio/reactor'
import { VirtualHost } from '@vio/reactor/testing'
import { describe, expect, it } from 'vitest'
import { virtualReactor } from './support.js'

describe('VirtualHost', () => {
  it('lets time pass only when there is nothing to do, from alarm to alarm', () => {
    const { host, reactor } = virtualReactor({ startAtMs: 1000 })
    reactor.start()
    const ranAt: number[] = []
    const note = (): void => void ranAt.push(host.now())
    reactor.schedule(3, note)
    reactor.schedule(3, () => reactor.schedule(0, note))
    reactor.schedule(8, note)
    host.advance(5)
    expect(ranAt).toEqual([1003, 1003])
    expect([host.now(), host.idle, host.alarmAt]).toEqual([1005, true, 1008])
    host.advance(5)
    expect(ranAt).toEqual([1003, 1003, 1008])
    expect(host.now()).toBe(1010)
  })

  it('does all there is to do now by runUntilIdle, and moves no time', () => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    const ran: string[] = []
    reactor.schedule(1, () => ran.push('later'))
    reactor.callWhenRunning(() => reactor.callWhenRunning(() => ran.push('now')))
    host.runUntilIdle()
    expect([ran, host.now()]).toEqual([['now'], 0])
  })

  it('stops at the turn on which a condition is met', () => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    let count = 0
    const again = (): void => {
      count += 1
      reactor.schedule(2, again)
    }
    again()
    host.runUntil(() => count === 4)
    expect([count, host.now()]).toEqual([4, 6])
    host.runUntil(() => true)
    expect(host.now()).toBe(6)
  })

  it('says what it was at when a condition is not met in time, or never can be', () => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    const call = reactor.schedule(500, () => undefined)
    expect(() => host.runUntil(() => false, { withinMs: 100 })).toThrow(VInvariantError)
    expect(() => host.runUntil(() => false, { withinMs: 100 })).toThrow(
      /not reached within 100 ms.*next alarm at 500 ms/,
    )
    call.cancel()
    expect(() => host.runUntil(() => false)).toThrow(/nothing is left to happen/)
  })

  it('ends a run that does not come to rest', () => {
    const { host, reactor } = virtualReactor({ maxSteps: 50 })
    reactor.start()
    const task = { runTask: () => reactor.post(task) }
    reactor.post(task)
    for (const run of [() => host.runUntilIdle(), () => host.advance(1), () => host.runUntil(() => false)]) {
      expect(run).toThrow(VInvariantError)
      expect(run).toThrow(/no rest after 50 turns/)
    }
  })

  it('is not driven from inside a turn', () => {
    const { host, reactor, logged } = virtualReactor()
    reactor.start()
    reactor.callWhenRunning(() => host.advance(1))
    host.runUntilIdle()
    expect(logged[0]?.error).toBeInstanceOf(VReactorError)
    expect(host.now()).toBe(0)
  })

  it('lets code take time by elapse, which runs nothing by itself', () => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    const ranAt: number[] = []
    reactor.schedule(1, () => host.elapse(10))
    reactor.schedule(2, () => ranAt.push(host.now()))
    host.advance(5)
    expect(ranAt).toEqual([11])
    expect(host.now()).toBe(11)
  })

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('refuses %s as a duration', (ms) => {
    const host = new VirtualHost()
    expect(() => host.advance(ms)).toThrow(RangeError)
    expect(() => host.elapse(ms)).toThrow(RangeError)
    expect(() => host.runUntil(() => true, { withinMs: ms })).toThrow(RangeError)
  })

  it('comes out the same each time', () => {
    const run = (): string[] => {
      const { host, reactor } = virtualReactor()
      reactor.start()
      const seen: string[] = []
      for (let index = 0; index < 50; index += 1) {
        reactor.schedule((index * 7) % 11, () => seen.push(`${index}@${host.now()}#${host.steps}`))
      }
      host.advance(20)
      return seen
    }
    expect(run()).toEqual(run())
  })

  it('tells a watch that its descriptor turned ready, once', () => {
    const host = new VirtualHost()
    const fd = host.openDescriptor()
    const events: string[] = []
    host.watch(fd, 'read', () => events.push('read'))
    host.watch(fd, 'write', () => events.push('write'))
    host.setReady(fd, 'read', true)
    host.setReady(fd, 'read', true)
    expect(events).toEqual(['read'])
    host.setReady(fd, 'read', false)
    host.setReady(fd, 'read', true)
    expect(events).toEqual(['read', 'read'])
  })

  it('knows the descriptors that it opened, until they are closed', () => {
    const host = new VirtualHost()
    const [one, two] = [host.openDescriptor(), host.openDescriptor()]
    expect(one).not.toBe(two)
    const watch = host.watch(one, 'read', () => undefined)
    expect(host.watchCount(one)).toBe(1)
    watch.close()
    expect(host.watchCount(one)).toBe(0)
    host.closeDescriptor(one)
    expect(() => host.watch(one, 'read', () => undefined)).toThrow(VReactorError)
    expect(() => host.setReady(one, 'read', true)).toThrow(VReactorError)
  })
})
