/**
 * What a loop brings: turns within its call, and what that leaves to others.
 */
import { VReactor } from '@vio/reactor'
import { VirtualHost } from '@vio/reactor/testing'
import { afterEach, describe, expect, it } from 'vitest'

const reactors: VReactor[] = []

afterEach(() => {
  for (const reactor of reactors.splice(0)) reactor.stop()
})

function started(): { host: VirtualHost; reactor: VReactor } {
  const host = new VirtualHost()
  const reactor = new VReactor({ host, logWatcher: null })
  reactors.push(reactor)
  reactor.start()
  host.runUntilIdle()
  return { host, reactor }
}

describe('enter', () => {
  it('runs the turn that is asked for before it returns', () => {
    const { reactor } = started()
    const order: string[] = []
    reactor.enter((name) => {
      reactor.post({ runTask: () => order.push(`turn, in it ${reactor.inTurn}`) })
      order.push(name)
    }, 'news')
    expect(order).toEqual(['news', 'turn, in it true'])
    expect(reactor.inTurn).toBe(false)
  })

  it('leaves what is asked for in its turns, and endless work, to the host', () => {
    const { host, reactor } = started()
    let turns = 0
    const again = {
      runTask: (): void => {
        turns += 1
        if (turns < 5) reactor.post(again)
      },
    }
    reactor.enter(() => reactor.post(again), undefined)
    // A simulated wake has one turn.
    expect(turns).toBe(1)
    host.runUntilIdle()
    expect(turns).toBe(5)
  })

  it('only calls while the reactor runs or will run anyway, so that order stays', () => {
    const { host, reactor } = started()
    const order: string[] = []
    reactor.post({ runTask: () => order.push('first') })
    reactor.enter(() => reactor.post({ runTask: () => order.push('second') }), undefined)
    expect(order).toEqual([])
    host.runUntilIdle()
    expect(order).toEqual(['first', 'second'])
    reactor.post({
      runTask: () => {
        reactor.enter(() => reactor.post({ runTask: () => order.push('next turn') }), undefined)
        order.push('this turn')
      },
    })
    host.runUntilIdle()
    expect(order.slice(2)).toEqual(['this turn', 'next turn'])
  })

  it('only calls before the start and after the stop', () => {
    const reactor = new VReactor({ host: new VirtualHost(), logWatcher: null })
    const ran: string[] = []
    reactor.enter(() => reactor.post({ runTask: () => ran.push('never') }), undefined)
    reactor.stop()
    reactor.enter(() => reactor.post({ runTask: () => ran.push('never') }), undefined)
    expect(ran).toEqual([])
  })

  it('passes an error on, and is ready for what comes next', () => {
    const { reactor } = started()
    const fail = (): void => {
      throw new Error('news of a kind')
    }
    expect(() => reactor.enter(fail, undefined)).toThrow('news of a kind')
    let ran = 0
    reactor.enter(() => reactor.post({ runTask: () => (ran += 1) }), undefined)
    expect(ran).toBe(1)
  })

  it('looks at the alarm again: a call that was scheduled in it is made at its time', () => {
    const { host, reactor } = started()
    const calledAt: number[] = []
    reactor.enter(() => reactor.schedule(5, () => calledAt.push(reactor.time())), undefined)
    const from = reactor.time()
    host.advance(10)
    expect(calledAt).toEqual([from + 5])
  })
})
