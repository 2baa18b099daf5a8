/**
 * Control messages in chains: which way they travel, what filters do with them, and what they decide about connections.
 */
import {
  askPermission,
  emptyControl,
  type IVAnyConsumer,
  type IVAnyProducer,
  type IVByteConsumer,
  VByteEndpoint,
  type VControlHandlers,
  VFIOLost,
  VIOControl,
  VIOLost,
  VIOMissingControl,
  VMemoryPeer,
  VNoHalfClose,
  type VPeer,
} from '@vio/io'
import { VByteTap } from '@vio/io/filter'
import { createDevicePair } from '@vio/io/testing'
import type { IVReactor } from '@vio/reactor'
import { describe, expect, it } from 'vitest'
import { runningReactor, Sink, Source } from './support.js'

declare module '@vio/io' {
  interface VControlMessages {
    /** A message of the tests: how deep is it here? */
    sounding(fathoms: number): string
  }
}

const PEER = new VMemoryPeer('there')

/** A tap that puts handlers before its neighbours' controls, in both directions. */
class HandlingTap extends VByteTap {
  readonly #handlers: (next: () => VIOControl) => VControlHandlers

  constructor(reactor: IVReactor, handlers: (next: () => VIOControl) => VControlHandlers) {
    super(reactor)
    this.#handlers = handlers
  }

