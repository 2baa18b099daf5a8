/**
 * Composition: what is attached to what, what the result says of each way in which a chain can end, and that a
 * composition which fails leaves nothing behind.
 */
import {
  VByteBuffer,
  VByteEndpoint,
  VByteIOPair,
  VByteWAgent,
  VByteWriter,
  VMemoryPeer,
  VMessageQueue,
} from '@vio/io'
import {
  compose,
  VByteDecoder,
  VByteEncoder,
  VByteFilter,
  VByteTap,
  type VChainResult,
  VComposition,
} from '@vio/io/filter'
import {
  createDevicePair,
  VBytePattern,
  VPatternChecker,
  VProbeConsumer,
  VProbeMessageConsumer,
  VProbeMessageProducer,
  VProbeProducer,
} from '@vio/io/testing'
import { VFIOLost, VIOLost } from '@vio/reactor'
import { VSeededRandom } from '@vio/reactor/testing'
import { describe, expect, it } from 'vitest'
import { seeds } from '../../lib/runs.js'
import { virtualReactor } from '../../reactor/support.js'

/** Passes bytes on as they are, and throws at an `!`. */
const fragile = {
  push(input: VByteBuffer, output: VByteBuffer): void {
    if (input.indexOf(0x21) !== -1) throw new RangeError('an exclamation mark')
    input.moveTo(output)
  },
}

/** Passes bytes on as they are. */
const plain = {
  push(input: VByteBuffer, output: VByteBuffer): void {
    input.moveTo(output)
  },
}

/** Cuts bytes into messages at each `;`. */
const words = {
  push(input: VByteBuffer, output: VMessageQueue<string>): void {
    for (let at = input.indexOf(0x3b); at !== -1; at = input.indexOf(0x3b)) {
      output.append(input.pop(at).toString())
      input.remove(1)
    }
  },
}

/** Writes each message with a `;` behind it. */
const unwords = {
  push(input: VMessageQueue<string>, output: VByteBuffer): void {
    for (const word of input.popList()) output.append(Buffer.from(`${word};`))
  },
}

