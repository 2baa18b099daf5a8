/**
 * What callers do wrong: each mistake gets the error that has a name for it, at once, and changes nothing.
 */
import {
  limitOf,
  VByteAgent,
  VByteBuffer,
  VByteConsumer,
  VByteEndpoint,
  VByteIOPair,
  VByteProducer,
  VByteWriter,
  VHalfClosePolicy,
  VIOClosed,
  VIOControl,
  VIOError,
  VIOLimitExceeded,
  VIOMissingControl,
  VIPSocketPeer,
  VMemoryPeer,
  VMessageConsumer,
  VMessageProducer,
  VMessageQueue,
  type VReceiveAnswer,
} from '@vio/io'
import { VByteDuplexFilter, VByteFilter, VByteTap } from '@vio/io/filter'
import { createDevicePair, VProbeConsumer, VProbeProducer, VTestBench } from '@vio/io/testing'
import type { VReactor } from '@vio/reactor'
import { describe, expect, it } from 'vitest'

class Sink extends VByteConsumer {
  limit: number | null = null
  broken: Error | undefined
  readonly got: number[] = []

  protected override producerAttached(): void {
    this.setReceiveLimit(this.limit)
  }

  protected override dataReceived(data: Buffer): VReceiveAnswer {
    if (this.broken !== undefined) throw this.broken
    this.got.push(...data)
    return this.limit === null ? null : 0
  }

  ask(units: number | null): void {
    this.setReceiveLimit(units)
  }
}

class Source extends VByteProducer {
  readonly asked: number[] = []
  give: (maxBytes: number) => unknown = () => null

  protected override produce(maxBytes: number): Uint8Array {
    this.asked.push(maxBytes)
    return this.give(maxBytes) as Uint8Array
  }

  finish(): void {
    this.endProduce(true)
  }

  trigger(): void {
    this.triggerProduction()
  }
}

class Agent extends VByteAgent {
  protected override dataReceived(): void {}
}

class Messages extends VMessageProducer<string> {
  protected override produce(): readonly string[] {
    return []
  }
}

class MessageSink extends VMessageConsumer<string> {
  protected override messageReceived(): void {}
}

function bytes(text: string): VByteBuffer {
  return new VByteBuffer(Buffer.from(text))
}

function setUp(limit: number | null = null): {
  bench: VTestBench
  source: Source
  sink: Sink
} {
  const bench = new VTestBench({ expectFailures: true })
  const [source, sink] = [new Source(bench.reactor), new Sink(bench.reactor)]
  sink.limit = limit
  return { bench, source, sink }
}

describe('attaching', () => {
  it('twice is refused by the side that is taken, which keeps its partner [CR-03 CR-04 VE-39]', () => {
    const { bench, source, sink } = setUp(5)
    source.byteProduce.attach(sink.byteConsume)
    const [other, late] = [new Source(bench.reactor), new Sink(bench.reactor)]
    expect(() => other.byteProduce.attach(sink.byteConsume)).toThrow(VIOError)
    expect(() => other.byteProduce.attach(sink.byteConsume)).toThrow('a producer is already connected')
    expect(() => sink.byteConsume.attach(other.byteProduce)).toThrow(VIOError)
    expect(() => source.byteProduce.attach(late.byteConsume)).toThrow('a consumer is already attached')
    expect(sink.byteConsume.producer).toBe(source.byteProduce)
    expect([other.byteProduce.consumer, late.byteConsume.producer]).toEqual([null, null])
    source.give = (max) => Buffer.alloc(source.asked.length > 1 ? 0 : max)
    source.trigger()
    bench.settle()
    expect(sink.got.length).toBe(5)
  })

  it.each([null, undefined, {}, 'x', 5, () => undefined])('%s is refused as no end [VE-39]', (wrong) => {
    const { source, sink } = setUp()
    expect(() => source.byteProduce.attach(wrong as never)).toThrow(TypeError)
    expect(() => sink.byteConsume.attach(wrong as never)).toThrow(TypeError)
    expect([source.byteProduce.consumer, sink.byteConsume.producer]).toEqual([null, null])
  })

  it('bytes to messages, or an element instead of its end, is refused [VE-39]', () => {
    const { bench, source, sink } = setUp()
    const [messages, messageSink] = [new Messages(bench.reactor), new MessageSink(bench.reactor)]
    expect(() => sink.byteConsume.attach(messages.messageProduce as never)).toThrow(TypeError)
    expect(() => messageSink.messageConsume.attach(source.byteProduce as never)).toThrow(TypeError)
    expect(() => source.byteProduce.attach(sink as never)).toThrow(TypeError)
    expect(messages.messageProduce.consumer).toBeNull()
    expect(sink.byteConsume.producer).toBeNull()
  })

  it('a consumer to itself as a producer is refused', () => {
    const { sink } = setUp()
    expect(() => sink.byteConsume.attach(sink.byteConsume as never)).toThrow(TypeError)
    expect(sink.byteConsume.producer).toBeNull()
  })

  it('a pair to what is no pair, or is half taken, attaches nothing [CR-56]', () => {
    const { bench } = setUp()
    const [first, second] = [new Agent(bench.reactor), new Agent(bench.reactor)]
    expect(() => first.byteIO.attach({} as never)).toThrow(TypeError)
    new VProbeProducer().attach(second.byteConsume)
    expect(() => first.byteIO.attach(second.byteIO)).toThrow(VIOError)
    expect([first.byteConsume.producer, first.byteProduce.consumer]).toEqual([null, null])
    expect(second.byteProduce.consumer).toBeNull()
    expect(() => new VByteIOPair(null as never, null as never)).toThrow(TypeError)
  })
})

