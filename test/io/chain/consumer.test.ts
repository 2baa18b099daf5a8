/**
 * `VByteConsumer`: what it takes, what it grants, and its hooks, over producers that follow a script.
 */
import {
  VByteBuffer,
  VByteConsumer,
  VFIOCompleted,
  VFIOLost,
  VIOControl,
  VIOError,
  VIOLimitExceeded,
} from '@vio/io'
import { VProbeProducer } from '@vio/io/testing'
import { describe, expect, it } from 'vitest'
import { runningReactor, Sink, type SinkOptions, Source } from '../support.js'

/** A sink with a scripted producer attached to it. */
function attached(options: SinkOptions = {}) {
  const made = runningReactor()
  const sink = new Sink(made.reactor, options)
  const probe = new VProbeProducer()
  probe.attach(sink.byteConsume)
  return { ...made, sink, probe, end: sink.byteConsume }
}

function bytes(text: string): VByteBuffer {
  return new VByteBuffer(Buffer.from(text))
}

describe('a consumer', () => {
  it.each([undefined, null, {}, 'reactor', { post: 1 }])(
    'is not made with %j for a reactor [VE-33]',
    (reactor) => {
      expect(() => new Sink(reactor as never)).toThrow(TypeError)
      expect(() => new Sink(reactor as never)).toThrow(/needs a reactor, got/)
    },
  )

  it('is an abstract class, made with a reactor alone [VE-33]', () => {
    class Plain extends VByteConsumer {
      protected override dataReceived(): void {}
    }
    const { reactor } = runningReactor()
    expect(new Plain(reactor)).toBeInstanceOf(VByteConsumer)
    expect(new Plain(reactor).reactor).toBe(reactor)
    // @ts-expect-error an abstract class is not made by itself
    expect(() => new VByteConsumer(reactor)).not.toThrow()
  })

  it('offers one and the same interface [VE-34]', () => {
    const { sink, end } = attached()
    expect(sink.byteConsume).toBe(end)
    sink.byteConsume.detach()
    expect(sink.byteConsume).toBe(end)
  })

  it('has one direction, is the end of its flow, and tells its producer [VE-41]', () => {
    const { sink, probe, end } = attached()
    expect([end.twoway, end.flows, end.producer]).toEqual([false, [], probe])
    expect(() => end.reverse).toThrow(VIOError)
    expect(new Sink(sink.reactor).byteConsume.producer).toBeNull()
    const control = new VIOControl({})
    expect(new Sink(sink.reactor, { control: () => control }).byteConsume.control).toBe(control)
  })
})

