/**
 * Composition: what can be attached to what, and that a composition which fails leaves nothing behind.
 */
import {
  type IVByteProducer,
  VByteBuffer,
  VByteEndpoint,
  VByteIOPair,
  VByteWriter,
  VMemoryPeer,
} from '@vio/io'
import { compose, VByteDecoder, VByteEncoder, VByteFilter, VByteTap, VComposition } from '@vio/io/filter'
import {
  createDevicePair,
  VProbeConsumer,
  VProbeMessageConsumer,
  VProbeMessageProducer,
  VProbeProducer,
} from '@vio/io/testing'
import { describe, expect, it } from 'vitest'
import { fragile, setUp, sourceOf, unwords, words } from './compose-support.js'

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

  it('may be bare ends of messages, which need not say that they are', () => {
    const { host, reactor, results, watch } = setUp()
    const feeder = new VProbeProducer({ reactor })
    const decoder = new VByteDecoder(reactor, words)
    feeder.attach(decoder.byteConsume)
    const sink = new VProbeMessageConsumer<string>({ grantAtAttach: null })
    watch(compose(decoder.messageProduce, sink.messageConsume))
    feeder.feed(new VByteBuffer(Buffer.from('a;b;')))
    feeder.end()
    const bare = Object.assign(new VProbeMessageProducer<string>({ reactor }), { reactor })
    Object.defineProperty(bare, 'messageProduce', { value: undefined })
    Object.defineProperty(bare, 'flowKind', { value: undefined })
    const reader = new VProbeMessageConsumer<string>({ grantAtAttach: null })
    watch(new VComposition([bare, reader]))
    bare.feed(sourceOf('c'))
    bare.end()
    host.runUntilIdle()
    expect(results).toMatchObject([
      { clean: true, messagesIn: 2, messagesOut: 2 },
      { clean: true, messagesIn: 1, messagesOut: 1 },
    ])
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

  it('get exactly the limits of messages also when the sink allows more while it is given some', () => {
    const { host, reactor } = setUp()
    const texts = Object.assign(new VProbeMessageProducer<string>({ reactor }), { reactor })
    const reader = new VProbeMessageConsumer<string>({
      grantAtAttach: 1,
      hooks: { received: () => reader.grant(3) },
    })
    compose(texts, reader)
    for (const word of ['a', 'b', 'c', 'd']) texts.feed(sourceOf(word))
    host.runUntilIdle()
    expect([texts.limit, reader.received.length, texts.queue.length]).toEqual([3, 3, 1])
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
    source.log.clear()
    below?.attach(sink)
    host.runUntilIdle()
    expect(source.log.matching(/canProduce/)).toEqual([])
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

  it('undoes also what an element did that refused halfway', () => {
    const { reactor, source, sink } = setUp()
    const halfway = new (class extends VProbeConsumer {
      override attach(producer: IVByteProducer): void {
        const isFirstCall = this.producer === null
        super.attach(producer)
        if (isFirstCall) throw new RangeError('too late')
      }
    })()
    const through = { byteConsume: halfway, byteProduce: new VProbeProducer({ reactor }) }
    const tap = new VByteTap(reactor)
    expect(() => compose(source, tap, through, sink)).toThrow(/element 3 of 4 .* too late/)
    expect([tap.byteProduce.consumer, halfway.producer, sink.producer]).toEqual([null, null, null])
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
