/**
 * `VByteWriter`: a producer of what it was told to write.
 *
 * Decides nothing about limits; it queues without a bound of its own, so whoever writes watches `queuedBytes`.
 */
import type { IVByteWriter } from '../types.js'
import { VByteProducer } from './producer.js'
import { type VWritable, WriteQueue } from './write-queue.js'

/**
 * Buffers output and passes it on as the consumer allows.
 *
 * ```ts
 * const writer = new VByteWriter(reactor)
 * writer.byteProduce.attach(sink.byteConsume)
 * writer.write('hello\n')
 * writer.endWrite()
 * ```
 */
export class VByteWriter extends VByteProducer implements IVByteWriter {
  readonly #queue = new WriteQueue()

  /** Bytes that were written and not passed on yet. */
  get queuedBytes(): number {
    return this.#queue.length
  }

  /**
   * Queues bytes, also before a consumer is attached; one production turn is asked for, however many calls there are.
   * Memory is given away; text is written as UTF-8, a list in order and as a whole or not at all.
   *
   * @throws VIOClosed after `endWrite` or an abort, TypeError for anything else than bytes, text or a list of bytes
   */
  write(data: VWritable): void {
    this.#queue.write(data)
    this.triggerProduction()
  }

  /** Ends the data once the queue is empty. Only the first call counts. */
  endWrite(clean = true): void {
    if (this.#queue.end(Boolean(clean)) && this.byteProduce.consumer !== null) this.#endIfEmpty()
  }

  /** Drops the queue at once and aborts the chain on the next turn. */
  abortWriter(): void {
    this.#queue.abort()
    this.reactor.schedule(0, () => this.byteProduce.abort())
  }

  protected override produce(maxBytes: number): Uint8Array {
    const chunk = this.#queue.take(maxBytes)
    this.#endIfEmpty()
    return chunk
  }

  protected override hasPending(): boolean {
    return this.#queue.length > 0
  }

  protected override consumerAttached(): void {
    this.#endIfEmpty()
  }

  protected override producerAborted(_reason?: Error): void {
    this.#queue.abort()
  }

  /** The end is registered only when nothing is queued: until then another consumer may still be attached. */
  #endIfEmpty(): void {
    const clean = this.#queue.endClean
    if (clean !== undefined && this.#queue.length === 0) this.endProduce(clean)
  }
}
