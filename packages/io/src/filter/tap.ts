/**
 * `VByteTap`: an element that bytes pass one to one, in the same call.
 *
 * The class decides nothing but its defaults; how limits and ends travel through is the affair of its two ends. What
 * is done with the bytes on the way is the subclass's.
 */
import type { IVReactor, IVReactorObject } from '@vio/reactor'
import type { VByteBuffer } from '../byte-buffer.js'
import { emptyControl, type VIOControl } from '../control.js'
import type { IVByteConsumer, IVByteConsuming, IVByteProducer, IVByteProducing } from '../types.js'
import { TapConsumer, type TapHooks } from './tap-ends.js'

/**
 * Lets bytes pass, and lets a subclass look at them, count them or hold the producer back.
 *
 * As it is, it does nothing but pass: the measure of what an element costs.
 */
export class VByteTap implements IVByteConsuming, IVByteProducing, IVReactorObject {
  readonly reactor: IVReactor
  readonly #end: TapConsumer

  /** @throws TypeError without a reactor */
  constructor(reactor: IVReactor) {
    const observed = this.passing !== VByteTap.prototype.passing
    // The hooks are protected for the world; the ends call them on behalf of the chain.
    this.#end = new TapConsumer(reactor, this as unknown as TapHooks, observed)
    this.reactor = reactor
  }

  /** Where bytes come in. The same object on every access. */
  get byteConsume(): IVByteConsumer {
    return this.#end
  }

  /** Where the same bytes go out. The same object on every access. */
  get byteProduce(): IVByteProducer {
    return this.#end.out
  }

  /** Bytes that were granted and wait, as the consumer that allowed them has left; 0 while a consumer stays. */
  get heldBytes(): number {
    return this.#end.held.length
  }

  /** The first `count` bytes of `data` are about to pass. They may be looked at, not taken, kept or written to. */
  protected passing(_data: VByteBuffer, _count: number): void {}

  /** A producer was attached above; the place for a first `allowFurther`, as nothing is withheld otherwise. */
  protected attached(): void {}

  /** The end is about to pass. */
  protected ended(_clean: boolean, _reason?: Error): void {}

  /** The flow was taken down, after its end or by an abort. Called once. */
  protected aborted(_reason?: Error): void {}

  /** Lets `bytes` further bytes through, Infinity for any number. What was granted before still passes. */
  protected allowFurther(bytes: number): void {
    this.#end.allow(bytes)
  }

  /** Takes the flow down because of an error of the tap itself, and reports it. */
  protected fail(error: Error): void {
    this.reactor.log.error('a tap aborted its chain', error)
    this.#end.abort(error)
  }

  /** The control for messages travelling with the bytes: by default that of the consumer below. */
  protected consumerControl(): VIOControl {
    return this.#end.out.consumer?.control ?? emptyControl()
  }

  /** The control for messages travelling against the bytes: by default that of the producer above. */
  protected producerControl(): VIOControl {
    return this.#end.producer?.control ?? emptyControl()
  }
}
