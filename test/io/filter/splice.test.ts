/**
 * Filters that go into a live chain and leave it: what passes, what waits, what is refused, and how ends go by.
 */
import {
  type IVByteConsumer,
  type IVTransform,
  VByteBuffer,
  VByteConsumer,
  VByteIOPair,
  VByteProducer,
  VByteWriter,
} from '@vio/io'
import {
  splice,
  unsplice,
  VByteDuplexFilter,
  VByteFilter,
  VByteTap,
  VMeter,
  type VSpliced,
} from '@vio/io/filter'
import { VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import { VReactor } from '@vio/reactor'
import { VirtualHost } from '@vio/reactor/testing'
import { beforeEach, describe, expect, it } from 'vitest'

/** Gives letters in capitals. */
class Upper implements IVTransform {
  push(input: VByteBuffer, output: VByteBuffer): void {
    output.append(Buffer.from(input.pop().toString().toUpperCase()))
  }
}

/** Takes pairs and gives them the other way round. What is left of a pair stays in its input, or is kept. */
class Swap implements IVTransform {
  readonly maxUnit = 2
  readonly #keeps: boolean
  #kept: Buffer = Buffer.alloc(0)

  constructor(keeps = false) {
    this.#keeps = keeps
  }

  get held(): number {
    return this.#kept.length
  }

  push(input: VByteBuffer, output: VByteBuffer): void {
    if (this.#keeps) input = new VByteBuffer([this.#kept, input.pop()])
    while (input.length >= 2) output.append(Buffer.from(input.pop(2).reverse()))
    if (this.#keeps) this.#kept = input.pop()
  }

  end(): boolean {
    return this.#kept.length === 0
  }
}

let host: VirtualHost
let reactor: VReactor
let source: VProbeProducer
let sink: VProbeConsumer
let failures: string[]

beforeEach(() => {
  host = new VirtualHost()
  failures = []
  reactor = new VReactor({ host, logWatcher: { watch: (entry) => failures.push(entry.message) } })
  reactor.start()
  source = new VProbeProducer({ reactor })
  sink = new VProbeConsumer()
  source.attach(sink)
})

const feed = (text: string): void => {
  source.feed(new VByteBuffer(Buffer.from(text)))
  host.runUntilIdle()
}

const grant = (bytes: number | null): void => {
  if (bytes === null) sink.grant(null)
  else sink.grantMore(bytes)
  host.runUntilIdle()
}

const received = (): string => String(sink.received.pop())

const filter = (transform: IVTransform, capacity = 16): VByteFilter =>
  new VByteFilter(reactor, transform, { capacity })

describe('splice', () => {
  it('sends what passes from now on through the filter, with limits that count anew', () => {
    grant(3)
    feed('abcdef')
    expect(received()).toBe('abc')
    splice(source, filter(new Upper()))
    host.runUntilIdle()
    expect(received()).toBe('')
    grant(2)
    expect(received()).toBe('DE')
    grant(null)
    source.end()
    host.runUntilIdle()
    expect([received(), sink.ended?.clean]).toEqual(['F', true])
  })

  it('puts several filters one behind the other, wherever there is a producer', () => {
    const [first, second] = [new VByteTap(reactor), filter(new Upper())]
    splice(source, first)
    splice(first.byteProduce, second)
    splice(source, filter(new Swap()))
    grant(null)
    feed('abcd')
    expect(received()).toBe('BADC')
    expect([second.byteConsume.producer, second.byteProduce.consumer]).toEqual([first.byteProduce, sink])
  })

  it('tells both ends of their new neighbours', () => {
    const tap = new VByteTap(reactor)
    source.log.clear()
    sink.log.clear()
    splice(source, tap)
    expect(source.consumer).toBe(tap.byteConsume)
    expect(sink.producer).toBe(tap.byteProduce)
    expect(source.log.events).toContain('source.consumerDetached()')
    expect(source.log.events).toContain('source.consumerAttached()')
    expect(sink.log.events).toContain('sink.producerAttached()')
  })

  it('puts a two-way filter between a pair and what it is attached to', () => {
    const [back, far] = [new VProbeProducer({ reactor }), new VProbeConsumer({ grantAtAttach: null })]
    far.attach(back)
    const duplex = new VByteDuplexFilter(filter(new Upper()), filter(new Swap()))
    splice(new VByteIOPair(far, source), duplex)
    sink.grant(null)
    back.feed(new VByteBuffer(Buffer.from('wxyz')))
    feed('ab')
    expect([received(), String(far.received.pop())]).toEqual(['AB', 'xwzy'])
    expect(source.consumer).toBe(duplex.deviceIO.consumer)
    expect(back.consumer).toBe(duplex.appIO.consumer)
  })

  it('may be called from a hook in the middle of passing something on', () => {
    const got: string[] = []
    const late = filter(new Upper())
    class Switching extends VByteConsumer {
      protected override dataReceived(data: Buffer): number {
        got.push(String(data))
        if (String(data).includes('!')) splice(chain.byteProduce, late)
        return 4
      }

      protected override producerAttached(): void {
        this.setReceiveLimit(4)
      }
    }
    const end = new Switching(reactor)
    const chain = new VByteTap(reactor)
    source.detach()
    sink.detach()
    chain.byteProduce.attach(end.byteConsume)
    chain.byteConsume.attach(source)
    feed('abc!defgh')
    expect(got.join('')).toBe('abc!DEFGH')
    expect(failures).toEqual([])
  })

  it('refuses, and changes nothing, where nothing is attached or something has ended', () => {
    const busy = new VByteTap(reactor)
    splice(source, busy)
    expect(() => splice(source, busy)).toThrow('attached already')
    expect(() => splice(new VByteWriter(reactor).byteProduce, new VByteTap(reactor))).toThrow(
      'nothing is attached',
    )
    const ended = new VByteTap(reactor)
    ended.byteConsume.abort()
    expect(() => splice(source, ended)).toThrow('has ended')
    source.end()
    expect(() => splice(source, new VByteTap(reactor))).toThrow('has ended')
    expect(source.consumer).toBe(busy.byteConsume)
    expect(sink.producer).toBe(busy.byteProduce)
  })

  it('does both directions of a pair or none', () => {
    const [back, far] = [new VProbeProducer({ reactor }), new VProbeConsumer()]
    far.attach(back)
    const pair = new VByteIOPair(far, source)
    back.end()
    const duplex = (): VByteDuplexFilter =>
      new VByteDuplexFilter(new VByteTap(reactor), new VByteTap(reactor))
    expect(() => splice(pair, duplex())).toThrow('has ended')
    expect([source.consumer, far.producer]).toEqual([sink, back])
    far.detach()
    expect(() => splice(pair, duplex())).toThrow('nothing is attached to the consumer of the pair')
    expect(source.consumer).toBe(sink)
    const fresh = new VProbeProducer({ reactor })
    far.attach(fresh)
    const refusing = duplex()
    const { consumer } = refusing.appIO as { consumer: IVByteConsumer }
    consumer.attach = () => {
      throw new Error('not now')
    }
    expect(() => splice(pair, refusing)).toThrow('not now')
    expect([source.consumer, far.producer]).toEqual([sink, fresh])
  })

  it('refuses what is neither', () => {
    const duplex = new VByteDuplexFilter(new VByteTap(reactor), new VByteTap(reactor))
    const pair = new VByteIOPair(sink, source)
    expect(() => splice(pair, new VByteTap(reactor))).toThrow(TypeError)
    expect(() => splice(source, duplex)).toThrow(TypeError)
    expect(() => splice(null as never, new VByteTap(reactor))).toThrow(TypeError)
    expect(() => splice(source, {} as never)).toThrow(TypeError)
  })
})

describe('unsplice', () => {
  it('takes a tap out on a later turn, and tells so', () => {
    const meter = new VMeter(reactor)
    splice(source, meter)
    grant(null)
    feed('abc')
    const leaving = unsplice(meter)
    const told: boolean[] = []
    leaving.onDone((out) => told.push(out))
    expect([leaving.done, leaving.out, told]).toEqual([false, false, []])
    host.runUntilIdle()
    leaving.onDone((out) => told.push(out))
    expect([leaving.done, leaving.out, told]).toEqual([true, true, [true, true]])
    expect([source.consumer, meter.byteConsume.producer, meter.byteProduce.consumer]).toEqual([
      sink,
      null,
      null,
    ])
    grant(null)
    feed('def')
    expect([received(), meter.bytes]).toEqual(['abcdef', 3])
  })

  it('lets a filter out once what it holds has left; what comes later passes it by', () => {
    const upper = filter(new Upper(), 8)
    splice(source, upper)
    feed('abcdefghijkl')
    expect([upper.held, source.queue.length]).toEqual([8, 4])
    const leaving = unsplice(upper)
    host.runUntilIdle()
    grant(5)
    expect([received(), leaving.done, source.queue.length]).toEqual(['ABCDE', false, 4])
    grant(3)
    expect([received(), leaving.out, source.queue.length]).toEqual(['FGH', true, 4])
    grant(null)
    expect([received(), source.consumer]).toEqual(['ijkl', sink])
    source.end()
    host.runUntilIdle()
    expect(sink.ended?.clean).toBe(true)
  })

  it('passes on as it is what the filter left of a unit', () => {
    const swap = filter(new Swap())
    splice(source, swap)
    feed('abc')
    unsplice(swap)
    grant(null)
    grant(null)
    feed('d')
    expect([received(), source.consumer]).toEqual(['bacd', sink])
  })

  it('takes the flow down where part of a unit is kept inside, as it cannot be passed on', () => {
    const swap = filter(new Swap(true))
    splice(source, swap)
    feed('abc')
    const leaving = unsplice(swap)
    host.runUntilIdle()
    expect(sink.aborted?.reason?.message).toBe('the filter was bypassed inside a unit of which it kept 1')
    expect([leaving.done, leaving.out]).toEqual([true, false])
  })

  it('loses nothing where the flow ends before it is out, and stays where that is taken down', () => {
    for (const finish of ['end', 'abort'] as const) {
      for (const when of ['before', 'behind']) {
        source = new VProbeProducer({ reactor })
        sink = new VProbeConsumer()
        source.attach(sink)
        const upper = filter(new Upper(), 4)
        splice(source, upper)
        feed('abcdef')
        if (when === 'before') source[finish]()
        if (when === 'before' && finish === 'abort') {
          expect(() => unsplice(upper)).toThrow('stands in no chain')
          continue
        }
        const leaving = unsplice(upper)
        host.runUntilIdle()
        if (when === 'behind') source[finish]()
        host.runUntilIdle()
        // Each change of neighbours forgets what was granted.
        for (let round = 0; finish === 'end' && sink.ended === null && round < 5; round += 1) grant(null)
        expect([leaving.done, leaving.out]).toEqual([true, finish === 'end' && when === 'behind'])
        if (finish === 'abort') expect(sink.aborted).not.toBeNull()
        else expect([received(), sink.ended?.clean]).toEqual(['ABCDef', true])
      }
    }
  })

  it('leaves what stands beside it to pass an end on that was registered while it waited', () => {
    class Ending extends VByteProducer {
      left = 'abcdef'

      protected override produce(maxBytes: number): Buffer {
        const part = this.left.slice(0, maxBytes < 0 ? undefined : maxBytes)
        this.left = this.left.slice(part.length)
        return Buffer.from(part)
      }

      finish(): void {
        this.endProduce(true)
      }

      protected override hasPending(): boolean {
        return this.left !== ''
      }
    }
    const producer = new Ending(reactor)
    const upper = filter(new Upper(), 4)
    sink.detach()
    upper.byteProduce.attach(sink)
    producer.byteProduce.attach(upper.byteConsume)
    host.runUntilIdle()
    const leaving = unsplice(upper)
    host.runUntilIdle()
    producer.finish()
    grant(null)
    grant(null)
    expect([received(), sink.ended?.clean, leaving.out]).toEqual(['ABCDef', true, true])
  })

  it('takes both directions of a two-way filter out', () => {
    const [back, far] = [new VProbeProducer({ reactor }), new VProbeConsumer({ grantAtAttach: null })]
    far.attach(back)
    const duplex = new VByteDuplexFilter(filter(new Upper()), new VByteTap(reactor))
    splice(new VByteIOPair(far, source), duplex)
    feed('ab')
    const leaving = unsplice(duplex)
    host.runUntilIdle()
    expect([leaving.done, back.consumer]).toEqual([false, far])
    grant(null)
    expect([leaving.out, source.consumer, received()]).toEqual([true, sink, 'AB'])
  })

  it('takes out the direction that is left of a two-way filter', () => {
    const [back, far] = [new VProbeProducer({ reactor }), new VProbeConsumer({ grantAtAttach: null })]
    far.attach(back)
    const duplex = new VByteDuplexFilter(new VByteTap(reactor), new VByteTap(reactor))
    splice(new VByteIOPair(far, source), duplex)
    back.end()
    host.runUntilIdle()
    expect(unsplice(duplex).done).toBe(false)
    host.runUntilIdle()
    expect(source.consumer).toBe(sink)
  })

  it('may be asked for from inside of the filter itself', () => {
    class Once extends VByteTap {
      protected override passing(_data: VByteBuffer, count: number): void {
        got.push(count)
        if (got.length === 1) unsplice(this)
      }
    }
    const got: number[] = []
    splice(source, new Once(reactor))
    sink = Object.assign(sink, {})
    grant(null)
    feed('abc')
    host.runUntilIdle()
    grant(null)
    feed('def')
    expect([received(), got, source.consumer]).toEqual(['abcdef', [3], sink])
  })

  it('waits for a tap that holds what its last consumer was granted', () => {
    const tap = new VByteTap(reactor)
    splice(source, tap)
    sink.grantMore(4)
    sink.detach()
    feed('abcdef')
    expect(tap.heldBytes).toBe(4)
    sink.attach(tap.byteProduce)
    const leaving = unsplice(tap)
    host.runUntilIdle()
    expect([leaving.done, source.queue.length]).toEqual([false, 2])
    grant(3)
    expect([received(), leaving.done]).toEqual(['abc', false])
    grant(1)
    expect([received(), leaving.out]).toEqual(['d', true])
    grant(null)
    expect([received(), source.consumer]).toEqual(['ef', sink])
  })

  it('refuses what stands in no chain or cannot leave one', () => {
    expect(() => unsplice(new VByteTap(reactor))).toThrow('stands in no chain')
    expect(() => unsplice({} as VSpliced)).toThrow(TypeError)
    const { byteConsume, byteProduce } = new VByteTap(reactor)
    expect(() => unsplice({ byteConsume, byteProduce } as VSpliced)).toThrow('belongs to a reactor')
  })
})
