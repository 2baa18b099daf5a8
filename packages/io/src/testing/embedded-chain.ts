/**
 * Elements of a chain, run alone: fed by a probe, drained by another, on simulated time.
 *
 * Decides when the reactor runs: within each call, until nothing is left to do at the present time. Invariant: what an
 * element logs as an error comes out of the call that made it happen, unless the test said that it expects failures.
 */
import type { VLogEntry, VReactor } from '@vio/reactor'
import type { VirtualHost } from '@vio/reactor/testing'
import { VByteBuffer } from '../byte-buffer.js'
import type { VByteIOPair } from '../chain/pair.js'
import { VMessageQueue } from '../message-queue.js'
import type { IVByteConsumer, IVByteProducer, IVMessageConsumer, IVMessageProducer } from '../types.js'
import { VTestBench, type VTestBenchOptions } from './bench.js'
import { VProbeConsumer, VProbeMessageConsumer } from './probe-consumer.js'
import type { VProbeEnd } from './probe-end.js'
import type { VProbeLog } from './probe-log.js'
import { VProbeMessageProducer, VProbeProducer } from './probe-producer.js'

/** Options of an embedded chain. */
export interface VEmbeddedOptions extends VTestBenchOptions {
  /** The cumulative limit that the drain grants at first; null for none. By default null. */
  readonly limit?: number | null
}

/** An element with one direction: it takes bytes or messages and gives bytes or messages. */
export interface VEmbeddable<M = never> {
  readonly byteConsume?: IVByteConsumer
  readonly messageConsume?: IVMessageConsumer<M>
  readonly byteProduce?: IVByteProducer
  readonly messageProduce?: IVMessageProducer<M>
}

/** What the messages of an element are; never for one of bytes alone. */
export type VMessageOf<E> = E extends { readonly messageConsume: IVMessageConsumer<infer M> }
  ? M
  : E extends { readonly messageProduce: IVMessageProducer<infer M> }
    ? M
    : never

/** An element with two directions. */
export interface VEmbeddableDuplex {
  readonly deviceIO: VByteIOPair
  readonly appIO: VByteIOPair
}

/** One direction through an element. */
export class VEmbeddedFlow<M = never> {
  /** What feeds the element. */
  readonly source: VProbeProducer | VProbeMessageProducer<M>
  /** What drains it. */
  readonly sink: VProbeConsumer | VProbeMessageConsumer<M>
  readonly #bench: VTestBench

  constructor(bench: VTestBench, element: VEmbeddable<M>, options: VEmbeddedOptions) {
    this.#bench = bench
    const { reactor, log } = bench
    const limit = options.limit === undefined ? null : options.limit
    if (element.byteConsume !== undefined) {
      this.source = new VProbeProducer({ reactor, log })
      this.source.attach(element.byteConsume)
    } else {
      this.source = new VProbeMessageProducer<M>({ reactor, log })
      this.source.attach(needed(element.messageConsume))
    }
    if (element.byteProduce !== undefined) {
      this.sink = new VProbeConsumer({ log, grantAtAttach: limit })
      this.sink.attach(element.byteProduce)
    } else {
      this.sink = new VProbeMessageConsumer<M>({ log, grantAtAttach: limit })
      this.sink.attach(needed(element.messageProduce))
    }
    bench.settle()
  }

  /** Puts bytes before the element, text as UTF-8; they go in as far as it allows. @throws TypeError if it takes messages */
  feed(data: Uint8Array | string): void {
    if (!(this.source instanceof VProbeProducer)) throw new TypeError('this element takes messages')
    this.source.feed(new VByteBuffer(typeof data === 'string' ? Buffer.from(data, 'utf8') : data))
    this.#bench.settle()
  }

  /** Puts messages before the element. @throws TypeError if it takes bytes */
  feedMessages(messages: Iterable<M>): void {
    if (!(this.source instanceof VProbeMessageProducer)) throw new TypeError('this element takes bytes')
    this.source.feed(new VMessageQueue<M>(messages))
    this.#bench.settle()
  }

  /** Takes the bytes that came out since. @throws TypeError if the element gives messages */
  drain(): Buffer {
    if (!(this.sink instanceof VProbeConsumer)) throw new TypeError('this element gives messages')
    return this.sink.received.pop()
  }

