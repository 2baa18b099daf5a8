/**
 * How much a consumer takes, and what it answers.
 */
import { VIOClosed, VIOError } from '@vio/reactor'
import { VIOLimitExceeded } from '../../errors.js'
import type { VProbeProducer } from '../probe-producer.js'
import { type IVContractCase, subjectCase } from './case.js'
import { check, equal, sameList, throwsA } from './check.js'
import { type IVConsumerSetup, type IVConsumerSubject, numbers, type VConsumerFactory } from './flow.js'

/** A case on a consumer. */
export const consumerCase: typeof subjectCase<[IVConsumerSetup], IVConsumerSubject> = subjectCase

/** Attaches a producer that gives nothing by itself. */
export function attachSource(subject: IVConsumerSubject, name = 'source'): VProbeProducer {
  const source = subject.units.source({ log: subject.bench.log, name })
  subject.end.attach(source)
  subject.bench.settle()
  return source
}

/** Gives units, starting with number `first`, until the consumer takes no more; returns how many it took. */
export function fillUp(subject: IVConsumerSubject, source: VProbeProducer, first = 0): number {
  let given = 0
  for (let rounds = 0; source.credit > 0; rounds += 1) {
    check(rounds < 100, 'the consumer keeps granting although nothing is taken off it')
    const count = Math.min(source.credit, 1000)
    const queue = subject.units.make(first + given, count)
    source.send(queue)
    equal(queue.length, 0, `units left over of ${count} that were allowed`)
    given += count
  }
  return given
}

/** Lengths, limits and caps, and what is taken: the least of them. */
const SHARES: readonly (readonly [length: number, limit: number, clim: number | null | undefined])[] = [
  [3, 5, undefined],
  [5, 5, null],
  [9, 5, undefined],
  [9, 5, 0],
  [9, 5, -1],
  [9, 5, 2],
  [9, 5, 7],
  [3, 5, 4],
  [1, 1, 1],
]

