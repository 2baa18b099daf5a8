/**
 * The contract of a writer: what everything has to do that one writes to and that becomes a producer.
 */
import { VIOClosed } from '@vio/reactor'
import type { IVByteWriter } from '../../types.js'
import type { VTestBench } from '../bench.js'
import { VProbeConsumer, type VProbeConsumerOptions } from '../probe-consumer.js'
import { type IVContractCase, subjectCase } from './case.js'
import { check, equal, sameList, throwsA } from './check.js'
import { numbers } from './flow.js'

/** A writer under test. */
export interface IVWriterSubject {
  readonly bench: VTestBench
  readonly writer: IVByteWriter
  /** How many bytes wait in it. */
  queued(): number
}

/** Makes a writer to be tested. */
export type VWriterFactory = () => IVWriterSubject

const writerCase: typeof subjectCase<[], IVWriterSubject> = subjectCase

function attach(subject: IVWriterSubject, options: VProbeConsumerOptions = {}): VProbeConsumer {
  const sink = new VProbeConsumer({ log: subject.bench.log, ...options })
  subject.writer.byteProduce.attach(sink)
  return sink
}

function text(subject: IVWriterSubject, sink: VProbeConsumer): string {
  subject.bench.settle()
  return sink.received.pop().toString('utf8')
}

const WRITING: readonly IVContractCase<VWriterFactory>[] = [
  writerCase('takes what is written before a consumer is there, and keeps the order [CR-53]', (make) => {
    const subject = make()
    subject.writer.write('one ')
    subject.writer.write(Buffer.from('two '))
    subject.writer.write([Buffer.from('thr'), Buffer.from('ee ')])
    subject.bench.settle()
    const sink = attach(subject, { grantAtAttach: null })
    subject.writer.write('fünf')
    equal(text(subject, sink), 'one two three fünf', 'what came')
  }),

  writerCase('asks for one production, however much is written at once [CR-53]', (make) => {
    const subject = make()
    const sink = attach(subject, { grantAtAttach: null })
    subject.bench.settle()
    const before = subject.bench.posts
    for (let times = 0; times < 100; times += 1) subject.writer.write('x')
    equal(subject.bench.posts - before, 1, 'turns that were asked for by 100 writes')
    equal(sink.received.length, 0, 'bytes that came inside write')
    equal(text(subject, sink), 'x'.repeat(100), 'what came')
  }),

  writerCase('gives as much as is allowed, and the rest to whoever comes next [CR-12 CR-53]', (make) => {
    const subject = make()
    subject.writer.write(Uint8Array.from(numbers(0, 20)))
    const first = attach(subject, { grantAtAttach: 7 })
    subject.bench.settle()
    sameList([...first.received.pop()], numbers(0, 7), 'what the first consumer got')
    first.detach()
    subject.writer.write(Uint8Array.from(numbers(20, 5)))
    subject.writer.endWrite()
    const second = attach(subject, { grantAtAttach: null })
    subject.bench.settle()
    sameList([...second.received.pop()], numbers(7, 18), 'what the second consumer got')
    equal(second.ended?.clean, true, 'the end')
  }),

  writerCase('refuses what is no bytes, and nothing of it is queued [VE-66]', (make) => {
    const subject = make()
    const sink = attach(subject, { grantAtAttach: null })
    for (const wrong of [null, undefined, 5, {}, ['x'], [Buffer.from('x'), 5]]) {
      throwsA(() => subject.writer.write(wrong as never), TypeError, `writing ${String(wrong)}`)
    }
    equal(text(subject, sink), '', 'what came')
    subject.writer.write('x')
    equal(text(subject, sink), 'x', 'what came')
  }),
]

const ENDING: readonly IVContractCase<VWriterFactory>[] = [
  writerCase('takes nothing after endWrite, whose first call counts [CR-54 CR-34]', (make) => {
    for (const clean of [true, false]) {
      const subject = make()
      subject.writer.write('x')
      subject.writer.endWrite(clean)
      subject.writer.endWrite(!clean)
      throwsA(() => subject.writer.write('y'), VIOClosed, 'writing after endWrite')
      const sink = attach(subject, { grantAtAttach: null })
      subject.writer.endWrite(!clean)
      equal(text(subject, sink), 'x', 'what came')
      equal(sink.ended?.clean, clean, 'whether the end was clean')
      throwsA(() => subject.writer.write('y'), VIOClosed, 'writing after the end')
    }
  }),

  writerCase('ends behind what was written, though nothing more is allowed [CR-36 CR-54]', (make) => {
    const subject = make()
    const sink = attach(subject)
    subject.writer.write('abc')
    subject.writer.endWrite()
    subject.bench.settle()
    equal(sink.ended, null, 'the end, with 3 bytes left')
    sink.grant(3)
    equal(text(subject, sink), 'abc', 'what came')
    equal(sink.ended?.clean, true, 'the end, with a limit that is used up')
  }),

  writerCase('with nothing written ends at once, under a limit of 0 too [CR-36 VE-64]', (make) => {
    const subject = make()
    const sink = attach(subject)
    subject.writer.endWrite()
    subject.bench.settle()
    equal(sink.ended?.clean, true, 'the end')
    const early = make()
    early.writer.endWrite()
    const other = attach(early)
    early.bench.settle()
    equal(other.ended?.clean, true, 'the end of a writer that was ended before')
  }),

  writerCase('drops what was written when its chain is aborted, and takes no more [CR-55 CR-54]', (make) => {
    const subject = make()
    const sink = attach(subject)
    subject.writer.write('abc')
    sink.abort()
    throwsA(() => subject.writer.write('y'), VIOClosed, 'writing after an abort')
    equal(subject.queued(), 0, 'bytes that wait after an abort')
    subject.bench.settle()
    equal(sink.received.length, 0, 'bytes that came')
    equal(sink.ended, null, 'the end')
  }),

  writerCase(
    'aborted by its writer, drops all at once and takes the chain down a turn later [CR-55]',
    (make) => {
      const subject = make()
      const sink = attach(subject, { grantAtAttach: null })
      subject.writer.write('abc')
      subject.writer.abortWriter()
      equal(sink.aborted, null, 'the abort, in the same turn')
      equal(sink.producer, subject.writer.byteProduce, 'who is attached, in the same turn')
      throwsA(() => subject.writer.write('y'), VIOClosed, 'writing after abortWriter')
      equal(subject.queued(), 0, 'bytes that wait after abortWriter')
      subject.bench.settle()
      check(sink.aborted !== null, 'the consumer was aborted a turn later')
      equal(sink.received.length, 0, 'bytes that came')
      equal(sink.ended, null, 'the end')
      subject.writer.abortWriter()
      subject.bench.settle()
    },
  ),
]

/** What every writer has to do. */
export const writerContract: readonly IVContractCase<VWriterFactory>[] = [...WRITING, ...ENDING]
