/**
 * What a chain says of itself while it runs: how far each element is, what it holds, and who keeps the others waiting.
 */
import {
  emptyControl,
  type IVByteConsumer,
  type IVByteProducer,
  type VByteBuffer,
  VByteConsumer,
  VByteWriter,
  type VMessageQueue,
} from '@vio/io'
import { compose, VByteDecoder, VByteFilter, VByteTap } from '@vio/io/filter'
import { VProbeConsumer, VProbeMessageConsumer } from '@vio/io/testing'
import { VIOLost } from '@vio/reactor'
import { describe, expect, it } from 'vitest'
import { virtualReactor } from '../../reactor/support.js'

const plain = {
  push(input: VByteBuffer, output: VByteBuffer): void {
    input.moveTo(output)
  },
}

const pairs = {
  push(input: VByteBuffer, output: VMessageQueue<string>): void {
    while (input.length >= 2) output.append(input.pop(2).toString())
  },
}

class Slow extends VByteConsumer {
  protected override producerAttached(): void {
    this.setReceiveLimit(4)
  }
  protected override dataReceived(): number {
    return 0
  }
}

class Gate extends VByteTap {
  protected override attached(): void {
    this.allowFurther(3)
  }
}

/** As little as a consumer can be: it counts nothing. */
class BareConsumer implements IVByteConsumer {
  readonly control = emptyControl()
  readonly flows = []
  readonly twoway = false
  producer: IVByteProducer | null = null

  get reverse(): IVByteProducer {
    throw new Error('one way')
  }

  consume(): number {
    return 0
  }

  endConsume(): void {}
  abort(): void {}
  detach(): void {}

  attach(producer: IVByteProducer): void {
    if (this.producer === producer) return
    this.producer = producer
    producer.attach(this)
  }
}

/** As little as a producer can be. */
class BareProducer implements IVByteProducer {
  readonly control = emptyControl()
  readonly flows = []
  readonly twoway = false
  consumer: IVByteConsumer | null = null

  get reverse(): IVByteConsumer {
    throw new Error('one way')
  }

  canProduce(): void {}
  abort(): void {}
  detach(): void {}

  attach(consumer: IVByteConsumer): void {
    if (this.consumer === consumer) return
    this.consumer = consumer
    consumer.attach(this)
  }
}

function setUp() {
  const { host, reactor } = virtualReactor()
  reactor.start()
  return { host, reactor, writer: new VByteWriter(reactor) }
}

