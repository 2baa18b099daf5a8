/**
 * An element with both ends as a part of a chain: controls, ends, aborts, and neighbours that change.
 */
import { VIOError } from '@vio/reactor'
import { VIOMissingControl } from '../../errors.js'
import { VMemoryPeer } from '../../peer.js'
import type { VProbeProducer } from '../probe-producer.js'
import type { IVContractCase } from './case.js'
import { check, equal, sameList, throwsA } from './check.js'
import {
  above,
  below,
  checkHeld,
  feed,
  filterCase,
  type IVFilterSubject,
  type VFilterFactory,
} from './filter-base.js'

const PEER = new VMemoryPeer('far')

const CONTROLS: readonly IVContractCase<VFilterFactory>[] = [
  filterCase('has the control of its neighbour at the time, an empty one without [CR-41]', (make) => {
    const subject = make()
    const unhandled = (): void => {
      throwsA(
        () => subject.consumer.control.connected(PEER),
        VIOMissingControl,
        'connected, with nobody below',
      )
      const consumer = {} as never
      throwsA(
        () => subject.producer.control.reqProducerState(consumer),
        VIOMissingControl,
        'reqProducerState, with nobody above',
      )
    }
    unhandled()
    for (const name of ['first', 'second']) {
      const [source, sink] = [above(subject, { name }), below(subject, { name })]
      subject.bench.log.clear()
      subject.consumer.control.connected(PEER)
      subject.producer.control.reqProducerState(sink)
      const events = [`${name}.control.connected()`, `${name}.control.reqProducerState()`]
      sameList(subject.bench.log.events, events, 'which controls were reached')
      source.detach()
      sink.detach()
    }
    unhandled()
  }),

  filterCase(
    'finds the neighbour when a message is sent, not when the control was fetched [CR-41]',
    (make) => {
      const subject = make()
      const sink = below(subject, { name: 'first' })
      const { control } = subject.consumer
      sink.detach()
      below(subject, { name: 'second' })
      control.canConnect(PEER)
      subject.consumer.control.canConnect(PEER)
      check(subject.bench.log.count('second.control.canConnect()') >= 1, 'the neighbour of now was reached')
    },
  ),

  filterCase('passes messages on with what they carry, and answers back [CR-50 CR-42 CR-52]', (make) => {
    const subject = make()
    const answers = [true, false]
    const sink = below(subject, { handlers: { canConnect: () => answers.shift() ?? false } })
    const source = above(subject)
    equal(subject.consumer.control.canConnect(PEER), true, 'the first answer')
    equal(subject.consumer.control.canConnect(PEER), false, 'the second answer')
    equal(subject.consumer.control.authorize('k', null, 'me', 'TLS'), true, 'the answer to authorize')
    const carried = sink.messages.find(({ name }) => name === 'authorize')?.args ?? []
    sameList(carried, ['k', null, 'me', 'TLS'], 'what authorize carried')
    subject.producer.control.reqProducerState(sink)
    equal(source.messages.at(-1)?.args[0], sink, 'what reqProducerState carried')
    subject.consumer.control.reqConsumerState(source)
    equal(sink.messages.at(-1)?.name, 'reqConsumerState', 'the last message that went down')
    equal(sink.messages.at(-1)?.args[0], source, 'what reqConsumerState carried')
  }),

  filterCase('lets out that nobody handles a message [CR-50 CR-43]', (make) => {
    const subject = make()
    const sink = below(subject, { mute: true })
    above(subject, { mute: true })
    throwsA(() => subject.consumer.control.canConnect(PEER), VIOMissingControl, 'canConnect')
    throwsA(() => subject.producer.control.reqProducerState(sink), VIOMissingControl, 'reqProducerState')
  }),
]

