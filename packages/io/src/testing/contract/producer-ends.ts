/**
 * How a flow ends at a producer: told, aborted or failed.
 */
import { VIOError } from '@vio/reactor'
import type { VProbeConsumer } from '../probe-consumer.js'
import type { IVContractCase } from './case.js'
import { check, equal, sameList, throwsA } from './check.js'
import { checkPlayed } from './end-base.js'
import { numbers, type VProducerFactory } from './flow.js'
import { attachSink, checkGot, producerCase } from './producer-limits.js'

/** Ends. */
export const PRODUCER_END_CASES: readonly IVContractCase<VProducerFactory>[] = [
  producerCase('tells the end once, as clean as it was given [CR-34]', (make) => {
    for (const clean of [true, false]) {
      const subject = make()
      const sink = attachSink(subject, { grantAtAttach: null })
      subject.give(3)
      subject.bench.settle()
      subject.finish(clean)
      subject.bench.settle()
      equal(sink.ended?.clean, clean, 'whether the end was clean')
      equal(subject.bench.log.matching(/dataEnded/).length, 1, 'ends that were told')
      checkGot(subject, sink, numbers(0, 3))
    }
  }),

  producerCase('tells the end behind all data, however little is allowed at a time [CR-36]', (make) => {
    const subject = make()
    const sink = attachSink(subject, { grantAtAttach: 3 })
    subject.give(5)
    subject.finish(true)
    checkGot(subject, sink, numbers(0, 3))
    equal(sink.ended, null, 'the end, with 2 units left')
    sink.grant(4)
    checkGot(subject, sink, numbers(3, 1))
    equal(sink.ended, null, 'the end, with 1 unit left')
    sink.grant(5)
    checkGot(subject, sink, numbers(4, 1))
    equal(sink.ended?.clean, true, 'the end, with nothing left and a limit that is used up')
  }),

  producerCase('tells the end although nothing is allowed, if no data is left [CR-36]', (make) => {
    const subject = make()
    const sink = attachSink(subject)
    subject.finish(true)
    subject.bench.settle()
    equal(sink.ended?.clean, true, 'the end, with a limit of 0')
  }),

  producerCase('tells the end once, however long it takes to be carried out [CR-34]', (make) => {
    const subject = make()
    const sink = attachSink(subject, { grantAtAttach: 2, holdEnd: true })
    subject.give(2)
    subject.finish(true)
    subject.bench.settle()
    equal(sink.ended?.clean, true, 'the end')
    equal(subject.end.consumer, sink, 'who is attached while the end is carried out')
    sink.grant(9)
    sink.grant(null)
    subject.bench.settle(1000)
    equal(subject.bench.log.matching(/^sink\.endConsume/).length, 1, 'calls of endConsume')
    equal(subject.end.consumer, sink, 'who is attached still')
    sink.abort()
    subject.bench.settle()
    equal(subject.end.consumer, null, 'who is attached when the end was carried out')
  }),

  producerCase('hears of its end that it was carried out: it is aborted, and apart [CR-35]', (make) => {
    const subject = make()
    const sink = subject.units.sink({ log: subject.bench.log, name: 'other', grantAtAttach: null })
    subject.end.attach(sink)
    subject.bench.settle()
    subject.bench.log.clear()
    subject.finish(true)
    subject.bench.settle()
    equal(subject.end.consumer, null, 'who is attached to the producer')
    equal(sink.producer, null, 'who is attached to the consumer')
    const order = ['other ended', 'other detached', 'own detached', 'own aborted', 'other aborted'] as const
    checkPlayed(subject, order, 'the order')
  }),

  producerCase('after its end refuses any consumer [CR-05]', (make) => {
    for (const from of ['producer', 'consumer'] as const) {
      const subject = make()
      attachSink(subject, { grantAtAttach: null })
      subject.finish(true)
      subject.bench.settle()
      const sink = subject.units.sink()
      const attach = (): void => (from === 'producer' ? subject.end.attach(sink) : sink.attach(subject.end))
      throwsA(attach, VIOError, 'attaching after the end')
      equal(subject.end.consumer, null, 'who is attached to the producer')
      equal(sink.producer, null, 'who is attached to the consumer')
    }
  }),

  producerCase('tells no end when it is aborted, and what it holds is dropped [CR-37 CR-39]', (make) => {
    for (const from of ['producer', 'consumer'] as const) {
      const subject = make()
      const sink = attachSink(subject, { grantAtAttach: 2 })
      subject.give(5)
      checkGot(subject, sink, numbers(0, 2))
      if (from === 'producer') subject.end.abort()
      else sink.abort()
      subject.bench.settle()
      equal(sink.ended, null, 'the end')
      equal(sink.received.length, 0, 'units that came after the abort')
      throwsA(() => subject.end.canProduce(9), VIOError, 'canProduce after an abort')
    }
  }),

  producerCase('is taken down, and says why, when its consumer throws [CR-38]', (make) => {
    const subject = make()
    subject.bench.expectFailures()
    const broken = new Error('cannot take this')
    const hooks = {
      received: () => {
        throw broken
      },
    }
    const sink = attachSink(subject, { grantAtAttach: null, hooks })
    subject.give(5)
    subject.bench.settle()
    equal(subject.end.consumer, null, 'who is attached to the producer')
    equal(sink.producer, null, 'who is attached to the consumer')
    check(sink.aborted !== null, 'the consumer was aborted')
    equal(sink.ended, null, 'the end')
    check(subject.bench.failures.length > 0, 'the failure was logged')
    throwsA(() => subject.end.attach(subject.units.sink()), VIOError, 'attaching after the failure')
  }),

  producerCase('failing, it takes the chain down and says so [CR-38]', (make) => {
    const subject = make()
    subject.bench.expectFailures()
    const broken = new Error('cannot give this')
    const sink = attachSink(subject, { grantAtAttach: 3 })
    subject.give(3)
    checkGot(subject, sink, numbers(0, 3))
    subject.failNext(broken)
    subject.give(3)
    sink.grant(null)
    subject.bench.settle()
    equal(subject.end.consumer, null, 'who is attached to the producer')
    equal(sink.producer, null, 'who is attached to the consumer')
    check(sink.aborted !== null, 'the consumer was aborted')
    equal(sink.ended?.clean ?? false, false, 'whether a clean end was told')
    checkGot(subject, sink, [])
    check(subject.bench.failures.length > 0, 'the failure was logged')
  }),

  producerCase('can be aborted from inside consume, and gives no more [CR-13 CR-37]', (make) => {
    const subject = make()
    subject.give(10)
    const sink: VProbeConsumer = attachSink(subject, { hooks: { received: () => subject.end.abort() } })
    sink.grant(2)
    subject.bench.settle()
    equal(subject.bench.log.matching(/^sink\.consume\(/).length, 1, 'calls of consume')
    equal(sink.ended, null, 'the end')
    equal(subject.bench.log.count('sink.consumerAborted()'), 1, 'aborts of the consumer')
    const kept = subject.units.values(sink.received)
    check(kept.length <= 2, `units that the consumer got: ${kept.length}`)
    sameList(kept, numbers(0, kept.length), 'what the consumer got')
  }),
]