function setUp() {
  const { host, reactor, logged } = virtualReactor()
  reactor.start()
  const source = Object.assign(new VProbeProducer({ reactor }), { reactor })
  const sink = new VProbeConsumer({ grantAtAttach: null })
  const results: VChainResult[] = []
  const watch = (chain: VComposition): VComposition => {
    chain.onDone((result) => results.push(result))
    return chain
  }
  const feed = (text: string): void => source.feed(new VByteBuffer(Buffer.from(text)))
  return { host, reactor, logged, source, sink, results, watch, feed }
}

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

  it('waits for the sink though an element in the middle is through with its input', () => {
    const { host, reactor, source, results, watch, feed } = setUp()
    class Shout extends VByteWAgent {
      protected override dataReceived(data: Buffer): void {
        this.write(data.toString().toUpperCase())
      }
      protected override dataEnded(clean: boolean): void {
        this.endWrite(clean)
      }
    }
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

describe('the ends of a composed chain', () => {
  it('may be elements, bare ends and pairs', () => {
    const { host, reactor, source, sink, results, watch, feed } = setUp()
    watch(compose(source.byteProduce, new VByteTap(reactor), sink.byteConsume))
    feed('x')
    source.end()
    host.runUntilIdle()
    const { a, b } = createDevicePair()
    const [left, right] = [new VByteEndpoint(reactor, a), new VByteEndpoint(reactor, b)]
    const writer = new VByteWriter(reactor)
    const end = new VProbeConsumer({ grantAtAttach: null })
    watch(compose(writer, left.byteIO))
    watch(compose(new VByteIOPair(right.byteConsume, right.byteProduce), end))
    writer.write('through a pair')
    writer.endWrite()
    host.runUntilIdle()
    expect(end.received.pop().toString()).toBe('through a pair')
    expect(results).toMatchObject([{ clean: true }, { clean: true }, { clean: true, bytesOut: 14 }])
  })

  it('may be messages, which are counted as such', () => {
    const { host, reactor, results, watch } = setUp()
    const source = Object.assign(new VProbeMessageProducer<string>({ reactor }), { reactor })
    const sink = new VProbeMessageConsumer<string>({ grantAtAttach: 2 })
    const encoder = new VByteEncoder(reactor, unwords, { capacity: 2 })
    watch(compose(source, encoder, new VByteTap(reactor), new VByteDecoder(reactor, words), sink))
    for (const word of ['one', 'two', 'three']) source.feed(sourceOf(word))
    source.end()
    host.runUntilIdle()
    expect(sink.received.popList()).toEqual(['one', 'two'])
    sink.grant(null)
    host.runUntilIdle()
    expect(sink.received.popList()).toEqual(['three'])
    expect(results).toMatchObject([{ clean: true, messagesIn: 3, messagesOut: 3, bytesIn: 0, bytesOut: 0 }])
  })

  it('get exactly the limits that the other end grants, bytes or messages', () => {
    const { host, reactor, source } = setUp()
    const sink = new VProbeConsumer({ grantAtAttach: 7 })
    compose(source, sink)
    expect(source.limit).toBe(7)
    const texts = Object.assign(new VProbeMessageProducer<string>({ reactor }), { reactor })
    const reader = new VProbeMessageConsumer<string>({ grantAtAttach: 3 })
    compose(texts, reader)
    expect(texts.limit).toBe(3)
    for (const word of ['a', 'b', 'c', 'd']) texts.feed(sourceOf(word))
    host.runUntilIdle()
    expect([reader.received.length, texts.queue.length]).toEqual([3, 1])
    reader.grantMore(5)
    expect(texts.limit).toBe(8)
  })

  it('may be taken off and put on again, with another element between', () => {
    const { host, reactor, source, sink, results, watch, feed } = setUp()
    watch(compose(source, new VByteTap(reactor), sink))
    feed('one')
    host.runUntilIdle()
    const below = sink.producer
    sink.detach()
    feed('two')
    host.runUntilIdle()
    const filter = new VByteFilter(reactor, fragile)
    filter.byteProduce.attach(sink)
    below?.attach(filter.byteConsume)
    source.end()
    host.runUntilIdle()
    expect(sink.received.pop().toString()).toBe('onetwo')
    expect(results).toMatchObject([{ clean: true, bytesIn: 6, bytesOut: 6 }])
  })

  it('may be taken off and put on again where messages pass', () => {
    const { host, reactor, results, watch } = setUp()
    const source = Object.assign(new VProbeMessageProducer<string>({ reactor }), { reactor })
    const sink = new VProbeMessageConsumer<string>({ grantAtAttach: null })
    watch(compose(source, sink))
    source.feed(sourceOf('one'))
    host.runUntilIdle()
    const below = sink.producer
    sink.detach()
    for (const word of ['two', 'three']) source.feed(sourceOf(word))
    source.end()
    host.runUntilIdle()
    expect(results).toEqual([])
    below?.attach(sink)
    host.runUntilIdle()
    expect(sink.received.popList()).toEqual(['one', 'two', 'three'])
    expect(results).toMatchObject([{ clean: true, messagesIn: 3, messagesOut: 3 }])
  })

  it('hear each other by control messages', () => {
    const { host, reactor } = setUp()
    const source = Object.assign(new VProbeMessageProducer<string>({ reactor }), { reactor })
    const sink = new VProbeMessageConsumer<string>({ handlers: { canConnect: () => false } })
    compose(source, sink)
    host.runUntilIdle()
    expect(source.consumer?.control.canConnect(new VMemoryPeer('x'))).toBe(false)
    sink.producer?.control.reqProducerState(sink)
    expect(source.messages.at(-1)).toEqual({ name: 'reqProducerState', args: [sink] })
  })
})

describe('a composition that fails', () => {
  it('names the position of an element that is taken, and attaches nothing', () => {
    const { reactor, source, sink } = setUp()
    const taken = new VByteTap(reactor)
    taken.byteProduce.attach(new VProbeConsumer())
    const free = new VByteTap(reactor)
    expect(() => compose(source, free, taken, sink)).toThrow(
      /element 3 of 4 \(VByteTap\) is part of another chain: a consumer is already attached/,
    )
    expect(() => compose(source, new VByteTap(reactor), taken)).not.toThrow()
    expect([free.byteConsume.producer, free.byteProduce.consumer, sink.producer]).toEqual([null, null, null])
    expect(sink.log.events).toEqual([])
  })

  it('undoes what was attached when an element refuses', () => {
    const { host, reactor, source, results, watch, feed } = setUp()
    const sink = new VProbeConsumer({ grantAtAttach: null })
    const tap = new VByteTap(reactor)
    let refusing = true
    const stubborn = new VProbeConsumer({
      hooks: {
        producerAttached: () => {
          if (refusing) throw new RangeError('not today')
        },
      },
    })
    const through = { byteConsume: stubborn, byteProduce: new VProbeProducer({ reactor }) }
    expect(() => compose(source, tap, through, sink)).toThrow(
      /element 3 of 4 \(Object\) could not be attached: not today/,
    )
    for (const end of [source, tap.byteProduce, through.byteProduce]) expect(end.consumer).toBeNull()
    for (const end of [tap.byteConsume, stubborn, sink]) expect(end.producer).toBeNull()
    refusing = false
    watch(compose(source, tap, sink))
    feed('again')
    source.end()
    host.runUntilIdle()
    expect(results).toMatchObject([{ clean: true, bytesOut: 5 }])
  })

  it('refuses what has ended, with the position', () => {
    const { reactor, source, sink } = setUp()
    const tap = new VByteTap(reactor)
    tap.byteConsume.abort()
    expect(() => compose(source, tap, sink)).toThrow(/element 2 of 3 \(VByteTap\) has ended/)
    expect(source.consumer).toBeNull()
  })

  it('refuses at run time what the compiler would have refused', () => {
    const { reactor, source, sink } = setUp()
    const make =
      (...elements: readonly unknown[]) =>
      () =>
        new VComposition(elements)
    const decoder = new VByteDecoder(reactor, words)
    const reader = new VProbeMessageConsumer<string>()
    expect(make(source)).toThrow(TypeError)
    expect(make(source, reader)).toThrow(
      /element 2 of 2 \(VProbeMessageConsumer\) takes messages and the one before it gives bytes; put a decoder/,
    )
    expect(make(source, decoder, sink)).toThrow(
      /element 3 of 3 .* takes bytes .* gives messages; put an encoder/,
    )
    expect(make(source, sink, sink)).toThrow(/element 2 of 3 .* gives neither .* as a middle element/)
    expect(make(sink, sink)).toThrow(/element 1 of 2 .* gives neither .* as the first element/)
    expect(make(source, source)).toThrow(/element 2 of 2 .* takes neither .* as a later element/)
    for (const wrong of [null, undefined, 7, 'text', {}, () => undefined]) {
      expect(make(source, wrong)).toThrow(/element 2 of 2 .* takes neither/)
    }
    expect([source.consumer, sink.producer]).toEqual([null, null])
  })

  it('needs an element that belongs to a reactor', () => {
    const [source, sink] = [new VProbeProducer(), new VProbeConsumer()]
    expect(() => compose(source, sink)).toThrow(/no element of the chain belongs to a reactor/)
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

function sourceOf(word: string): VMessageQueue<string> {
  return new VMessageQueue([word])
}
