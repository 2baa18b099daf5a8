/**
 * `chain`: the promise of a composed chain, signals that end it, its disposal, and what is printed of it.
 */
import { inspect } from 'node:util'
import { type VByteBuffer, VByteConsumer, VByteWriter, VIOError, VIOLost } from '@vio/io'
import { chain, VChain } from '@vio/io/facade'
import { VByteDecoder, VByteFilter, VByteTap } from '@vio/io/filter'
import { VProbeConsumer } from '@vio/io/testing'
import { VReactor } from '@vio/reactor'
import { describe, expect, it } from 'vitest'
import { virtualReactor } from '../../reactor/support.js'

const plain = {
  push(input: VByteBuffer, output: VByteBuffer): void {
    input.moveTo(output)
  },
}

class Collect extends VByteConsumer {
  text = ''
  protected override dataReceived(data: Buffer): void {
    this.text += data.toString()
  }
}

function setUp() {
  const { host, reactor } = virtualReactor()
  reactor.start()
  return { host, reactor, writer: new VByteWriter(reactor), sink: new Collect(reactor) }
}

/** Whether a promise has settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending')
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending
}

describe('chain', () => {
  it('composes in one line and resolves with what passed and how it ended', async () => {
    const { host, reactor, writer, sink } = setUp()
    const { done } = chain(writer, new VByteTap(reactor), new VByteFilter(reactor, plain), sink)
    writer.write('hello')
    host.advance(20)
    expect(await isSettled(done)).toBe(false)
    writer.endWrite()
    host.runUntilIdle()
    expect(await done).toEqual({
      bytesIn: 5,
      bytesOut: 5,
      messagesIn: 0,
      messagesOut: 0,
      clean: true,
      aborted: false,
      durationMs: 20,
    })
    expect(sink.text).toBe('hello')
  })

  it('resolves also when the chain fails, with the reason', async () => {
    const { host, reactor, writer, sink } = setUp()
    const broken = {
      push(): void {
        throw new RangeError('broken')
      },
    }
    const { done } = chain(writer, new VByteFilter(reactor, broken), sink)
    writer.write('x')
    host.runUntilIdle()
    expect(await done).toMatchObject({ clean: false, aborted: true, reason: new RangeError('broken') })
  })

  it('runs on real time', async () => {
    const reactor = new VReactor({ logWatcher: null })
    reactor.start()
    const writer = new VByteWriter(reactor)
    const sink = new Collect(reactor)
    for (let at = 0; at < 1000; at += 1) writer.write(`${at},`)
    writer.endWrite()
    const { clean, bytesOut, durationMs } = await chain(writer, new VByteTap(reactor), sink).done
    expect([clean, bytesOut, sink.text.length]).toEqual([true, 3890, 3890])
    expect(durationMs).toBeGreaterThanOrEqual(0)
    reactor.stop()
  })

  it('refuses what does not fit, as compose does', () => {
    const { reactor, writer, sink } = setUp()
    const decoder = new VByteDecoder(reactor, { push: () => undefined })
    // @ts-expect-error bytes behind a decoder
    expect(() => chain(writer, decoder, sink)).toThrow(/element 3 of 3 \(Collect\) takes bytes/)
    expect(writer.byteProduce.consumer).toBeNull()
  })
})

describe('until', () => {
  it('aborts the chain with the reason of the signal', async () => {
    const { writer, sink } = setUp()
    const stop = new AbortController()
    const run = chain(writer, sink).until(stop.signal)
    expect(run).toBeInstanceOf(VChain)
    const reason = new VIOLost('user left')
    stop.abort(reason)
    expect(await run.done).toMatchObject({ aborted: true, clean: false, reason })
  })

  it('aborts at once where the signal has, and wraps a reason that is no error', async () => {
    const { writer, sink } = setUp()
    const { reason } = await chain(writer, sink).until(AbortSignal.abort('because')).done
    expect(reason).toBeInstanceOf(VIOError)
    expect(reason?.cause).toBe('because')
  })

  it('takes any number of signals', async () => {
    const { writer, sink } = setUp()
    const [one, two] = [new AbortController(), new AbortController()]
    const { done } = chain(writer, sink).until(one.signal).until(two.signal)
    two.abort()
    one.abort(new Error('too late'))
    expect((await done).reason?.name).toBe('AbortError')
  })

  it('leaves nothing on the signal of a chain that is over', async () => {
    const { host, writer, sink } = setUp()
    const { signal } = new AbortController()
    let listeners = 0
    const count = (by: number) => (type: string) => {
      if (type === 'abort') listeners += by
    }
    spyOn(signal, 'addEventListener', count(1))
    spyOn(signal, 'removeEventListener', count(-1))
    const run = chain(writer, sink).until(signal)
    expect(listeners).toBe(1)
    writer.endWrite()
    host.runUntilIdle()
    await run.done
    expect(listeners).toBe(0)
    run.until(signal)
    expect(listeners).toBe(0)
  })

  it('refuses what is no signal', () => {
    const { writer, sink } = setUp()
    const run = chain(writer, sink)
    expect(() => run.until({ aborted: false } as AbortSignal)).toThrow(TypeError)
    expect(run.result).toBeNull()
  })
})

/** Calls `seen` before a method of `target`. */
function spyOn(
  target: AbortSignal,
  name: 'addEventListener' | 'removeEventListener',
  seen: (type: string) => void,
): void {
  const real = target[name].bind(target) as (type: string, listener: () => void) => void
  Object.defineProperty(target, name, {
    value: (type: string, listener: () => void) => {
      seen(type)
      real(type, listener)
    },
  })
}

describe('a chain as a value', () => {
  it('is aborted when it is disposed of, unless it is over', async () => {
    const { host, writer, sink } = setUp()
    const run = chain(writer, sink)
    await run[Symbol.asyncDispose]()
    expect(run.result).toMatchObject({ aborted: true })
    const other = setUp()
    const whole = chain(other.writer, other.sink)
    other.writer.endWrite()
    other.host.runUntilIdle()
    await whole[Symbol.asyncDispose]()
    expect(whole.result).toMatchObject({ clean: true })
    host.runUntilIdle()
  })

  it('prints as the live chain', () => {
    const { host, writer } = setUp()
    const run = chain(writer, new VProbeConsumer({ grantAtAttach: 2 }))
    writer.write('hello')
    host.runUntilIdle()
    expect(`${run}`).toMatch(/^chain, running for 0 ms, waiting for VProbeConsumer, which allows nothing\n/)
    expect(inspect({ run })).toContain('gave 2 of 2 B')
  })
})
