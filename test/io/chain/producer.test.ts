/**
 * `VByteProducer`: when it is asked for bytes, what becomes of them, and its hooks. How it ends is in
 * producer-endings.test.ts.
 */
import { VByteProducer, VIOControl, VIOError } from '@vio/io'
import { VProbeConsumer, type VProbeConsumerOptions } from '@vio/io/testing'
import { describe, expect, it } from 'vitest'
import { runningReactor, Sink, Source, type SourceOptions } from '../support.js'

/** A source with a scripted consumer attached to it. */
function attached(options: SourceOptions = {}, probeOptions: VProbeConsumerOptions = {}) {
  const made = runningReactor()
  const source = new Source(made.reactor, options)
  const probe = new VProbeConsumer(probeOptions)
  probe.attach(source.byteProduce)
  return { ...made, source, probe, end: source.byteProduce }
}

/** The calls of `produce` among a source's events. */
function asked(source: Source): readonly string[] {
  return source.events.filter((event) => event.startsWith('produce('))
}

describe('a producer', () => {
  it.each([undefined, null, {}, 7])('is not made with %j for a reactor [VE-33]', (reactor) => {
    expect(() => new Source(reactor as never)).toThrow(TypeError)
    expect(() => new Source(reactor as never)).toThrow(/needs a reactor, got/)
  })

  it('is an abstract class, made with a reactor alone [VE-33]', () => {
    class Plain extends VByteProducer {
      protected override produce(): null {
        return null
      }
    }
    const { reactor } = runningReactor()
    expect(new Plain(reactor)).toBeInstanceOf(VByteProducer)
    expect(new Plain(reactor).reactor).toBe(reactor)
    // @ts-expect-error an abstract class is not made by itself
    expect(() => new VByteProducer(reactor)).not.toThrow()
  })

  it('offers one and the same interface, without a consumer at first [VE-35]', () => {
    const { reactor } = runningReactor()
    const source = new Source(reactor)
    const end = source.byteProduce
    expect(end.consumer).toBeNull()
    const sink = new Sink(reactor)
    end.attach(sink.byteConsume)
    expect(source.byteProduce).toBe(end)
    expect(end.consumer).toBe(sink.byteConsume)
    end.detach()
    expect([source.byteProduce, end.consumer]).toEqual([end, null])
  })

  it('has one direction, is the end of its flow, and has a control [VE-41]', () => {
    const control = new VIOControl({})
    const { source } = attached({ control: () => control })
    const end = source.byteProduce
    expect([end.twoway, end.flows, end.control]).toEqual([false, [], control])
    expect(() => end.reverse).toThrow(VIOError)
  })
})