describe('consume', () => {
  it('takes bytes off the front and answers the cumulative limit [VE-36] [CR-18] [CR-20]', () => {
    const { sink, end } = attached({ grant: 10, answer: (data) => 10 - data.length })
    const data = bytes('abcdef')
    expect(end.consume(data, 2)).toBe(10)
    expect(data.peek().toString()).toBe('cdef')
    expect(end.consume(data)).toBe(2 + 4 + 6)
    expect(data.length).toBe(0)
    expect(sink.received.pop().toString()).toBe('abcdef')
    expect(sink.consumedBytes).toBe(6)
  })

  it.each([null, undefined, 0, -3])('with the cap %j takes what the limit allows [VE-36] [CR-18]', (clim) => {
    const { end } = attached({ grant: 4 })
    const data = bytes('abcdef')
    end.consume(data, clim)
    expect(data.peek().toString()).toBe('ef')
  })

  it('without a producer throws, and touches nothing [VE-36] [CR-14]', () => {
    const { reactor } = runningReactor()
    const data = bytes('abc')
    expect(() => new Sink(reactor).byteConsume.consume(data)).toThrow(VIOError)
    expect(data.length).toBe(3)
  })

  it('after the end or an abort throws [VE-36] [CR-15]', () => {
    const ended = attached()
    ended.end.endConsume(true)
    expect(() => ended.end.consume(bytes('abc'))).toThrow(VIOError)
    const aborted = attached()
    aborted.end.abort()
    expect(() => aborted.end.consume(bytes('abc'))).toThrow(VIOError)
    expect(aborted.sink.received.length).toBe(0)
  })

  it('of nothing throws, and of something else than a queue of bytes too [VE-36] [CR-16]', () => {
    const { end, sink } = attached({ grant: 5 })
    expect(() => end.consume(new VByteBuffer())).toThrow(VIOError)
    for (const other of [Buffer.from('a'), 'a', null, { length: 3 }]) {
      expect(() => end.consume(other as never)).toThrow(TypeError)
    }
    expect(end.consume(bytes('abcde'))).toBe(Number.POSITIVE_INFINITY)
    expect(sink.consumedBytes).toBe(5)
  })

  it('at the limit throws, states both values, and leaves the data [VE-36] [CR-17] [CR-19]', () => {
    const { sink, end } = attached({ grant: 3, answer: () => 0 })
    const data = bytes('abcdef')
    expect(end.consume(data)).toBe(3)
    expect(() => end.consume(data)).toThrow(VIOLimitExceeded)
    expect(() => end.consume(data)).toThrow(expect.objectContaining({ limit: 3, consumed: 3, offered: 3 }))
    expect(data.peek().toString()).toBe('def')
    sink.grant(1)
    expect(end.consume(data)).toBe(4)
  })

  it("stops in the middle when the hook takes the chain apart; the rest is still the producer's [VE-36] [CR-12]", () => {
    const { sink, end } = attached({ answer: () => end.detach() })
    const data = new VByteBuffer([Buffer.from('ab'), Buffer.from('cd')])
    expect(end.consume(data)).toBe(0)
    expect([sink.received.peek().toString(), data.peek().toString()]).toEqual(['ab', 'cd'])
    expect([sink.consumedBytes, end.producer]).toEqual([0, null])
  })

  it('hands on what came in pieces piece by piece, as Buffers over the same memory [VE-43]', () => {
    const { sink, end } = attached()
    const memory = new Uint8Array([97, 98, 99])
    end.consume(new VByteBuffer([memory, Buffer.from('de')]))
    expect(sink.events.slice(1)).toEqual(['dataReceived(3)', 'dataReceived(2)'])
    expect(Buffer.isBuffer(sink.received.peekChunk())).toBe(true)
    expect(sink.received.peekChunk().buffer).toBe(memory.buffer)
  })
})

describe('dataReceived', () => {
  it.each([
    [0, 3],
    [7, 10],
    [null, Number.POSITIVE_INFINITY],
    [undefined, Number.POSITIVE_INFINITY],
    [-1, Number.POSITIVE_INFINITY],
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
  ])('answering %j after three bytes makes the limit %d [VE-43] [CR-31]', (answer, limit) => {
    const { end } = attached({ grant: 3, answer: () => answer })
    expect(end.consume(bytes('abc'))).toBe(limit)
  })

  it.each([Number.NaN, 1.5, 'many', '5', '-5', {}, [], [-1], -0.5, Promise.resolve(3), true, () => 3])(
    'answering %s is a fault of the hook that takes the chain down [VE-43] [CR-31]',
    (answer) => {
      const { host, reactor, logged } = runningReactor()
      const sink = new Sink(reactor, { answer: () => answer as number })
      const source = new Source(reactor, { data: 'abc' })
      source.byteProduce.attach(sink.byteConsume)
      host.runUntilIdle()
      expect(source.events).toContain('producerAborted')
      expect(sink.closed).toMatchObject([{ wasAborted: true }])
      expect(logged.map(({ level }) => level)).toEqual([40])
    },
  )

  it('throwing takes the chain down, is logged, and no bytes come twice [VE-43] [CR-38]', () => {
    const { host, reactor, logged } = runningReactor()
    const error = new Error('broken')
    const sink = new Sink(reactor, {
      answer: () => {
        throw error
      },
    })
    const source = new Source(reactor, { data: 'abc' })
    source.byteProduce.attach(sink.byteConsume)
    host.runUntilIdle()
    expect(sink.events.filter((event) => event.startsWith('dataReceived'))).toEqual(['dataReceived(3)'])
    expect(source.abortReason).toBe(error)
    expect(sink.closed).toMatchObject([{ wasAborted: true, reason: { value: error } }])
    expect(logged.map((entry) => entry.error)).toEqual([error])
    expect([source.byteProduce.consumer, sink.byteConsume.producer]).toEqual([null, null])
  })
})

