/**
 * The contract of an element that secures a connection: who is asked whether it may go on, and what passes before.
 *
 * The cases speak of an element with a handshake and plaintext behind it; TLS is one.
 */
import type { VByteIOPair } from '../../chain/pair.js'
import type { VTestBench } from '../bench.js'
import { VProbeConsumer, type VProbeConsumerOptions } from '../probe-consumer.js'
import { VProbeProducer } from '../probe-producer.js'
import { type IVContractCase, subjectCase } from './case.js'
import { check, equal, sameList } from './check.js'

/** A secured connection under test, with whatever is under it. */
export interface IVSecureSubject {
  readonly bench: VTestBench
  /** The side of the application. */
  readonly plainIO: VByteIOPair
  /** Does what the far side has to do until the handshake is done. */
  handshake(): void | Promise<void>
  /** Makes the far side send plaintext, secured, and sees to it that it arrives. */
  send(text: string): void | Promise<void>
  /** How often the element asked the device, against the bytes, for its state. */
  stateRequests(): number
  /** True once the far side was cut off. */
  cutOff(): boolean
}

/** Makes a secured connection; `strict`: somebody has to say that the far side is the right one. */
export type VSecureFactory = (options: { readonly strict: boolean }) => IVSecureSubject

const secureCase: typeof subjectCase<[{ readonly strict: boolean }], IVSecureSubject> = subjectCase

const AUTHORIZE = 'sink.control.authorize()'

interface Application {
  readonly sink: VProbeConsumer
  readonly source: VProbeProducer
}

function application(subject: IVSecureSubject, options: VProbeConsumerOptions = {}): Application {
  const sink = new VProbeConsumer({ log: subject.bench.log, grantAtAttach: null, ...options })
  const source = new VProbeProducer({ log: subject.bench.log, reactor: subject.bench.reactor })
  subject.plainIO.producer.attach(sink)
  subject.plainIO.consumer.attach(source)
  subject.bench.settle()
  return { sink, source }
}

/** What every element that secures a connection has to do. */
export const secureContract: readonly IVContractCase<VSecureFactory>[] = [
  secureCase(
    'asks the application once, behind the handshake, before any plaintext [CR-49]',
    async (make) => {
      const subject = make({ strict: false })
      const { sink } = application(subject)
      subject.bench.settle()
      equal(subject.bench.log.count(AUTHORIZE), 0, 'times that it asked before the handshake')
      await subject.handshake()
      await subject.send('secret')
      subject.bench.settle()
      equal(sink.received.pop().toString(), 'secret', 'what came')
      const events = subject.bench.log.matching(/authorize|sink\.consume/)
      equal(events[0], AUTHORIZE, 'what came first')
      equal(subject.bench.log.count(AUTHORIZE), 1, 'times that it asked')
      const args = sink.messages.find(({ name }) => name === 'authorize')?.args ?? []
      sameList([args.length, args[3]], [4, 'TLS'], 'how many credentials, and the protocol')
    },
  ),

  secureCase('refused by the application, gives no plaintext and is lost [CR-49 CR-61]', async (make) => {
    for (const answer of [false, 1 as never, undefined as never]) {
      const subject = make({ strict: false })
      subject.bench.expectFailures()
      const { sink, source } = application(subject, { handlers: { authorize: () => answer } })
      await subject.handshake()
      await subject.send('secret')
      subject.bench.settle()
      equal(sink.received.length, 0, 'bytes that came')
      check(sink.aborted !== null && sink.ended?.clean !== true, 'the input was lost')
      check(source.aborted !== null, 'the output was aborted')
      check(subject.cutOff(), 'the far side was cut off')
    }
  }),

  secureCase('goes on when nobody answers, unless somebody has to [CR-49 CR-43]', async (make) => {
    for (const strict of [false, true]) {
      const subject = make({ strict })
      if (strict) subject.bench.expectFailures()
      const { sink } = application(subject, { mute: true })
      await subject.handshake()
      await subject.send('secret')
      subject.bench.settle()
      equal(sink.received.pop().toString(), strict ? '' : 'secret', 'what came')
      equal(subject.cutOff(), strict, 'whether the far side was cut off')
    }
  }),

  secureCase(
    'asked for its state, passes the request on and asks for its permission again [CR-47]',
    async (make) => {
      const subject = make({ strict: false })
      const { sink } = application(subject)
      await subject.handshake()
      subject.bench.settle()
      const late = new VProbeConsumer({ log: subject.bench.log, name: 'late' })
      subject.plainIO.producer.control.reqProducerState(late)
      equal(subject.bench.log.count('late.control.authorize()'), 0, 'times that it asked inside the call')
      subject.bench.settle()
      equal(subject.stateRequests(), 1, 'requests that went on to the device')
      equal(subject.bench.log.count('late.control.authorize()'), 1, 'times that it asked the one given')
      equal(subject.bench.log.count(AUTHORIZE), 1, 'times that it asked the one attached')
      equal(sink.aborted, null, 'whether the flow was aborted')
    },
  ),

  secureCase('refused when it asks again, is lost [CR-47 CR-49]', async (make) => {
    const subject = make({ strict: false })
    subject.bench.expectFailures()
    const { sink, source } = application(subject)
    await subject.handshake()
    subject.bench.settle()
    const late = new VProbeConsumer({ handlers: { authorize: () => false } })
    subject.plainIO.producer.control.reqProducerState(late)
    subject.bench.settle()
    check(sink.aborted !== null && source.aborted !== null, 'both directions were aborted')
    check(subject.cutOff(), 'the far side was cut off')
  }),
]