describe('consuming', () => {
  it('beyond the limit is refused by name, and takes nothing [CR-17]', () => {
    const { source, sink } = setUp(2)
    source.byteProduce.attach(sink.byteConsume)
    const data = bytes('abc')
    expect(sink.byteConsume.consume(data)).toBe(2)
    const refused = (): unknown => sink.byteConsume.consume(data)
    expect(refused).toThrow(VIOLimitExceeded)
    expect(refused).toThrow('offered 1 to a consumer that has consumed 2 of its limit of 2')
    expect([data.length, sink.got.length, sink.consumedBytes]).toEqual([1, 2, 2])
  })

  it('without a producer, without data, of something else is refused, and takes nothing [CR-14 CR-16]', () => {
    const { source, sink } = setUp(2)
    const data = bytes('abc')
    expect(() => sink.byteConsume.consume(data)).toThrow(VIOError)
    source.byteProduce.attach(sink.byteConsume)
    expect(() => sink.byteConsume.consume(new VByteBuffer())).toThrow(VIOError)
    for (const wrong of [null, undefined, 'abc', Buffer.from('abc'), new VMessageQueue(['a'])]) {
      expect(() => sink.byteConsume.consume(wrong as never)).toThrow(TypeError)
    }
    expect([data.length, sink.consumedBytes]).toEqual([3, 0])
    expect(sink.byteConsume.consume(data)).toBe(2)
  })

  it('after the end is refused: VIOError by a consumer, VIOClosed by an end with two directions [CR-15]', () => {
    const { bench, source, sink } = setUp()
    source.byteProduce.attach(sink.byteConsume)
    sink.byteConsume.endConsume(true)
    expect(() => sink.byteConsume.consume(bytes('x'))).toThrow(VIOError)
    const agent = new Agent(bench.reactor)
    new VProbeProducer().attach(agent.byteConsume)
    agent.byteConsume.endConsume(true)
    expect(() => agent.byteConsume.consume(bytes('x'))).toThrow(VIOClosed)
    const endpoint = new VByteEndpoint(bench.reactor, createDevicePair().a)
    new VProbeProducer().attach(endpoint.byteConsume)
    endpoint.byteConsume.endConsume(true)
    expect(() => endpoint.byteConsume.consume(bytes('x'))).toThrow(VIOClosed)
  })

  it.each([['5'], [Number.NaN], [1.5], [{}], [undefined], [true]])(
    'a receive limit of %s is refused, and the limit stays [CR-29 VE-47]',
    (wrong) => {
      const { sink } = setUp(2)
      const source = new VProbeProducer()
      expect(() => sink.ask(5)).toThrow(VIOError)
      source.attach(sink.byteConsume)
      expect(() => sink.ask(wrong as never)).toThrow(TypeError)
      expect(source.limit).toBe(2)
    },
  )
})

