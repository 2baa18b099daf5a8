/**
 * The contract of a pair: a consumer and a producer that are attached to another pair as a whole.
 */
import { VIOError } from '@vio/reactor'
import { VByteIOPair } from '../../chain/pair.js'
import type { VTestBench } from '../bench.js'
import { VProbeConsumer } from '../probe-consumer.js'
import { VProbeProducer } from '../probe-producer.js'
import { type IVContractCase, subjectCase } from './case.js'
import { check, equal, sameList, throwsA } from './check.js'

/** A pair under test. */
export interface IVPairSubject {
  readonly bench: VTestBench
  readonly pair: VByteIOPair
}

/** Makes a pair to be tested. */
export type VPairFactory = () => IVPairSubject

const pairCase: typeof subjectCase<[], IVPairSubject> = subjectCase

/** A pair of two probes, which record as 'sink' and 'source'. */
interface ProbePair {
  readonly pair: VByteIOPair
  readonly sink: VProbeConsumer
  readonly source: VProbeProducer
}

function probes({ bench }: IVPairSubject): ProbePair {
  const sink = new VProbeConsumer({ log: bench.log, grantAtAttach: 10 })
  const source = new VProbeProducer({ log: bench.log })
  return { pair: new VByteIOPair(sink, source), sink, source }
}

function checkJoined(subject: IVPairSubject, other: ProbePair): void {
  equal(subject.pair.consumer.producer, other.source, "who is attached to the pair's consumer")
  equal(other.source.consumer, subject.pair.consumer, "who is attached to the other's producer")
  equal(subject.pair.producer.consumer, other.sink, "who is attached to the pair's producer")
  equal(other.sink.producer, subject.pair.producer, "who is attached to the other's consumer")
}

function checkFree(pair: VByteIOPair, what: string): void {
  equal(pair.consumer.producer, null, `who is attached to the consumer of ${what}`)
  equal(pair.producer.consumer, null, `who is attached to the producer of ${what}`)
}

/** Ways to make one of the other pair's ends refuse. */
const REFUSALS: readonly (readonly [what: string, prepare: (other: ProbePair) => void])[] = [
  ['a consumer that is taken', ({ sink }) => sink.attach(new VProbeProducer())],
  ['a producer that is taken', ({ source }) => source.attach(new VProbeConsumer())],
  ['a consumer that was aborted', ({ sink }) => sink.abort()],
  ['a producer that was aborted', ({ source }) => source.abort()],
  ['a consumer that was told the end', ({ sink }) => sink.endConsume(true)],
  ['a producer that has ended', ({ source }) => source.end()],
  [
    'a consumer that refuses for reasons of its own',
    ({ sink }) => {
      sink.attach = () => {
        throw new VIOError('not today')
      }
    },
  ],
]

/** What every pair has to do. */
export const pairContract: readonly IVContractCase<VPairFactory>[] = [
  pairCase('attaches each consumer to the producer of the other [CR-56]', (make) => {
    for (const from of ['pair', 'other'] as const) {
      const subject = make()
      const other = probes(subject)
      if (from === 'pair') subject.pair.attach(other.pair)
      else other.pair.attach(subject.pair)
      checkJoined(subject, other)
    }
  }),

  pairCase('attaches its own consumer first, then its own producer [CR-56]', (make) => {
    const subject = make()
    const other = probes(subject)
    subject.pair.attach(other.pair)
    const order = subject.bench.log.events.filter((text) => /^(sink|source)\.\w+Attached/.test(text))
    sameList(order, ['source.consumerAttached()', 'sink.producerAttached()'], 'the order')
  }),

  pairCase('attaches both directions or none [CR-56]', (make) => {
    for (const [what, prepare] of REFUSALS) {
      const subject = make()
      const other = probes(subject)
      prepare(other)
      const before = [other.sink.producer, other.source.consumer]
      throwsA(() => subject.pair.attach(other.pair), VIOError, `attaching ${what}`)
      checkFree(subject.pair, `a pair that was attached to ${what}`)
      equal(other.sink.producer, before[0], `who is attached to the consumer, with ${what}`)
      equal(other.source.consumer, before[1], `who is attached to the producer, with ${what}`)
    }
  }),

  pairCase('is taken as a whole when one of its directions is [CR-56 VE-58]', (make) => {
    for (const half of ['consumer', 'producer'] as const) {
      const subject = make()
      const [mine, other] = [probes(subject), probes(subject)]
      if (half === 'consumer') subject.pair.consumer.attach(mine.source)
      else subject.pair.producer.attach(mine.sink)
      throwsA(() => subject.pair.attach(other.pair), VIOError, `attaching with the ${half} taken`)
      checkFree(other.pair, 'the other pair')
      equal(subject.pair.consumer.producer, half === 'consumer' ? mine.source : null, 'the consumer')
      equal(subject.pair.producer.consumer, half === 'producer' ? mine.sink : null, 'the producer')
    }
  }),

  pairCase('attached again to the same pair, nothing happens [CR-56 CR-02]', (make) => {
    const subject = make()
    const other = probes(subject)
    subject.pair.attach(other.pair)
    subject.bench.settle()
    subject.bench.log.clear()
    subject.pair.attach(other.pair)
    other.pair.attach(subject.pair)
    equal(subject.bench.log.toString(), '', 'what was recorded')
    checkJoined(subject, other)
  }),

  pairCase('refuses what is no pair, and nothing has changed [CR-56]', (make) => {
    const subject = make()
    const half = { consumer: new VProbeConsumer() }
    for (const wrong of [null, undefined, {}, 5, half, new VProbeConsumer()]) {
      throwsA(() => subject.pair.attach(wrong as never), TypeError, 'attaching what is no pair')
      checkFree(subject.pair, 'the pair')
    }
    throwsA(() => new VByteIOPair({} as never, new VProbeProducer()), TypeError, 'a pair of nothing')
    throwsA(() => new VByteIOPair(new VProbeConsumer(), null as never), TypeError, 'a pair of nothing')
  }),

  pairCase('detaches both directions, which can be attached again [CR-12 CR-56]', (make) => {
    const subject = make()
    const other = probes(subject)
    subject.pair.attach(other.pair)
    subject.pair.detach()
    checkFree(subject.pair, 'the pair')
    checkFree(other.pair, 'the other pair')
    subject.pair.attach(other.pair)
    checkJoined(subject, other)
  }),

  pairCase('aborts both directions [CR-37 CR-56]', (make) => {
    const subject = make()
    const other = probes(subject)
    subject.pair.attach(other.pair)
    const reason = new Error('no more of this')
    subject.pair.abort(reason)
    subject.bench.settle()
    checkFree(subject.pair, 'the pair')
    check(other.sink.aborted !== null && other.source.aborted !== null, 'both probes were aborted')
    equal(other.source.aborted?.reason, reason, 'the reason that the producer got')
  }),
]
