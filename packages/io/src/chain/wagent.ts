/**
 * `VByteWAgent`: an agent whose output is a writer.
 *
 * Decides nothing that `VByteAgent` and the write queue do not; it joins the two.
 */
import type { IVByteWriter } from '../types.js'
import { VByteAgent } from './agent.js'
import { NO_BYTES } from './kind.js'
import { type VWritable, type WriteOwner, WriteQueue } from './write-queue.js'

/** Takes bytes through hooks and gives what it was told to write. */
export abstract class VByteWAgent extends VByteAgent implements IVByteWriter {
  /** Made when it is needed: a writer that is idle has none. */
  #queue: WriteQueue | null = null

  /** Bytes that were written and not passed on yet. */
  get queuedBytes(): number {
    return this.#queue === null ? 0 : this.#queue.length
  }

  /** Queues bytes, see `VByteWriter.write`. @throws VIOClosed after the end or an abort, TypeError for anything but bytes */
  write(data: VWritable): void {
    VByteWAgent.#queueOf(this).write(data)
  }

  /** Ends the output once the queue is empty. Only the first call counts. */
  endWrite(clean = true): void {
    VByteWAgent.#queueOf(this).end(Boolean(clean))
  }

  /** Drops the queue at once and aborts the output on the next turn. */
  abortWriter(): void {
    VByteWAgent.#queueOf(this).abortLater()
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
    VByteWAgent.#queueOf(this).drop()
  }

  static #queueOf(writer: VByteWAgent): WriteQueue {
    // The hooks are protected for the world; the queue calls them on behalf of the writer.
    writer.#queue ??= new WriteQueue(writer as unknown as WriteOwner)
    return writer.#queue
  }
}