describe('setReceiveLimit', () => {
  it('counts from what was consumed, and tells the producer once [VE-47] [CR-29]', () => {
    const { sink, probe, end } = attached({ grant: 4, answer: () => 0 })
    end.consume(bytes('abcd'))
    probe.log.clear()
    sink.grant(3)
    sink.grant(3)
    sink.grant(0)
    expect(probe.log.events).toEqual(['source.canProduce(7)'])
    expect(probe.limit).toBe(7)
  })

  it('never takes back what was granted [VE-47] [CR-30]', () => {
    const { sink, probe, end } = attached({ grant: 10 })
    sink.grant(2)
    expect(probe.limit).toBe(10)
    const data = bytes('abcdefghij')
    end.consume(data)
    expect(data.length).toBe(0)
  })

  it.each([null, -1, Number.POSITIVE_INFINITY])(
    'with %d lifts the limit for good [VE-47] [CR-29]',
    (more) => {
      const { sink, probe } = attached({ grant: 1 })
      sink.grant(more)
      sink.grant(5)
      expect(probe.limit).toBe(Number.POSITIVE_INFINITY)
    },
  )

  it('without a producer throws, and what is no limit is refused [VE-47]', () => {
    const { sink, probe, end } = attached({ grant: 1 })
    for (const more of [Number.NaN, 1.5, '3', undefined, {}]) {
      expect(() => sink.grant(more as never)).toThrow(TypeError)
    }
    expect(probe.limit).toBe(1)
    end.detach()
    expect(() => sink.grant(1)).toThrow(VIOError)
  })
})

describe('producerAttached', () => {
  it('by default grants any number of bytes [VE-48]', () => {
    class Plain extends VByteConsumer {
      protected override dataReceived(): void {}
    }
    const { reactor } = runningReactor()
    const probe = new VProbeProducer()
    probe.attach(new Plain(reactor).byteConsume)
    expect(probe.limit).toBe(Number.POSITIVE_INFINITY)
  })

  it('overridden grants nothing by itself; the producer waits [VE-48] [CR-33]', () => {
    const { host, reactor } = runningReactor()
    const sink = new Sink(reactor, { grant: 'nothing', answer: () => 0 })
    const source = new Source(reactor, { data: 'abc' })
    source.byteProduce.attach(sink.byteConsume)
    host.runUntilIdle()
    expect(source.events).toEqual(['consumerAttached'])
    sink.grant(2)
    host.runUntilIdle()
    expect(sink.received.pop().toString()).toBe('ab')
  })

  it('is called once for each attachment, producerDetached once for each detachment [VE-49] [VE-40] [CR-10]', () => {
    const { sink, probe, end } = attached()
    probe.attach(end)
    end.detach()
    end.detach()
    probe.detach()
    new VProbeProducer().attach(end)
    end.producer?.detach()
    expect(sink.events).toEqual([
      'producerAttached',
      'producerDetached',
      'producerAttached',
      'producerDetached',
    ])
    expect([end.producer, probe.consumer]).toEqual([null, null])
  })
})

describe('consumerControl', () => {
  it('is called at each access of control, and by default handles nothing [VE-50]', () => {
    const { reactor } = runningReactor()
    let calls = 0
    const sink = new Sink(reactor, {
      control: () => {
        calls += 1
        return new VIOControl({})
      },
    })
    const first = sink.byteConsume.control
    expect(sink.byteConsume.control).not.toBe(first)
    expect(calls).toBe(2)
    class Plain extends VByteConsumer {
      protected override dataReceived(): void {}
    }
    expect(() => new Plain(reactor).byteConsume.control.connected({} as never)).toThrow(/no handler/)
  })
})