/** Limits. */
export const CONSUMER_LIMIT_CASES: readonly IVContractCase<VConsumerFactory>[] = [
  consumerCase('takes nothing without a producer [CR-14]', (make) => {
    const subject = make({ limit: 5 })
    const queue = subject.units.make(0, 3)
    throwsA(() => subject.end.consume(queue), VIOError, 'consume without a producer')
    equal(queue.length, 3, 'units left')
    const source = attachSource(subject)
    equal(source.limit, 5, 'the limit of a producer that is attached then')
    subject.end.detach()
    throwsA(() => subject.end.consume(queue), VIOError, 'consume after a detach')
    equal(queue.length, 3, 'units left')
  }),

  consumerCase('takes nothing after the end, nor after an abort [CR-15 CR-39]', (make) => {
    for (const how of ['end', 'abort'] as const) {
      const subject = make({ limit: 5 })
      const error = subject.closedError === 'VIOClosed' ? VIOClosed : VIOError
      const source = attachSource(subject)
      source.send(subject.units.make(0, 2))
      if (how === 'end') subject.end.endConsume(true)
      else subject.end.abort()
      const queue = subject.units.make(2, 2)
      throwsA(() => subject.end.consume(queue), error, `consume after ${how}`)
      subject.bench.settle()
      throwsA(() => subject.end.consume(queue), error, `consume a turn after ${how}`)
      equal(queue.length, 2, 'units left')
    }
  }),

  consumerCase('refuses an empty queue, and the limit stays [CR-16]', (make) => {
    const subject = make({ limit: 5 })
    const source = attachSource(subject)
    throwsA(() => subject.end.consume(subject.units.make(0, 0)), VIOError, 'consume of nothing')
    const queue = subject.units.make(0, 5)
    source.send(queue)
    equal(queue.length, 0, 'units left of those that the limit allows')
    sameList(subject.drain(), numbers(0, 5), 'what was taken')
  }),

  consumerCase('refuses what is no queue of its kind, and the limit stays', (make) => {
    const subject = make({ limit: 5 })
    const source = attachSource(subject)
    for (const value of [null, undefined, 'abc', Buffer.from('abc'), { length: 3 }]) {
      throwsA(() => subject.end.consume(value as never), TypeError, `consume of ${String(value)}`)
    }
    source.send(subject.units.make(0, 5))
    sameList(subject.drain(), numbers(0, 5), 'what was taken')
  }),

  consumerCase('takes nothing at its limit and touches nothing, then goes on [CR-17 CR-24]', (make) => {
    const subject = make({ limit: 5 })
    const source = attachSource(subject)
    const full = fillUp(subject, source)
    const queue = subject.units.make(full, 4)
    const error = throwsA(
      () => source.send(queue),
      VIOLimitExceeded,
      'consume at the limit',
    ) as VIOLimitExceeded
    check(error instanceof VIOError, 'the error is a VIOError')
    equal(queue.length, 4, 'units left')
    equal(source.produced, full, 'units counted')
    subject.raise(full)
    subject.bench.settle()
    const { credit } = source
    check(credit > 0, 'something is allowed when all of it has left')
    source.send(queue)
    equal(queue.length, Math.max(0, 4 - credit), 'units left')
    sameList(subject.drain(), numbers(0, full + Math.min(4, credit)), 'what was taken')
  }),

  consumerCase('takes from the front the least of length, limit and cap; the rest stays [CR-18]', (make) => {
    for (const [length, limit, clim] of SHARES) {
      const subject = make({ limit })
      const source = attachSource(subject)
      equal(source.limit, limit, 'the limit on attachment')
      const queue = subject.units.make(0, length)
      source.send(queue, clim)
      const cap = typeof clim === 'number' && clim > 0 ? clim : length
      const share = Math.min(length, limit, cap)
      const what = `${length} units, limit ${limit}, cap ${String(clim)}`
      equal(queue.length, length - share, `units left of ${what}`)
      sameList(subject.units.values(queue), numbers(share, length - share), `which are left of ${what}`)
      sameList(subject.drain(), numbers(0, share), `what was taken of ${what}`)
    }
  }),

  consumerCase('accepts all of its limit, in whichever pieces [CR-19]', (make) => {
    for (const pieces of [[20], new Array<number>(20).fill(1), [1, 7, 2, 10], [19, 5]]) {
      const subject = make({ limit: 20 })
      const source = attachSource(subject)
      let given = 0
      for (const piece of pieces) {
        if (source.credit === 0) break
        const queue = subject.units.make(given, piece)
        const wanted = Math.min(piece, source.credit)
        source.send(queue)
        equal(piece - queue.length, wanted, `units taken of ${piece} with ${wanted} allowed`)
        given += wanted
      }
      check(given >= 20 || source.credit === 0, 'all of the limit was used')
      sameList(subject.drain(), numbers(0, given), 'what was taken')
    }
  }),

  consumerCase('answers with the cumulative limit, which is then what it takes [CR-20]', (make) => {
    const subject = make({ limit: 7 })
    const source = attachSource(subject)
    const first = subject.end.consume(subject.units.make(0, 3))
    check(typeof first === 'number' && first >= 3, `the answer to 3 of 7: ${first}`)
    let total = 3
    for (let limit = first; limit > total; ) {
      const queue = subject.units.make(total, limit - total + 4)
      const answer = subject.end.consume(queue)
      equal(queue.length, 4, 'units left over the limit that was answered')
      total = limit
      check(typeof answer === 'number' && answer >= total, `the answer after ${total}: ${answer}`)
      limit = answer
      check(total < 1000, 'the limit is reached some time')
    }
    throwsA(() => subject.end.consume(subject.units.make(total, 1)), VIOLimitExceeded, 'one unit more')
    equal(source.consumer, subject.end, 'who is attached')
    sameList(subject.drain(), numbers(0, total), 'what was taken')
  }),

  consumerCase('without a limit answers with none, and takes any number [CR-20]', (make) => {
    const subject = make({ limit: null })
    const source = attachSource(subject)
    equal(source.limit, Number.POSITIVE_INFINITY, 'the limit on attachment')
    const answer = source.send(subject.units.make(0, 10_000))
    check(answer === null || answer < 0 || answer === Number.POSITIVE_INFINITY, `the answer: ${answer}`)
    source.send(subject.units.make(10_000, 1))
    sameList(subject.drain(), numbers(0, 10_001), 'what was taken')
  }),

  consumerCase('passes units on in order and once, however they come [CR-32]', (make) => {
    const subject = make({ limit: 1000 })
    const source = attachSource(subject)
    const queue = subject.units.make(0, 1)
    for (let at = 1; at < 300; at += 7) subject.units.make(at, 7).moveTo(queue)
    const total = queue.length
    while (queue.length > 0) source.send(queue, 1 + (queue.length % 11))
    sameList(subject.drain(), numbers(0, total), 'what was taken')
  }),

  consumerCase('has counters of its own for each attachment [CR-09 CR-12]', (make) => {
    const subject = make({ limit: 10 })
    const first = attachSource(subject, 'first')
    equal(first.limit, 10, 'the limit of the first producer')
    first.send(subject.units.make(0, 4))
    subject.raise(4)
    subject.bench.settle()
    first.detach()
    equal(first.limit, 0, 'the limit after the detach')
    const second = attachSource(subject, 'second')
    equal(second.limit, 10, 'the limit of the second producer')
    const queue = subject.units.make(4, 14)
    second.send(queue)
    equal(queue.length, 4, 'units left over the limit of the second producer')
    sameList(subject.drain(), numbers(0, 14), 'what was taken')
  }),

  consumerCase('has a limit of 0 until it grants something [CR-09 CR-33]', (make) => {
    const subject = make({ limit: 10 })
    const seen: number[] = []
    const source = subject.units.source({ hooks: { consumerAttached: () => seen.push(source.limit) } })
    subject.end.attach(source)
    equal(seen[0], 0, 'the limit when the producer heard of the consumer')
  }),
]
