/**
 * The interfaces of io as types and as guards, handlers written by hand on them, and the independence of elements from
 * what carries their bytes.
 */
import {
  emptyControl,
  type IVByteConsumer,
  type IVByteConsuming,
  type IVByteDevice,
  type IVByteHandleInput,
  type IVByteHandleIO,
  type IVByteHandleOutput,
  type IVByteInput,
  type IVByteIO,
  type IVByteOutput,
  type IVByteProducer,
  type IVByteProducing,
  type IVByteWriter,
  type IVConsumer,
  type IVProducer,
  type IVSelectableInput,
  type IVSelectableIO,
  type IVSelectableOutput,
  isByteConsumer,
  isByteDevice,
  isByteHandleInput,
  isByteHandleOutput,
  isByteProducer,
  isByteWriter,
  isReactorObject,
  VByteAgent,
  VByteBuffer,
  VByteEndpoint,
  VByteWAgent,
  VByteWriter,
  type VFailure,
  VMessageConsumer,
  VMessageProducer,
} from '@vio/io'
import { VByteFilter, VByteTap } from '@vio/io/filter'
import { createDevicePair } from '@vio/io/testing'
import type { IVReactorObject, IVReader, IVSelectable, IVWriter } from '@vio/reactor'
import type { VirtualHost } from '@vio/reactor/testing'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { runningReactor, Sink, Source } from './support.js'

class Agent extends VByteAgent {
  protected override dataReceived(): void {}
}

class WritingAgent extends VByteWAgent {
  protected override dataReceived(): void {}
}

class Messages extends VMessageConsumer<string> {
  protected override messageReceived(): void {}
}

class MessageSource extends VMessageProducer<string> {
  protected override produce(): readonly string[] {
    return []
  }
}

/** The least that handles input events. */
class Reading implements IVByteHandleInput, IVSelectable {
  reads = 0
  readonly #fd: number

  constructor(fd: number) {
    this.#fd = fd
  }

  fileno(): number {
    return this.#fd
  }

  doRead(): void {
    this.reads += 1
  }

  closeInput(): boolean {
    return true
  }

  closeIO(): boolean {
    return true
  }
}

/** The same with output. */
class ReadingAndWriting extends Reading implements IVByteHandleIO {
  writes = 0

  doWrite(): void {
    this.writes += 1
  }

  closeOutput(): boolean {
    return true
  }
}