describe('producing', () => {
  it('after the end gets nowhere: a producer is not asked, a writer refuses by name [CR-54 CR-15]', () => {
    const { bench, source, sink } = setUp()
    source.byteProduce.attach(sink.byteConsume)
    source.finish()
    bench.settle()
    const asked = source.asked.length
    source.give = () => Buffer.from('late')
    source.trigger()
    source.finish()
    bench.settle()
    expect([source.asked.length, sink.got.length]).toEqual([asked, 0])
    const writer = new VByteWriter(bench.reactor)
    writer.endWrite()
    expect(() => writer.write('late')).toThrow(VIOClosed)
    expect(writer.queuedBytes).toBe(0)
  })

  it('without a consumer, canProduce is refused; with a wrong limit nothing changes [CR-22 CR-23]', () => {
    const { bench, source } = setUp()
    expect(() => source.byteProduce.canProduce(5)).toThrow(VIOError)
    const sink = new VProbeConsumer({ grantAtAttach: 0 })
    sink.attach(source.byteProduce)
    for (const wrong of ['5', Number.NaN, 1.5, {}, undefined, true]) {
      expect(() => source.byteProduce.canProduce(wrong as never)).toThrow(TypeError)
    }
    bench.settle()
    expect(source.asked).toEqual([])
  })

  it.each([['abc'], [5], [{}], [Promise.resolve(Buffer.from('x'))], [new VByteBuffer()]])(
    'what is no bytes (%s) takes the chain down, and nothing arrives [CR-38]',
    (wrong) => {
      const { bench, source, sink } = setUp()
      source.give = () => wrong
      source.byteProduce.attach(sink.byteConsume)
      bench.settle()
      expect([source.byteProduce.consumer, sink.got.length]).toEqual([null, 0])
      expect(bench.failures[0]?.error).toBeInstanceOf(TypeError)
    },
  )

  it('more than was asked for takes the chain down behind the share that was allowed [CR-25]', () => {
    const { bench, source, sink } = setUp(2)
    source.give = () => Buffer.from([1, 2, 3])
    source.byteProduce.attach(sink.byteConsume)
    bench.settle()
    expect([source.byteProduce.consumer, sink.got]).toEqual([null, [1, 2]])
    expect(bench.failures[0]?.error).toMatchObject({ message: expect.stringMatching(/consume error/) })
    expect(bench.failures[0]?.error).toBeInstanceOf(VIOError)
  })

  it('what is no bytes is refused by a writer, and nothing of it is queued [VE-63 VE-66]', () => {
    const { bench } = setUp()
    const writer = new VByteWriter(bench.reactor)
    for (const wrong of [null, undefined, 5, {}, [Buffer.from('x'), 'y'], new VByteBuffer()]) {
      expect(() => writer.write(wrong as never)).toThrow(TypeError)
    }
    expect(writer.queuedBytes).toBe(0)
  })
})