const ENDS: readonly IVContractCase<VFilterFactory>[] = [
  filterCase('tells the end behind all that it holds, as clean as it came [CR-36 CR-34 CR-35]', (make) => {
    for (const clean of [true, false]) {
      const subject = make()
      const sink = below(subject)
      const source = above(subject)
      feed(subject, source)
      const reason = clean ? undefined : new Error('the line is down')
      source.end(clean, reason)
      sink.grant(1)
      subject.bench.settle(1000)
      equal(sink.ended, null, 'the end, with nearly nothing allowed')
      sink.grant(null)
      subject.bench.settle(1000)
      sameList(subject.output.values(sink.received), subject.result, 'what came out')
      equal(sink.ended?.clean, clean, 'whether the end was clean')
      equal(sink.ended?.reason, reason, 'the reason')
      equal(subject.consumer.producer, null, 'who is attached above')
      equal(subject.producer.consumer, null, 'who is attached below')
      equal(subject.held(), 0, 'units that are held')
    }
  }),

  filterCase('takes a clean end inside a unit for an unclean one [CR-34 CR-61]', (make) => {
    for (const beginning of make().incomplete ?? []) {
      const subject = make()
      const sink = below(subject, { grantAtAttach: null })
      const source = above(subject)
      source.feed(subject.input.of(beginning))
      source.end()
      subject.bench.settle(1000)
      equal(sink.ended?.clean, false, 'whether the end was clean')
      check(sink.ended?.reason instanceof Error, 'the end has a reason')
    }
  }),

  filterCase('spreads an abort to its other side, once, and drops what it holds [CR-39 CR-37]', (make) => {
    for (const from of ['above', 'below', 'consumer', 'producer'] as const) {
      const subject = make()
      const sink = below(subject)
      const source = above(subject)
      feed(subject, source)
      subject.bench.settle(1000)
      const reason = new Error('no more of this')
      const callers = { above: source, below: sink, consumer: subject.consumer, producer: subject.producer }
      callers[from].abort(reason)
      subject.consumer.abort()
      subject.producer.abort()
      subject.bench.settle(1000)
      equal(source.aborted?.reason, reason, `the reason that came above, aborted ${from}`)
      equal(sink.aborted?.reason, reason, `the reason that came below, aborted ${from}`)
      equal(sink.ended, null, `the end, aborted ${from}`)
      equal(sink.received.length, 0, `units that came out, aborted ${from}`)
      equal(subject.held(), 0, `units that are held, aborted ${from}`)
      equal(subject.bench.log.matching(/Aborted/).length, 2, `hooks of an abort, aborted ${from}`)
    }
  }),

  filterCase('is taken down by what its consumer throws, and its producer too [CR-38 CR-39]', (make) => {
    const subject = make()
    subject.bench.expectFailures()
    const broken = new Error('cannot take this')
    const hooks = {
      received: () => {
        throw broken
      },
    }
    const sink = below(subject, { grantAtAttach: null, hooks })
    const source = above(subject)
    feed(subject, source)
    source.end()
    subject.bench.settle(1000)
    check(source.aborted !== null && sink.aborted !== null, 'both neighbours were aborted')
    equal(source.aborted?.reason, broken, 'the reason that came above')
    check(subject.bench.failures.length > 0, 'the failure was logged')
    equal(sink.ended, null, 'the end')
  }),
]

/** Attaches a producer and a consumer that allows the whole sample, and leaves: what was granted is still good. */
function granted(subject: IVFilterSubject): VProbeProducer {
  const source = above(subject)
  const first = below(subject, { grantAtAttach: 10 * subject.sample.length })
  subject.bench.settle(1000)
  first.detach()
  return source
}

const more = ({ consumed }: { readonly consumed: number }): number => consumed + 3

