/**
 * Results to come: the chain of functions, cancel, time-out, promises and abort signals.
 */
import {
  VFailure,
  VFIOLost,
  VIOLost,
  VPending,
  VPendingCancelled,
  VPendingTimeout,
  VReactorError,
  VReactorPending,
} from '@vio/reactor'
import { describe, expect, it } from 'vitest'
import { virtualReactor } from './support.js'

/** A started reactor and what happened. */
function started() {
  const made = virtualReactor()
  made.reactor.start()
  const seen: unknown[] = []
  return { ...made, seen, note: (value: unknown) => void seen.push(value) }
}

describe('VPending', () => {
  it('hands its result to a callback, on a turn of the reactor [VE-S11] [T-VE-8]', () => {
    const { host, reactor, seen } = started()
    const pending = new VPending<string>(reactor)
    pending.addCallback((value) => seen.push(value, reactor.inTurn))
    expect(pending.hasResult).toBe(false)
    pending.callback('hello')
    expect(pending.hasResult).toBe(true)
    expect(seen).toEqual([])
    host.runUntilIdle()
    expect(seen).toEqual(['hello', true])
    expect(VReactorPending).toBe(VPending)
    expect(pending.reactor).toBe(reactor)
  })

  it('runs a callback that comes after the result too [VE-S11] [T-VE-12]', () => {
    const { host, reactor, note, seen } = started()
    const pending = new VPending<number>(reactor)
    pending.callback(1)
    pending.addCallback((value) => value + 1).addCallback(note)
    expect(seen).toEqual([])
    host.runUntilIdle()
    expect(seen).toEqual([2])
  })

  it('passes what one function returns to the next [VE-S11] [T-VE-12]', () => {
    const { host, reactor, seen } = started()
    const pending = new VPending<number>(reactor)
    pending
      .addCallback((n) => n * 2)
      .addFailback(() => seen.push('no failure here'))
      .addCallback((n) => `${n}!`)
      .addCallback((text) => seen.push(text))
    pending.callback(21)
    host.runUntilIdle()
    expect(seen).toEqual(['42!'])
  })

  it('goes over to the failbacks by an error or a failure, and back by what they return [VE-S11] [T-VE-12]', () => {
    const { host, reactor, seen } = started()
    const lost = new VFIOLost(new VIOLost('gone'))
    const pending = new VPending<number>(reactor)
    pending
      .addCallback((): number => {
        throw new RangeError('on purpose')
      })
      .addCallback(() => seen.push('left out'))
      .addFailback((failure) => {
        seen.push(failure.value.message)
        return 'mended'
      })
      .addCallback((value) => {
        seen.push(value)
        return lost
      })
      .addCallback(() => seen.push('left out'))
      .addFailback((failure) => seen.push(failure))
    pending.callback(1)
    host.runUntilIdle()
    expect(seen).toEqual(['on purpose', 'mended', lost])
  })

  it('runs one of a pair, and neither for the error of the other; addBoth runs for either [VE-S11]', () => {
    const { host, reactor, seen } = started()
    const pending = new VPending<number>(reactor)
    pending
      .addCallpair(
        (): string => {
          throw new Error('of the callback')
        },
        () => {
          seen.push('must not run')
          return ''
        },
      )
      .addBoth((outcome) => {
        seen.push(outcome instanceof VFailure && outcome.value.message)
        return 'fine'
      })
      .addCallpair(
        (value) => seen.push(value),
        () => seen.push('must not run'),
      )
    pending.callback(1)
    host.runUntilIdle()
    expect(seen).toEqual(['of the callback', 'fine'])
  })

  it('takes an error or a failure as the reason why there is no result [VE-S11]', () => {
    const { host, reactor, note, seen } = started()
    const error = new Error('no')
    const failure = new VFIOLost()
    for (const reason of [error, failure]) {
      const pending = new VPending(reactor)
      pending.addFailback(note)
      pending.failback(reason)
    }
    host.runUntilIdle()
    expect(seen[0]).toBeInstanceOf(VFailure)
    expect((seen[0] as VFailure).value).toBe(error)
    expect(seen[1]).toBe(failure)
    expect(() => new VPending(reactor).failback('text' as never)).toThrow(TypeError)
  })

  it('waits for a pending that a function returns [VE-S11]', () => {
    const { host, reactor, note, seen } = started()
    const inner = new VPending<string>(reactor)
    const pending = new VPending<number>(reactor)
    pending
      .addCallback(() => inner)
      .addCallback((text) => `${text} world`)
      .addCallback(note)
    pending.callback(1)
    host.runUntilIdle()
    expect([seen.length, pending.hasResult]).toEqual([0, false])
    inner.callback('hello')
    host.runUntilIdle()
    expect(seen).toEqual(['hello world'])
    const failing = new VPending(reactor)
    failing.addCallback(() => {
      const other = new VPending(reactor)
      other.failback(new Error('of the inner one'))
      return other
    })
    failing.addFailback(({ value }) => note(value.message))
    failing.callback(undefined)
    host.runUntilIdle()
    expect(seen[1]).toBe('of the inner one')
  })

  it('runs what a function adds after the function, on what it returned', () => {
    const { host, reactor, note, seen } = started()
    const pending = new VPending<number>(reactor)
    pending.addCallback((n) => {
      pending.addCallback((later) => note(`added: ${later}`))
      note(`first: ${n}`)
      return n + 1
    })
    pending.callback(1)
    host.runUntilIdle()
    expect(seen).toEqual(['first: 1', 'added: 2'])
  })

  it('does not wait for itself', () => {
    const { host, reactor, note, seen } = started()
    const pending: VPending = new VPending(reactor)
    pending.addCallback(() => pending).addFailback(({ value }) => note(value))
    pending.callback(1)
    host.runUntilIdle()
    expect(seen[0]).toBeInstanceOf(TypeError)
  })

  it('wraps what is thrown and is no error', () => {
    const { host, reactor, note, seen } = started()
    const pending = new VPending(reactor)
    pending.addCallback(() => {
      throw 'text'
    })
    pending.addFailback(({ value }) => note([value instanceof VReactorError, value.cause]))
    pending.callback(1)
    host.runUntilIdle()
    expect(seen).toEqual([[true, 'text']])
  })

  it('has one result: a second one is refused and changes nothing [VE-S11]', () => {
    const { reactor } = started()
    const pending = new VPending<number>(reactor)
    pending.callback(1)
    expect(() => pending.callback(2)).toThrow(VReactorError)
    expect(() => pending.failback(new Error('no'))).toThrow(VReactorError)
    expect(pending.result).toBe(1)
  })

  it('gives its result, or throws the error of its failure, or says that there is none [VE-S11] [T-VE-12]', () => {
    const { host, reactor } = started()
    const pending = new VPending<number>(reactor)
    expect(() => pending.result).toThrow(VReactorError)
    pending.addCallback((n) => n + 1)
    pending.callback(1)
    host.runUntilIdle()
    expect(pending.result).toBe(2)
    const failed = new VPending(reactor)
    failed.failback(new RangeError('out of range'))
    expect(() => failed.result).toThrow(RangeError)
  })
})

