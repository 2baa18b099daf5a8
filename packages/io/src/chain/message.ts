/**
 * `VMessageConsumer` and `VMessageProducer`: the base classes of elements that take and give messages.
 *
 * The contract is that of bytes, counted in messages; the classes decide nothing but their defaults.
 */
import type { IVReactor, IVReactorObject, VFailure } from '@vio/reactor'
import { emptyControl, type VIOControl } from '../control.js'
import type { VMessageQueue } from '../message-queue.js'
import type { IVMessageConsumer, IVMessageProducer } from '../types.js'
import { type ConsumerHooks, HookedConsumerEnd } from './hooked-consumer.js'
import { HookedProducerEnd, type ProducerHooks } from './hooked-producer.js'
import { messagesOf, type VReceiveAnswer } from './kind.js'

/** Takes messages from an attached producer. Subclass it and override the protected hooks. */
export abstract class VMessageConsumer<M> implements IVReactorObject {
  readonly reactor: IVReactor
  readonly #end: HookedConsumerEnd<
    VMessageQueue<M>,
    IVMessageConsumer<M>,
    IVMessageProducer<M>,
    M,
    readonly M[]
  >

  /** @throws TypeError without a reactor */
  constructor(reactor: IVReactor) {
    // The hooks are protected for the world; the end calls them on behalf of the chain.
    this.#end = new HookedConsumerEnd(reactor, messagesOf<M>(), this as unknown as ConsumerHooks)
    this.reactor = reactor
  }

  /** The consumer interface. The same object on every access. */
  get messageConsume(): IVMessageConsumer<M> {
    return this.#end
  }

  /** A message has arrived. Returns how many more are welcome; nothing, null and negative numbers for any number. */
  protected abstract messageReceived(message: M): VReceiveAnswer

  /** The messages are over, `clean` if none is missing. */
  protected dataEnded(_clean: boolean, _reason?: Error): void {}

  /** A producer was attached. By default grants it any number of messages. */
  protected producerAttached(): void {
    this.#end.grantMore(null)
  }

  /** The producer was detached. */
  protected producerDetached(): void {}

  /** The control that takes messages travelling with the flow. Called on each access. */
  protected consumerControl(): VIOControl {
    return emptyControl()
  }

  /** The flow was taken down, after its end or by an abort. Called once. */
  protected consumerAborted(_reason?: Error): void {}

  /** Called once, after all other hooks. */
  protected consumerClosed(_reason: VFailure, _wasAborted: boolean): void {}

  /** Grants `messages` further messages; null and negative for any number. @throws VIOError without a producer */
  protected setReceiveLimit(messages: number | null): void {
    this.#end.grantMore(messages)
  }
}

/** Gives messages to an attached consumer when it is asked for them. Subclass it and override the protected hooks. */
export abstract class VMessageProducer<M> implements IVReactorObject {
  readonly reactor: IVReactor
  readonly #end: HookedProducerEnd<
    VMessageQueue<M>,
    IVMessageProducer<M>,
    IVMessageConsumer<M>,
    M,
    readonly M[]
  >

  /** @throws TypeError without a reactor */
  constructor(reactor: IVReactor) {
    // The hooks are protected for the world; the end calls them on behalf of the chain.
    const hooks = this as unknown as ProducerHooks<readonly M[]>
    this.#end = new HookedProducerEnd(reactor, messagesOf<M>(), hooks)
    this.reactor = reactor
  }

  /** The producer interface. The same object on every access. */
  get messageProduce(): IVMessageProducer<M> {
    return this.#end
  }

  /** Gives up to `maxMessages` messages, any number if it is -1; an empty list means "nothing now". */
  protected abstract produce(maxMessages: number): readonly M[] | null | undefined

  /** Says whether `produce` still has messages, see `VByteProducer.hasPending`. */
  protected hasPending(): boolean {
    return this.#end.mayHaveMore
  }

  /** Registers the end, see `VByteProducer.endProduce`. */
  protected endProduce(clean: boolean, reason?: Error): void {
    this.#end.registerEnd(Boolean(clean), reason)
  }

  /** Asks for a production turn, as there is something to give. */
  protected triggerProduction(): void {
    this.#end.moreToGive()
  }

  /** A consumer was attached. */
  protected consumerAttached(): void {}

  /** The consumer was detached. */
  protected consumerDetached(): void {}

  /** The control that takes messages travelling against the flow. Called on each access. */
  protected producerControl(): VIOControl {
    return emptyControl()
  }

  /** The flow was taken down, after its end or by an abort. Called once. */
  protected producerAborted(_reason?: Error): void {}
}
