/**
 * What the cases on elements with both ends stand on: a subject with a sample of what goes in and what comes out.
 */
import type { IVByteConsumer, IVByteProducer } from '../../types.js'
import type { VTestBench } from '../bench.js'
import type { VProbeConsumer, VProbeConsumerOptions } from '../probe-consumer.js'
import type { VProbeProducer, VProbeProducerOptions } from '../probe-producer.js'
import { subjectCase } from './case.js'
import { check } from './check.js'
import type { IVFlowUnits } from './flow.js'

/** An element that takes units and gives units, under test. */
export interface IVFilterSubject {
  readonly bench: VTestBench
  readonly consumer: IVByteConsumer
  readonly producer: IVByteProducer
  /** What goes in is made of. */
  readonly input: IVFlowUnits
  /** What comes out is made of. */
  readonly output: IVFlowUnits
  /** Units that may go in: at least 300, ending with a whole unit of what the element reads. */
  readonly sample: readonly number[]
  /** What has to come out for the sample, however it was cut. */
  readonly result: readonly number[]
  /** Input that ends inside of a unit, if there can be such. */
  readonly incomplete?: readonly (readonly number[])[]
  /** The most units of input that it may hold: what it declares and what one run of a transform adds. */
  readonly maxHeld: number
  /** How many units it says that it holds. */
  held(): number
}

/** Makes an element to be tested. */
export type VFilterFactory = () => IVFilterSubject

/** A case on an element with both ends. */
export const filterCase: typeof subjectCase<[], IVFilterSubject> = subjectCase

/** A producer above, fed with a part of the sample; it gives by itself. */
export function above(subject: IVFilterSubject, options: VProbeProducerOptions = {}): VProbeProducer {
  const { bench } = subject
  const source = subject.input.source({ log: bench.log, reactor: bench.reactor, ...options })
  subject.consumer.attach(source)
  return source
}

/** A consumer below, which grants nothing unless told. */
export function below(subject: IVFilterSubject, options: VProbeConsumerOptions = {}): VProbeConsumer {
  const sink = subject.output.sink({ log: subject.bench.log, ...options })
  subject.producer.attach(sink)
  return sink
}

/** Feeds a part of the sample. */
export function feed(subject: IVFilterSubject, source: VProbeProducer, from = 0, to?: number): void {
  source.feed(subject.input.of(subject.sample.slice(from, to)))
}

/** Checks that no more is held than was declared. */
export function checkHeld(subject: IVFilterSubject): void {
  const held = subject.held()
  check(held <= subject.maxHeld, `it holds ${held}, declared are ${subject.maxHeld}`)
}