const GRANTS: readonly IVContractCase<VFilterFactory>[] = [
  filterCase(
    'keeps to what it granted when a consumer comes that allows less [CR-30 CR-19 CR-12]',
    (make) => {
      for (const options of [{ grantAtAttach: 1 }, { grantAtAttach: 1, answer: more }]) {
        const subject = make()
        const source = granted(subject)
        const second = below(subject, options)
        feed(subject, source)
        source.end()
        subject.bench.settle(1000)
        check(source.aborted === null || second.ended !== null, 'the flow goes on')
        // Who answers with more each time gets all without another word.
        if (options.answer === undefined) second.grant(null)
        subject.bench.settle(1000)
        sameList(subject.output.values(second.received), subject.result, 'what came out')
        equal(second.ended?.clean, true, 'whether the end was clean')
      }
    },
  ),

  filterCase('tells an end behind what waits for a consumer [CR-36 CR-12]', (make) => {
    const subject = make()
    const source = granted(subject)
    feed(subject, source)
    source.end()
    subject.bench.settle(1000)
    const second = below(subject, { grantAtAttach: 2 })
    subject.bench.settle(1000)
    equal(second.ended, null, 'the end, with 2 units allowed')
    second.grant(null)
    subject.bench.settle(1000)
    sameList(subject.output.values(second.received), subject.result, 'what came out')
    equal(second.ended?.clean, true, 'whether the end was clean')
  }),

  filterCase('drops what waits for a consumer when it is aborted [CR-39]', (make) => {
    for (const from of ['above', 'consumer', 'producer'] as const) {
      const subject = make()
      const source = granted(subject)
      feed(subject, source)
      subject.bench.settle(1000)
      const callers = { above: source, consumer: subject.consumer, producer: subject.producer }
      callers[from].abort()
      subject.bench.settle(1000)
      equal(subject.held(), 0, `units that are held, aborted ${from}`)
      throwsA(() => below(subject), VIOError, `attaching a consumer, aborted ${from}`)
      equal(subject.producer.consumer, null, `who is attached below, aborted ${from}`)
    }
  }),
]

const CHANGES: readonly IVContractCase<VFilterFactory>[] = [
  filterCase(
    'keeps one neighbour when the other leaves, and holds no more than it may [CR-10 CR-65]',
    (make) => {
      const subject = make()
      const sink = below(subject, { grantAtAttach: 50 })
      const source = above(subject)
      feed(subject, source, 0, 20)
      subject.bench.settle(1000)
      sink.detach()
      equal(subject.consumer.producer, source, 'who is attached above')
      feed(subject, source, 20)
      subject.bench.settle(1000)
      const stuck = source.queue.length
      check(stuck > 0 || subject.maxHeld >= subject.sample.length, 'the producer is stopped')
      source.detach()
      equal(subject.producer.consumer, null, 'who is attached below')
      const next = below(subject, { grantAtAttach: null })
      equal(subject.producer.consumer, next, 'who is attached below')
      subject.bench.settle(1000)
      subject.consumer.attach(source)
      source.end()
      subject.bench.settle(1000)
      const parts = [...subject.output.values(sink.received), ...subject.output.values(next.received)]
      sameList(parts, subject.result, 'what came out')
    },
  ),

  filterCase(
    'loses nothing and doubles nothing when neighbours change all the time [CR-12 CR-21]',
    (make) => {
      const subject = make()
      const got: number[] = []
      let fed = 0
      for (let round = 0; fed < subject.sample.length; round += 1) {
        check(round < 10_000, 'the sample goes through some time')
        const sink = below(subject, { grantAtAttach: 1 + (round % 7) })
        const source = above(subject, { portions: [1, 3, 2] })
        feed(subject, source, fed, fed + 5)
        const offered = source.queue.length
        subject.bench.settle(1000)
        checkHeld(subject)
        fed += offered - source.queue.length
        if (round % 2 === 0) source.detach()
        else subject.consumer.detach()
        subject.bench.settle(1000)
        if (round % 3 === 0) sink.detach()
        else subject.producer.detach()
        got.push(...subject.output.values(sink.received))
      }
      const sink = below(subject, { grantAtAttach: null })
      const source = above(subject)
      source.end()
      subject.bench.settle(1000)
      got.push(...subject.output.values(sink.received))
      sameList(got, subject.result, 'what came out')
      equal(sink.ended?.clean, true, 'whether the end was clean')
    },
  ),
]

/** Controls, ends and neighbours. */
export const FILTER_CHAIN_CASES: readonly IVContractCase<VFilterFactory>[] = [
  ...CONTROLS,
  ...GRANTS,
  ...ENDS,
  ...CHANGES,
]
