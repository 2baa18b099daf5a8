/**
 * What the cases on consumers and producers stand on: units that can be told apart, neighbours, and subjects.
 *
 * A subject is one end of an element, with what a test needs to move it from behind: the limits that it gives, the units
 * it has. The cases are written in the types of byte flows; a flow of messages counts messages and casts its own. What
 * an element does with the units is left to its fixture, which tells them in the numbers they had when they went in.
 */
import type { VByteBuffer } from '../../byte-buffer.js'
import { VByteBuffer as ByteBuffer } from '../../byte-buffer.js'
import type { VIOControl } from '../../control.js'
import { VMessageQueue } from '../../message-queue.js'
import type { IVByteConsumer, IVByteProducer } from '../../types.js'
import type { VTestBench } from '../bench.js'
import { VProbeConsumer, type VProbeConsumerOptions, VProbeMessageConsumer } from '../probe-consumer.js'
import type { VProbeEnd } from '../probe-end.js'
import { VProbeMessageProducer, VProbeProducer, type VProbeProducerOptions } from '../probe-producer.js'

/** Units of a flow, as numbers from 0 to 255: unit n has the number n modulo 256. */
export interface IVFlowUnits {
  /** A queue with units of these numbers. */
  of(values: readonly number[]): VByteBuffer
  /** A queue with the units from `first` on. */
  make(first: number, count: number): VByteBuffer
  /** Takes all units out of a queue and tells their numbers. */
  values(queue: VByteBuffer): number[]
  /** A probe that gives such units. */
  source(options?: VProbeProducerOptions): VProbeProducer
  /** A probe that takes such units. */
  sink(options?: VProbeConsumerOptions): VProbeConsumer
}

/** The numbers of the units from `first` on. */
export function numbers(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, at) => (first + at) & 0xff)
}

/** Flows of bytes: a unit is a byte. */
export const BYTE_UNITS: IVFlowUnits = {
  of: (values) => new ByteBuffer(Uint8Array.from(values)),
  make: (first, count) => new ByteBuffer(Uint8Array.from(numbers(first, count))),
  values: (queue) => [...queue.pop()],
  source: (options) => new VProbeProducer(options),
  sink: (options) => new VProbeConsumer(options),
}

/** Flows of messages: a unit is a message that is a number. */
export const MESSAGE_UNITS: IVFlowUnits = {
  of: (values) => new VMessageQueue<number>(values) as unknown as VByteBuffer,
  make: (first, count) => new VMessageQueue<number>(numbers(first, count)) as unknown as VByteBuffer,
  values: (queue) => (queue as unknown as VMessageQueue<number>).popList(),
  source: (options) => new VProbeMessageProducer<number>(options) as unknown as VProbeProducer,
  sink: (options) => new VProbeMessageConsumer<number>(options) as unknown as VProbeConsumer,
}

/** An end, as far as consumers and producers are alike. */
export interface IVAnyEnd {
  readonly control: VIOControl
  readonly twoway: boolean
  readonly flows: readonly unknown[]
  readonly reverse: unknown
  attach(other: unknown): void
  detach(): void
  abort(reason?: Error): void
}

/** What every subject has. */
export interface IVSubject {
  /** Where it runs. */
  readonly bench: VTestBench
  /** What its flow is made of. */
  readonly units: IVFlowUnits
  /** The hooks of the element that are recorded in the bench's log, as `subject.NAME(DETAIL)`. */
  readonly hooks: readonly string[]
  /** What records begin with of messages that reach the end's `control`: `subject.control`; null if it handles none. */
  readonly controlName: string | null
  /** The end, asked of the element anew. */
  again(): unknown
}

/** A consumer under test. */
export interface IVConsumerSubject extends IVSubject {
  readonly side: 'consumer'
  readonly end: IVByteConsumer
  /** The class of error that it throws once it has ended. */
  readonly closedError: 'VIOError' | 'VIOClosed'
  /** The ends that have come through, in order. */
  readonly ends: readonly VProbeEnd[]
  /** Lets `count` further units in, of those that are kept out as its limit is used up. */
  raise(count: number): void
  /** Lets everything through that was taken, now and later, and tells the numbers of all units so far. */
  drain(): number[]
  /** Makes the element fail on the next units that it takes. */
  failNext(error: Error): void
}

/** How a consumer is to be made. */
export interface IVConsumerSetup {
  /** The limit that it grants when it is attached; null for none. */
  readonly limit: number | null
  /** Called while units are taken, each time some are. */
  readonly onTaken?: () => void
}

/** Makes a consumer to be tested. */
export type VConsumerFactory = (setup: IVConsumerSetup) => IVConsumerSubject

/** A producer under test. */
export interface IVProducerSubject extends IVSubject {
  readonly side: 'producer'
  readonly end: IVByteProducer
  /** Makes `count` further units available: the first call from unit 0 on, the next behind them. */
  give(count: number): void
  /** Ends the flow behind the units that were given. */
  finish(clean: boolean, reason?: Error): void
  /** Makes the element fail when it is asked for units next. */
  failNext(error: Error): void
}

/** Makes a producer to be tested. */
export type VProducerFactory = () => IVProducerSubject

/** The end of a subject, as far as consumers and producers are alike. */
export function endOf(subject: IVConsumerSubject | IVProducerSubject): IVAnyEnd {
  return subject.end as unknown as IVAnyEnd
}

/** Who is attached to the end of a subject, or null. */
export function partnerOf(subject: IVConsumerSubject | IVProducerSubject): unknown {
  return subject.side === 'consumer' ? subject.end.producer : subject.end.consumer
}
