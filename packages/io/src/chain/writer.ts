/**
 * `VByteWriter`: a producer of what it was told to write.
 *
 * Decides nothing about limits; it queues without a bound of its own, so whoever writes watches `queuedBytes`.
 */
import type { IVByteWriter } from '../types.js'
import { NO_BYTES } from './kind.js'
import { VByteProducer } from './producer.js'
import { type VWritable, type WriteOwner, WriteQueue } from './write-queue.js'

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
  /** Made when it is needed: a writer that is idle has none. */
  #queue: WriteQueue | null = null

  /** Bytes that were written and not passed on yet. */
  get queuedBytes(): number {
    return this.#queue === null ? 0 : this.#queue.length
  }

  /**
   * Queues bytes, also before a consumer is attached; one production turn is asked for, however many calls there are.
   * Memory is given away; text is written as UTF-8, a list in order and as a whole or not at all.
   *
   * @throws VIOClosed after `endWrite` or an abort, TypeError for anything else than bytes, text or a list of bytes
   */
  write(data: VWritable): void {
    VByteWriter.#queueOf(this).write(data)
  }

  /** Ends the data once the queue is empty. Only the first call counts. */
  endWrite(clean = true): void {
    VByteWriter.#queueOf(this).end(Boolean(clean))
  }

  /** Drops the queue at once and aborts the chain on the next turn. */
  abortWriter(): void {
    VByteWriter.#queueOf(this).abortLater()
  }

  protected override produce(maxBytes: number): Uint8Array {
    return this.#queue === null ? NO_BYTES : this.#queue.take(maxBytes)
  }

  /** Never: the end is registered only once the queue is empty. */
  protected override hasPending(): boolean {
    return false
  }

  /** A consumer was attached. Overridden, it calls this one, which looks after an end that waited for it. */
  protected override consumerAttached(): void {
    this.#queue?.endIfEmpty()
  }

  /** The output was taken down. Overridden, it calls this one, which drops the queue. */
  protected override producerAborted(_reason?: Error): void {
    VByteWriter.#queueOf(this).drop()
  }

  static #queueOf(writer: VByteWriter): WriteQueue {
    // The hooks are protected for the world; the queue calls them on behalf of the writer.
    writer.#queue ??= new WriteQueue(writer as unknown as WriteOwner)
    return writer.#queue
  }
}
