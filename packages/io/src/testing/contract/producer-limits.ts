/**
 * When a producer gives, and how much.
 */
import { VIOError } from '@vio/reactor'
import type { VProbeConsumer, VProbeConsumerOptions } from '../probe-consumer.js'
import { type IVContractCase, subjectCase } from './case.js'
import { check, equal, sameList, throwsA } from './check.js'
import { type IVProducerSubject, numbers, type VProducerFactory } from './flow.js'

/** A case on a producer. */
export const producerCase: typeof subjectCase<[], IVProducerSubject> = subjectCase

/** Attaches a consumer that grants nothing by itself, unless the options say so. */
export function attachSink(subject: IVProducerSubject, options: VProbeConsumerOptions = {}): VProbeConsumer {
  const sink = subject.units.sink({ log: subject.bench.log, ...options })
  subject.end.attach(sink)
  subject.bench.settle()
  return sink
}

/** Checks which units a consumer has got, in all of the attachment. */
export function checkGot(subject: IVProducerSubject, sink: VProbeConsumer, wanted: readonly number[]): void {
  subject.bench.settle()
  sameList(subject.units.values(sink.received), wanted, 'what the consumer got')
}

/** Limits. */
export const PRODUCER_LIMIT_CASES: readonly IVContractCase<VProducerFactory>[] = [
  producerCase('cannot be granted anything without a consumer [CR-22]', (make) => {
    const subject = make()
    for (const limit of [0, 5, null]) {
      throwsA(() => subject.end.canProduce(limit), VIOError, `canProduce(${limit}) without a consumer`)
    }
    const sink = attachSink(subject)
    subject.end.detach()
    throwsA(() => subject.end.canProduce(5), VIOError, 'canProduce after a detach')
    subject.give(3)
    sink.attach(subject.end)
    checkGot(subject, sink, [])
  }),

  producerCase('refuses a limit that is none, and its limit stays', (make) => {
    const subject = make()
    const sink = attachSink(subject, { grantAtAttach: 2 })
    for (const limit of ['5', Number.NaN, 1.5, {}, undefined]) {
      throwsA(() => subject.end.canProduce(limit as never), TypeError, `canProduce(${String(limit)})`)
    }
    subject.give(5)
    checkGot(subject, sink, numbers(0, 2))
  }),

  producerCase('is silent until it is granted something [CR-33]', (make) => {
    const subject = make()
    subject.give(5)
    const sink = attachSink(subject)
    subject.give(5)
    subject.bench.settle(1000)
    equal(subject.bench.log.matching(/^sink\.consume/).length, 0, 'calls of consume')
    checkGot(subject, sink, [])
    sink.grant(1)
    checkGot(subject, sink, numbers(0, 1))
  }),

  producerCase('counts its limit from the attachment: 4 after 4 is nothing, 6 is 2 [CR-24]', (make) => {
    const subject = make()
    subject.give(100)
    const sink = attachSink(subject, { grantAtAttach: 4 })
    checkGot(subject, sink, numbers(0, 4))
    subject.end.canProduce(4)
    checkGot(subject, sink, [])
    sink.grant(6)
    checkGot(subject, sink, numbers(4, 2))
    equal(sink.consumed, 6, 'what was consumed')
  }),

  producerCase('minds no limit that is not higher than the one it has [CR-23]', (make) => {
    const subject = make()
    const sink = attachSink(subject, { grantAtAttach: 6 })
    subject.give(5)
    checkGot(subject, sink, numbers(0, 5))
    for (const lower of [4, 0, 6]) subject.end.canProduce(lower)
    subject.give(5)
    checkGot(subject, sink, numbers(5, 1))
  }),

  producerCase('once without a limit, stays so: a later one counts for nothing [CR-23]', (make) => {
    for (const none of [null, -1, Number.POSITIVE_INFINITY]) {
      const subject = make()
      const sink = attachSink(subject)
      sink.limit = Number.POSITIVE_INFINITY
      subject.end.canProduce(none)
      subject.end.canProduce(3)
      subject.give(50)
      checkGot(subject, sink, numbers(0, 50))
      subject.end.canProduce(3)
      subject.give(50)
      checkGot(subject, sink, numbers(50, 50))
    }
  }),

  producerCase('takes a higher limit from the answer of consume [CR-21]', (make) => {
    const subject = make()
    subject.give(20)
    const answer = ({ consumed }: { consumed: number }): number => Math.min(consumed + 2, 11)
    const sink = attachSink(subject, { grantAtAttach: 2, answer })
    checkGot(subject, sink, numbers(0, 11))
    equal(subject.bench.log.matching(/^sink\.grant/).length, 0, 'grants but the first')
  }),

  producerCase('takes a lower limit from the answer of consume [CR-21]', (make) => {
    const subject = make()
    let lowered = false
    const answer = ({ consumed, limit }: { consumed: number; limit: number }): number => {
      if (lowered) return limit
      lowered = true
      return consumed + 2
    }
    const sink = attachSink(subject, { grantAtAttach: 20, answer })
    subject.give(3)
    checkGot(subject, sink, numbers(0, 3))
    subject.give(10)
    checkGot(subject, sink, numbers(3, 2))
    sink.grant(9)
    checkGot(subject, sink, numbers(5, 4))
  }),

  producerCase('takes "no limit" from the answer of consume [CR-21 CR-20]', (make) => {
    for (const none of [null, -1, Number.POSITIVE_INFINITY]) {
      const subject = make()
      subject.give(40)
      const sink = attachSink(subject, { grantAtAttach: 1, answer: () => none })
      checkGot(subject, sink, numbers(0, 40))
    }
  }),

  producerCase('never gives from inside canProduce [CR-28]', (make) => {
    const subject = make()
    subject.give(5)
    const sink = attachSink(subject)
    for (const limit of [1, 3, null]) {
      sink.grant(limit)
      const inside = subject.bench.log.during('sink.grant').filter((text) => text.startsWith('sink.'))
      sameList(inside, [], 'what the consumer was called with inside canProduce')
      subject.bench.settle()
    }
    checkGot(subject, sink, numbers(0, 5))
  }),

  producerCase(
    'lets the consumer grant from inside consume, and no call is inside another [CR-28]',
    (make) => {
      const subject = make()
      subject.give(30)
      const sink: VProbeConsumer = attachSink(subject, {
        hooks: { received: () => sink.consumed < 30 && sink.grantMore(1) },
      })
      sink.grant(1)
      checkGot(subject, sink, numbers(0, 30))
      equal(subject.bench.log.deepest('sink.consume'), 1, 'calls of consume inside each other')
    },
  ),

  producerCase('goes on over later turns until nothing is left or allowed [CR-27]', (make) => {
    const subject = make()
    const sink = attachSink(subject, { grantAtAttach: 500 })
    subject.give(200)
    subject.give(100)
    checkGot(subject, sink, numbers(0, 300))
    subject.give(300)
    checkGot(subject, sink, numbers(300, 200))
    sink.grant(null)
    checkGot(subject, sink, numbers(500, 100))
  }),

  producerCase('calls consume with something, or not at all [CR-26]', (make) => {
    const subject = make()
    const sink = attachSink(subject, { grantAtAttach: null })
    subject.bench.settle(1000)
    equal(subject.bench.log.matching(/^sink\.consume/).length, 0, 'calls of consume without units')
    subject.give(1)
    checkGot(subject, sink, numbers(0, 1))
    subject.bench.settle(1000)
    equal(subject.bench.log.matching(/^sink\.consume/).length, 1, 'calls of consume for one unit')
    equal(sink.aborted, null, 'whether the flow was aborted')
  }),

  producerCase('keeps what was not taken for the next consumer, and counts anew [CR-12 CR-09]', (make) => {
    const subject = make()
    subject.give(10)
    const first = attachSink(subject, { name: 'first', grantAtAttach: 3 })
    checkGot(subject, first, numbers(0, 3))
    subject.end.detach()
    subject.bench.settle()
    const second = attachSink(subject, { name: 'second' })
    checkGot(subject, second, [])
    second.grant(2)
    checkGot(subject, second, numbers(3, 2))
    second.detach()
    const third = attachSink(subject, { name: 'third', grantAtAttach: null })
    checkGot(subject, third, numbers(5, 5))
  }),

  producerCase(
    'can be detached from inside consume: nothing is lost or comes twice [CR-13 CR-12]',
    (make) => {
      for (const from of ['consumer', 'producer'] as const) {
        const subject = make()
        subject.give(10)
        const first: VProbeConsumer = attachSink(subject, {
          hooks: { received: () => (from === 'consumer' ? first.detach() : subject.end.detach()) },
        })
        first.grant(4)
        subject.bench.settle()
        const got = subject.units.values(first.received)
        check(got.length > 0 && got.length <= 4, `units that the first consumer got: ${got.length}`)
        equal(first.producer, null, 'who is attached to the consumer')
        equal(subject.end.consumer, null, 'who is attached to the producer')
        const second = attachSink(subject, { grantAtAttach: null })
        subject.bench.settle()
        const rest = subject.units.values(second.received)
        sameList([...got, ...rest], numbers(0, 10), 'what both consumers got')
      }
    },
  ),

  producerCase('can be attached to another consumer from inside consume [CR-13 CR-12]', (make) => {
    const subject = make()
    subject.give(10)
    const second = subject.units.sink({ name: 'second', grantAtAttach: null })
    const first: VProbeConsumer = attachSink(subject, {
      hooks: {
        received: () => {
          first.detach()
          subject.end.attach(second)
        },
      },
    })
    first.grant(4)
    subject.bench.settle()
    const both = [...subject.units.values(first.received), ...subject.units.values(second.received)]
    sameList(both, numbers(0, 10), 'what both consumers got')
    equal(subject.end.consumer, second, 'who is attached to the producer')
  }),
]