describe('attaching', () => {
  it.each(['producer', 'consumer'] as const)(
    'from the side of the %s has the same result [VE-57] [CR-01]',
    (side) => {
      const { host, reactor } = runningReactor()
      const [source, sink] = [new Source(reactor, { data: 'abc' }), new Sink(reactor)]
      if (side === 'producer') source.byteProduce.attach(sink.byteConsume)
      else sink.byteConsume.attach(source.byteProduce)
      expect(source.byteProduce.consumer).toBe(sink.byteConsume)
      expect(sink.byteConsume.producer).toBe(source.byteProduce)
      host.runUntilIdle()
      expect(sink.received.pop().toString()).toBe('abc')
      expect([source.producedBytes, sink.consumedBytes]).toEqual([3, 3])
    },
  )

  it.each([null, undefined, {}, 'x', 7, () => undefined])(
    'to %j, which is no end of a flow, is refused on both sides [VE-39]',
    (other) => {
      const { reactor } = runningReactor()
      const [source, sink] = [new Source(reactor), new Sink(reactor)]
      for (const end of [source.byteProduce, sink.byteConsume]) {
        expect(() => end.attach(other as never)).toThrow(TypeError)
        expect(() => end.attach(other as never)).toThrow(
          /attaches to the other end of a flow of its kind, got/,
        )
      }
      expect([source.events, sink.events]).toEqual([[], []])
    },
  )

  it('to the wrong side, to an element, or to a flow of messages is refused [VE-39]', () => {
    const { reactor } = runningReactor()
    const [source, sink] = [new Source(reactor), new Sink(reactor)]
    const others = [source.byteProduce, source, sink, { ...sink.byteConsume }]
    for (const other of others) {
      expect(() => source.byteProduce.attach(other as never)).toThrow(/attaches to the other end/)
    }
    expect(() => sink.byteConsume.attach(sink.byteConsume as never)).toThrow(/attaches to the other end/)
    expect([source.byteProduce.consumer, sink.byteConsume.producer]).toEqual([null, null])
  })

  it('a second partner is refused on both sides, and changes nothing [VE-39] [CR-03] [CR-04]', () => {
    const { reactor } = runningReactor()
    const [source, sink] = [new Source(reactor), new Sink(reactor)]
    source.byteProduce.attach(sink.byteConsume)
    const events = [...source.events, ...sink.events]
    const [otherSource, otherSink] = [new Source(reactor), new Sink(reactor)]
    for (const attach of [
      () => source.byteProduce.attach(otherSink.byteConsume),
      () => otherSink.byteConsume.attach(source.byteProduce),
    ]) {
      expect(attach).toThrow(/consumer is already attached/)
    }
    for (const attach of [
      () => sink.byteConsume.attach(otherSource.byteProduce),
      () => otherSource.byteProduce.attach(sink.byteConsume),
    ]) {
      expect(attach).toThrow(/producer is already connected/)
    }
    expect([...source.events, ...sink.events]).toEqual(events)
    expect([otherSource.events, otherSink.events]).toEqual([[], []])
    expect([otherSource.byteProduce.consumer, otherSink.byteConsume.producer]).toEqual([null, null])
    expect(source.byteProduce.consumer).toBe(sink.byteConsume)
  })

  it('again, after detaching, counts anew and gives what is left [VE-40] [CR-12]', () => {
    const { host, reactor } = runningReactor()
    const source = new Source(reactor, { data: 'abcdef' })
    const sinks = [2, 3].map((grant) => new Sink(reactor, { grant, answer: () => 0 }))
    for (const sink of sinks) {
      source.byteProduce.attach(sink.byteConsume)
      host.runUntilIdle()
      expect(source.producedBytes).toBe(sink.consumedBytes)
      source.byteProduce.detach()
      expect([source.producedBytes, sink.consumedBytes]).toEqual([0, 0])
    }
    expect(sinks.map((sink) => sink.received.pop().toString())).toEqual(['ab', 'cde'])
  })
})

describe('consumerAttached and consumerDetached', () => {
  it('are called once for each attachment and detachment [VE-53] [VE-54]', () => {
    const { source, probe, end } = attached()
    end.attach(probe)
    expect(source.events).toEqual(['consumerAttached'])
    end.detach()
    end.detach()
    probe.detach()
    expect(source.events).toEqual(['consumerAttached', 'consumerDetached'])
    new VProbeConsumer().attach(end)
    end.consumer?.detach()
    expect(source.events.slice(2)).toEqual(['consumerAttached', 'consumerDetached'])
  })
})

