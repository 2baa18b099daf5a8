/**
 * What a writer has been given and not passed on yet: bytes, then perhaps an end.
 *
 * Decides what may be written and when the end is due; turns and limits are the affair of the writer that owns it.
 */
import { VIOClosed } from '@vio/reactor'
import { VByteBuffer } from '../byte-buffer.js'
import { describeValue } from '../limit.js'

/** Bytes as `write` takes them: text stands for its UTF-8 form, a list for its items in order. */
export type VWritable = Uint8Array | string | readonly Uint8Array[]

/** The queue of `VByteWriter` and `VByteWAgent`. */
export class WriteQueue {
  readonly #bytes = new VByteBuffer()
  #endClean: boolean | undefined
  #aborted = false

  /** Bytes that wait. */
  get length(): number {
    return this.#bytes.length
  }

  /** The flag of the registered end; undefined while there is none. */
  get endClean(): boolean | undefined {
    return this.#endClean
  }

  /** Queues bytes. @throws VIOClosed after the end or an abort, TypeError for anything that is not bytes or text */
  write(data: VWritable): void {
    if (this.#aborted) throw new VIOClosed('the writer was aborted and takes no more data')
    if (this.#endClean !== undefined)
      throw new VIOClosed('endWrite was called; the writer takes no more data')
    if (typeof data === 'string') this.#bytes.append(Buffer.from(data, 'utf8'))
    else if (data instanceof Uint8Array) this.#bytes.append(data)
    else if (Array.isArray(data)) this.#bytes.appendList(data)
    else throw new TypeError(`write takes bytes, text or a list of bytes, got ${describeValue(data)}`)
  }

  /** Registers the end. Returns false if there was one already. */
  end(clean: boolean): boolean {
    if (this.#endClean !== undefined || this.#aborted) return false
    this.#endClean = clean
    return true
  }

  /** Drops the bytes and takes no more. */
  abort(): void {
    this.#aborted = true
    this.#bytes.clear()
  }

  /** Takes the next piece, of `maxBytes` at most; negative for any size. */
  take(maxBytes: number): Buffer {
    return this.#bytes.popChunk(maxBytes)
  }
}