describe('a chain in print', () => {
  it('shows a sink that allows nothing, and what stands before it', () => {
    const { host, reactor, writer } = setUp()
    const chain = compose(writer, new VByteFilter(reactor, plain, { capacity: 10 }), new Slow(reactor))
    writer.write('0123456789abcdefghij')
    host.advance(1200)
    expect(String(chain)).toBe(
      [
        'chain, running for 1200 ms, waiting for Slow, which allows nothing',
        '  VByteWriter  holds 6, gave 14 of 14 B',
        '  VByteFilter  took 14 of 14 B, holds 10, gave 4 of 4 B',
        '  Slow         took 4 of 4 B, holds ?',
      ].join('\n'),
    )
    expect(chain.describe()).toMatchObject({
      elapsedMs: 1200,
      waitsFor: { at: 2, why: 'allows nothing' },
      stages: [{ name: 'VByteWriter', held: 6, given: { kind: 'bytes', moved: 14, limit: 14 } }, {}, {}],
    })
  })

  it('shows a source that gives nothing', () => {
    const { reactor, writer } = setUp()
    const chain = compose(writer, new VByteTap(reactor), new VProbeConsumer({ grantAtAttach: null }))
    expect(String(chain)).toBe(
      [
        'chain, running for 0 ms, waiting for VByteWriter, which gives nothing',
        '  VByteWriter     holds 0, gave 0 of any B',
        '  VByteTap        took 0 of any B, holds 0, gave 0 of any B',
        '  VProbeConsumer  took 0 of any B, holds ?',
      ].join('\n'),
    )
  })

  it('shows an element in the middle that passes nothing on', () => {
    const { host, reactor, writer } = setUp()
    const chain = compose(writer, new Gate(reactor), new VProbeConsumer({ grantAtAttach: null }))
    writer.write('hello')
    host.runUntilIdle()
    expect(String(chain)).toMatch(
      /waiting for Gate, which passes nothing on\n.*gave 3 of 3 B\n.*gave 3 of any B/,
    )
  })

  it('shows a sink that has the end and is not through with it', () => {
    const { host, reactor, writer } = setUp()
    const sink = {
      byteConsume: new (class extends VProbeConsumer {
        override abort(): void {}
      })({ grantAtAttach: null }),
    }
    const chain = compose(writer, new VByteTap(reactor), sink)
    writer.endWrite()
    host.runUntilIdle()
    expect(chain.describe().waitsFor).toEqual({ at: 2, why: 'has not finished with the end' })
  })

  it('counts messages where messages pass', () => {
    const { host, reactor, writer } = setUp()
    const sink = new VProbeMessageConsumer<string>({ grantAtAttach: 2 })
    const chain = compose(writer, new VByteDecoder(reactor, pairs), sink)
    writer.write('aabbccd')
    host.runUntilIdle()
    expect(String(chain).split('\n').slice(2)).toEqual([
      '  VByteDecoder           took 7 of 65542 B, holds 1, gave 2 of 2 messages',
      '  VProbeMessageConsumer  took 2 of 2 messages, holds ?',
    ])
  })

  it('shows what was put between its elements since', () => {
    const { host, reactor, writer } = setUp()
    const sink = new Slow(reactor)
    const tap = new VByteTap(reactor)
    const chain = compose(writer, tap, sink)
    for (const consumer of [tap.byteConsume, sink.byteConsume]) {
      const above = consumer.producer
      consumer.detach()
      const between = new VByteFilter(reactor, plain, { capacity: 5 })
      consumer.attach(between.byteProduce)
      above?.attach(between.byteConsume)
    }
    writer.write('0123456789abcdef')
    host.runUntilIdle()
    expect(String(chain)).toBe(
      [
        'chain, running for 0 ms, waiting for Slow, which allows nothing',
        '  VByteWriter   holds 2, gave 14 of 14 B',
        '  (spliced in)  took 14 of 14 B, holds 5, gave 9 of 9 B',
        '  VByteTap      took 9 of 9 B, holds 0, gave 9 of 9 B',
        '  (spliced in)  took 9 of 9 B, holds 5, gave 4 of 4 B',
        '  Slow          took 4 of 4 B, holds ?',
      ].join('\n'),
    )
    expect(chain.describe().waitsFor).toEqual({ at: 4, why: 'allows nothing' })
  })

  it('stops at what leads in a circle, or nowhere', () => {
    const { host, reactor, writer } = setUp()
    const chain = compose(writer, new VByteTap(reactor), new Slow(reactor))
    const [above] = [writer.byteProduce]
    above.detach()
    expect(chain.describe().stages).toHaveLength(3)
    const circle = { ...new BareConsumer(), flows: [above] } as unknown as IVByteConsumer
    Object.defineProperty(above, 'consumer', { value: circle })
    expect(chain.describe().stages.length).toBeLessThan(200)
    host.runUntilIdle()
  })

  it('has a question mark for what an element written by hand does not tell', () => {
    const { host, writer } = setUp()
    const byHand = { byteConsume: new BareConsumer(), byteProduce: new BareProducer() }
    const other = { byteConsume: new BareConsumer(), byteProduce: new BareProducer() }
    const chain = compose(writer, byHand, other, new VProbeConsumer())
    host.runUntilIdle()
    expect(String(chain)).toBe(
      [
        'chain, running for 0 ms, waiting for VProbeConsumer, which allows nothing',
        '  VByteWriter     holds 0, gave 0 of 0 B',
        '  Object          took 0 of 0 B, holds ?, gave ? of ? B',
        '  Object          took ? of ? B, holds ?, gave 0 of 0 B',
        '  VProbeConsumer  took 0 of 0 B, holds ?',
      ].join('\n'),
    )
  })

  it('tells how it went once it is over', () => {
    const { host, reactor, writer } = setUp()
    const chain = compose(writer, new VByteTap(reactor), new VProbeConsumer({ grantAtAttach: null }))
    writer.write('hello')
    writer.endWrite()
    host.advance(5)
    expect(String(chain)).toMatch(/^chain, ended cleanly after 0 ms, 5 B in, 5 B out\n/)
    expect(chain.describe().waitsFor).toBeUndefined()
    const lost = setUp()
    const aborted = compose(lost.writer, new VByteTap(lost.reactor), new VProbeConsumer())
    lost.host.advance(3)
    aborted.abort(new VIOLost('no more'))
    expect(String(aborted)).toMatch(/^chain, was aborted after 3 ms, 0 B in, 0 B out: no more\n/)
    const torn = setUp()
    const unclean = compose(torn.writer, new VByteTap(torn.reactor), new VProbeConsumer())
    torn.writer.endWrite(false)
    torn.host.runUntilIdle()
    expect(String(unclean)).toMatch(/^chain, ended unclean after 0 ms/)
  })
})
