/**
 * The contract of the hooks of a producing element: when they are asked, with what, and what their answers mean.
 */
import { VIOError } from '@vio/reactor'
import { VIOControl } from '../../control.js'
import type { VProbeConsumer, VProbeConsumerOptions } from '../probe-consumer.js'
import type { IVContractCase } from './case.js'
import { check, equal, sameList, thrownBy, throwsA } from './check.js'
import { numbers } from './flow.js'
import {
  hookedProducerCase,
  type IVHookedProducerSubject,
  type IVProducerScript,
  type VHookedProducerFactory,
} from './hooked.js'

function attach(subject: IVHookedProducerSubject, options: VProbeConsumerOptions = {}): VProbeConsumer {
  const sink = subject.units.sink({ log: subject.bench.log, ...options })
  subject.end.attach(sink)
  return sink
}

/** A script that gives `total` units, `portion` at a time at most, and notes what it was asked for. */
function counting(total: number, portion: number, asked: number[]): IVProducerScript & { left: number } {
  const script = {
    left: total,
    produce(max: number): number[] {
      asked.push(max)
      const count = Math.min(script.left, portion, max < 0 ? portion : max)
      const first = total - script.left
      script.left -= count
      return numbers(first, count)
    },
  }
  return script
}

function got(subject: IVHookedProducerSubject, sink: VProbeConsumer): number[] {
  subject.bench.settle()
  return subject.units.values(sink.received)
}

const ASKING: readonly IVContractCase<VHookedProducerFactory>[] = [
  hookedProducerCase(
    'is asked for what is allowed, for -1 without a limit, and never for 0 [CR-26]',
    (make) => {
      const asked: number[] = []
      const subject = make(counting(100, 2, asked))
      subject.triggerProduction()
      subject.bench.settle()
      const sink = attach(subject)
      subject.triggerProduction()
      subject.bench.settle()
      sameList(asked, [], 'what it was asked for without a consumer, and without a limit yet')
      sink.grant(3)
      sameList(got(subject, sink), numbers(0, 3), 'what came under a limit of 3')
      subject.triggerProduction()
      subject.bench.settle()
      sameList(asked, [3, 1], 'what it was asked for under a limit of 3')
      asked.length = 0
      sink.grant(null)
      subject.bench.settle()
      equal(
        asked.every((max) => max === -1),
        true,
        'what it was asked for without a limit',
      )
    },
  ),

  hookedProducerCase('gives nothing now: no call of consume, no error [CR-26]', (make) => {
    for (const nothing of [null, undefined, []]) {
      const subject = make({ produce: () => nothing })
      const sink = attach(subject, { grantAtAttach: null })
      subject.bench.settle()
      sameList(subject.bench.log.matching(/^sink\.consume/), [], 'calls of consume')
      equal(subject.end.consumer, sink, 'who is attached')
    }
  }),

  hookedProducerCase('is asked once a turn, on later turns, until it gives nothing [CR-27]', (make) => {
    const turns: number[] = []
    const script = counting(5, 1, [])
    const subject: IVHookedProducerSubject = make({
      produce: (max) => {
        turns.push(subject.bench.host.steps)
        return script.produce?.(max)
      },
    })
    const sink = attach(subject, { grantAtAttach: null })
    subject.bench.settle()
    equal(turns.length, 6, 'times that it was asked for 5 portions')
    equal(new Set(turns).size, 6, 'turns in which it was asked')
    sameList(got(subject, sink), numbers(0, 5), 'what came')
    subject.triggerProduction()
    subject.bench.settle()
    equal(turns.length, 7, 'times that it was asked when it was triggered once more')
  }),

  hookedProducerCase(
    'is asked for nothing more than the limit, on as many turns as it takes [CR-27]',
    (make) => {
      const asked: number[] = []
      const subject = make(counting(100, 3, asked))
      const sink = attach(subject, { grantAtAttach: 10 })
      sameList(got(subject, sink), numbers(0, 10), 'what came')
      sameList(asked, [10, 7, 4, 1], 'what it was asked for')
    },
  ),

  hookedProducerCase('is never asked inside canProduce, nor inside its own trigger [CR-28 VE-52]', (make) => {
    const asked: number[] = []
    const subject = make(counting(5, 5, asked))
    const sink = attach(subject)
    sink.grant(null)
    subject.triggerProduction()
    subject.triggerProduction()
    equal(asked.length, 0, 'times that it was asked before the next turn')
    sameList(got(subject, sink), numbers(0, 5), 'what came')
  }),

  hookedProducerCase(
    'is taken down for giving more than it was asked for; the share goes on [CR-25]',
    (make) => {
      const subject = make({ produce: () => numbers(0, 5) })
      subject.bench.expectFailures()
      const sink = attach(subject, { grantAtAttach: 3 })
      subject.bench.settle()
      sameList(subject.units.values(sink.received), numbers(0, 3), 'what came')
      equal(subject.end.consumer, null, 'who is attached to the producer')
      equal(sink.ended, null, 'the end')
      check(sink.aborted?.reason instanceof VIOError, 'the consumer was told the reason')
      check(/consume error/.test(sink.aborted?.reason?.message ?? ''), 'the reason names the fault')
      const logged = subject.bench.failures.some(({ error }) => error === sink.aborted?.reason)
      check(logged, 'the fault was logged')
    },
  ),
]