describe('handlers', () => {
  it('of input have three methods; what lacks one is refused by its name [VE-02]', () => {
    expectTypeOf<IVByteHandleInput>().toEqualTypeOf<IVReader>()
    expectTypeOf(Reading).instance.toExtend<IVByteHandleInput>()
    expectTypeOf<{ doRead(): void }>().not.toExtend<IVByteHandleInput>()
    const { reactor } = runningReactor()
    for (const missing of ['doRead', 'closeInput', 'closeIO', 'fileno']) {
      const handler = Object.assign(new Reading(3), { [missing]: undefined })
      expect(() => reactor.addReader(handler as never)).toThrow(TypeError)
      expect(() => reactor.addReader(handler as never)).toThrow(missing)
    }
    // @ts-expect-error it is no handler
    expect(() => reactor.addReader({})).toThrow(/doRead/)
  })

  it('of output have three methods; what lacks one is refused by its name [VE-03]', () => {
    expectTypeOf<IVByteHandleOutput>().toEqualTypeOf<IVWriter>()
    expectTypeOf(ReadingAndWriting).instance.toExtend<IVByteHandleOutput>()
    expectTypeOf(Reading).instance.not.toExtend<IVByteHandleOutput>()
    const { reactor } = runningReactor()
    for (const missing of ['doWrite', 'closeOutput', 'closeIO', 'fileno']) {
      const handler = Object.assign(new ReadingAndWriting(3), { [missing]: undefined })
      expect(() => reactor.addWriter(handler as never)).toThrow(TypeError)
      expect(() => reactor.addWriter(handler as never)).toThrow(missing)
    }
    // @ts-expect-error it is no handler
    expect(() => reactor.addWriter({})).toThrow(/doWrite/)
  })

  it('of both are called for each direction by itself [VE-04]', () => {
    expectTypeOf<IVByteHandleIO>().toExtend<IVByteHandleInput & IVByteHandleOutput>()
    expectTypeOf<IVByteHandleInput & IVByteHandleOutput>().toExtend<IVByteHandleIO>()
    const { host, reactor } = runningReactor()
    const fd = host.openDescriptor()
    const handler = new ReadingAndWriting(fd)
    handler.doRead = () => {
      handler.reads += 1
      host.setReady(fd, 'read', false)
    }
    handler.doWrite = () => {
      handler.writes += 1
      reactor.removeWriter(handler)
    }
    reactor.addReader(handler)
    reactor.addWriter(handler)
    host.runUntilIdle()
    expect([handler.reads, handler.writes]).toEqual([0, 0])
    host.setReady(fd, 'write', true)
    host.runUntilIdle()
    expect([handler.reads, handler.writes]).toEqual([0, 1])
    host.setReady(fd, 'read', true)
    host.runUntilIdle()
    expect([handler.reads, handler.writes]).toEqual([1, 1])
    expect([reactor.readers, reactor.writers]).toEqual([[handler], []])
  })

  it('on a descriptor are the plain ones with a fileno [VE-18]', () => {
    expectTypeOf<IVSelectableInput>().toExtend<IVByteInput & IVSelectable>()
    expectTypeOf<IVByteInput & IVSelectable>().toExtend<IVSelectableInput>()
    expectTypeOf<IVSelectableOutput>().toExtend<IVByteOutput & IVSelectable>()
    expectTypeOf<IVByteOutput & IVSelectable>().toExtend<IVSelectableOutput>()
    expectTypeOf<IVSelectableIO>().toExtend<IVSelectableInput & IVSelectableOutput & IVByteIO>()
    expectTypeOf<IVByteIO & IVSelectable>().toExtend<IVSelectableIO>()
    expectTypeOf<IVByteInput>().not.toExtend<IVSelectableInput>()
    expectTypeOf<IVByteOutput>().not.toExtend<IVSelectableOutput>()
    expectTypeOf<VByteEndpoint>().toExtend<IVByteIO>()
    expectTypeOf<VByteEndpoint>().not.toExtend<IVSelectableIO>()
    const { reactor } = runningReactor()
    const end = new VByteEndpoint(reactor, createDevicePair().a)
    expect([isByteHandleInput(end), isByteHandleOutput(end), isReactorObject(end)]).toEqual([
      true,
      true,
      true,
    ])
  })
})

/** The recommended pattern: an output that registers itself while it has something to write, and leaves after. */
class LineOutput implements IVSelectableOutput, IVReactorObject {
  readonly reactor: IVReactorObject['reactor']
  readonly written: string[] = []
  ended: VFailure | undefined
  readonly #host: VirtualHost
  readonly #fd: number
  readonly #waiting = new VByteBuffer()

