/**
 * Composition: what the result says of each way in which a chain can end, and that every byte passes.
 */
import { VByteBuffer, VByteEndpoint } from '@vio/io'
import { compose, VByteDecoder, VByteFilter, VByteTap, VComposition } from '@vio/io/filter'
import {
  createDevicePair,
  VBytePattern,
  VPatternChecker,
  VProbeConsumer,
  VProbeMessageConsumer,
  VProbeProducer,
} from '@vio/io/testing'
import { VFIOLost, VIOLost } from '@vio/reactor'
import { VSeededRandom } from '@vio/reactor/testing'
import { describe, expect, it } from 'vitest'
import { seeds } from '../../lib/runs.js'
import { blocked, fragile, plain, Shout, setUp, words } from './compose-support.js'

describe('a composed chain that ends', () => {
  it('passes everything, tells what passed, and how long it took on the clock of the reactor', () => {
    const { host, reactor, source, sink, results, watch, feed } = setUp()
    const chain = watch(compose(source, new VByteTap(reactor), new VByteFilter(reactor, fragile), sink))
    feed('hello')
    host.advance(250)
    expect(chain.result).toBeNull()
    source.end()
    host.runUntilIdle()
    expect(sink.received.pop().toString()).toBe('hello')
    expect(results).toEqual([
      {
        bytesIn: 5,
        bytesOut: 5,
        messagesIn: 0,
        messagesOut: 0,
        clean: true,
        aborted: false,
        durationMs: 250,
      },
    ])
    expect(chain.result).toBe(results[0])
  })

  it('is done when the sink has carried the end out, not when the end has passed', () => {
    const { host, reactor, source, results, watch, feed } = setUp()
    const { a, b } = createDevicePair({ b: { capacityBytes: 3 } })
    watch(compose(source, new VByteEndpoint(reactor, a)))
    feed('hello')
    source.end()
    host.runUntilIdle()
    expect(results).toEqual([])
    b.readSome(3)
    host.runUntilIdle()
    expect(results).toMatchObject([{ clean: true, bytesOut: 5 }])
  })

  it('is not clean when the source was not, and says why', () => {
    const { host, source, sink, results, watch } = setUp()
    watch(compose(source, sink))
    const reason = new VIOLost('torn')
    source.end(false, reason)
    host.runUntilIdle()
    expect(results).toMatchObject([{ clean: false, aborted: false, reason }])
  })

  it('is not clean when a filter was left inside a unit', () => {
    const { host, reactor, source, results, watch, feed } = setUp()
    const sink = new VProbeMessageConsumer<string>({ grantAtAttach: null })
    watch(compose(source, new VByteDecoder(reactor, words), sink))
    feed('one;tw')
    source.end()
    host.runUntilIdle()
    expect(results).toMatchObject([{ clean: false, aborted: false, bytesIn: 6, messagesOut: 1 }])
    expect(results[0]?.reason?.message).toMatch(/inside a unit/)
  })

  it('is not clean when the sink could not carry the end out', () => {
    const { host, reactor, source, results, watch, feed } = setUp()
    const pair = createDevicePair({ b: { capacityBytes: 3 } })
    watch(compose(source, new VByteEndpoint(reactor, pair.a)))
    feed('hello')
    source.end()
    host.runUntilIdle()
    const reason = new VIOLost('reset')
    pair.reset(new VFIOLost(reason))
    host.runUntilIdle()
    expect(results).toMatchObject([{ clean: false, aborted: false, reason }])
  })

  it('is not clean when the source was not, though the sink does not repeat why', () => {
    const { host, reactor, source, results, watch } = setUp()
    const quiet = new (class extends VProbeConsumer {
      override abort(): void {
        super.abort()
      }
    })()
    watch(compose(source, new VByteTap(reactor), quiet))
    const reason = new VIOLost('torn')
    source.end(false, reason)
    host.runUntilIdle()
    expect(results).toMatchObject([{ clean: false, aborted: false, reason }])
  })

  it('waits for the sink though an element in the middle is through with its input', () => {
    const { host, reactor, source, results, watch, feed } = setUp()
    const sink = new VProbeConsumer({ grantAtAttach: 0 })
    watch(compose(source, new Shout(reactor), sink))
    feed('hello')
    source.end()
    host.runUntilIdle()
    expect(source.aborted).not.toBeNull()
    expect(results).toEqual([])
    sink.grant(null)
    host.runUntilIdle()
    expect(sink.received.pop().toString()).toBe('HELLO')
    expect(results).toMatchObject([{ clean: true, aborted: false, bytesIn: 5, bytesOut: 5 }])
  })
})

