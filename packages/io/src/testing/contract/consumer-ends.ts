/**
 * How a flow ends at a consumer: told, aborted, failed, or taken apart in the middle of a call.
 */
import { VIOError } from '@vio/reactor'
import type { IVContractCase } from './case.js'
import { check, equal, sameList, throwsA } from './check.js'
import { attachSource, consumerCase, fillUp } from './consumer-limits.js'
import { checkPlayed } from './end-base.js'
import { type IVConsumerSubject, numbers, type VConsumerFactory } from './flow.js'

/** Checks that exactly one end has come through. */
function checkEnded(subject: IVConsumerSubject, clean: boolean): void {
  equal(subject.ends.length, 1, 'ends that came through')
  equal(subject.ends[0]?.clean, clean, 'whether the end was clean')
}

/** A neighbour that records as 'other', as the parts are named. */
function attachOther(subject: IVConsumerSubject): ReturnType<typeof attachSource> {
  return attachSource(subject, 'other')
}

/** Ends. */
export const CONSUMER_END_CASES: readonly IVContractCase<VConsumerFactory>[] = [
  consumerCase('is told the end once, behind what was taken [CR-34]', (make) => {
    const subject = make({ limit: 10 })
    const source = attachSource(subject)
    source.send(subject.units.make(0, 3))
    subject.end.endConsume(true)
    subject.end.endConsume(false)
    sameList(subject.drain(), numbers(0, 3), 'what was taken')
    subject.end.endConsume(false)
    subject.bench.settle()
    checkEnded(subject, true)
  }),

  consumerCase('is told an unclean end as one [CR-34]', (make) => {
    const subject = make({ limit: 10 })
    const source = attachSource(subject)
    source.send(subject.units.make(0, 3))
    sameList(subject.drain(), numbers(0, 3), 'what was taken')
    subject.end.endConsume(false)
    subject.end.endConsume(true)
    subject.drain()
    checkEnded(subject, false)
  }),

  consumerCase('hands on why the end is not a clean one [CR-34]', (make) => {
    const subject = make({ limit: 10 })
    attachSource(subject)
    const reason = new Error('the disk is full')
    subject.end.endConsume(false, reason)
    subject.drain()
    checkEnded(subject, false)
    equal(subject.ends[0]?.reason, reason, 'the reason')
  }),

  consumerCase('takes the flow down after the end, the producer too, in order [CR-35]', (make) => {
    for (const clean of [true, false]) {
      const subject = make({ limit: 10 })
      const source = attachOther(subject)
      subject.bench.log.clear()
      subject.end.endConsume(clean)
      subject.drain()
      equal(source.consumer, null, 'who is attached to the producer')
      equal(subject.end.producer, null, 'who is attached to the consumer')
      const order = ['own ended', 'own detached', 'other detached', 'other aborted', 'own aborted'] as const
      checkPlayed(subject, order, 'the order')
    }
  }),

  consumerCase('is told the end with its limit used up, behind all data [CR-36]', (make) => {
    const subject = make({ limit: 5 })
    const source = attachSource(subject)
    const full = fillUp(subject, source)
    equal(source.credit, 0, 'what the limit allows')
    subject.end.endConsume(true)
    sameList(subject.drain(), numbers(0, full), 'what was taken')
    checkEnded(subject, true)
  }),

  consumerCase('after its end refuses any producer [CR-05]', (make) => {
    for (const from of ['consumer', 'producer'] as const) {
      const subject = make({ limit: 5 })
      attachSource(subject)
      subject.end.endConsume(true)
      subject.drain()
      const source = subject.units.source()
      const attach = (): void =>
        from === 'consumer' ? subject.end.attach(source) : source.attach(subject.end)
      throwsA(attach, VIOError, 'attaching after the end')
      equal(subject.end.producer, null, 'who is attached to the consumer')
      equal(source.consumer, null, 'who is attached to the producer')
    }
  }),

  consumerCase('is told no end by an abort, and drops what it holds [CR-37 CR-39]', (make) => {
    for (const from of ['consumer', 'producer'] as const) {
      const subject = make({ limit: 5 })
      const source = attachSource(subject)
      source.send(subject.units.make(0, 5))
      if (from === 'consumer') subject.end.abort()
      else source.abort()
      subject.end.endConsume(true)
      subject.bench.settle()
      subject.drain()
      equal(subject.ends.length, 0, 'ends that came through')
    }
  }),

  consumerCase('without a producer is told the end all the same [CR-39]', (make) => {
    const subject = make({ limit: 5 })
    subject.bench.log.clear()
    subject.end.endConsume(true)
    subject.end.endConsume(false)
    subject.drain()
    checkEnded(subject, true)
    checkPlayed(subject, ['own ended', 'own aborted'], 'the hooks')
  }),

  consumerCase('failing, it takes the chain down and says so, and nothing comes twice [CR-38]', (make) => {
    const subject = make({ limit: 10 })
    subject.bench.expectFailures()
    const source = attachSource(subject)
    const broken = new Error('cannot take this')
    source.feed(subject.units.make(0, 3))
    source.pump()
    subject.failNext(broken)
    source.feed(subject.units.make(3, 3))
    source.pump()
    subject.bench.settle()
    equal(source.consumer, null, 'who is attached to the producer')
    equal(subject.end.producer, null, 'who is attached to the consumer')
    check(source.aborted !== null, 'the producer was aborted')
    const told =
      source.failures.includes(broken) || subject.bench.failures.some(({ error }) => error === broken)
    check(told, 'the failure was reported')
    throwsA(() => subject.end.attach(subject.units.source()), VIOError, 'attaching after the failure')
    const values = subject.drain()
    check(values.length <= 6, 'units that came')
    sameList(values, numbers(0, values.length), 'the units that came')
    equal(subject.ends.filter(({ clean }) => clean).length, 0, 'clean ends that came through')
  }),

  consumerCase('can be detached while it takes units: none is lost or comes twice [CR-13 CR-12]', (make) => {
    for (const from of ['consumer', 'producer'] as const) {
      let detachNow = (): void => undefined
      const subject = make({ limit: 10, onTaken: () => detachNow() })
      const source = attachSource(subject, 'first')
      detachNow = () => {
        detachNow = () => undefined
        if (from === 'consumer') subject.end.detach()
        else source.detach()
      }
      const queue = subject.units.make(0, 3)
      subject.units.make(3, 3).moveTo(queue)
      subject.end.consume(queue)
      equal(source.consumer, null, 'who is attached to the producer')
      equal(subject.end.producer, null, 'who is attached to the consumer')
      const next = attachSource(subject, 'second')
      if (queue.length > 0) next.send(queue)
      equal(queue.length, 0, 'units that the consumer would not take when it was attached again')
      sameList(subject.drain(), numbers(0, 6), 'what was taken')
    }
  }),

  consumerCase('can be aborted while it takes units [CR-13 CR-37]', (make) => {
    let abortNow = (): void => undefined
    const subject = make({ limit: 10, onTaken: () => abortNow() })
    const source = attachOther(subject)
    abortNow = () => {
      abortNow = () => undefined
      subject.end.abort()
    }
    subject.bench.log.clear()
    const queue = subject.units.make(0, 3)
    subject.end.consume(queue)
    subject.bench.settle()
    equal(source.consumer, null, 'who is attached to the producer')
    checkPlayed(subject, ['own detached', 'other detached', 'other aborted', 'own aborted'], 'the order')
  }),
]