  constructor(reactor: IVReactorObject['reactor'], host: VirtualHost) {
    this.reactor = reactor
    this.#host = host
    this.#fd = host.openDescriptor()
    host.setReady(this.#fd, 'write', true)
  }

  put(text: string): void {
    this.#waiting.append(Buffer.from(text))
    this.startWriting()
  }

  fileno(): number {
    return this.ended === undefined ? this.#fd : -1
  }

  startWriting(): void {
    this.reactor.addWriter(this)
  }

  stopWriting(): void {
    this.reactor.removeWriter(this)
  }

  writeSome(data: Uint8Array): number {
    const taken = Math.min(data.length, 4)
    this.written.push(Buffer.from(data.subarray(0, taken)).toString())
    return taken
  }

  doWrite(): void {
    this.#waiting.remove(this.writeSome(this.#waiting.peek(100)))
    if (this.#waiting.length === 0) this.stopWriting()
  }

  closeOutput(reason: VFailure): boolean {
    this.ended ??= reason
    this.stopWriting()
    this.#host.closeDescriptor(this.#fd)
    return true
  }

  closeIO(reason: VFailure): boolean {
    return this.closeOutput(reason)
  }
}

describe('the recommended pattern', () => {
  it('is an output that registers itself and writes piece by piece [VE-19]', () => {
    expectTypeOf(LineOutput).instance.toExtend<IVSelectableOutput>()
    const { host, reactor } = runningReactor()
    const output = new LineOutput(reactor, host)
    output.put('hello world')
    expect(output.written).toEqual([])
    host.runUntilIdle()
    expect(output.written).toEqual(['hell', 'o wo', 'rld'])
    expect(reactor.writers).toEqual([])
    output.put('!')
    host.runUntilIdle()
    expect(output.written.at(-1)).toBe('!')
  })
})

describe('every component', () => {
  it('tells the reactor that it was built with [VE-26]', () => {
    const { reactor } = runningReactor()
    const transform = { push: () => undefined }
    const all: readonly IVReactorObject[] = [
      new Sink(reactor),
      new Source(reactor),
      new VByteWriter(reactor),
      new Agent(reactor),
      new WritingAgent(reactor),
      new VByteEndpoint(reactor, createDevicePair().a),
      new VByteTap(reactor),
      new VByteFilter(reactor, transform),
      new Messages(reactor),
      new MessageSource(reactor),
    ]
    for (const component of all) {
      expect(component.reactor).toBe(reactor)
      expect(isReactorObject(component)).toBe(true)
    }
  })
})

describe('the guards', () => {
  const { reactor } = runningReactor()
  const writer = new VByteWriter(reactor)
  const agent = new WritingAgent(reactor)
  const tap = new VByteTap(reactor)
  const device = createDevicePair().a
  const end = new VByteEndpoint(reactor, createDevicePair().a)
  const handler = new ReadingAndWriting(3)

  it.each([
    ['isByteConsumer', isByteConsumer, [new Sink(reactor).byteConsume, agent.byteConsume, tap.byteConsume]],
    ['isByteProducer', isByteProducer, [writer.byteProduce, agent.byteProduce, tap.byteProduce]],
    ['isByteWriter', isByteWriter, [writer, agent]],
    ['isByteDevice', isByteDevice, [device]],
    ['isByteHandleInput', isByteHandleInput, [handler, end, new Reading(3)]],
    ['isByteHandleOutput', isByteHandleOutput, [handler, end]],
    ['isReactorObject', isReactorObject, [writer, agent, tap, end]],
  ] as const)('%s knows what has the interface, and nothing else [VE-28]', (_name, guard, yes) => {
    for (const value of yes) expect(guard(value)).toBe(true)
    const no: unknown[] = [
      {},
      null,
      undefined,
      'text',
      7,
      () => undefined,
      [],
      { reactor: {} },
      { reactor: null },
    ]
    const others = [
      device,
      writer,
      writer.byteProduce,
      new Sink(reactor).byteConsume,
      new Reading(3),
      handler,
      end,
    ]
    for (const value of no) expect(guard(value)).toBe(false)
    expect(others.map((value) => guard(value)).filter(Boolean).length).toBeLessThan(others.length)
  })

  it('tell one side of a flow from the other, and an element from its end [VE-28]', () => {
    expect(isByteConsumer(writer.byteProduce)).toBe(false)
    expect(isByteProducer(new Sink(reactor).byteConsume)).toBe(false)
    expect([isByteConsumer(tap), isByteProducer(tap), isByteWriter(tap)]).toEqual([false, false, false])
    expect([isByteHandleOutput(new Reading(3)), isByteDevice(end)]).toEqual([false, false])
    const value: unknown = device
    if (isByteDevice(value)) expectTypeOf(value).toEqualTypeOf<IVByteDevice>()
  })

  it.each([
    ['isByteConsumer', isByteConsumer, new Sink(reactor).byteConsume, ['consume', 'endConsume', 'attach']],
    ['isByteProducer', isByteProducer, writer.byteProduce, ['canProduce', 'abort', 'detach']],
    ['isByteWriter', isByteWriter, writer, ['write', 'endWrite', 'abortWriter']],
    [
      'isByteDevice',
      isByteDevice,
      device,
      ['onReady', 'readSome', 'writeSome', 'closeInput', 'closeOutput', 'close'],
    ],
  ] as const)('%s misses each method [VE-28]', (_name, guard, value, methods) => {
    for (const method of methods) expect(guard(Object.create(value, { [method]: { value: 1 } }))).toBe(false)
    expect(guard(Object.create(value))).toBe(true)
  })
})

/** A consumer written on the interface alone: it takes up to three bytes at a time and grants as it goes. */
class HandMadeConsumer implements IVByteConsumer {
  readonly control = emptyControl()
  readonly flows = []
  readonly twoway = false
  producer: IVByteProducer | null = null
  text = ''
  ended: boolean | undefined
  #consumed = 0

  get reverse(): never {
    throw new Error('one direction')
  }

  consume(data: VByteBuffer, clim?: number | null): number {
    const taken = data.pop(clim !== null && clim !== undefined && clim > 0 ? Math.min(clim, 3) : 3)
    this.#consumed += taken.length
    this.text += taken.toString()
    return this.#consumed + 3
  }

  endConsume(clean: boolean): void {
    this.ended = clean
    this.producer?.abort()
  }

  abort(): void {
    this.detach()
  }

  attach(producer: IVByteProducer): void {
    if (this.producer === producer) return
    this.producer = producer
    this.#consumed = 0
    producer.attach(this)
    producer.canProduce(3)
  }

  detach(): void {
    const { producer } = this
    this.producer = null
    producer?.detach()
  }
}

/** A producer written on the interface alone: it gives one text and ends. */
class HandMadeProducer implements IVByteProducer {
  readonly control = emptyControl()
  readonly flows = []
  readonly twoway = false
  consumer: IVByteConsumer | null = null
  aborted = 0
  readonly #data: VByteBuffer
  #limit = 0
  #produced = 0

  constructor(text: string) {
    this.#data = new VByteBuffer(Buffer.from(text))
  }

  get reverse(): never {
    throw new Error('one direction')
  }

  /** Gives what the limit allows, then the end. */
  run(): void {
    while (this.consumer !== null && this.#data.length > 0 && this.#limit > this.#produced) {
      const before = this.#data.length
      const answer = this.consumer.consume(this.#data, this.#limit - this.#produced)
      this.#produced += before - this.#data.length
      this.#limit = answer === null || answer < 0 ? Number.POSITIVE_INFINITY : answer
    }
    if (this.#data.length === 0) this.consumer?.endConsume(true)
  }

  canProduce(limit: number | null): void {
    this.#limit = limit === null || limit < 0 ? Number.POSITIVE_INFINITY : Math.max(limit, this.#limit)
  }

  abort(): void {
    this.aborted += 1
    this.detach()
  }

  attach(consumer: IVByteConsumer): void {
    if (this.consumer === consumer) return
    this.consumer = consumer
    consumer.attach(this)
  }

  detach(): void {
    const { consumer } = this
    this.consumer = null
    consumer?.detach()
  }
}

describe('implementations by hand', () => {
  it('of the consumer take from a base producer, through a filter too [VE-32]', () => {
    expectTypeOf<IVByteConsumer>().toExtend<IVConsumer<VByteBuffer, IVByteProducer>>()
    for (const through of [false, true]) {
      const { host, reactor } = runningReactor()
      const writer = new VByteWriter(reactor)
      const tap = new VByteTap(reactor)
      const consumer = new HandMadeConsumer()
      if (through) {
        writer.byteProduce.attach(tap.byteConsume)
        consumer.attach(tap.byteProduce)
      } else consumer.attach(writer.byteProduce)
      writer.write('hello ')
      writer.write('world')
      writer.endWrite(false)
      host.runUntilIdle()
      expect([consumer.text, consumer.ended, consumer.producer]).toEqual(['hello world', false, null])
    }
  })

  it('of the producer give to a base consumer, through a filter too [VE-32]', () => {
    expectTypeOf<IVByteProducer>().toExtend<IVProducer<IVByteConsumer>>()
    for (const through of [false, true]) {
      const { host, reactor } = runningReactor()
      const tap = new VByteTap(reactor)
      const sink = new Sink(reactor, { grant: 4, answer: () => 4 })
      const producer = new HandMadeProducer('hello world')
      if (through) {
        tap.byteProduce.attach(sink.byteConsume)
        producer.attach(tap.byteConsume)
      } else producer.attach(sink.byteConsume)
      producer.run()
      host.runUntilIdle()
      expect(sink.received.pop().toString()).toBe('hello world')
      expect([sink.events.includes('dataEnded(true)'), producer.aborted, producer.consumer]).toEqual([
        true,
        1,
        null,
      ])
    }
  })

  it('are what the elements ask for [VE-32]', () => {
    expectTypeOf<IVByteWriter>().toExtend<IVByteProducing>()
    expectTypeOf<VByteTap>().toExtend<IVByteConsuming & IVByteProducing>()
    expect([isByteConsumer(new HandMadeConsumer()), isByteProducer(new HandMadeProducer(''))]).toEqual([
      true,
      true,
    ])
  })
})
