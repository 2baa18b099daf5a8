/**
 * The output side of elements that are written to: what was given and not passed on yet, then perhaps an end.
 *
 * Decides what may be written and when the end is due; turns and limits are the affair of the producing end. The
 * owner hands its hooks on to here, one call each. Invariant: the end is registered only when nothing is queued, as a
 * producer with a registered end takes no other consumer.
 */
import { type IVReactor, VIOClosed } from '@vio/reactor'
import { VByteBuffer } from '../byte-buffer.js'
import { describeValue } from '../limit.js'
import type { IVByteProducer } from '../types.js'
import { NO_BYTES } from './kind.js'

/** Bytes as `write` takes them: text stands for its UTF-8 form, a list for its items in order. */
export type VWritable = Uint8Array | string | readonly Uint8Array[]

/** What the queue asks of the producing element that it belongs to. */
export interface WriteOwner {
  readonly reactor: IVReactor
  readonly byteProduce: IVByteProducer
  triggerProduction(): void
  endProduce(clean: boolean): void
}

/** The queue of `VByteWriter` and `VByteWAgent`. */
export class WriteQueue {
  readonly #owner: WriteOwner
  /** Made when it is needed: a writer that is idle holds none. */
  #bytes: VByteBuffer | null = null
  #endClean: boolean | undefined
  #aborted = false

  constructor(owner: WriteOwner) {
    this.#owner = owner
  }

  /** Bytes that wait. */
  get length(): number {
    return this.#bytes === null ? 0 : this.#bytes.length
  }

  /** Queues bytes. @throws VIOClosed after the end or an abort, TypeError for anything that is not bytes or text */
  write(data: VWritable): void {
    if (this.#aborted) throw new VIOClosed('the writer was aborted and takes no more data')
    if (this.#endClean !== undefined)
      throw new VIOClosed('endWrite was called; the writer takes no more data')
    this.#bytes ??= new VByteBuffer()
    if (typeof data === 'string') this.#bytes.append(Buffer.from(data, 'utf8'))
    else if (data instanceof Uint8Array) this.#bytes.append(data)
    else if (Array.isArray(data)) this.#bytes.appendList(data)
    else throw new TypeError(`write takes bytes, text or a list of bytes, got ${describeValue(data)}`)
    this.#owner.triggerProduction()
  }

  /** Ends the data once nothing is queued. Only the first call counts. */
  end(clean: boolean): void {
    if (this.#endClean !== undefined || this.#aborted) return
    this.#endClean = clean
    if (this.#owner.byteProduce.consumer !== null) this.endIfEmpty()
  }

  /** Drops the bytes at once and takes down the owner's output on the next turn. */
  abortLater(): void {
    this.drop()
    this.#owner.reactor.schedule(0, () => this.#owner.byteProduce.abort())
  }

  /** Drops the bytes and takes no more. */
  drop(): void {
    this.#aborted = true
    this.#bytes?.clear()
  }

  /**
   * Takes the next piece, of `maxBytes` at most; negative for any size; empty if there is none. With the last one the end
   * is due.
   */
  take(maxBytes: number): Buffer {
    const piece = this.#bytes === null || this.#bytes.length === 0 ? NO_BYTES : this.#bytes.popChunk(maxBytes)
    this.endIfEmpty()
    return piece
  }

  /** Registers an end that is due. For when a consumer was attached. */
  endIfEmpty(): void {
    if (this.#endClean !== undefined && this.length === 0) this.#owner.endProduce(this.#endClean)
  }
}