describe('the end', () => {
  it("comes once, with the producer's flag and reason, and takes the chain down [VE-37] [VE-46] [CR-34] [CR-35]", () => {
    for (const clean of [true, false]) {
      const { sink, probe, end } = attached()
      const reason = new Error('why')
      end.endConsume(clean, reason)
      end.endConsume(!clean)
      expect(sink.events).toEqual([
        'producerAttached',
        `dataEnded(${clean})`,
        'producerDetached',
        'consumerAborted',
        'consumerClosed',
      ])
      expect(sink.endReason).toBe(reason)
      expect(probe.aborted).toEqual({ reason: clean ? undefined : reason })
      expect(probe.consumer).toBeNull()
    }
  })

  it.each([
    [1, true],
    ['', false],
    [undefined, false],
    [{}, true],
  ])('told with %j for a flag is read as %s [VE-37]', (flag, clean) => {
    const { sink, end } = attached()
    end.endConsume(flag as never)
    expect(sink.events[1]).toBe(`dataEnded(${clean})`)
  })

  it('needs no producer [VE-37] [CR-39]', () => {
    const { reactor } = runningReactor()
    const sink = new Sink(reactor)
    sink.byteConsume.endConsume(true)
    expect(sink.events).toEqual(['dataEnded(true)', 'consumerAborted', 'consumerClosed'])
    expect(() => new VProbeProducer().attach(sink.byteConsume)).toThrow(VIOError)
  })

  it('goes on although dataEnded throws, which is logged [VE-46]', () => {
    class Failing extends Sink {
      protected override dataEnded(clean: boolean): void {
        super.dataEnded(clean)
        throw new Error('broken')
      }
    }
    const { host, reactor, logged } = runningReactor()
    const sink = new Failing(reactor)
    const probe = new VProbeProducer()
    probe.attach(sink.byteConsume)
    sink.byteConsume.endConsume(true)
    host.runUntilIdle()
    expect(sink.events.slice(1)).toEqual([
      'dataEnded(true)',
      'producerDetached',
      'consumerAborted',
      'consumerClosed',
    ])
    expect(probe.aborted).not.toBeNull()
    expect(logged.map(({ error }) => (error as Error).message)).toEqual(['broken'])
  })
})

describe('abort', () => {
  it('tells both sides once, the one that began it last, without an end [VE-38] [VE-51] [CR-37]', () => {
    const { reactor } = runningReactor()
    const events: string[] = []
    const [sink, source] = [new Sink(reactor, { events }), new Source(reactor, { events })]
    source.byteProduce.attach(sink.byteConsume)
    events.length = 0
    sink.byteConsume.abort()
    sink.byteConsume.abort()
    source.byteProduce.abort()
    expect(events).toEqual([
      'producerDetached',
      'consumerDetached',
      'producerAborted',
      'consumerAborted',
      'consumerClosed',
    ])
    expect(() => sink.byteConsume.attach(new Source(reactor).byteProduce)).toThrow(VIOError)
    expect(() => source.byteProduce.attach(new Sink(reactor).byteConsume)).toThrow(VIOError)
  })

  it('needs no producer [VE-38] [CR-39]', () => {
    const { reactor } = runningReactor()
    const sink = new Sink(reactor)
    sink.byteConsume.abort()
    expect(sink.events).toEqual(['consumerAborted', 'consumerClosed'])
  })
})

describe('consumerClosed', () => {
  it('says why the flow is over, and whether that was an abort, after all other hooks [VE-42]', () => {
    const [ended, lost, aborted] = [attached(), attached(), attached()]
    ended.end.endConsume(true)
    expect(ended.sink.closed).toEqual([{ reason: expect.any(VFIOCompleted), wasAborted: false }])
    const reason = new Error('why')
    lost.end.endConsume(false, reason)
    expect(lost.sink.closed).toEqual([{ reason: expect.any(VFIOLost), wasAborted: false }])
    expect(lost.sink.closed[0]?.reason.value).toBe(reason)
    aborted.end.abort()
    expect(aborted.sink.closed).toEqual([{ reason: expect.any(VFIOLost), wasAborted: true }])
    for (const { sink } of [ended, lost, aborted]) expect(sink.events.at(-1)).toBe('consumerClosed')
  })
})
