/**
 * The test kit's own parts: patterns, the pair of devices, probes and embedded chains.
 */
import { VByteBuffer, VByteEndpoint, VByteWriter, VMemoryPeer, type VMessageQueue } from '@vio/io'
import { VByteDecoder, VByteDuplexFilter, VByteFilter, VByteTap } from '@vio/io/filter'
import {
  createDevicePair,
  EmbeddedChain,
  EmbeddedDuplex,
  VBytePattern,
  VPatternChecker,
  VProbeConsumer,
  VProbeLog,
  VProbeProducer,
} from '@vio/io/testing'
import { VFIOCompleted, VFIOLost, VIOLost, VReactor } from '@vio/reactor'
import { VirtualHost } from '@vio/reactor/testing'
import { describe, expect, it } from 'vitest'

function makeReactor(): { host: VirtualHost; reactor: VReactor } {
  const host = new VirtualHost()
  const reactor = new VReactor({ host, logWatcher: null })
  reactor.start()
  return { host, reactor }
}

describe('VBytePattern', () => {
  it('gives the same byte for a position however the stretch is cut', () => {
    const pattern = new VBytePattern(7)
    const whole = pattern.take(1000, 5)
    for (const [offset, length] of [
      [0, 1],
      [1, 3],
      [6, 100],
      [331, 77],
    ] as const) {
      expect(pattern.take(length, 5 + offset)).toEqual(whole.subarray(offset, offset + length))
      expect(pattern.byteAt(5 + offset)).toBe(whole[offset])
    }
  })

  it('says where bytes part from it, also beyond 16 GiB', () => {
    const pattern = new VBytePattern(-3)
    for (const position of [0, 2 ** 32 - 2, 2 ** 34 + 1, 2 ** 52]) {
      const bytes = pattern.take(64, position)
      expect(pattern.mismatchAt(bytes, position)).toBe(-1)
      bytes[41] = (bytes[41] ?? 0) ^ 1
      expect(pattern.mismatchAt(bytes, position)).toBe(41)
    }
    expect(pattern.take(16, 0)).not.toEqual(pattern.take(16, 2 ** 34))
    expect(pattern.take(16)).not.toEqual(new VBytePattern(3).take(16))
  })

  it('checks a stream piece by piece', () => {
    const checker = new VPatternChecker(new VBytePattern(2))
    checker.feed(checker.pattern.take(10))
    checker.feed(checker.pattern.take(1, 10))
    expect(checker.position).toBe(11)
    expect(() => checker.feed(checker.pattern.take(4, 12))).toThrow(/byte 11 of the pattern/)
  })
})

