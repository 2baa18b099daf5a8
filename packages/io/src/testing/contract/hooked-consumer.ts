/**
 * The contract of the hooks of a consuming element: what they are called with, and what their answers mean.
 */
import { VFIOCompleted, VFIOLost, VIOError } from '@vio/reactor'
import { VByteBuffer } from '../../byte-buffer.js'
import { VIOControl } from '../../control.js'
import { VMemoryPeer } from '../../peer.js'
import type { VProbeProducer } from '../probe-producer.js'
import type { IVContractCase } from './case.js'
import { check, equal, sameList, thrownBy, throwsA } from './check.js'
import {
  hookedConsumerCase,
  type IVConsumerScript,
  type IVHookedConsumerSubject,
  type VHookedConsumerFactory,
} from './hooked.js'

const NONE = Number.POSITIVE_INFINITY

function attach(subject: IVHookedConsumerSubject): VProbeProducer {
  const source = subject.units.source({ log: subject.bench.log })
  subject.end.attach(source)
  return source
}

/** A subject that grants `limit` on attachment, and answers what `answers` says, one after another, then 0. */
function limited(
  make: (script: IVConsumerScript) => IVHookedConsumerSubject,
  limit: number | null,
  answers: unknown[],
): IVHookedConsumerSubject {
  const subject = make({
    attached: () => subject.setReceiveLimit(limit),
    received: () => (answers.length > 0 ? answers.shift() : 0),
  })
  return subject
}

const LIMITS: readonly IVContractCase<VHookedConsumerFactory>[] = [
  hookedConsumerCase('a receive limit counts from what was consumed, and is told once [CR-29]', (make) => {
    const subject = limited(make, 3, [0, 0, 0])
    const source = attach(subject)
    equal(source.limit, 3, 'the limit on attachment')
    source.send(subject.units.make(0, 3))
    subject.bench.log.clear()
    subject.setReceiveLimit(5)
    equal(source.limit, 8, 'the limit, 5 behind 3 that were consumed')
    subject.setReceiveLimit(5)
    sameList(subject.bench.log.events, ['source.canProduce(8)'], 'calls of canProduce')
    equal(source.send(subject.units.make(3, 1)), 4, 'the answer of a hook that wants no more')
  }),

  hookedConsumerCase('a receive limit of null or below 0 is none [CR-29]', (make) => {
    for (const none of [null, -1, NONE]) {
      const subject = limited(make, 3, [])
      const source = attach(subject)
      subject.setReceiveLimit(none)
      equal(source.limit, NONE, `the limit after ${none}`)
    }
  }),

  hookedConsumerCase(
    'a receive limit needs a producer and a whole number, or changes nothing [CR-29]',
    (make) => {
      const subject = limited(make, 3, [])
      throwsA(() => subject.setReceiveLimit(5), VIOError, 'a limit without a producer')
      const source = attach(subject)
      for (const wrong of ['5', Number.NaN, 1.5, {}, undefined]) {
        throwsA(() => subject.setReceiveLimit(wrong as never), TypeError, `a limit of ${String(wrong)}`)
      }
      equal(source.limit, 3, 'the limit')
      equal(source.send(subject.units.make(0, 3)), 3, 'the answer to 3')
    },
  ),

  hookedConsumerCase('never takes back what it granted through canProduce [CR-30]', (make) => {
    const subject = limited(make, 10, [undefined])
    const source = attach(subject)
    subject.setReceiveLimit(2)
    equal(source.limit, 10, 'the limit of the producer')
    const queue = subject.units.make(0, 10)
    source.send(queue)
    equal(queue.length, 0, 'units left of the 10 that were granted')
  }),

  hookedConsumerCase('lowers its limit by the answer of its hook [CR-30 CR-31]', (make) => {
    const subject = limited(make, 10, [1])
    const source = attach(subject)
    equal(source.send(subject.units.make(0, 1)), 2, 'the answer to 1 of 10')
    const queue = subject.units.make(1, 5)
    source.send(queue)
    equal(queue.length, 4, 'units left of 5 with 1 welcome')
  }),

  hookedConsumerCase('reads the answer of its hook: so many more, or any number [CR-31]', (make) => {
    for (const [answer, limit] of [
      [0, 1],
      [5, 6],
      [null, NONE],
      [undefined, NONE],
      [-1, NONE],
      [NONE, NONE],
    ]) {
      const subject = limited(make, 10, [answer])
      const source = attach(subject)
      source.send(subject.units.make(0, 1))
      equal(source.limit, limit, `the limit after the answer ${String(answer)}`)
    }
  }),

  hookedConsumerCase('takes any other answer for a fault of the hook [CR-31 CR-38]', (make) => {
    const wrong = [Number.NaN, 'x', '-1', 1.5, {}, [-1], true, 5n, Promise.resolve(5)]
    for (const answer of wrong) {
      const subject = limited(make, 10, [answer])
      const source = attach(subject)
      source.feed(subject.units.make(0, 1))
      source.pump()
      const what = `the answer ${typeof answer} ${String(answer)}`
      check(source.failures[0] instanceof VIOError, `${what} is a fault`)
      equal(subject.end.producer, null, `who is attached after ${what}`)
    }
  }),
]

