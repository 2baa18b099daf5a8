/**
 * `VByteProducer`: the base class of elements that give bytes.
 *
 * The class decides nothing but its defaults; the rules live in the end that it owns, and where the bytes come from
 * is the subclass's affair.
 */
import type { IVReactor, IVReactorObject } from '@vio/reactor'
import type { VByteBuffer } from '../byte-buffer.js'
import { emptyControl, type VIOControl } from '../control.js'
import type { IVByteConsumer, IVByteProducer, IVByteProducing } from '../types.js'
import { HookedProducerEnd, type ProducerHooks } from './hooked-producer.js'
import { BYTES } from './kind.js'

/**
 * Gives bytes to an attached consumer when it is asked for them. Subclass it and override the protected hooks.
 *
 * ```ts
 * class Zeros extends VByteProducer {
 *   protected override produce(maxBytes: number): Uint8Array { return new Uint8Array(maxBytes < 0 ? 1024 : maxBytes) }
 * }
 * ```
 */
export abstract class VByteProducer implements IVByteProducing, IVReactorObject {
  readonly #end: HookedProducerEnd<VByteBuffer, IVByteProducer, IVByteConsumer, Buffer, Uint8Array>

  /** @throws TypeError without a reactor */
  constructor(reactor: IVReactor) {
    // The hooks are protected for the world; the end calls them on behalf of the chain.
    this.#end = new HookedProducerEnd(reactor, BYTES, this as unknown as ProducerHooks<Uint8Array>)
  }

  /** The reactor. */
  get reactor(): IVReactor {
    return this.#end.reactor
  }

  /** The producer interface, to be attached to a consumer. The same object on every access. */
  get byteProduce(): IVByteProducer {
    return this.#end
  }

  /** Bytes given since the present consumer was attached. */
  get producedBytes(): number {
    return this.#end.produced
  }

  /**
   * Gives up to `maxBytes` bytes, any number if it is -1; never asked for 0. The memory is given away.
   *
   * Asked once a turn until it gives nothing, which means "nothing now": call `triggerProduction` when there is more.
   * More than `maxBytes` is a fault and takes the chain down, as does anything it throws.
   */
  protected abstract produce(maxBytes: number): Uint8Array | null | undefined

  /**
   * Says whether `produce` still has bytes although `endProduce` was called. Asked only where the limit forbids to
   * ask `produce` itself. By default no if `endProduce` was called from within `produce`, or after it gave nothing
   * and before `triggerProduction`; else yes, so that nothing is lost, and the end waits until the consumer allows
   * more. A producer that registers its end at another time and knows better overrides it.
   */
  protected hasPending(): boolean {
    return this.#end.mayHaveMore
  }

  /**
   * Registers that there is no more than what `produce` has yet to give: once it gives nothing, the consumer is told
   * the end, whatever its limit. Only the first call counts.
   *
   * @param clean true if nothing is missing
   * @param reason why it is not clean, for those who want to know
   */
  protected endProduce(clean: boolean, reason?: Error): void {
    this.#end.registerEnd(Boolean(clean), reason)
  }

  /** Asks for a production turn, as there is something to give. Without a consumer, or at its limit, it does nothing. */
  protected triggerProduction(): void {
    this.#end.moreToGive()
  }

  /** A consumer was attached. */
  protected consumerAttached(): void {}

  /** The consumer was detached. Called once for each attachment. */
  protected consumerDetached(): void {}

  /** The control that takes messages travelling against the bytes. Called on each access; by default it handles nothing. */
  protected producerControl(): VIOControl {
    return emptyControl()
  }

  /** The flow was taken down, after its end or by an abort. Called once. */
  protected producerAborted(_reason?: Error): void {}
}