  /** Takes the messages that came out since. @throws TypeError if the element gives bytes */
  drainMessages(): M[] {
    if (!(this.sink instanceof VProbeMessageConsumer)) throw new TypeError('this element gives bytes')
    return this.sink.received.popList()
  }

  /** Allows `units` to come out beyond those that have; null for any number. Less than before changes nothing. */
  grant(units: number | null): void {
    if (units === null) this.sink.grant(null)
    else this.sink.grantMore(units)
    this.#bench.settle()
  }

  /** Ends the input once all that was fed has gone in. */
  end(clean = true, reason?: Error): void {
    this.source.end(clean, reason)
    this.#bench.settle()
  }

  /** Aborts from the feeding side, or from the draining one. */
  abort(reason?: Error, from: 'source' | 'sink' = 'source'): void {
    if (from === 'source') this.source.abort(reason)
    else this.sink.abort(reason)
    this.#bench.settle()
  }

  /** Units that were fed and that the element did not allow in yet. */
  get unsent(): number {
    return this.source.queue.length
  }

  /** How the end came out, or null. */
  get ended(): VProbeEnd | null {
    return this.sink.ended
  }

  /** True if the flow was taken down before its end came out. */
  get aborted(): boolean {
    return this.sink.aborted !== null && this.sink.ended === null
  }
}

/**
 * One element with one direction, ready to be fed and drained.
 *
 * ```ts
 * const chain = new EmbeddedChain((reactor) => new VByteFilter(reactor, new Upper()))
 * chain.feed('hello')
 * chain.drain() // HELLO
 * ```
 */
export class EmbeddedChain<E extends VEmbeddable> extends VEmbeddedFlow<VMessageOf<E>> {
  /** The element. */
  readonly element: E
  readonly #bench: VTestBench

  constructor(build: (reactor: VReactor) => E, options: VEmbeddedOptions = {}) {
    const bench = new VTestBench(options)
    const element = build(bench.reactor)
    // What E says of its messages is what the flow needs to know of it.
    super(bench, element as VEmbeddable<VMessageOf<E>>, options)
    this.element = element
    this.#bench = bench
  }

  /** The reactor that the element runs on. */
  get reactor(): VReactor {
    return this.#bench.reactor
  }

  /** The simulated host. */
  get host(): VirtualHost {
    return this.#bench.host
  }

  /** What the probes recorded. */
  get log(): VProbeLog {
    return this.#bench.log
  }

  /** What was logged as an error. */
  get failures(): readonly VLogEntry[] {
    return this.#bench.failures
  }

  /** Lets time pass. */
  advance(ms: number): void {
    this.#bench.settle(ms)
  }
}

/** One element with two directions, each to be fed and drained. */
export class EmbeddedDuplex<E extends VEmbeddableDuplex = VEmbeddableDuplex> {
  /** The element. */
  readonly element: E
  /** From the device to the application. */
  readonly inbound: VEmbeddedFlow
  /** From the application to the device. */
  readonly outbound: VEmbeddedFlow
  readonly #bench: VTestBench

  constructor(build: (reactor: VReactor) => E, options: VEmbeddedOptions = {}) {
    this.#bench = new VTestBench(options)
    this.element = build(this.#bench.reactor)
    const { deviceIO, appIO } = this.element
    const inbound = { byteConsume: deviceIO.consumer, byteProduce: appIO.producer }
    const outbound = { byteConsume: appIO.consumer, byteProduce: deviceIO.producer }
    this.inbound = new VEmbeddedFlow(this.#bench, inbound, options)
    this.outbound = new VEmbeddedFlow(this.#bench, outbound, options)
  }

  /** The reactor that the element runs on. */
  get reactor(): VReactor {
    return this.#bench.reactor
  }

  /** The simulated host. */
  get host(): VirtualHost {
    return this.#bench.host
  }

  /** What the probes of both directions recorded. */
  get log(): VProbeLog {
    return this.#bench.log
  }

  /** What was logged as an error. */
  get failures(): readonly VLogEntry[] {
    return this.#bench.failures
  }

  /** Lets time pass. */
  advance(ms: number): void {
    this.#bench.settle(ms)
  }
}

function needed<T>(end: T | undefined): T {
  if (end === undefined)
    throw new TypeError('an element takes bytes or messages, and gives bytes or messages')
  return end
}