const FLOW: readonly IVContractCase<VHookedConsumerFactory>[] = [
  hookedConsumerCase('gets its pieces as Buffers, in the memory that was put in [CR-32]', (make) => {
    const pieces: unknown[] = []
    const subject = make({ received: (piece) => void pieces.push(piece) })
    const source = attach(subject)
    const memory = Uint8Array.from([9, 1, 2, 3, 9])
    source.send(new VByteBuffer([memory.subarray(1, 3), Buffer.from([4])]))
    equal(pieces.length, 2, 'pieces')
    for (const piece of pieces) check(Buffer.isBuffer(piece), 'a piece is a Buffer')
    const [first] = pieces as Buffer[]
    equal(first?.buffer, memory.buffer, 'the memory of the first piece')
    sameList([...(first ?? [])], [1, 2], 'the first piece')
  }),

  hookedConsumerCase(
    'grants any number on attachment unless its hook does otherwise [CR-09 VE-48]',
    (make) => {
      equal(attach(make({ received: () => 0 })).limit, NONE, 'the limit by default')
      equal(attach(make({ attached: () => undefined })).limit, 0, 'the limit of a hook that grants nothing')
    },
  ),

  hookedConsumerCase('may wait with its first grant until a control message comes [CR-51]', (make) => {
    const peers: unknown[] = []
    const control = new VIOControl({
      connected: (peer) => {
        peers.push(peer)
        subject.setReceiveLimit(2)
      },
    })
    const subject: IVHookedConsumerSubject = make({
      attached: () => undefined,
      received: () => 0,
      control: () => control,
    })
    const source = attach(subject)
    source.feed(subject.units.make(0, 5))
    equal(source.pump(), 0, 'units that went before anything was granted')
    const peer = new VMemoryPeer('far')
    subject.end.control.connected(peer)
    equal(peers[0], peer, 'the peer that the control was told of')
    equal(source.limit, 2, 'the limit')
    equal(source.pump() > 0, true, 'units go now')
    subject.end.control.connected(peer)
    equal(peers.length, 2, 'times that it was told')
  }),

  hookedConsumerCase('asks for its control on each access [CR-41 VE-50]', (make) => {
    const controls = [new VIOControl({}), new VIOControl({})]
    let asked = 0
    const subject = make({ control: () => controls[asked++ % 2] as VIOControl })
    equal(subject.end.control, controls[0], 'the first control')
    equal(subject.end.control, controls[1], 'the second control')
  }),

  hookedConsumerCase('detached by its hook, it takes no more of what it was offered [CR-13]', (make) => {
    let taken = 0
    const subject: IVHookedConsumerSubject = make({
      received: () => {
        taken += 1
        subject.end.detach()
      },
    })
    attach(subject)
    const queue = subject.units.make(0, 2)
    subject.units.make(2, 2).moveTo(queue)
    subject.end.consume(queue)
    equal(taken, 1, 'pieces taken')
    check(queue.length > 0, 'what was not taken is left with the producer')
  }),

  hookedConsumerCase(
    'may set a receive limit inside its hook; the answer is what counts [CR-28 CR-31]',
    (make) => {
      const subject: IVHookedConsumerSubject = make({
        attached: () => subject.setReceiveLimit(1),
        received: () => {
          subject.setReceiveLimit(7)
          return 3
        },
      })
      const source = attach(subject)
      equal(source.send(subject.units.make(0, 1)), 4, 'the answer')
      equal(source.limit, 4, 'the limit')
    },
  ),
]