describe('cancelling a pending', () => {
  it('tells the one who works on it and fails the chain; the late result is dropped [VE-S11]', () => {
    const { host, reactor, note, seen } = started()
    let cancels = 0
    const pending = new VPending<number>(reactor, {
      onCancel: () => {
        cancels += 1
      },
    })
    pending.addFailback(({ value }) => note(value))
    pending.cancel('not needed')
    pending.cancel()
    pending.callback(1)
    pending.failback(new Error('late'))
    host.runUntilIdle()
    expect(seen.length).toBe(1)
    expect(seen[0]).toBeInstanceOf(VPendingCancelled)
    expect((seen[0] as Error).cause).toBe('not needed')
    expect(cancels).toBe(1)
  })

  it('does nothing once the result is there [VE-S11]', () => {
    const { host, reactor, note, seen } = started()
    let cancels = 0
    const pending = new VPending<number>(reactor, { onCancel: () => (cancels += 1) })
    pending.addCallback(note)
    pending.callback(1)
    pending.cancel()
    host.runUntilIdle()
    expect([seen, cancels]).toEqual([[1], 0])
  })

  it('cancels the pending that the chain waits for [VE-S11]', () => {
    const { host, reactor, note, seen } = started()
    let cancels = 0
    const inner = new VPending(reactor, { onCancel: () => (cancels += 1) })
    const pending = new VPending(reactor)
    pending.addCallback(() => inner).addFailback(({ value }) => note(value))
    pending.callback(1)
    host.runUntilIdle()
    pending.cancel()
    host.runUntilIdle()
    expect(cancels).toBe(1)
    expect(seen[0]).toBeInstanceOf(VPendingCancelled)
  })

  it('logs what its hook throws, and fails the chain all the same', () => {
    const { host, reactor, logged, note, seen } = started()
    const pending = new VPending(reactor, {
      onCancel: () => {
        throw new Error('on purpose')
      },
    })
    pending.addFailback(note)
    pending.cancel()
    host.runUntilIdle()
    expect(seen.length).toBe(1)
    expect(logged.map(({ message }) => message)).toEqual(['the cancel of a result failed'])
  })
})

