/**
 * `VByteWAgent`: an agent whose output is a writer.
 *
 * Decides nothing that `VByteAgent` and the write queue do not; it joins the two.
 */
import type { IVByteWriter } from '../types.js'
import { VByteAgent } from './agent.js'
import { type VWritable, WriteQueue } from './write-queue.js'

/** Takes bytes through hooks and gives what it was told to write. */
export abstract class VByteWAgent extends VByteAgent implements IVByteWriter {
  readonly #queue = new WriteQueue()

  /** Bytes that were written and not passed on yet. */
  get queuedBytes(): number {
    return this.#queue.length
  }

  /** Queues bytes, see `VByteWriter.write`. @throws VIOClosed after the end or an abort, TypeError for anything but bytes */
  write(data: VWritable): void {
    this.#queue.write(data)
    this.triggerProduction()
  }

  /** Ends the output once the queue is empty. Only the first call counts. */
  endWrite(clean = true): void {
    if (this.#queue.end(Boolean(clean)) && this.byteProduce.consumer !== null) this.#endIfEmpty()
  }

  /** Drops the queue at once and aborts the output on the next turn. */
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

  #endIfEmpty(): void {
    const clean = this.#queue.endClean
    if (clean !== undefined && this.#queue.length === 0) this.endProduce(clean)
  }
}