const ENDS: readonly IVContractCase<VHookedConsumerFactory>[] = [
  hookedConsumerCase('hears why it ended behind all other hooks [CR-34 CR-35 VE-42]', (make) => {
    const events: string[] = []
    const script: IVConsumerScript = {
      ended: (clean) => events.push(`ended ${clean}`),
      detached: () => events.push('detached'),
      aborted: () => events.push('aborted'),
      closed: (reason, wasAborted) => {
        const how = reason instanceof VFIOCompleted ? 'clean' : reason instanceof VFIOLost ? 'lost' : '?'
        events.push(`closed ${how} ${wasAborted}`)
      },
    }
    const endings: [string, (subject: IVHookedConsumerSubject) => void, string[]][] = [
      [
        'a clean end',
        ({ end }) => end.endConsume(true),
        ['ended true', 'detached', 'aborted', 'closed clean false'],
      ],
      [
        'an unclean end',
        ({ end }) => end.endConsume(false),
        ['ended false', 'detached', 'aborted', 'closed lost false'],
      ],
      ['an abort', ({ end }) => end.abort(), ['detached', 'aborted', 'closed lost true']],
    ]
    for (const [what, run, wanted] of endings) {
      const subject = make(script)
      attach(subject)
      events.length = 0
      run(subject)
      sameList(events, wanted, `the hooks of ${what}`)
    }
  }),

  hookedConsumerCase(
    'is taken down all the same when a hook of its end throws, which is logged [CR-38]',
    (make) => {
      const broken = (): never => {
        throw new Error('a hook is broken')
      }
      const hooks: readonly IVConsumerScript[] = [
        { ended: broken },
        { detached: broken },
        { aborted: broken },
        { closed: broken },
      ]
      for (const script of hooks) {
        const subject = make(script)
        subject.bench.expectFailures()
        const source = attach(subject)
        subject.end.endConsume(true)
        subject.bench.settle()
        const name = Object.keys(script).join()
        equal(subject.end.producer, null, `who is attached to the consumer with a broken ${name}`)
        equal(source.consumer, null, `who is attached to the producer, with a broken ${name}`)
        check(source.aborted !== null, `the producer was told, with a broken ${name}`)
        check(subject.bench.failures.length > 0, `a broken ${name} is logged`)
      }
    },
  ),

  hookedConsumerCase(
    'lets out what its hook throws on attachment, and nothing is attached [CR-04]',
    (make) => {
      const broken = new Error('a hook is broken')
      const subject = make({
        attached: () => {
          throw broken
        },
      })
      for (const from of ['consumer', 'producer'] as const) {
        const source = subject.units.source()
        const attachNow = (): void =>
          from === 'consumer' ? subject.end.attach(source) : source.attach(subject.end)
        equal(thrownBy(attachNow, 'attaching'), broken, 'what the caller got')
        equal(subject.end.producer, null, 'who is attached to the consumer')
        equal(source.consumer, null, 'who is attached to the producer')
      }
    },
  ),
]

/** What every consuming element with hooks has to do. */
export const hookedConsumerContract: readonly IVContractCase<VHookedConsumerFactory>[] = [
  ...LIMITS,
  ...FLOW,
  ...ENDS,
]