describe('the time-out of a pending', () => {
  it('fails the chain when the time has passed [VE-S11]', () => {
    const { host, reactor, seen } = started()
    let cancels = 0
    const pending = new VPending<number>(reactor, { onCancel: () => (cancels += 1) })
    pending.addFailback(({ value }) => seen.push(value, host.now()))
    pending.setTimeout(50)
    host.advance(49)
    expect(seen).toEqual([])
    host.advance(1)
    expect(seen[0]).toBeInstanceOf(VPendingTimeout)
    expect(seen[0]).toMatchObject({ timeoutMs: 50, message: 'no result within 50 ms' })
    expect([seen[1], cancels]).toEqual([50, 1])
    pending.callback(1)
    expect(host.alarmAt).toBe(Number.POSITIVE_INFINITY)
  })

  it.each([
    [10, 50],
    [50, 10],
  ])('is the earlier one of two: %i and %i ms [VE-S11]', (first, second) => {
    const { host, reactor, seen } = started()
    const pending = new VPending(reactor)
    pending.addFailback(({ value }) => seen.push(host.now(), (value as VPendingTimeout).timeoutMs))
    pending.setTimeout(first)
    pending.setTimeout(second)
    host.advance(100)
    expect(seen).toEqual([10, 10])
  })

  it('is over with the result [VE-S11]', () => {
    const { host, reactor, note, seen } = started()
    const pending = new VPending<number>(reactor)
    pending.addBoth(note)
    pending.setTimeout(10)
    pending.callback(1)
    pending.setTimeout(1)
    host.runUntilIdle()
    expect(host.alarmAt).toBe(Number.POSITIVE_INFINITY)
    host.advance(100)
    expect(seen).toEqual([1])
  })

  it('refuses what is no duration', () => {
    const pending = new VPending(virtualReactor().reactor)
    expect(() => pending.setTimeout(Number.NaN)).toThrow(RangeError)
    expect(pending.hasResult).toBe(false)
  })
})

describe('a pending as a promise', () => {
  it('settles with what the chain makes of the result [VE-S11]', async () => {
    const { host, reactor } = started()
    const pending = new VPending<number>(reactor)
    const promise = pending.addCallback((n) => n + 1).toPromise()
    pending.callback(1)
    host.runUntilIdle()
    expect(await promise).toBe(2)
    expect(pending.result).toBe(2)
    const failed = new VPending(reactor)
    failed.failback(new VIOLost('gone'))
    const rejected = failed.toPromise()
    host.runUntilIdle()
    await expect(rejected).rejects.toThrow(VIOLost)
  })

  it('rejects nothing that nobody took', async () => {
    const { host, reactor } = started()
    const unhandled: unknown[] = []
    const listener = (reason: unknown): void => void unhandled.push(reason)
    process.on('unhandledRejection', listener)
    new VPending(reactor).failback(new Error('nobody cares'))
    host.runUntilIdle()
    await new Promise((resolve) => setImmediate(resolve))
    process.removeListener('unhandledRejection', listener)
    expect(unhandled).toEqual([])
  })
})

describe('a pending with an abort signal', () => {
  it('is cancelled by it, with its reason as the cause [VE-S11]', () => {
    const { host, reactor, note, seen } = started()
    const controller = new AbortController()
    const pending = new VPending(reactor, { signal: controller.signal })
    pending.addFailback(({ value }) => note(value))
    controller.abort(new Error('enough'))
    host.runUntilIdle()
    expect(seen[0]).toBeInstanceOf(VPendingCancelled)
    expect((seen[0] as Error).cause).toMatchObject({ message: 'enough' })
  })

  it('is cancelled at once by a signal that was aborted before', () => {
    const { host, reactor, note, seen } = started()
    const pending = new VPending(reactor, { signal: AbortSignal.abort() })
    pending.addFailback(({ value }) => note(value))
    host.runUntilIdle()
    expect(seen[0]).toBeInstanceOf(VPendingCancelled)
  })

  it('listens to each of several signals, and to none once the result is there', () => {
    const { host, reactor, note, seen } = started()
    const [one, two] = [new AbortController(), new AbortController()]
    const listeners = new Set<unknown>()
    for (const { signal } of [one, two]) {
      const { addEventListener, removeEventListener } = signal
      signal.addEventListener = (type: string, listener: unknown) => {
        listeners.add(listener)
        addEventListener.call(signal, type, listener as never)
      }
      signal.removeEventListener = (type: string, listener: unknown) => {
        listeners.delete(listener)
        removeEventListener.call(signal, type, listener as never)
      }
    }
    const pending = new VPending<number>(reactor)
    pending.addBoth(note)
    pending.bindSignal(one.signal)
    pending.bindSignal(two.signal)
    expect(listeners.size).toBe(2)
    pending.callback(1)
    expect(listeners.size).toBe(0)
    one.abort()
    host.runUntilIdle()
    expect(seen).toEqual([1])
  })
})
