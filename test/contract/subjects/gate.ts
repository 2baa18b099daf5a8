/**
 * The smallest element that secures a connection, to show the contract of such elements before there is TLS.
 *
 * The far side says HELLO, and the application is asked whether that will do; from then on every bit is turned over. The
 * credentials are as good as that.
 */
import {
  askPermission,
  type IVAnyConsumer,
  type IVTransform,
  tell,
  type VByteBuffer,
  VIOControl,
  VIOError,
} from '@vio/io'
import { VByteDuplexFilter, VByteFilter, VByteTap } from '@vio/io/filter'
import { type IVSecureSubject, VProbeConsumer, VProbeProducer, VTestBench } from '@vio/io/testing'
import type { IVReactor } from '@vio/reactor'

const HELLO = Buffer.from('HELLO')

/** Turns over every bit, behind the greeting. */
class Opened implements IVTransform {
  readonly maxUnit = HELLO.length
  readonly #greeted: () => void
  #open = false

  constructor(greeted: () => void) {
    this.#greeted = greeted
  }

  push(input: VByteBuffer, output: VByteBuffer): void {
    if (!this.#open) {
      if (input.length < HELLO.length) return
      if (!input.pop(HELLO.length).equals(HELLO)) throw new VIOError('the far side did not say HELLO')
      this.#greeted()
      this.#open = true
    }
    for (const byte of input.pop()) output.append(Uint8Array.of(byte ^ 0xff))
  }
}

/** The inbound direction: asks for the permission, and again for whoever wants to know the state. */
class Gate extends VByteFilter {
  readonly #strict: boolean
  #greeted = false

  constructor(reactor: IVReactor, strict: boolean) {
    super(reactor, new Opened(() => this.#greet()))
    this.#strict = strict
  }

  protected override producerControl(): VIOControl {
    const handlers = {
      reqProducerState: (consumer: IVAnyConsumer): void => {
        tell(super.producerControl(), 'reqProducerState', consumer)
        if (!this.#greeted) return
        this.reactor.schedule(0, () => {
          if (!this.#permitted(consumer.control)) this.byteConsume.abort(new VIOError('not authorised'))
        })
      },
    }
    return new VIOControl(handlers, () => super.producerControl())
  }

  #greet(): void {
    if (!this.#permitted(this.consumerControl())) throw new VIOError('not authorised')
    this.#greeted = true
  }

  #permitted(control: VIOControl): boolean {
    const failed = (error: unknown): void => this.reactor.log.error('authorize failed', error)
    return askPermission(control, 'authorize', { fallback: !this.#strict, failed }, 'key', [], null, 'TLS')
  }
}

/** A gate between probes: the far side is a producer and a consumer of what goes over the line. */
export function gateSubject(options: { readonly strict: boolean }): IVSecureSubject {
  const bench = new VTestBench()
  const element = new VByteDuplexFilter(new Gate(bench.reactor, options.strict), new VByteTap(bench.reactor))
  let requests = 0
  const reqProducerState = (): void => {
    requests += 1
  }
  const source = new VProbeProducer({ reactor: bench.reactor, handlers: { reqProducerState } })
  const sink = new VProbeConsumer({ grantAtAttach: null })
  element.deviceIO.consumer.attach(source)
  element.deviceIO.producer.attach(sink)
  const feed = (bytes: Buffer): void => {
    if (!source.closed) source['queue'].append(bytes)
    source.runTask()
  }
  return {
    bench,
    plainIO: element.appIO,
    handshake: () => {
      // In two pieces: half a greeting is none.
      feed(HELLO.subarray(0, 2))
      bench.settle()
      feed(HELLO.subarray(2))
      bench.settle()
    },
    send: (text) => feed(Buffer.from(text).map((byte) => byte ^ 0xff) as Buffer),
    stateRequests: () => requests,
    cutOff: () => source.aborted !== null && sink.aborted !== null,
  }
}
