/**
 * `VByteAgent`: both directions in one object, with hooks for each and a logger.
 *
 * The class decides nothing but its defaults. It is the base of application ends: what talks over a socket, a pipe or
 * VUT and wants to hear of the connection. `VByteWAgent` is the same with a writer for the output.
 */
import type { IVReactor, IVReactorObject, VFailure, VLogger } from '@vio/reactor'
import type { VByteBuffer } from '../byte-buffer.js'
import { emptyControl, type VIOControl } from '../control.js'
import type { IVByteConsumer, IVByteConsuming, IVByteProducer, IVByteProducing } from '../types.js'
import { type ConsumerHooks, HookedConsumerEnd } from './hooked-consumer.js'
import { HookedProducerEnd, type ProducerHooks } from './hooked-producer.js'
import { BYTES, type VReceiveAnswer } from './kind.js'
import { VByteIOPair } from './pair.js'

/** Builds one agent after another, for a listener that needs one a connection. */
export interface IVAgentFactory<A> {
  /** Builds an agent that is independent of those before. */
  build(): A
}

/**
 * Takes and gives bytes. Subclass it and override the protected hooks; the two directions are independent: ending
 * one leaves the other working.
 */
export abstract class VByteAgent implements IVByteConsuming, IVByteProducing, IVReactorObject {
  readonly #consumer: HookedConsumerEnd<VByteBuffer, IVByteConsumer, IVByteProducer, Buffer, Uint8Array>
  readonly #producer: HookedProducerEnd<VByteBuffer, IVByteProducer, IVByteConsumer, Buffer, Uint8Array>
  #pair: VByteIOPair | undefined

  /** @throws TypeError without a reactor */
  constructor(reactor: IVReactor) {
    // The hooks are protected for the world; the ends call them on behalf of the chain.
    this.#consumer = new HookedConsumerEnd(reactor, BYTES, this as unknown as ConsumerHooks)
    this.#producer = new HookedProducerEnd(reactor, BYTES, this as unknown as ProducerHooks<Uint8Array>)
    this.#consumer.joinReverse(this.#producer)
    this.#producer.joinReverse(this.#consumer)
  }

  /** The reactor. */
  get reactor(): IVReactor {
    return this.#consumer.reactor
  }

  /** Makes a factory that builds agents of this class with the same arguments. */
  static simpleFactory<A, P extends readonly unknown[]>(
    this: new (
      ...args: P
    ) => A,
    ...args: P
  ): IVAgentFactory<A> {
    return { build: () => new this(...args) }
  }

  /** The consumer interface. The same object on every access. */
  get byteConsume(): IVByteConsumer {
    return this.#consumer
  }

  /** The producer interface. The same object on every access. */
  get byteProduce(): IVByteProducer {
    return this.#producer
  }

  /** Consumer and producer as a pair. The same object on every access. */
  get byteIO(): VByteIOPair {
    this.#pair ??= new VByteIOPair(this.#consumer, this.#producer)
    return this.#pair
  }

  /** The reactor's logger. */
  get log(): VLogger {
    return this.reactor.log
  }

  /** Bytes have arrived, see `VByteConsumer.dataReceived`. */
  protected abstract dataReceived(data: Buffer): VReceiveAnswer

  /** The input is over, see `VByteConsumer.dataEnded`. */
  protected dataEnded(_clean: boolean, _reason?: Error): void {}

  /** A producer was attached. By default grants it any number of bytes. */
  protected producerAttached(): void {
    this.#consumer.grantMore(null)
  }

  /** The producer was detached. */
  protected producerDetached(): void {}

  /** The control that takes messages travelling with the bytes. Called on each access. */
  protected consumerControl(): VIOControl {
    return emptyControl()
  }

  /** The input was taken down, after its end or by an abort. Called once. */
  protected consumerAborted(_reason?: Error): void {}

  /** Called once, after all other hooks of the input. */
  protected consumerClosed(_reason: VFailure, _wasAborted: boolean): void {}

  /** Grants `bytes` further bytes, see `VByteConsumer.setReceiveLimit`. */
  protected setReceiveLimit(bytes: number | null): void {
    this.#consumer.grantMore(bytes)
  }

  /** Gives up to `maxBytes` bytes, see `VByteProducer.produce`. By default nothing. */
  protected produce(_maxBytes: number): Uint8Array | null | undefined {
    return null
  }

  /** Says whether `produce` still has bytes, see `VByteProducer.hasPending`. */
  protected hasPending(): boolean {
    return this.#producer.mayHaveMore
  }

  /** Registers the end of the output, see `VByteProducer.endProduce`. */
  protected endProduce(clean: boolean, reason?: Error): void {
    this.#producer.registerEnd(Boolean(clean), reason)
  }

  /** Asks for a production turn, see `VByteProducer.triggerProduction`. */
  protected triggerProduction(): void {
    this.#producer.moreToGive()
  }

  /** A consumer was attached. */
  protected consumerAttached(): void {}

  /** The consumer was detached. */
  protected consumerDetached(): void {}

  /** The control that takes messages travelling against the bytes. Called on each access. */
  protected producerControl(): VIOControl {
    return emptyControl()
  }

  /** The output was taken down, after its end or by an abort. Called once. */
  protected producerAborted(_reason?: Error): void {}
}
