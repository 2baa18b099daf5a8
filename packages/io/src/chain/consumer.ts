/**
 * `VByteConsumer`: the base class of elements that take bytes.
 *
 * The class decides nothing but its defaults; the rules live in the end that it owns, and what the bytes mean is the
 * subclass's affair.
 */
import type { IVReactor, IVReactorObject, VFailure } from '@vio/reactor'
import type { VByteBuffer } from '../byte-buffer.js'
import { emptyControl, type VIOControl } from '../control.js'
import type { IVByteConsumer, IVByteConsuming, IVByteProducer } from '../types.js'
import { type ConsumerHooks, HookedConsumerEnd } from './hooked-consumer.js'
import { BYTES, type VReceiveAnswer } from './kind.js'

/**
 * Takes bytes from an attached producer. Subclass it and override the protected hooks.
 *
 * ```ts
 * class Count extends VByteConsumer {
 *   bytes = 0
 *   protected override dataReceived(data: Buffer): void { this.bytes += data.length }
 * }
 * ```
 */
export abstract class VByteConsumer implements IVByteConsuming, IVReactorObject {
  readonly #end: HookedConsumerEnd<VByteBuffer, IVByteConsumer, IVByteProducer, Buffer, Uint8Array>

  /** @throws TypeError without a reactor */
  constructor(reactor: IVReactor) {
    // The hooks are protected for the world; the end calls them on behalf of the chain.
    this.#end = new HookedConsumerEnd(reactor, BYTES, this as unknown as ConsumerHooks)
  }

  /** The reactor. */
  get reactor(): IVReactor {
    return this.#end.reactor
  }

  /** The consumer interface, to be attached to a producer. The same object on every access. */
  get byteConsume(): IVByteConsumer {
    return this.#end
  }

  /** Bytes taken since the present producer was attached. */
  get consumedBytes(): number {
    return this.#end.consumed
  }

  /**
   * Bytes have arrived; they belong to this element now. Called once for each piece that the producer passed on.
   *
   * Returns how many more bytes are welcome; nothing, null and negative numbers stand for any number. What was
   * granted before and has not arrived may still come. What it throws takes the chain down.
   */
  protected abstract dataReceived(data: Buffer): VReceiveAnswer

  /** The data is over, `clean` if nothing is missing. Called once, after the last bytes; the chain is taken down next. */
  protected dataEnded(_clean: boolean, _reason?: Error): void {}

  /** A producer was attached. By default grants it any number of bytes; override it to grant less, or later. */
  protected producerAttached(): void {
    this.#end.grantMore(null)
  }

  /** The producer was detached. Called once for each attachment. */
  protected producerDetached(): void {}

  /** The control that takes messages travelling with the bytes. Called on each access; by default it handles nothing. */
  protected consumerControl(): VIOControl {
    return emptyControl()
  }

  /** The flow was taken down, after its end or by an abort. Called once. */
  protected consumerAborted(_reason?: Error): void {}

  /** Called once, after all other hooks, with why it ended and whether that was an abort instead of an end. */
  protected consumerClosed(_reason: VFailure, _wasAborted: boolean): void {}

  /**
   * Grants `bytes` further bytes, counted from what has been consumed. Less than was granted before changes nothing.
   *
   * @param bytes null or negative for any number
   * @throws VIOError without a producer
   */
  protected setReceiveLimit(bytes: number | null): void {
    this.#end.grantMore(bytes)
  }
}