describe('createDevicePair', () => {
  it('carries bytes both ways, as far as the capacity of each', () => {
    const { a, b } = createDevicePair({ b: { capacityBytes: 3 } })
    expect(a.writeSome(Buffer.from('hello'))).toBe(3)
    expect(a.writable).toBe(false)
    expect(b.readSome(2)).toEqual(Buffer.from('he'))
    expect(a.writeSome(Buffer.from('lo'))).toBe(2)
    expect(b.readSome(100).toString() + b.readSome(100).toString()).toBe('llo')
    expect(b.writeSome(Buffer.alloc(65_536))).toBe(65_536)
    expect(b.writable).toBe(false)
  })

  it('tells both sides of changes', () => {
    const { a, b } = createDevicePair()
    const told: string[] = []
    a.onReady(() => told.push('a'))
    b.onReady(() => told.push('b'))
    a.writeSome(Buffer.from('x'))
    expect(told).toContain('b')
    told.length = 0
    b.readSome(1)
    expect(told).toContain('a')
  })

  it('passes as little at a time as the script says', () => {
    const { a, b } = createDevicePair({
      a: { writeSizes: [1, 0, 2] },
      b: { readSizes: (wanted) => wanted >> 1 },
    })
    const data = Buffer.from('abcdef')
    expect([a.writeSome(data), a.writeSome(data), a.writeSome(data), a.writeSome(data)]).toEqual([1, 0, 2, 1])
    expect(b.readSome(2).length).toBe(1)
  })

  it('ends a direction cleanly after its bytes, and leaves the other open', () => {
    const { a, b } = createDevicePair()
    a.writeSome(Buffer.from('end'))
    a.closeOutput(new VFIOCompleted())
    expect(a.outputEnd).toBeInstanceOf(VFIOCompleted)
    expect(b.inputEnd).toBeNull()
    expect(b.readSome(10).toString()).toBe('end')
    expect(b.inputEnd).toBeInstanceOf(VFIOCompleted)
    expect(b.writeSome(Buffer.from('more'))).toBe(4)
    expect(a.readSome(9).toString()).toBe('more')
  })

  it('drops what was not read when a direction is lost, or the connection', () => {
    const { a, b } = createDevicePair()
    a.writeSome(Buffer.from('x'))
    a.closeOutput(new VFIOLost())
    expect([b.readable, b.inputEnd?.constructor, b.outputEnd]).toEqual([false, VFIOLost, null])
    const other = createDevicePair()
    other.a.writeSome(Buffer.from('x'))
    other.reset()
    for (const device of [other.a, other.b]) {
      expect([device.readable, device.writable]).toEqual([false, false])
      expect(device.inputEnd).toBeInstanceOf(VFIOLost)
      expect(device.outputEnd).toBeInstanceOf(VFIOLost)
    }
  })

  it('lets a writer find out that the other end was closed', () => {
    const { a, b } = createDevicePair()
    b.close(new VFIOCompleted())
    expect(a.inputEnd).toBeInstanceOf(VFIOCompleted)
    expect(a.outputEnd).toBeNull()
    a.writeSome(Buffer.from('x'))
    expect(a.outputEnd).toBeInstanceOf(VFIOLost)
  })

  it('connects, refuses or hangs as the script says', () => {
    const { host, reactor } = makeReactor()
    const pair = createDevicePair({ reactor, connect: 'succeed', connectDelayMs: 10 })
    pair.a.connect?.(pair.peerB)
    expect([pair.a.connected, pair.a.writable]).toEqual([false, false])
    host.advance(10)
    expect([pair.a.connected, pair.b.connected, pair.a.peer?.toString()]).toEqual([true, true, 'memory:b'])
    const refused = createDevicePair({ reactor, connect: () => 'refuse' })
    refused.a.connect?.(new VMemoryPeer('nobody'))
    host.runUntilIdle()
    expect(refused.a.inputEnd?.value).toBeInstanceOf(VIOLost)
    const hanging = createDevicePair({ connect: 'hang' })
    expect(() => hanging.settleConnect('refuse')).toThrow('no attempt')
    hanging.a.connect?.(hanging.peerB)
    expect(hanging.a.connected).toBe(false)
    hanging.settleConnect('succeed')
    expect(hanging.a.connected).toBe(true)
    expect(createDevicePair().a.connect).toBeUndefined()
  })

  it('delays bytes and ends, and counts what is on the way', () => {
    const { host, reactor } = makeReactor()
    const { a, b } = createDevicePair({ reactor, delayMs: 5, b: { capacityBytes: 4 } })
    expect(a.writeSome(Buffer.from('hello'))).toBe(4)
    a.closeOutput(new VFIOCompleted())
    expect([a.unflushedBytes, b.readable, a.outputEnd]).toEqual([4, false, null])
    host.advance(5)
    expect([a.unflushedBytes, b.readSome(9).toString(), b.inputEnd?.constructor]).toEqual([
      0,
      'hell',
      VFIOCompleted,
    ])
    expect(() => createDevicePair({ delayMs: 5 })).toThrow(TypeError)
    expect(() => createDevicePair({ a: { capacityBytes: 0 } })).toThrow(RangeError)
    expect(() => createDevicePair({ a: { readSizes: [0] } })).toThrow(RangeError)
  })
})

describe('a reset of a device pair', () => {
  it('takes back a clean end behind bytes that were not read, and no other', () => {
    for (const readAll of [true, false]) {
      const pair = createDevicePair()
      pair.b.writeSome(Buffer.from('abc'))
      pair.b.closeOutput(new VFIOCompleted())
      if (readAll) expect(pair.a.readSome(3).toString()).toBe('abc')
      pair.reset()
      expect(pair.a.readable).toBe(false)
      expect(pair.a.inputEnd).toBeInstanceOf(readAll ? VFIOCompleted : VFIOLost)
    }
  })
})