describe('produce', () => {
  it('is asked for what the limit allows, -1 for any number, never for 0 [VE-44] [CR-26]', () => {
    const { host, source, probe } = attached({ data: 'abcdef' })
    host.runUntilIdle()
    expect(asked(source)).toEqual([])
    probe.grant(4)
    host.runUntilIdle()
    expect(asked(source)).toEqual(['produce(4)'])
    probe.grant(null)
    host.runUntilIdle()
    expect(asked(source)).toEqual(['produce(4)', 'produce(-1)', 'produce(-1)'])
    expect(probe.received.pop().toString()).toBe('abcdef')
  })

  it('is asked again when there is more and it says so [VE-52]', () => {
    const { host, source, probe } = attached({}, { grantAtAttach: null })
    host.runUntilIdle()
    expect(asked(source)).toEqual(['produce(-1)'])
    source.queue.append(Buffer.from('a'))
    host.runUntilIdle()
    expect(asked(source)).toEqual(['produce(-1)'])
    source.feed('b')
    host.runUntilIdle()
    expect(probe.received.pop().toString()).toBe('ab')
  })

  it('may take the chain apart; what it gave then waits for the next consumer [VE-44] [CR-12]', () => {
    const { host, reactor } = runningReactor()
    class Leaving extends Source {
      protected override produce(maxBytes: number): Uint8Array | null | undefined {
        const bytes = super.produce(maxBytes)
        this.byteProduce.detach()
        return bytes
      }
    }
    const source = new Leaving(reactor, { data: 'abc' })
    for (const given of ['', 'abc']) {
      const probe = new VProbeConsumer({ grantAtAttach: 9 })
      probe.attach(source.byteProduce)
      host.runUntilIdle()
      expect(probe.received.pop().toString()).toBe(given)
      source.byteProduce.detach()
    }
  })

  it('gives what a consumer left behind to the next one first [VE-40] [CR-12]', () => {
    const { host, source, probe, end, logged } = attached({ data: 'abcdef' })
    const consume = probe.consume.bind(probe)
    probe.consume = (data) => {
      const answer = consume(data, 2)
      probe.detach()
      return answer
    }
    probe.grant(4)
    host.runUntilIdle()
    expect([probe.received.pop().toString(), end.consumer, source.abortReason]).toEqual([
      'ab',
      null,
      undefined,
    ])
    const next = new VProbeConsumer({ grantAtAttach: null })
    next.attach(end)
    host.runUntilIdle()
    expect([next.received.pop().toString(), source.producedBytes, logged]).toEqual(['cdef', 4, []])
  })

  it('is asked once a turn, until it gives nothing [VE-44] [CR-27]', () => {
    const { host, reactor } = runningReactor()
    const turns: number[] = []
    class Bytewise extends Source {
      protected override produce(maxBytes: number): Uint8Array | null | undefined {
        super.produce(maxBytes)
        turns.push(host.steps)
        return turns.length <= 3 ? Buffer.from('x') : null
      }
    }
    const source = new Bytewise(reactor)
    const probe = new VProbeConsumer({ grantAtAttach: null })
    probe.attach(source.byteProduce)
    host.runUntilIdle()
    expect(probe.received.pop().toString()).toBe('xxx')
    expect(turns.length).toBe(4)
    expect(new Set(turns).size).toBe(4)
  })

  it.each([null, undefined, Buffer.alloc(0)])(
    'giving %j gives nothing, without a fault [VE-44] [CR-26]',
    (nothing) => {
      const { host, reactor, logged } = runningReactor()
      class Empty extends Source {
        protected override produce(maxBytes: number): Uint8Array | null | undefined {
          super.produce(maxBytes)
          return nothing
        }
      }
      const source = new Empty(reactor)
      const probe = new VProbeConsumer({ grantAtAttach: 5 })
      probe.attach(source.byteProduce)
      host.runUntilIdle()
      expect(probe.log.matching(/consume/)).toEqual([])
      expect([asked(source).length, logged.length]).toEqual([1, 0])
      expect(source.byteProduce.consumer).toBe(probe)
    },
  )

  it('giving more than was asked for is a fault that takes the chain down [VE-44] [CR-25]', () => {
    const { host, reactor, logged } = runningReactor()
    class Greedy extends Source {
      protected override produce(): Uint8Array {
        return Buffer.from('abcdef')
      }
    }
    const source = new Greedy(reactor)
    const sink = new Sink(reactor, { grant: 4, answer: () => 0 })
    source.byteProduce.attach(sink.byteConsume)
    host.runUntilIdle()
    expect(sink.received.pop().toString()).toBe('abcd')
    expect(logged.map(({ error }) => (error as Error).message)).toEqual([
      expect.stringContaining('consume error'),
    ])
    expect(source.abortReason).toBeInstanceOf(VIOError)
    expect(sink.closed).toMatchObject([{ wasAborted: true }])
  })

  it.each(['text', 7, {}, [1]])('giving %j, which is no bytes, takes the chain down [VE-44]', (wrong) => {
    const { host, reactor, logged } = runningReactor()
    class Wrong extends Source {
      protected override produce(): Uint8Array {
        return wrong as never
      }
    }
    const sink = new Sink(reactor)
    new Wrong(reactor).byteProduce.attach(sink.byteConsume)
    host.runUntilIdle()
    expect(logged.map(({ error }) => error)).toEqual([expect.any(TypeError)])
    expect(sink.closed).toMatchObject([{ wasAborted: true }])
  })

  it('throwing takes the chain down and is logged [VE-44] [CR-38]', () => {
    const { host, reactor, logged } = runningReactor()
    const error = new Error('broken')
    class Failing extends Source {
      protected override produce(): Uint8Array {
        throw error
      }
    }
    const source = new Failing(reactor)
    const sink = new Sink(reactor)
    source.byteProduce.attach(sink.byteConsume)
    host.runUntilIdle()
    expect(logged.map((entry) => entry.error)).toEqual([error])
    expect(sink.closed).toMatchObject([{ wasAborted: true, reason: { value: error } }])
    expect(source.events.slice(-2)).toEqual(['consumerDetached', 'producerAborted'])
  })
})

