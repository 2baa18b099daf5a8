/**
 * `VMessageAgent`: both directions of a message chain in one object, with hooks for each.
 *
 * What `VByteAgent` is for bytes. The class decides nothing but its defaults; ending one direction leaves the other working.
 */
import type { IVReactor, IVReactorObject, VFailure, VLogger } from '@vio/reactor'
import { emptyControl, type VIOControl } from '../control.js'
import type { VMessageQueue } from '../message-queue.js'
import type { IVMessageConsumer, IVMessageProducer } from '../types.js'
import { type ConsumerHooks, HookedConsumerEnd } from './hooked-consumer.js'
import { HookedProducerEnd, type ProducerHooks } from './hooked-producer.js'
import { messagesOf, type VReceiveAnswer } from './kind.js'

/** Takes messages of one kind and gives those of another. Subclass it and override the protected hooks. */
export abstract class VMessageAgent<In, Out = In> implements IVReactorObject {
  readonly reactor: IVReactor
  readonly #consumer: HookedConsumerEnd<
    VMessageQueue<In>,
    IVMessageConsumer<In>,
    IVMessageProducer<In>,
    In,
    readonly In[]
  >
  readonly #producer: HookedProducerEnd<
    VMessageQueue<Out>,
    IVMessageProducer<Out>,
    IVMessageConsumer<Out>,
    Out,
    readonly Out[]
  >

  /** @throws TypeError without a reactor */
  constructor(reactor: IVReactor) {
    // The hooks are protected for the world; the ends call them on behalf of the chain.
    this.#consumer = new HookedConsumerEnd(reactor, messagesOf<In>(), this as unknown as ConsumerHooks)
    const hooks = this as unknown as ProducerHooks<readonly Out[]>
    this.#producer = new HookedProducerEnd(reactor, messagesOf<Out>(), hooks)
    // An end knows its reverse by what both are, not by what passes.
    this.#consumer.joinReverse(this.#producer as unknown as IVMessageProducer<In>)
    this.#producer.joinReverse(this.#consumer as unknown as IVMessageConsumer<Out>)
    this.reactor = reactor
  }

  /** The consumer interface. The same object on every access. */
  get messageConsume(): IVMessageConsumer<In> {
    return this.#consumer
  }

  /** The producer interface. The same object on every access. */
  get messageProduce(): IVMessageProducer<Out> {
    return this.#producer
  }

  /** The reactor's logger. */
  get log(): VLogger {
    return this.reactor.log
  }

  /** A message has arrived, see `VMessageConsumer.messageReceived`. */
  protected abstract messageReceived(message: In): VReceiveAnswer

  /** The input is over, see `VMessageConsumer.dataEnded`. */
  protected dataEnded(_clean: boolean, _reason?: Error): void {}

  /** A producer was attached. By default grants it any number of messages. */
  protected producerAttached(): void {
    this.#consumer.grantMore(null)
  }

  /** The producer was detached. */
  protected producerDetached(): void {}

  /** The control that takes messages travelling with the flow. Called on each access. */
  protected consumerControl(): VIOControl {
    return emptyControl()
  }

  /** The input was taken down, after its end or by an abort. Called once. */
  protected consumerAborted(_reason?: Error): void {}

  /** Called once, after all other hooks of the input. */
  protected consumerClosed(_reason: VFailure, _wasAborted: boolean): void {}

  /** Grants `messages` further messages; null and negative for any number. @throws VIOError without a producer */
  protected setReceiveLimit(messages: number | null): void {
    this.#consumer.grantMore(messages)
  }

  /** Gives up to `maxMessages` messages, any number if it is -1; an empty list means "nothing now". By default nothing. */
  protected produce(_maxMessages: number): readonly Out[] | null | undefined {
    return null
  }

  /** Says whether `produce` still has messages, see `VByteProducer.hasPending`. */
  protected hasPending(): boolean {
    return this.#producer.mayHaveMore
  }

  /** Registers the end of the output, see `VByteProducer.endProduce`. */
  protected endProduce(clean: boolean, reason?: Error): void {
    this.#producer.registerEnd(Boolean(clean), reason)
  }

  /** Asks for a production turn, as there is something to give. */
  protected triggerProduction(): void {
    this.#producer.moreToGive()
  }

  /** A consumer was attached. */
  protected consumerAttached(): void {}

  /** The consumer was detached. */
  protected consumerDetached(): void {}

  /** The control that takes messages travelling against the flow. Called on each access. */
  protected producerControl(): VIOControl {
    return emptyControl()
  }

  /** The output was taken down, after its end or by an abort. Called once. */
  protected producerAborted(_reason?: Error): void {}
}