describe('two endpoints on a pair of devices', () => {
  it('carry a stream through short reads and writes', () => {
    const { host, reactor } = makeReactor()
    const pattern = new VBytePattern(5)
    const { a, b } = createDevicePair({
      a: { writeSizes: [1, 7, 0, 300] },
      b: { capacityBytes: 50, readSizes: [3, 1, 40] },
    })
    const left = new VByteEndpoint(reactor, a)
    const right = new VByteEndpoint(reactor, b)
    const writer = new VByteWriter(reactor)
    const sink = new VProbeConsumer({ grantAtAttach: null })
    left.byteConsume.attach(writer.byteProduce)
    right.byteProduce.attach(sink)
    writer.write(pattern.take(20_000))
    writer.endWrite()
    host.runUntilIdle()
    expect(sink.received.length).toBe(20_000)
    pattern.check(sink.received.pop())
    expect(sink.ended?.clean).toBe(true)
  })
})

describe('probes', () => {
  it('keep limits, record hooks and calls, and throw by script', () => {
    const log = new VProbeLog()
    const sink = new VProbeConsumer({ log, grantAtAttach: 3 })
    const source = new VProbeProducer({ log })
    source.feed(new VByteBuffer(Buffer.from('hello')))
    source.attach(sink)
    expect(log.events).toEqual([
      'sink.producerAttached()',
      'source.canProduce(3)',
      'source.control.notifyConsumerAttached()',
      'source.consumerAttached()',
      'sink.control.notifyProducerAttached()',
    ])
    expect([source.pump(), source.queue.length]).toEqual([3, 2])
    expect(sink.received.pop().toString()).toBe('hel')
    expect(log.during('sink.grant')).toEqual(['source.canProduce(3)'])
    expect(log.deepest('sink.consume')).toBe(1)
  })

  it('tells a fault of the consumer to the producer, which aborts', () => {
    const boom = new Error('boom')
    const hooks = {
      received: () => {
        throw boom
      },
    }
    const sink = new VProbeConsumer({ hooks, grantAtAttach: null })
    const source = new VProbeProducer()
    source.attach(sink)
    source.feed(new VByteBuffer(Buffer.from('x')))
    source.pump()
    expect([source.failures, source.aborted?.reason, sink.aborted?.reason]).toEqual([[boom], boom, boom])
  })
})

describe('EmbeddedChain', () => {
  it('feeds, grants, drains and ends an element', () => {
    const chain = new EmbeddedChain((reactor) => new VByteTap(reactor), { limit: 0 })
    chain.feed('hello')
    expect([chain.drain().toString(), chain.unsent]).toEqual(['', 5])
    chain.grant(2)
    expect([chain.drain().toString(), chain.unsent]).toEqual(['he', 3])
    chain.end()
    expect(chain.ended).toBeNull()
    chain.grant(null)
    expect([chain.drain().toString(), chain.ended?.clean, chain.aborted]).toEqual(['llo', true, false])
  })

  it('drains messages', () => {
    const lengths = {
      push: (input: VByteBuffer, output: VMessageQueue<number>) => output.append(input.remove()),
    }
    const chain = new EmbeddedChain((reactor) => new VByteDecoder(reactor, lengths))
    chain.feed('hello')
    chain.feed('you')
    expect(chain.drainMessages()).toEqual([5, 3])
    expect(() => chain.drain()).toThrow(TypeError)
  })

  it('lets failures surface, unless they are expected', () => {
    const failing = {
      push: () => {
        throw new Error('cannot go on')
      },
    }
    const chain = new EmbeddedChain((reactor) => new VByteFilter(reactor, failing))
    expect(() => chain.feed('x')).toThrow('cannot go on')
    expect(chain.aborted).toBe(true)
    const tolerant = new EmbeddedChain((reactor) => new VByteFilter(reactor, failing), {
      expectFailures: true,
    })
    tolerant.feed('x')
    expect(tolerant.failures.length).toBe(1)
  })

  it('runs both directions of a duplex element', () => {
    const chain = new EmbeddedDuplex(
      (reactor) => new VByteDuplexFilter(new VByteTap(reactor), new VByteTap(reactor)),
    )
    chain.inbound.feed('in')
    chain.outbound.feed('out')
    expect([chain.inbound.drain().toString(), chain.outbound.drain().toString()]).toEqual(['in', 'out'])
    chain.outbound.abort()
    expect(chain.inbound.aborted).toBe(true)
  })
})
