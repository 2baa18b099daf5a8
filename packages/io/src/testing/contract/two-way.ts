/**
 * The contract of elements with two directions: how the halves of one side know each other, and leave each other alone.
 */
import type { IVByteConsumer, IVByteProducer } from '../../types.js'
import type { VTestBench } from '../bench.js'
import { type IVContractCase, subjectCase } from './case.js'
import { equal, sameList } from './check.js'
import { BYTE_UNITS, numbers } from './flow.js'

/** One side of an element with two directions: what takes bytes there and what gives them. */
export interface IVTwoWaySubject {
  readonly bench: VTestBench
  /** Takes bytes. */
  readonly consumer: IVByteConsumer
  /** Gives bytes. */
  readonly producer: IVByteProducer
  /** Lets everything through that the consumer took, now and later, and tells the numbers of all units so far. */
  drain(): number[] | Promise<number[]>
  /** Gives the producer `count` further units: the first call from unit 0 on, the next behind them. */
  give(count: number): void
  /** Ends what the producer gives, cleanly. */
  finish(): void
  /** Waits for an element that works beside the turns of the reactor; by default it does not. */
  quiet?(): Promise<void>
}

/** Makes an element to be tested. */
export type VTwoWayFactory = () => IVTwoWaySubject

const twoWayCase: typeof subjectCase<[], IVTwoWaySubject> = subjectCase

/** What every element with two directions has to do, on each of its sides. */
export const twoWayContract: readonly IVContractCase<VTwoWayFactory>[] = [
  twoWayCase('says that it has two directions, and each half knows the other [CR-58 VE-41]', (make) => {
    const { consumer, producer } = make()
    equal(consumer.twoway, true, 'twoway of the consumer')
    equal(producer.twoway, true, 'twoway of the producer')
    equal(consumer.reverse, producer, 'the reverse of the consumer')
    equal(producer.reverse, consumer, 'the reverse of the producer')
  }),

  twoWayCase('carries both directions at once [CR-58]', async (make) => {
    const { bench, consumer, producer, ...subject } = make()
    const source = BYTE_UNITS.source({ reactor: bench.reactor })
    const sink = BYTE_UNITS.sink({ grantAtAttach: null })
    consumer.attach(source)
    producer.attach(sink)
    source.feed(BYTE_UNITS.make(0, 30))
    subject.give(20)
    sameList(await subject.drain(), numbers(0, 30), 'what came in')
    sameList(BYTE_UNITS.values(sink.received), numbers(0, 20), 'what went out')
  }),

  twoWayCase('goes on giving when its input has ended [CR-58]', async (make) => {
    const { bench, consumer, producer, ...subject } = make()
    const source = BYTE_UNITS.source({ reactor: bench.reactor })
    const sink = BYTE_UNITS.sink({ grantAtAttach: null })
    consumer.attach(source)
    producer.attach(sink)
    source.feed(BYTE_UNITS.make(0, 3))
    source.end()
    sameList(await subject.drain(), numbers(0, 3), 'what came in')
    equal(consumer.producer, null, 'who is attached to the consumer')
    subject.give(5)
    bench.settle()
    await subject.quiet?.()
    sameList(BYTE_UNITS.values(sink.received), numbers(0, 5), 'what went out')
    equal(sink.aborted, null, 'whether the output was aborted')
  }),

  twoWayCase('goes on taking when its output has ended [CR-58]', async (make) => {
    const { bench, consumer, producer, ...subject } = make()
    const source = BYTE_UNITS.source({ reactor: bench.reactor })
    const sink = BYTE_UNITS.sink({ grantAtAttach: null })
    consumer.attach(source)
    producer.attach(sink)
    subject.give(5)
    bench.settle()
    subject.finish()
    bench.settle()
    await subject.quiet?.()
    equal(sink.ended?.clean, true, 'the end of the output')
    source.feed(BYTE_UNITS.make(0, 30))
    sameList(await subject.drain(), numbers(0, 30), 'what came in')
    equal(source.aborted, null, 'whether the input was aborted')
  }),
]