const ENDS: readonly IVContractCase<VHookedProducerFactory>[] = [
  hookedProducerCase('loses nothing by registering its end early [CR-36]', (make) => {
    const script = counting(7, 2, [])
    const subject = make(script)
    const sink = attach(subject)
    subject.endProduce(true)
    subject.bench.settle()
    equal(sink.ended, null, 'the end, before the first grant')
    sink.grant(3)
    sameList(got(subject, sink), numbers(0, 3), 'what came under a limit of 3')
    equal(sink.ended, null, 'the end, with 4 units left')
    sink.grant(null)
    sameList(got(subject, sink), numbers(3, 4), 'what came then')
    equal(sink.ended?.clean, true, 'the end')
  }),

  hookedProducerCase(
    'tells an end that it registers with its last units, at the limit [CR-36 VE-45]',
    (make) => {
      const subject: IVHookedProducerSubject = make({
        produce: () => {
          subject.endProduce(true)
          return numbers(0, 3)
        },
        pending: () => false,
      })
      const sink = attach(subject, { grantAtAttach: 3 })
      sameList(got(subject, sink), numbers(0, 3), 'what came')
      equal(sink.ended?.clean, true, 'the end')
    },
  ),

  hookedProducerCase('tells the end once, as it was registered first [CR-34]', (make) => {
    const reason = new Error('the disk is full')
    const subject = make({ produce: () => null })
    const sink = attach(subject, { grantAtAttach: null })
    subject.endProduce(false, reason)
    subject.endProduce(true)
    subject.bench.settle()
    subject.endProduce(true)
    subject.bench.settle()
    equal(sink.ended?.clean, false, 'whether the end was clean')
    equal(sink.ended?.reason, reason, 'the reason')
    equal(subject.bench.log.matching(/dataEnded/).length, 1, 'ends that were told')
  }),

  hookedProducerCase(
    'is not asked again once its end was told, whatever is triggered or granted [CR-36]',
    (make) => {
      let asked = 0
      const subject = make({
        produce: () => {
          asked += 1
          return asked === 1 ? null : numbers(0, 1)
        },
      })
      const sink = attach(subject, { grantAtAttach: 5, holdEnd: true })
      subject.endProduce(true)
      subject.bench.settle()
      equal(sink.ended?.clean, true, 'the end')
      equal(subject.end.consumer, sink, 'who is attached while the consumer carries the end out')
      subject.triggerProduction()
      sink.grant(null)
      subject.bench.settle()
      equal(asked, 1, 'times that it was asked')
      equal(subject.end.consumer, sink, 'who is attached still')
      sink.abort()
    },
  ),

  hookedProducerCase('refuses a consumer once its end is registered [CR-05]', (make) => {
    const subject = make({ produce: () => null })
    subject.endProduce(true)
    for (const from of ['producer', 'consumer'] as const) {
      const sink = subject.units.sink()
      const attachNow = (): void =>
        from === 'producer' ? subject.end.attach(sink) : sink.attach(subject.end)
      throwsA(attachNow, VIOError, 'attaching after the end was registered')
      equal(subject.end.consumer, null, 'who is attached to the producer')
      equal(sink.producer, null, 'who is attached to the consumer')
    }
  }),

  hookedProducerCase(
    'keeps what it gave while it was taken apart, for the next consumer [CR-12 CR-13]',
    (make) => {
      const script = counting(4, 4, [])
      let detachOnce = true
      const subject: IVHookedProducerSubject = make({
        produce: (max) => {
          if (detachOnce) subject.end.detach()
          detachOnce = false
          return script.produce?.(max)
        },
      })
      const first = attach(subject, { grantAtAttach: null })
      sameList(got(subject, first), [], 'what the first consumer got')
      const second = attach(subject, { grantAtAttach: null })
      sameList(got(subject, second), numbers(0, 4), 'what the second consumer got')
    },
  ),

  hookedProducerCase(
    'gives what an earlier consumer left as the next one allows it [CR-12 CR-25]',
    (make) => {
      for (const [renewInside, limit] of [
        [false, 1],
        [true, 1],
        [true, 0],
      ] as const) {
        const script = counting(4, 4, [])
        let once = true
        const subject: IVHookedProducerSubject = make({
          produce: (max) => {
            if (once) {
              once = false
              subject.end.detach()
              if (renewInside) subject.end.attach(second)
            }
            return script.produce?.(max)
          },
        })
        const second = subject.units.sink({ name: 'second', grantAtAttach: limit })
        attach(subject, { name: 'first', grantAtAttach: 4 })
        subject.bench.settle()
        if (!renewInside) subject.end.attach(second)
        sameList(got(subject, second), numbers(0, limit), `what came under a limit of ${limit}`)
        equal(subject.end.consumer, second, 'who is attached')
        second.grant(3)
        sameList(got(subject, second), numbers(limit, 3 - limit), 'what came under a limit of 3')
        second.grant(null)
        sameList(got(subject, second), numbers(3, 1), 'what came without a limit')
      }
    },
  ),
]

