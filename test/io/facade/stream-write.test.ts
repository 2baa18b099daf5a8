/**
 * `VStream`, writing and ending: what is taken at once, what waits, and how the whole is over.
 */
import {
  emptyControl,
  VByteEndpoint,
  VByteIOPair,
  VIOClosed,
  VIOControl,
  VIOError,
  VIOLost,
  VIOOversize,
  VIOTimeout,
} from '@vio/io'
import { VStream, type VStreamOptions } from '@vio/io/facade'
import { VByteDuplexFilter, VByteFilter } from '@vio/io/filter'
import { createDevicePair, VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import { VReactor } from '@vio/reactor'
import { VirtualHost } from '@vio/reactor/testing'
import { describe, expect, it } from 'vitest'
import { runningReactor } from '../support.js'
import { feed, outcomeOf, rejectionOf, scriptedPair } from './support.js'

function setUp(limit: number | null = null, options: VStreamOptions = {}) {
  const far = scriptedPair({ limit })
  return { ...far, stream: new VStream(far.pair, { reactor: far.reactor, ...options }) }
}

describe('VStream.write', () => {
  it('tells whether the chain took everything at once', () => {
    const { stream, sink, host } = setUp(8)
    expect(stream.write('hello')).toBe(true)
    expect(sink.received.length).toBe(5)
    expect(stream.write(Buffer.from('world'))).toBe(false)
    expect(stream.queuedBytes).toBe(2)
    expect(stream.write([Buffer.from('a'), Buffer.from('b')])).toBe(false)
    sink.grantMore(10)
    expect(stream.queuedBytes).toBe(4)
    host.runUntilIdle()
    expect(stream.queuedBytes).toBe(0)
    expect(sink.received.pop().toString()).toBe('helloworldab')
    expect(stream.write('')).toBe(true)
  })

  it('refuses what is no bytes, and more than may wait, and has taken nothing then', () => {
    const { stream } = setUp(0, { maxQueuedBytes: 10 })
    for (const data of [1, null, {}, [Buffer.from('a'), 'b']])
      expect(() => stream.write(data as unknown as string)).toThrow(TypeError)
    stream.write('12345')
    expect(() => stream.write('678901')).toThrow(VIOOversize)
    expect(stream.queuedBytes).toBe(5)
    expect(stream.write('67890')).toBe(false)
  })

  it('does not give a consumer more while it is at work on what it was given', () => {
    const { reactor, host } = runningReactor()
    let depth = 0
    let deepest = 0
    const sink = new VProbeConsumer({
      grantAtAttach: null,
      hooks: {
        received: () => {
          depth += 1
          deepest = Math.max(deepest, depth)
          if (sink.moved < 5) stream.write('x')
          depth -= 1
        },
      },
    })
    const pair = new VByteIOPair(sink, new VProbeProducer({ reactor }))
    const stream = new VStream(pair, { reactor })
    stream.write('x')
    host.runUntilIdle()
    expect([sink.moved, deepest]).toEqual([5, 1])
  })

  it('tells a consumer that is at work the end when it is done', () => {
    const { reactor, host } = runningReactor()
    const events: string[] = []
    const sink: VProbeConsumer = new VProbeConsumer({
      grantAtAttach: null,
      hooks: {
        received: () => {
          events.push('begin')
          stream.end()
          events.push('done')
        },
        dataEnded: () => events.push('ended'),
      },
    })
    const stream: VStream = new VStream(new VByteIOPair(sink, new VProbeProducer({ reactor })), { reactor })
    stream.write('x')
    host.runUntilIdle()
    expect(events).toEqual(['begin', 'done', 'ended'])
  })

  it('closes the stream when the consumer throws, and says why', async () => {
    const { reactor, host, logged } = runningReactor()
    const sink = new VProbeConsumer({
      grantAtAttach: null,
      hooks: {
        received: () => {
          throw new RangeError('full')
        },
      },
    })
    const stream = new VStream(new VByteIOPair(sink, new VProbeProducer({ reactor })), { reactor })
    expect(stream.write('x')).toBe(false)
    expect(() => stream.write('y')).toThrow(/full/)
    host.runUntilIdle()
    expect(logged.length).toBeGreaterThan(0)
  })
})

describe('VStream.drained and flush', () => {
  it('resolve when nothing waits any more', async () => {
    const { stream, sink, host } = setUp(0)
    expect(await outcomeOf(stream.drained())).toEqual({ value: undefined })
    stream.write('hello')
    const waits = stream.drained()
    const late = stream.flush({ timeoutMs: 10 })
    sink.grantMore(3)
    host.advance(10)
    expect(await rejectionOf(late)).toBeInstanceOf(VIOTimeout)
    expect(await outcomeOf(waits)).toBe('pending')
    sink.grantMore(2)
    host.runUntilIdle()
    expect(await outcomeOf(waits)).toEqual({ value: undefined })
  })

  it('reject when the other side takes no more', async () => {
    const { stream, sink } = setUp(0)
    stream.write('hello')
    const waits = stream.drained()
    sink.abort(new VIOLost('broken pipe'))
    expect((await rejectionOf(waits)).message).toBe('broken pipe')
    expect((await rejectionOf(stream.drained())).message).toBe('broken pipe')
    expect(() => stream.write('x')).toThrow(VIOClosed)
  })
})

describe('VStream.end and shutdown', () => {
  it('end the output after what waits; reading goes on', async () => {
    const { stream, sink, source, host } = setUp(0)
    stream.write('hello')
    stream.end(' world')
    const done = stream.shutdown()
    expect(() => stream.write('x')).toThrow(VIOClosed)
    sink.grantMore(11)
    host.runUntilIdle()
    expect(sink.received.pop().toString()).toBe('hello world')
    expect(sink.ended).toEqual({ clean: true, reason: undefined })
    await done
    await stream.shutdown()
    feed(source, 'late answer')
    source.end()
    host.runUntilIdle()
    expect((await stream.readAll()).toString()).toBe('late answer')
    expect(await stream.closed).toEqual({ clean: true, bytesIn: 11, bytesOut: 11 })
  })

  it('resolve only when the end was carried out', async () => {
    const { reactor, host } = runningReactor()
    const { a, b } = createDevicePair({ b: { capacityBytes: 4 } })
    const stream = VStream.over(new VByteEndpoint(reactor, a))
    expect(stream.write('hello world')).toBe(true)
    const done = stream.shutdown({ timeoutMs: 50 })
    host.advance(10)
    expect(await outcomeOf(done)).toBe('pending')
    let got = ''
    for (let round = 0; round < 5; round += 1) {
      got += b.readSome(100).toString()
      host.runUntilIdle()
    }
    expect(got).toBe('hello world')
    expect(await outcomeOf(done)).toEqual({ value: undefined })
  })

  it('tell if it was not', async () => {
    const { stream, sink } = setUp(0)
    stream.write('x')
    const done = stream.shutdown()
    stream.close()
    expect(await rejectionOf(done)).toBeInstanceOf(VIOClosed)
    expect(await rejectionOf(stream.shutdown())).toBeInstanceOf(VIOClosed)
    expect(sink.ended).toBeNull()
    expect(sink.aborted?.reason).toBeInstanceOf(VIOClosed)
  })
})

describe('VStream.close', () => {
  it('drops what waits and takes both directions down, with the reason', async () => {
    const { stream, sink, source } = setUp(2)
    stream.write('hello')
    const reason = new VIOLost('enough')
    stream.close(reason)
    expect(sink.received.length).toBe(2)
    expect([sink.aborted?.reason, source.aborted?.reason]).toEqual([reason, reason])
    expect(await stream.closed).toEqual({ clean: false, reason, bytesIn: 0, bytesOut: 2 })
    expect(() => stream.close('x' as unknown as Error)).toThrow(TypeError)
  })

  it('changes nothing for what has ended already', async () => {
    const { stream, source, host } = setUp()
    source.end()
    stream.end()
    host.runUntilIdle()
    stream.close()
    expect(await stream.closed).toEqual({ clean: true, bytesIn: 0, bytesOut: 0 })
    expect(await rejectionOf(stream.readSome())).toBeInstanceOf(VIOClosed)
  })

  it('happens when the stream is disposed of', async () => {
    const { stream, source } = setUp()
    await stream[Symbol.asyncDispose]()
    expect(source.aborted).not.toBeNull()
  })
})

describe('VStream over an endpoint', () => {
  it('talks both ways through filters and knows the peer, also when it is attached late', async () => {
    const { reactor, host } = runningReactor()
    const { a, b } = createDevicePair({ a: { name: 'left' }, b: { name: 'right' } })
    const plain = (): VByteFilter =>
      new VByteFilter(reactor, { push: (input, output) => void input.moveTo(output) })
    const filter = new VByteDuplexFilter(plain(), plain())
    filter.deviceIO.attach(new VByteEndpoint(reactor, a).byteIO)
    host.runUntilIdle()
    const seen: string[] = []
    const control = new VIOControl({ connected: (peer) => void seen.push(String(peer)) })
    const left = new VStream(filter.appIO, { control })
    const right = VStream.over(new VByteEndpoint(reactor, b))
    expect(left.peer).toBeNull()
    host.runUntilIdle()
    expect(String(left.peer)).toContain('right')
    expect(String(right.peer)).toContain('left')
    expect(seen).toHaveLength(1)
    left.end('ping')
    host.runUntilIdle()
    expect((await right.readAll()).toString()).toBe('ping')
    right.end('pong')
    host.runUntilIdle()
    expect((await left.readAll()).toString()).toBe('pong')
    host.runUntilIdle()
    expect(await left.closed).toEqual({ clean: true, bytesIn: 4, bytesOut: 4 })
    expect(await right.closed).toMatchObject({ clean: true })
  })

  it('tells a loss of the connection to both directions', async () => {
    const { reactor, host } = runningReactor()
    const pair = createDevicePair({})
    const stream = VStream.over(new VByteEndpoint(reactor, pair.a))
    const read = stream.readSome()
    pair.reset()
    host.runUntilIdle()
    expect((await rejectionOf(read)).message).toContain('reset')
    const ended = await stream.closed
    expect(ended.clean).toBe(false)
    expect(ended.reason?.message).toContain('reset')
  })

  it('refuses a pair that is none or taken, and needs a reactor', () => {
    const { stream, pair, reactor } = setUp()
    expect(stream.bufferedBytes).toBe(0)
    expect(() => new VStream(pair, { reactor })).toThrow(VIOError)
    expect(() => new VStream(undefined as unknown as VByteIOPair)).toThrow(TypeError)
    expect(() => new VStream(scriptedPair().pair)).toThrow(/option reactor/)
    expect(() => new VStream(scriptedPair().pair, { reactor, bufferBytes: 0 })).toThrow(RangeError)
    expect(() => new VStream(scriptedPair().pair, { reactor, control: emptyControl() })).not.toThrow()
  })

  it('works before the reactor runs', async () => {
    const host = new VirtualHost()
    const reactor = new VReactor({ host, logWatcher: null })
    const { a, b } = createDevicePair({})
    const [left, right] = [new VByteEndpoint(reactor, a), new VByteEndpoint(reactor, b)].map((end) =>
      VStream.over(end),
    )
    left?.end('early')
    reactor.start()
    host.runUntilIdle()
    expect((await right?.readAll())?.toString()).toBe('early')
  })
})
