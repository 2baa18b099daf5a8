/**
 * Operators of rxjs on the reactor's time.
 */
import { VReactor } from '@vio/reactor'
import { VReactorScheduler } from '@vio/reactor/rx'
import {
  debounceTime,
  delay,
  interval,
  map,
  observeOn,
  of,
  Subject,
  take,
  timer,
  timestamp,
  toArray,
} from 'rxjs'
import { describe, expect, it } from 'vitest'
import { virtualReactor } from './support.js'

function onVirtualTime() {
  const { host, reactor, logged } = virtualReactor()
  reactor.start()
  const seen: string[] = []
  return {
    host,
    reactor,
    logged,
    seen,
    scheduler: new VReactorScheduler(reactor),
    note: (value: unknown) => void seen.push(`${value} at ${host.now()}`),
  }
}

describe('VReactorScheduler in simulated time', () => {
  it('runs interval and delay at their times', () => {
    const { host, scheduler, seen, note } = onVirtualTime()
    interval(100, scheduler).pipe(take(3), delay(5, scheduler)).subscribe(note)
    host.advance(99)
    expect(seen).toEqual([])
    host.advance(1000)
    expect(seen).toEqual(['0 at 105', '1 at 205', '2 at 305'])
    expect(host.alarmAt).toBe(Number.POSITIVE_INFINITY)
  })

  it('runs debounceTime', () => {
    const { host, scheduler, seen, note } = onVirtualTime()
    const source = new Subject<string>()
    source.pipe(debounceTime(10, scheduler)).subscribe(note)
    source.next('a')
    host.advance(5)
    source.next('b')
    host.advance(9)
    expect(seen).toEqual([])
    host.advance(1)
    expect(seen).toEqual(['b at 15'])
    host.advance(100)
    expect(seen.length).toBe(1)
  })

  it('keeps the order of what is observed on it, and its clock is the reactor’s', () => {
    const { host, scheduler, seen, note } = onVirtualTime()
    host.advance(7)
    expect(scheduler.now()).toBe(7)
    of('a', 'b', 'c')
      .pipe(
        observeOn(scheduler),
        timestamp(scheduler),
        map(({ value, timestamp: at }) => `${value}${at}`),
      )
      .subscribe({ next: note, complete: () => note('end') })
    expect(seen).toEqual([])
    host.runUntilIdle()
    expect(seen).toEqual(['a7 at 7', 'b7 at 7', 'c7 at 7', 'end at 7'])
  })

  it('reschedules an action from inside', () => {
    const { host, scheduler, seen, note } = onVirtualTime()
    scheduler.schedule(
      function work(state?: number) {
        note(state)
        if ((state ?? 0) < 3) this.schedule((state ?? 0) + 1, 10)
      },
      5,
      0,
    )
    host.advance(100)
    expect(seen).toEqual(['0 at 5', '1 at 15', '2 at 25', '3 at 35'])
  })

  it('has one call pending for an action: the latest', () => {
    const { host, scheduler, seen, note } = onVirtualTime()
    type Action = { schedule(state?: string, delayMs?: number): unknown }
    const action = scheduler.schedule<string>(note, 5, 'first') as unknown as Action
    action.schedule('second', 10)
    host.advance(100)
    expect(seen).toEqual(['second at 10'])
  })

  it('runs nothing that was unsubscribed, and leaves no call behind', () => {
    const { host, scheduler, seen, note } = onVirtualTime()
    const subscription = interval(10, scheduler).subscribe(note)
    host.advance(15)
    subscription.unsubscribe()
    const action = scheduler.schedule(() => note('action'), 5)
    action.unsubscribe()
    host.advance(100)
    expect(seen).toEqual(['0 at 10'])
    host.runUntilIdle()
    expect(host.alarmAt).toBe(Number.POSITIVE_INFINITY)
  })

  it('ends an action that throws, which the reactor logs', () => {
    const { host, scheduler, logged } = onVirtualTime()
    const action = scheduler.schedule(() => {
      throw new Error('on purpose')
    })
    host.runUntilIdle()
    expect(action.closed).toBe(true)
    expect(logged.map(({ message }) => message)).toEqual(['scheduled call failed'])
  })

  it('lets recursion without end take turns with the rest of the reactor', () => {
    const { host, reactor, scheduler } = onVirtualTime()
    let rounds = 0
    scheduler.schedule(function again() {
      rounds += 1
      if (rounds < 1000) this.schedule()
    })
    let roundsAtCall = 0
    reactor.callWhenRunning(() => {
      roundsAtCall = rounds
    })
    host.runUntilIdle()
    expect(rounds).toBe(1000)
    expect(roundsAtCall).toBeLessThan(10)
  })
})

describe('VReactorScheduler in real time', () => {
  it('runs operators on the turns of the reactor, never early', async () => {
    const reactor = new VReactor({ logWatcher: null })
    const scheduler = new VReactorScheduler(reactor)
    const startedAt = reactor.time()
    const values: number[] = []
    const checks: boolean[] = []
    timer(5, 2, scheduler)
      .pipe(take(3), toArray())
      .subscribe((all) => {
        values.push(...all)
        checks.push(reactor.inTurn, reactor.time() - startedAt >= 9)
        reactor.stop()
      })
    await reactor.run()
    expect(values).toEqual([0, 1, 2])
    expect(checks).toEqual([true, true])
  })
})