describe('sizes and options', () => {
  it.each([[-1], [0], [1.5], [Number.NaN], ['5'], [Number.POSITIVE_INFINITY]])(
    'a size of %s is refused where a size is due',
    (wrong) => {
      const { reactor } = new VTestBench()
      const device = createDevicePair().a
      const transform = { push: (): void => undefined }
      for (const name of ['maxReadBytes', 'maxWriteBytes', 'bufferBytes']) {
        const options = { [name]: wrong }
        expect(() => new VByteEndpoint(reactor, device, options), name).toThrow(RangeError)
      }
      expect(() => new VByteFilter(reactor, transform, { capacity: wrong as never })).toThrow(RangeError)
      const endpoint = new VByteEndpoint(reactor, device)
      expect(() => endpoint.readSome(wrong as never)).toThrow(RangeError)
      expect(device.calls).toEqual([])
    },
  )

  it('a filter smaller than its largest unit is refused, and names both sizes', () => {
    const { reactor } = new VTestBench()
    const transform = { maxUnit: 10, push: (): void => undefined }
    expect(() => new VByteFilter(reactor, transform, { capacity: 9 })).toThrow(RangeError)
    expect(() => new VByteFilter(reactor, transform, { capacity: 9 })).toThrow(/9.*10/)
  })

  it.each([[null], [undefined], [{}], [5]])('%s is refused as a reactor [VE-33]', (wrong) => {
    const reactor = wrong as unknown as VReactor
    const transform = { push: (): void => undefined }
    const builds: (() => unknown)[] = [
      () => new Sink(reactor),
      () => new Source(reactor),
      () => new VByteWriter(reactor),
      () => new Agent(reactor),
      () => new VByteTap(reactor),
      () => new VByteFilter(reactor, transform),
      () => new VByteEndpoint(reactor, createDevicePair().a),
      () => new Messages(reactor),
      () => new MessageSink(reactor),
    ]
    for (const build of builds) expect(build).toThrow(TypeError)
  })

  it('wrong parts are refused where something else is due', () => {
    const { reactor } = new VTestBench()
    const endpoint = new VByteEndpoint(reactor, createDevicePair().a)
    expect(() => new VByteEndpoint(reactor, {} as never)).toThrow(TypeError)
    expect(() => new VByteFilter(reactor, {} as never)).toThrow(TypeError)
    expect(() => new VByteDuplexFilter({} as never, new VByteTap(reactor))).toThrow(TypeError)
    expect(() => {
      endpoint.halfClosePolicy = true as never
    }).toThrow(TypeError)
    expect(endpoint.halfClosePolicy.halfIn).toBe(true)
    expect(() => new VHalfClosePolicy(1 as never, true)).toThrow(TypeError)
    expect(() => endpoint.connect(new VMemoryPeer('x'))).toThrow(VIOError)
    expect(() => new VIPSocketPeer('localhost', 80)).toThrow(TypeError)
    expect(() => new VIPSocketPeer('127.0.0.1', -1)).toThrow(RangeError)
    for (const wrong of ['1', 1.5, Number.NaN, undefined])
      expect(() => limitOf(wrong as never)).toThrow(TypeError)
  })

  it('a buffer refuses what is no bytes, and holds what it held', () => {
    const buffer = bytes('ab')
    for (const wrong of [null, 'x', 5, [1, 2]]) expect(() => buffer.append(wrong as never)).toThrow(TypeError)
    expect(() => buffer.appendList([Buffer.from('c'), 'd' as never])).toThrow(TypeError)
    expect(() => buffer.pop(0.5)).toThrow(TypeError)
    expect(() => buffer.indexOf(Buffer.alloc(0))).toThrow(TypeError)
    expect(() => buffer.indexOf(1, -1)).toThrow(RangeError)
    expect(buffer.pop().toString()).toBe('ab')
  })
})

describe('hooks that throw', () => {
  it('dataReceived: the producer gets the very error, and the chain is down [CR-38 VE-43]', () => {
    const { bench, source, sink } = setUp()
    sink.broken = new Error('cannot take this')
    source.give = () => Buffer.from('x')
    source.byteProduce.attach(sink.byteConsume)
    bench.settle()
    expect([source.byteProduce.consumer, sink.byteConsume.producer]).toEqual([null, null])
    expect(bench.failures.map(({ error }) => error)).toEqual([sink.broken])
    expect(() => source.byteProduce.attach(new VProbeConsumer())).toThrow(VIOError)
  })

  it('produce: the consumer hears of an abort with the very error [CR-38]', () => {
    const { bench, source } = setUp()
    const broken = new Error('cannot give this')
    source.give = () => {
      throw broken
    }
    const sink = new VProbeConsumer({ grantAtAttach: null })
    source.byteProduce.attach(sink)
    bench.settle()
    expect([sink.aborted?.reason, sink.ended]).toEqual([broken, null])
    expect(bench.failures.map(({ error }) => error)).toEqual([broken])
  })

  it('what is thrown and is no Error becomes one', () => {
    const { bench, source } = setUp()
    source.give = () => {
      throw 'a text'
    }
    const sink = new VProbeConsumer({ grantAtAttach: null })
    source.byteProduce.attach(sink)
    bench.settle()
    expect(sink.aborted?.reason).toBeInstanceOf(VIOError)
  })
})

describe('controls', () => {
  it('that are awaited, printed or compared run nothing and throw nothing [CR-40 VE-71]', async () => {
    const { sink } = setUp()
    const { control } = sink.byteConsume
    expect(await control).toBe(control)
    expect(`${JSON.stringify({ control })}`).toContain('control')
    expect(() => expect(control).toEqual(control)).not.toThrow()
    expect(Object.keys(control)).toEqual([])
  })

  it('throw by name for what they do not handle, and only when it is called [CR-40 VE-71]', () => {
    const { connected } = new VIOControl()
    expect(connected).toBeTypeOf('function')
    const call = (): void => new VIOControl().connected(new VMemoryPeer('x'))
    expect(call).toThrow(VIOMissingControl)
    expect(call).toThrow("no handler for control message 'connected'")
    expect(() => new VIOControl(5 as never)).toThrow(TypeError)
    expect(() => new VIOControl({}, {} as never)).toThrow(TypeError)
  })
})