describe('a composed chain that is taken down', () => {
  it('behind an element that is through with its input was aborted', () => {
    const { host, reactor, source, sink, results, watch } = setUp()
    const chain = watch(compose(source, new Shout(reactor), new VByteTap(reactor), blocked(sink)))
    source.end()
    host.runUntilIdle()
    expect([source.aborted, results]).toEqual([{ reason: undefined }, []])
    chain.abort()
    expect(results).toMatchObject([{ clean: false, aborted: true }])
  })

  it('says what a failing element threw', () => {
    const { host, reactor, logged, source, sink, results, watch, feed } = setUp()
    watch(compose(source, new VByteTap(reactor), new VByteFilter(reactor, fragile), sink))
    feed('oh')
    host.runUntilIdle()
    feed('no!')
    host.runUntilIdle()
    expect(results).toMatchObject([{ clean: false, aborted: true, bytesIn: 5, bytesOut: 2 }])
    expect(results[0]?.reason).toBeInstanceOf(RangeError)
    expect(sink.aborted?.reason).toBe(results[0]?.reason)
    expect(source.aborted?.reason).toBe(results[0]?.reason)
    expect(logged).toHaveLength(1)
  })

  it.each([
    [
      'the chain itself',
      (chain: VComposition, _source: VProbeProducer, _sink: VProbeConsumer, reason: Error) =>
        chain.abort(reason),
    ],
    [
      'the source',
      (_chain: VComposition, source: VProbeProducer, _sink: VProbeConsumer, reason: Error) =>
        source.abort(reason),
    ],
    [
      'the sink',
      (_chain: VComposition, _source: VProbeProducer, sink: VProbeConsumer, reason: Error) =>
        sink.abort(reason),
    ],
  ])('by %s: all of it goes, once', (_, abort) => {
    const { host, reactor, source, sink, results, watch, feed } = setUp()
    const chain = watch(compose(source, new VByteFilter(reactor, fragile), new VByteTap(reactor), sink))
    feed('oh')
    host.runUntilIdle()
    const reason = new VIOLost('enough')
    abort(chain, source, sink, reason)
    chain.abort(new Error('too late'))
    expect(results).toMatchObject([{ clean: false, aborted: true, reason, bytesIn: 2, bytesOut: 2 }])
    expect([source.aborted?.reason, sink.aborted?.reason]).toEqual([reason, reason])
    expect(source.log.count('source.producerAborted()')).toBe(1)
    expect(sink.log.count('sink.consumerAborted()')).toBe(1)
  })

  it.each(['chain', 'source'] as const)('by the %s after the end, while the sink is still at work', (who) => {
    const { host, reactor, source, results, watch, feed } = setUp()
    const { a } = createDevicePair({ b: { capacityBytes: 3 } })
    const chain = watch(compose(source, new VByteTap(reactor), new VByteEndpoint(reactor, a)))
    feed('hello')
    source.end()
    host.runUntilIdle()
    if (who === 'chain') chain.abort()
    else source.abort()
    expect(results).toMatchObject([{ clean: false, aborted: true }])
    expect(results[0]).not.toHaveProperty('reason')
  })

  it('goes as a whole though an element keeps an abort to itself', () => {
    const { host, reactor, source, sink, results, watch } = setUp()
    const mute = { byteConsume: new VProbeConsumer(), byteProduce: new VProbeProducer({ reactor }) }
    watch(compose(source, mute, sink))
    host.runUntilIdle()
    source.abort(new VIOLost('gone'))
    expect(results).toMatchObject([{ aborted: true, reason: { message: 'gone' } }])
    expect(sink.aborted).not.toBeNull()
    const other = setUp()
    const deaf = { byteConsume: new VProbeConsumer(), byteProduce: new VProbeProducer({ reactor }) }
    other.watch(compose(other.source, deaf, other.sink))
    other.sink.abort(new VIOLost('gone'))
    expect(other.results).toMatchObject([{ aborted: true, reason: { message: 'gone' } }])
    expect(other.source.aborted).not.toBeNull()
  })

  it('tells every listener, also a late one, and logs what one throws', () => {
    const { reactor, host, logged, source, sink } = setUp()
    const chain = compose(source, new VByteTap(reactor), sink)
    const told: string[] = []
    chain.onDone(() => {
      throw new Error('a bad listener')
    })
    chain.onDone(() => told.push('early'))
    chain.abort()
    chain.onDone((result) => told.push(`late ${result.aborted}`))
    host.runUntilIdle()
    expect(told).toEqual(['early', 'late true'])
    expect(logged).toMatchObject([{ message: expect.stringMatching(/a listener of a chain failed/) }])
  })
})

describe('a composed chain under any limits', () => {
  it.each(seeds(40))('passes every byte in order (seed %i)', (seed) => {
    const random = new VSeededRandom(`compose ${seed}`)
    const below = (bound: number): number => random.publicUint32() % bound
    const { host, reactor, results, watch } = setUp()
    const portions = (): number => 1 + below(300)
    const source = Object.assign(new VProbeProducer({ reactor, portions }), { reactor })
    const sink = new VProbeConsumer({ grantAtAttach: below(50) })
    const middle = Array.from({ length: below(5) }, () =>
      below(2) === 0 ? new VByteTap(reactor) : new VByteFilter(reactor, plain, { capacity: 1 + below(200) }),
    )
    watch(new VComposition([source, ...middle, sink]))
    const checker = new VPatternChecker(new VBytePattern(seed))
    source.feed(new VByteBuffer(checker.pattern.take(3000)))
    source.end()
    for (let round = 0; results.length === 0; round += 1) {
      if (round > 5000) throw new Error('no end in sight')
      host.runUntilIdle()
      for (const chunk of sink.received.drain()) checker.feed(chunk)
      if (!sink.closed) sink.grantMore(1 + below(400))
    }
    expect(checker.position).toBe(3000)
    expect(results).toMatchObject([{ clean: true, bytesIn: 3000, bytesOut: 3000 }])
  })
})
