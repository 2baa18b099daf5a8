/**
 * `VByteIOPair`: both directions attached at once or not at all.
 */
import { type IVByteConsumer, type IVByteProducer, VByteIOPair, VIOError } from '@vio/io'
import { VProbeConsumer, VProbeLog, VProbeProducer } from '@vio/io/testing'
import { describe, expect, it } from 'vitest'
import { runningReactor, Sink, Source } from '../support.js'

/** A pair of probes that record into one log. */
function probes(log: VProbeLog, name: string) {
  const consumer = new VProbeConsumer({ log, name: `${name}.in`, mute: true })
  const producer = new VProbeProducer({ log, name: `${name}.out`, mute: true })
  return { consumer, producer, pair: new VByteIOPair(consumer, producer) }
}

/** A pair on the base classes that records into one list. */
function pairOf(events: string[]) {
  const { reactor } = runningReactor()
  const [sink, source] = [new Sink(reactor, { events }), new Source(reactor, { events })]
  return { sink, source, pair: new VByteIOPair(sink.byteConsume, source.byteProduce) }
}

describe('a pair', () => {
  it('holds its consumer and its producer [VE-58]', () => {
    const { consumer, producer, pair } = probes(new VProbeLog(), 'a')
    expect([pair.consumer, pair.producer]).toEqual([consumer, producer])
  })

  it.each([
    ['nothing', undefined, undefined],
    ['two consumers', 'consumer', 'consumer'],
    ['two producers', 'producer', 'producer'],
    ['the wrong order', 'producer', 'consumer'],
  ] as const)('is not made of %s [VE-58]', (_what, first, second) => {
    const made = probes(new VProbeLog(), 'a')
    const pick = (key: 'consumer' | 'producer' | undefined): unknown => key && made[key]
    expect(() => new VByteIOPair(pick(first) as IVByteConsumer, pick(second) as IVByteProducer)).toThrow(
      TypeError,
    )
  })

  it('attaches crosswise, its own consumer first [VE-58] [CR-56]', () => {
    const log = new VProbeLog()
    const [a, b] = [probes(log, 'a'), probes(log, 'b')]
    a.pair.attach(b.pair)
    expect([a.consumer.producer, b.producer.consumer]).toEqual([b.producer, a.consumer])
    expect([a.producer.consumer, b.consumer.producer]).toEqual([b.consumer, a.producer])
    expect(log.events).toEqual([
      'b.out.consumerAttached()',
      'a.in.producerAttached()',
      'b.in.producerAttached()',
      'a.out.consumerAttached()',
    ])
  })

  it('attached again to the same pair, from either side, does nothing [VE-58] [CR-02]', () => {
    const log = new VProbeLog()
    const [a, b] = [probes(log, 'a'), probes(log, 'b')]
    a.pair.attach(b.pair)
    log.clear()
    a.pair.attach(b.pair)
    b.pair.attach(a.pair)
    expect(log.events).toEqual([])
  })

  it('completes what is attached in one direction only [VE-58]', () => {
    const log = new VProbeLog()
    const [a, b] = [probes(log, 'a'), probes(log, 'b')]
    a.consumer.attach(b.producer)
    log.clear()
    a.pair.attach(b.pair)
    expect(log.events).toEqual(['b.in.producerAttached()', 'a.out.consumerAttached()'])
  })

  it.each([null, undefined, {}, 'pair', { consumer: {}, producer: {} }])(
    'does not attach to %j, which is none [VE-58]',
    (other) => {
      const log = new VProbeLog()
      expect(() => probes(log, 'a').pair.attach(other as never)).toThrow(TypeError)
      expect(log.events).toEqual([])
    },
  )

  it.each(['own consumer', 'own producer', 'other consumer', 'other producer'] as const)(
    'attaches neither direction when the %s is taken, and no hook runs [VE-58] [CR-56] [CR-04]',
    (taken) => {
      const log = new VProbeLog()
      const [a, b, c] = [probes(log, 'a'), probes(log, 'b'), probes(log, 'c')]
      const [whose, which] = taken.split(' ')
      const side = whose === 'own' ? a : b
      if (which === 'consumer') side.consumer.attach(c.producer)
      else side.producer.attach(c.consumer)
      const links = (): unknown[] =>
        [a, b, c].flatMap((each) => [each.consumer.producer, each.producer.consumer])
      const before = links()
      log.clear()
      expect(() => a.pair.attach(b.pair)).toThrow(VIOError)
      expect(links()).toEqual(before)
      expect(log.events).toEqual([])
    },
  )

  it.each(['own consumer', 'own producer', 'other consumer', 'other producer'] as const)(
    'attaches neither direction when the %s has ended, and no hook runs [VE-58] [CR-56]',
    (ended) => {
      const events: string[] = []
      const [a, b] = [pairOf(events), pairOf(events)]
      const [whose, which] = ended.split(' ')
      const side = whose === 'own' ? a : b
      if (which === 'consumer') side.sink.byteConsume.abort()
      else side.source.end()
      events.length = 0
      expect(() => a.pair.attach(b.pair)).toThrow(VIOError)
      expect([a, b].flatMap(({ pair }) => [pair.consumer.producer, pair.producer.consumer])).toEqual([
        null,
        null,
        null,
        null,
      ])
      expect(events).toEqual([])
    },
  )

  it('attaches neither direction when an end refuses that did not say so before [VE-58] [CR-56]', () => {
    const log = new VProbeLog()
    const [a, b] = [probes(log, 'a'), probes(log, 'b')]
    const error = new VIOError('refused')
    b.consumer.attach = () => {
      throw error
    }
    expect(() => a.pair.attach(b.pair)).toThrow(error)
    expect([a.consumer.producer, a.producer.consumer, b.producer.consumer]).toEqual([null, null, null])
  })

  it('leaves attached what was attached before, when the rest is refused [VE-58] [CR-56]', () => {
    const log = new VProbeLog()
    const [a, b] = [probes(log, 'a'), probes(log, 'b')]
    a.consumer.attach(b.producer)
    b.consumer.attach = () => {
      throw new VIOError('refused')
    }
    expect(() => a.pair.attach(b.pair)).toThrow(VIOError)
    expect(a.consumer.producer).toBe(b.producer)
  })

  it('detaches and aborts both directions', () => {
    const log = new VProbeLog()
    const [a, b] = [probes(log, 'a'), probes(log, 'b')]
    a.pair.attach(b.pair)
    a.pair.detach()
    expect([a.consumer.producer, a.producer.consumer]).toEqual([null, null])
    a.pair.attach(b.pair)
    const reason = new Error('why')
    a.pair.abort(reason)
    for (const end of [a.consumer, a.producer, b.consumer, b.producer])
      expect(end.aborted).toEqual({ reason })
  })
})