  protected override consumerControl(): VIOControl {
    const next = (): VIOControl => super.consumerControl()
    return new VIOControl(this.#handlers(next), next)
  }

  protected override producerControl(): VIOControl {
    const next = (): VIOControl => super.producerControl()
    return new VIOControl(this.#handlers(next), next)
  }
}

describe('control messages', () => {
  it('pass between bytes and count for none of the limits [VE-68]', () => {
    const { host, reactor } = runningReactor()
    const events: string[] = []
    const control = new VIOControl({ connected: (peer) => void events.push(`connected(${String(peer)})`) })
    const sink = new Sink(reactor, { events, grant: 4, answer: () => 4, control: () => control })
    const source = new Source(reactor, { data: 'ab' })
    const tap = new VByteTap(reactor)
    source.byteProduce.attach(tap.byteConsume)
    tap.byteProduce.attach(sink.byteConsume)
    tap.byteConsume.control.connected(PEER)
    host.runUntilIdle()
    tap.byteConsume.control.connected(PEER)
    source.feed('cdef')
    tap.byteConsume.control.connected(PEER)
    host.runUntilIdle()
    expect(events).toEqual([
      'producerAttached',
      'connected(memory:there)',
      'dataReceived(2)',
      'connected(memory:there)',
      'connected(memory:there)',
      'dataReceived(4)',
    ])
    expect([source.producedBytes, sink.consumedBytes]).toEqual([6, 6])
  })

  it('find the control that a consumer has at that moment [VE-69]', () => {
    const { reactor } = runningReactor()
    let current = new VIOControl({ canConnect: () => true })
    const sink = new Sink(reactor, { control: () => current })
    expect(sink.byteConsume.control.canConnect(PEER)).toBe(true)
    current = new VIOControl({ canConnect: () => false })
    expect(sink.byteConsume.control.canConnect(PEER)).toBe(false)
    expect(sink.byteConsume.control).toBe(current)
  })

  it('find the control that a producer has at that moment [VE-70]', () => {
    const { reactor } = runningReactor()
    const asked: IVAnyConsumer[] = []
    let current = emptyControl()
    const source = new Source(reactor, { control: () => current })
    const consumer = new Sink(reactor).byteConsume
    expect(() => source.byteProduce.control.reqProducerState(consumer)).toThrow(VIOMissingControl)
    current = new VIOControl({ reqProducerState: (who) => void asked.push(who) })
    source.byteProduce.control.reqProducerState(consumer)
    expect(source.byteProduce.control).toBe(current)
    expect(asked).toEqual([consumer])
  })
})

describe('a filter', () => {
  /** A source, a tap and a sink whose control answers, attached to each other. */
  function chainOf(tap: VByteTap, reactor: IVReactor, told: string[]): { consumer: IVByteConsumer } {
    const handlers: VControlHandlers = {
      connected: () => void told.push('sink'),
      canConnect: () => true,
    }
    const sink = new Sink(reactor, { control: () => new VIOControl(handlers) })
    tap.byteProduce.attach(sink.byteConsume)
    return { consumer: tap.byteConsume }
  }

  it('passes a message on [VE-72] [CR-50]', () => {
    const { reactor } = runningReactor()
    const told: string[] = []
    const { consumer } = chainOf(new VByteTap(reactor), reactor, told)
    consumer.control.connected(PEER)
    expect(told).toEqual(['sink'])
    expect(() => consumer.control.reqConsumerState({} as IVAnyProducer)).toThrow(VIOMissingControl)
  })

  it('handles a message itself, and then it goes no further [VE-72] [CR-50]', () => {
    const { reactor } = runningReactor()
    const told: string[] = []
    const tap = new HandlingTap(reactor, () => ({ connected: () => void told.push('tap') }))
    const { consumer } = chainOf(tap, reactor, told)
    consumer.control.connected(PEER)
    expect(told).toEqual(['tap'])
    expect(consumer.control.canConnect(PEER)).toBe(true)
  })

  it('does both [VE-72] [CR-50]', () => {
    const { reactor } = runningReactor()
    const told: string[] = []
    const tap = new HandlingTap(reactor, (next) => ({
      connected: (peer) => {
        told.push('tap')
        next().connected(peer)
      },
    }))
    const { consumer } = chainOf(tap, reactor, told)
    consumer.control.connected(PEER)
    expect(told).toEqual(['tap', 'sink'])
  })

  it('speaks to its present neighbours, and to nobody without them [CR-41]', () => {
    const { reactor } = runningReactor()
    const tap = new VByteTap(reactor)
    const told: string[] = []
    const named = (name: string): VIOControl =>
      new VIOControl({ connected: () => void told.push(name), reqProducerState: () => void told.push(name) })
    const sinks = ['a', 'b'].map((name) => new Sink(reactor, { control: () => named(name) }))
    const sources = ['c', 'd'].map((name) => new Source(reactor, { control: () => named(name) }))
    expect(() => tap.byteConsume.control.connected(PEER)).toThrow(VIOMissingControl)
    expect(() => tap.byteProduce.control.reqProducerState(tap.byteConsume)).toThrow(VIOMissingControl)
    for (const sink of sinks) {
      tap.byteProduce.attach(sink.byteConsume)
      tap.byteConsume.control.connected(PEER)
      tap.byteProduce.detach()
    }
    for (const source of sources) {
      tap.byteConsume.attach(source.byteProduce)
      tap.byteProduce.control.reqProducerState(tap.byteConsume)
      tap.byteConsume.detach()
    }
    expect(told).toEqual(['a', 'b', 'c', 'd'])
    expect(() => tap.byteConsume.control.connected(PEER)).toThrow(VIOMissingControl)
  })

  it('lets messages with the bytes reach the consumer, those against them the producer [CR-42]', () => {
    const { reactor } = runningReactor()
    const told: string[] = []
    const listening = (who: string): VIOControl => {
      const names = ['canConnect', 'connected', 'notifyConsumerAttached', 'notifyProducerAttached']
      const all = [...names, 'authorize', 'reqConsumerState', 'reqProducerState']
      return new VIOControl(
        Object.fromEntries(
          all.map((name) => [name, () => void told.push(`${who}.${name}`)]),
        ) as VControlHandlers,
      )
    }
    const source = new Source(reactor, { control: () => listening('source') })
    const sink = new Sink(reactor, { control: () => listening('sink') })
    const [one, two] = [new VByteTap(reactor), new VByteTap(reactor)]
    one.byteProduce.attach(two.byteConsume)
    source.byteProduce.attach(one.byteConsume)
    sink.byteConsume.attach(two.byteProduce)
    told.length = 0
    const { control: down } = one.byteConsume
    down.authorize(null, null, null, null)
    down.canConnect(PEER)
    down.connected(PEER)
    down.reqConsumerState(source.byteProduce)
    two.byteProduce.control.reqProducerState(sink.byteConsume)
    expect(told).toEqual([
      'sink.authorize',
      'sink.canConnect',
      'sink.connected',
      'sink.reqConsumerState',
      'source.reqProducerState',
    ])
  })
})

describe('attaching', () => {
  it("tells the producer's side the consumer, and the consumer's side the producer [VE-77] [VE-78]", () => {
    const { reactor } = runningReactor()
    const told: { readonly at: string; readonly who: unknown; readonly args: number }[] = []
    const hear =
      (at: string) =>
      (...args: unknown[]): void =>
        void told.push({ at, who: args[0], args: args.length })
    const source = new Source(reactor, {
      control: () => new VIOControl({ notifyConsumerAttached: hear('source') }),
    })
    const sink = new Sink(reactor, {
      control: () => new VIOControl({ notifyProducerAttached: hear('sink') }),
    })
    source.byteProduce.attach(sink.byteConsume)
    expect(told).toEqual([
      { at: 'source', who: sink.byteConsume, args: 1 },
      { at: 'sink', who: source.byteProduce, args: 1 },
    ])
    source.byteProduce.attach(sink.byteConsume)
    expect(told.length).toBe(2)
  })
})

describe('reqConsumerState', () => {
  it('goes through two filters to a consumer that takes it, and is missed where none does [VE-79]', () => {
    const { reactor } = runningReactor()
    const asked: IVAnyProducer[] = []
    const control = new VIOControl({ reqConsumerState: (producer) => void asked.push(producer) })
    const [one, two] = [new VByteTap(reactor), new VByteTap(reactor)]
    const source = new Source(reactor)
    source.byteProduce.attach(one.byteConsume)
    one.byteProduce.attach(two.byteConsume)
    const ask = (): void => source.byteProduce.consumer?.control.reqConsumerState(source.byteProduce)
    expect(ask).toThrow(VIOMissingControl)
    const deaf = new Sink(reactor)
    deaf.byteConsume.attach(two.byteProduce)
    expect(ask).toThrow(expect.objectContaining({ messageName: 'reqConsumerState' }))
    deaf.byteConsume.detach()
    new Sink(reactor, { control: () => control }).byteConsume.attach(two.byteProduce)
    ask()
    expect(asked).toEqual([source.byteProduce])
  })
})

describe('a message that was added', () => {
  it('is typed, and passes filters both ways like the others [VE-81]', () => {
    const { reactor } = runningReactor()
    const control = new VIOControl({ sounding: (fathoms) => `${fathoms + 1} fathoms` })
    const [one, two] = [new VByteTap(reactor), new VByteTap(reactor)]
    const source = new Source(reactor, { control: () => control })
    const sink = new Sink(reactor, { control: () => control })
    one.byteProduce.attach(two.byteConsume)
    expect(() => one.byteConsume.control.sounding(4)).toThrow(VIOMissingControl)
    source.byteProduce.attach(one.byteConsume)
    sink.byteConsume.attach(two.byteProduce)
    expect(one.byteConsume.control.sounding(4)).toBe('5 fathoms')
    expect(two.byteProduce.control.sounding(5)).toBe('6 fathoms')
    // @ts-expect-error its parameter is a number
    expect(one.byteConsume.control.sounding('4')).toBe('41 fathoms')
  })
})

describe('an end that connects', () => {
  function connectable(answer: (peer: VPeer) => boolean) {
    const made = runningReactor()
    const asked: VPeer[] = []
    const told: VPeer[] = []
    const pair = createDevicePair({ reactor: made.reactor, connect: 'succeed', b: { name: 'there' } })
    const end = new VByteEndpoint(made.reactor, pair.a)
    const control = new VIOControl({
      canConnect: (peer) => {
        asked.push(peer)
        return answer(peer)
      },
      connected: (peer) => void told.push(peer),
    })
    const sink = new Sink(made.reactor, { control: () => control })
    const source = new Source(made.reactor)
    return { ...made, asked, told, pair, end, sink, source }
  }

  it('never tries a connection that the chain does not allow, and ends it as lost [VE-75]', () => {
    const { host, asked, told, pair, end, sink, source } = connectable(() => false)
    end.byteProduce.attach(sink.byteConsume)
    end.byteConsume.attach(source.byteProduce)
    expect(end.connect(PEER)).toBe(false)
    host.runUntilIdle()
    expect(asked).toEqual([PEER])
    expect(pair.a.calls.filter((call) => call.startsWith('connect'))).toEqual([])
    expect(pair.a.closed).toBeInstanceOf(VFIOLost)
    expect(sink.events).toContain('dataEnded(false)')
    expect(sink.closed[0]?.reason).toBeInstanceOf(VFIOLost)
    expect(source.events).toContain('producerAborted')
    expect([told, end.wasConnected, end.closed]).toEqual([[], false, true])
  })

  it.each([
    ['true to no', 'yes' as never],
    ['an error to a no', null],
  ])('takes anything but true, and %s [VE-75] [VE-74]', (_what, answer) => {
    const { host, pair, end, sink, logged } = connectable(() => {
      if (answer === null) throw new Error('broken')
      return answer
    })
    end.byteProduce.attach(sink.byteConsume)
    expect(end.connect(PEER)).toBe(false)
    host.runUntilIdle()
    expect(pair.a.calls.filter((call) => call.startsWith('connect'))).toEqual([])
    expect(logged.map(({ error }) => (error as Error | undefined)?.message)).toEqual(
      answer === null ? ['broken'] : [],
    )
  })

  it('tells the chain whom it is connected to, on a later turn, and again when it is asked [VE-76]', () => {
    const { host, asked, told, end, sink } = connectable((peer) => peer.equals(PEER))
    end.byteProduce.attach(sink.byteConsume)
    expect(end.connect(PEER)).toBe(true)
    expect([asked, told]).toEqual([[PEER], []])
    host.runUntilIdle()
    expect(told).toEqual([PEER])
    sink.byteConsume.producer?.control.reqProducerState(sink.byteConsume)
    host.runUntilIdle()
    expect(told).toEqual([PEER, PEER])
    expect(asked).toEqual([PEER])
  })

  it('tells a consumer that came late what it missed, on a later turn, and only that one [VE-80]', () => {
    const { host, told, end, sink, reactor } = connectable(() => true)
    end.connect(PEER)
    host.runUntilIdle()
    const late: VPeer[] = []
    const control = new VIOControl({ connected: (peer) => void late.push(peer) })
    const lateSink = new Sink(reactor, { control: () => control })
    end.byteProduce.attach(sink.byteConsume)
    host.runUntilIdle()
    expect(told).toEqual([PEER])
    end.byteProduce.control.reqProducerState(lateSink.byteConsume)
    expect(late).toEqual([])
    host.runUntilIdle()
    expect([told, late]).toEqual([[PEER], [PEER]])
  })
})

describe('authorize', () => {
  /** Stands for a security layer: lets nothing through until the chain has authorised the other side. */
  class Gate extends VByteTap {
    protected override attached(): void {
      this.allowFurther(0)
    }

    protected override consumerControl(): VIOControl {
      const next = (): VIOControl => super.consumerControl()
      return new VIOControl({ connected: () => this.#decide(next()) }, next)
    }

    #decide(control: VIOControl): void {
      const terms = { fallback: true, failed: (error: unknown) => this.reactor.log.warn('refused', error) }
      if (askPermission(control, 'authorize', terms, null, null, null, 'TLS')) this.allowFurther(Infinity)
      else this.fail(new VIOLost('not authorised'))
    }
  }

  function connection(handlers: VControlHandlers) {
    const made = runningReactor()
    const pair = createDevicePair()
    const end = new VByteEndpoint(made.reactor, pair.a, { halfClosePolicy: new VNoHalfClose() })
    const gate = new Gate(made.reactor)
    const sink = new Sink(made.reactor, { control: () => new VIOControl(handlers) })
    pair.b.writeSome(Buffer.from('secret'))
    gate.byteProduce.attach(sink.byteConsume)
    end.byteProduce.attach(gate.byteConsume)
    made.host.runUntilIdle()
    return { ...made, pair, sink }
  }

  it('with the answer true lets the data come, with none too [VE-73]', () => {
    expect(
      connection({ authorize: () => true })
        .sink.received.pop()
        .toString(),
    ).toBe('secret')
    expect(connection({}).sink.received.pop().toString()).toBe('secret')
  })

  it.each([
    ['false', () => false],
    ['something else than true', () => 1 as unknown as boolean],
    [
      'an error',
      () => {
        throw new Error('broken')
      },
    ],
  ])('with %s closes the connection as lost, before any data [VE-73] [VE-74]', (_what, authorize) => {
    const { pair, sink } = connection({ authorize })
    expect(sink.received.length).toBe(0)
    expect(sink.closed).toMatchObject([
      { wasAborted: true, reason: { value: { message: 'not authorised' } } },
    ])
    expect(pair.a.closed).toBeInstanceOf(VFIOLost)
    expect(pair.b.inputEnd).toBeInstanceOf(VFIOLost)
  })
})
