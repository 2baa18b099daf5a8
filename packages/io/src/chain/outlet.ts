/**
 * The producing end of elements whose owner puts bytes in when it likes: facades and adapters.
 *
 * Decides when what was put in goes out: at once where the consumer allows it, else on a later turn. How much may wait is
 * the owner's affair. Invariants: bytes leave in the order they were put in, the end after them; a consumer that is at
 * work on what it was given is not given more in the same stack.
 */
import type { IVReactor } from '@vio/reactor'
import { VByteBuffer } from '../byte-buffer.js'
import type { VIOControl } from '../control.js'
import type { IVByteConsumer, IVByteProducer } from '../types.js'
import { flowTermsOf } from './flow-terms.js'
import { BYTES } from './kind.js'
import { ProducerEnd } from './producer-end.js'

/** What an outlet tells its owner. None of these may take long: they run in the call that brings the news. */
export interface IVByteOutletOwner {
  /** A consumer was attached. */
  attached(): void
  /** Bytes have left the queue. */
  moved(): void
  /** The flow was taken down; `afterEnd` without a reason says that the end was carried out. The queue is empty. */
  aborted(reason: Error | undefined, afterEnd: boolean): void
  /** The control that takes messages travelling against the bytes. */
  control(): VIOControl
}

/**
 * Gives the bytes that its owner puts in, at once where that is possible: a producer for code that wants to know how much
 * was taken. `VByteWriter` is the one for code that does not.
 *
 * ```ts
 * const outlet = new VByteOutlet(reactor, owner)
 * outlet.attach(endpoint.byteConsume)
 * if (!outlet.write([bytes])) pauseUntil(outlet.queuedBytes === 0)
 * ```
 */
export class VByteOutlet extends ProducerEnd<VByteBuffer, IVByteProducer, IVByteConsumer> {
  readonly #owner: IVByteOutletOwner
  readonly #queue = new VByteBuffer()
  #end: { readonly clean: boolean; readonly reason: Error | undefined } | null = null
  #sending = false
  #totalBytes = 0

  /** @throws TypeError without a reactor */
  constructor(reactor: IVReactor, owner: IVByteOutletOwner) {
    super(flowTermsOf(reactor, BYTES))
    this.#owner = owner
  }

  get control(): VIOControl {
    return this.#owner.control()
  }

  /** Bytes that wait. */
  get queuedBytes(): number {
    return this.#queue.length
  }

  /** Bytes that consumers took, over all attachments. */
  get totalBytes(): number {
    return this.#totalBytes
  }

  /** True once nothing more may be put in. */
  get ending(): boolean {
    return this.#end !== null || this.closed
  }

  /** Puts bytes in; their memory is given away. Returns true if all of it has gone to the consumer. */
  write(pieces: readonly Uint8Array[]): boolean {
    if (this.ending) return false
    this.#queue.appendList(pieces)
    this.#flush()
    return this.#queue.length === 0 && !this.aborted
  }

  /** Ends the flow after what waits. Only the first call counts. */
  finish(clean: boolean, reason?: Error): void {
    if (this.ending) return
    this.#end = { clean, reason }
    if (this.#sending) this.trigger()
    else this.#endIfEmpty()
  }

  protected wantsTurn(): boolean {
    if (this.#queue.length > 0) return this.limitUnits > this.movedUnits
    return this.#end !== null && !this.ended
  }

  protected produceTurn(): void {
    this.#flush()
    if (!this.#sending) this.#endIfEmpty()
  }

  protected handleAborted(reason: Error | undefined): void {
    this.#queue.clear()
    this.#owner.aborted(reason, this.ended)
  }

  protected peerAttached(): void {
    this.#owner.attached()
    this.trigger()
  }

  protected peerDetached(): void {}

  #flush(): void {
    if (this.#sending) {
      this.trigger()
      return
    }
    const before = this.#queue.length
    if (before === 0 || this.peer === null || this.limitUnits <= this.movedUnits) return
    this.#sending = true
    try {
      this.send(this.#queue)
    } catch (error) {
      this.fail(error)
      return
    } finally {
      this.#sending = false
    }
    if (this.aborted) return
    this.#totalBytes += before - this.#queue.length
    this.trigger()
    this.#owner.moved()
  }

  #endIfEmpty(): void {
    if (this.#end !== null && this.#queue.length === 0) this.sendEnd(this.#end.clean, this.#end.reason)
  }
}