describe('canProduce', () => {
  it('and triggerProduction make one production on a later turn, however often they are called [VE-52] [CR-28]', () => {
    const { host, source, probe } = attached({ data: 'abcd' }, { answer: ({ limit }) => limit })
    probe.grant(1)
    probe.grant(2)
    source.trigger()
    source.trigger()
    expect(asked(source)).toEqual([])
    host.runUntilIdle()
    expect(asked(source)).toEqual(['produce(2)'])
    expect(probe.received.pop().toString()).toBe('ab')
  })

  it('counts from attachment and only rises [VE-52] [CR-23] [CR-24]', () => {
    const { host, source, probe, end } = attached({ data: 'abcdefgh' })
    probe.grant(4)
    host.runUntilIdle()
    for (const limit of [4, 2, 0]) end.canProduce(limit)
    host.runUntilIdle()
    expect(source.producedBytes).toBe(4)
    probe.grant(6)
    host.runUntilIdle()
    expect(source.producedBytes).toBe(6)
    for (const limit of [Number.NaN, 1.5, '9', undefined]) {
      expect(() => end.canProduce(limit as never)).toThrow(TypeError)
    }
    end.detach()
    expect(() => end.canProduce(9)).toThrow(VIOError)
  })

  it('triggerProduction does nothing without a consumer or at the limit [VE-52]', () => {
    const { host, source, probe, end } = attached({ data: 'abc' })
    host.runUntilIdle()
    const steps = host.steps
    source.trigger()
    host.runUntilIdle()
    probe.detach()
    source.trigger()
    host.runUntilIdle()
    expect(asked(source)).toEqual([])
    expect(host.steps).toBe(steps)
    expect(end.consumer).toBeNull()
  })

  it('the answer of consume is adopted, up and down [CR-21]', () => {
    const answers = [1, 3, 0]
    const { host, source, probe } = attached(
      { data: 'abcdefgh' },
      { grantAtAttach: 4, answer: ({ consumed }) => consumed + (answers.shift() ?? 0) },
    )
    host.runUntilIdle()
    expect(asked(source)).toEqual(['produce(4)', 'produce(1)', 'produce(3)'])
    expect(probe.received.pop().toString()).toBe('abcdefgh')
  })
})

describe('producerControl', () => {
  it('is called at each access of control, and by default handles nothing [VE-55]', () => {
    const { reactor } = runningReactor()
    let calls = 0
    const source = new Source(reactor, {
      control: () => {
        calls += 1
        return new VIOControl({})
      },
    })
    const first = source.byteProduce.control
    expect(source.byteProduce.control).not.toBe(first)
    expect(calls).toBe(2)
    class Plain extends VByteProducer {
      protected override produce(): null {
        return null
      }
    }
    expect(() => new Plain(reactor).byteProduce.control.reqProducerState({} as never)).toThrow(/no handler/)
  })
})
