/**
 * Attaching and detaching, as it holds for both ends of a flow.
 */
import { VIOError } from '@vio/reactor'
import type { IVContractCase } from './case.js'
import { check, equal, thrownBy, throwsA } from './check.js'
import {
  asEnd,
  checkApart,
  checkJoined,
  checkPlayed,
  type EndSubject,
  endCase,
  join,
  neighbourOf,
  partnerOfProbe,
  type VEndFactory,
  WIDE,
} from './end-base.js'
import { endOf, type IVAnyEnd, partnerOf } from './flow.js'

const SIDES = ['subject', 'other'] as const

/** The other end of a flow of the same kind that has its partner already. */
function taken(subject: EndSubject): ReturnType<typeof neighbourOf> {
  const other = neighbourOf(subject, { name: 'taken' })
  const partner = subject.side === 'consumer' ? subject.units.sink() : subject.units.source()
  asEnd(other).attach(partner)
  return other
}

/** Attaching and detaching. */
export const END_ATTACH_CASES: readonly IVContractCase<VEndFactory>[] = [
  endCase('links both sides, whichever of them attaches [CR-01]', (make) => {
    for (const from of SIDES) {
      const subject = make(WIDE)
      const other = neighbourOf(subject)
      join(subject, other, from)
      checkJoined(subject, other)
    }
  }),

  endCase('is attached when attach returns [CR-13]', (make) => {
    const subject = make(WIDE)
    const other = neighbourOf(subject)
    const turns = subject.bench.host.steps
    join(subject, other)
    checkJoined(subject, other)
    equal(subject.bench.host.steps, turns, 'turns that it took')
  }),

  endCase('attached again to the same neighbour, nothing happens [CR-02]', (make) => {
    const subject = make(WIDE)
    const other = neighbourOf(subject)
    join(subject, other)
    subject.bench.settle()
    const limit = other.limit
    subject.bench.log.clear()
    join(subject, other, 'subject')
    join(subject, other, 'other')
    subject.bench.settle()
    checkJoined(subject, other)
    equal(subject.bench.log.toString(), '', 'what was recorded')
    equal(other.limit, limit, 'the limit of the neighbour')
  }),

  endCase('attached, it refuses another neighbour [CR-03 CR-04]', (make) => {
    for (const from of SIDES) {
      const subject = make(WIDE)
      const [first, second] = [neighbourOf(subject), neighbourOf(subject, { name: 'second' })]
      join(subject, first)
      subject.bench.settle()
      const limit = first.limit
      subject.bench.log.clear()
      const error = throwsA(() => join(subject, second, from), VIOError, 'a second attach')
      check(/already|taken|attached/.test(error.message), `the message names the cause: ${error.message}`)
      checkJoined(subject, first)
      equal(partnerOfProbe(second), null, 'who is attached to the second neighbour')
      equal(subject.bench.log.toString(), '', 'what was recorded')
      equal(first.limit, limit, 'the limit of the first neighbour')
    }
  }),

  endCase('stays unattached, and runs no hook, if the neighbour refuses [CR-04]', (make) => {
    const subject = make(WIDE)
    const ended = neighbourOf(subject, { name: 'ended' })
    asEnd(ended).abort()
    for (const other of [taken(subject), ended]) {
      subject.bench.log.clear()
      throwsA(() => join(subject, other), VIOError, 'an attach that the neighbour refuses')
      equal(partnerOf(subject), null, 'who is attached to the subject')
      equal(subject.bench.log.toString(), '', 'what was recorded')
    }
    const other = neighbourOf(subject)
    join(subject, other)
    checkJoined(subject, other)
  }),

  endCase('refuses what is no neighbour for it, and nothing has changed [CR-04 VE-39]', (make) => {
    const subject = make(WIDE)
    const wrong = subject.side === 'consumer' ? subject.units.sink() : subject.units.source()
    subject.bench.log.clear()
    for (const value of [null, undefined, {}, 5, 'x', wrong]) {
      throwsA(() => endOf(subject).attach(value), TypeError, `attaching ${String(value)}`)
      equal(partnerOf(subject), null, 'who is attached to the subject')
    }
    equal(subject.bench.log.toString(), '', 'what was recorded')
  }),

  endCase('aborted, it refuses any neighbour [CR-05 CR-39]', (make) => {
    for (const from of SIDES) {
      const subject = make(WIDE)
      endOf(subject).abort()
      subject.bench.settle()
      const other = neighbourOf(subject)
      subject.bench.log.clear()
      throwsA(() => join(subject, other, from), VIOError, 'attaching after an abort')
      checkApart(subject, other)
      equal(subject.bench.log.toString(), '', 'what was recorded')
    }
  }),

  endCase('runs hooks and notices in order when the consumer attaches [CR-06 CR-42]', (make) => {
    const subject = make(WIDE)
    const other = neighbourOf(subject)
    subject.bench.log.clear()
    if (subject.side === 'consumer') {
      join(subject, other, 'subject')
      const order = ['other attached', 'own notified', 'own attached', 'other notified'] as const
      checkPlayed(subject, order, 'the order')
    } else {
      join(subject, other, 'other')
      const order = ['own attached', 'other notified', 'other attached', 'own notified'] as const
      checkPlayed(subject, order, 'the order')
    }
    equal(other.messages.at(-1)?.args[0], subject.end, 'whom the neighbour was told of')
  }),

  endCase('runs hooks and notices in order when the producer attaches [CR-07 CR-42]', (make) => {
    const subject = make(WIDE)
    const other = neighbourOf(subject)
    subject.bench.log.clear()
    if (subject.side === 'consumer') {
      join(subject, other, 'other')
      const order = ['own attached', 'other notified', 'other attached', 'own notified'] as const
      checkPlayed(subject, order, 'the order')
    } else {
      join(subject, other, 'subject')
      const order = ['other attached', 'own notified', 'own attached', 'other notified'] as const
      checkPlayed(subject, order, 'the order')
    }
    equal(other.messages.at(-1)?.args[0], subject.end, 'whom the neighbour was told of')
  }),

  endCase('minds no neighbour that handles no notice [CR-08]', (make) => {
    for (const from of SIDES) {
      const subject = make(WIDE)
      const other = neighbourOf(subject, { mute: true })
      join(subject, other, from)
      checkJoined(subject, other)
    }
  }),

  endCase('lets any other error of a notice out to the caller [CR-08]', (make) => {
    for (const from of SIDES) {
      const subject = make(WIDE)
      const broken = new Error('the handler is broken')
      const refuse = (): never => {
        throw broken
      }
      const handlers = { notifyConsumerAttached: refuse, notifyProducerAttached: refuse }
      const other = neighbourOf(subject, { handlers })
      equal(
        thrownBy(() => join(subject, other, from), 'attaching'),
        broken,
        'what the caller got',
      )
      const joined = partnerOf(subject) !== null
      if (joined) checkJoined(subject, other)
      else checkApart(subject, other)
    }
  }),

  endCase(
    'detached, both sides are free, the other side heard it first, and no notice was sent [CR-10]',
    (make) => {
      for (const from of SIDES) {
        const subject = make(WIDE)
        const other = neighbourOf(subject)
        join(subject, other)
        subject.bench.settle()
        subject.bench.log.clear()
        const caller: IVAnyEnd = from === 'subject' ? endOf(subject) : asEnd(other)
        caller.detach()
        checkApart(subject, other)
        const order = ['other detached', 'own detached'] as const
        checkPlayed(subject, from === 'subject' ? order : order.toReversed(), 'the order')
        equal(subject.bench.log.matching(/control/).length, 0, 'notices')
      }
    },
  ),

  endCase('detached without a neighbour, nothing happens [CR-11]', (make) => {
    const subject = make(WIDE)
    endOf(subject).detach()
    const other = neighbourOf(subject)
    join(subject, other)
    endOf(subject).detach()
    subject.bench.log.clear()
    endOf(subject).detach()
    equal(subject.bench.log.toString(), '', 'what was recorded')
    checkApart(subject, other)
  }),

  endCase('is attached again after a detach, to the same neighbour or another one [CR-12]', (make) => {
    const subject = make(WIDE)
    const [first, second] = [neighbourOf(subject), neighbourOf(subject, { name: 'second' })]
    for (const other of [first, first, second]) {
      join(subject, other)
      checkJoined(subject, other)
      endOf(subject).detach()
      checkApart(subject, other)
    }
  }),

  endCase('is one and the same object whatever happens to it [CR-57]', (make) => {
    const subject = make(WIDE)
    const same = (): void => equal<unknown>(subject.again(), subject.end, 'the end')
    same()
    const other = neighbourOf(subject)
    join(subject, other)
    same()
    endOf(subject).detach()
    same()
    endOf(subject).abort()
    same()
  }),
]