const FAULTS: readonly IVContractCase<VHookedProducerFactory>[] = [
  hookedProducerCase('is taken down for giving what are no units [CR-38]', (make) => {
    for (const wrong of ['abc', 5, {}, Promise.resolve(null), true]) {
      const subject = make({ produce: () => wrong })
      subject.bench.expectFailures()
      const sink = attach(subject, { grantAtAttach: null })
      subject.bench.settle()
      const what = `after giving ${typeof wrong} ${String(wrong)}`
      equal(subject.end.consumer, null, `who is attached ${what}`)
      check(sink.aborted !== null && sink.ended === null, `the consumer was aborted ${what}`)
      equal(sink.received.length, 0, `units that came ${what}`)
      check(subject.bench.failures.length > 0, `a failure was logged ${what}`)
    }
  }),

  hookedProducerCase(
    'is taken down all the same when a hook of its end throws, which is logged [CR-38]',
    (make) => {
      const broken = (): never => {
        throw new Error('a hook is broken')
      }
      for (const script of [{ detached: broken }, { aborted: broken }]) {
        const subject = make(script)
        subject.bench.expectFailures()
        const sink = attach(subject)
        subject.end.abort()
        subject.bench.settle()
        const name = Object.keys(script).join()
        equal(subject.end.consumer, null, `who is attached to the producer with a broken ${name}`)
        check(sink.aborted !== null, `the consumer was told, with a broken ${name}`)
        check(subject.bench.failures.length > 0, `a broken ${name} is logged`)
      }
    },
  ),

  hookedProducerCase(
    'lets out what its hook throws on attachment, and nothing is attached [CR-04]',
    (make) => {
      const broken = new Error('a hook is broken')
      const subject = make({
        attached: () => {
          throw broken
        },
      })
      for (const from of ['producer', 'consumer'] as const) {
        const sink = subject.units.sink()
        const attachNow = (): void =>
          from === 'producer' ? subject.end.attach(sink) : sink.attach(subject.end)
        equal(thrownBy(attachNow, 'attaching'), broken, 'what the caller got')
        equal(subject.end.consumer, null, 'who is attached to the producer')
        equal(sink.producer, null, 'who is attached to the consumer')
      }
    },
  ),

  hookedProducerCase('asks for its control on each access [CR-41 VE-55]', (make) => {
    const controls = [new VIOControl({}), new VIOControl({})]
    let asked = 0
    const subject = make({ control: () => controls[asked++ % 2] as VIOControl })
    equal(subject.end.control, controls[0], 'the first control')
    equal(subject.end.control, controls[1], 'the second control')
  }),
]

/** What every producing element with hooks has to do. */
export const hookedProducerContract: readonly IVContractCase<VHookedProducerFactory>[] = [
  ...ASKING,
  ...ENDS,
  ...FAULTS,
]
