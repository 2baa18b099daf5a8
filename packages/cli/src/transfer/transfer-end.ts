/**
 * A machine of a transfer as the end of a chain.
 *
 * Decides how much may wait on its way out and in; what is said is the machine's. Invariant: data is passed on as it came,
 * without a copy, and never more than `HOLD_BYTES` of it are held for whoever takes it.
 */
import { VByteAgent, VByteBuffer } from '@vio/io'
import type { IVReactor } from '@vio/reactor'
import type { TransferMachine, VTransferEnd } from './machine.js'

/** The most bytes that are taken and not yet written to the disk, or read and not yet sent. */
export const HOLD_BYTES = 1_048_576

/** Joins a machine to a chain. */
export class TransferEnd<E extends { readonly type: string }> extends VByteAgent {
  readonly #machine: TransferMachine<E>
  readonly #onEvents: (events: readonly (E | VTransferEnd)[]) => void
  readonly #output = new VByteBuffer()
  #heldBytes = 0
  #ending = false
  #roomWanted: (() => void)[] = []

  /** @param onEvents is told what the machine tells, in order, as it comes */
  constructor(
    reactor: IVReactor,
    machine: TransferMachine<E>,
    onEvents: (events: readonly (E | VTransferEnd)[]) => void,
  ) {
    super(reactor)
    this.#machine = machine
    this.#onEvents = onEvents
    this.#collect()
  }

  /** Something was called on the machine: what came of it goes out. */
  flush(): void {
    this.#collect()
    this.triggerProduction()
    this.#tell()
  }

  /** Ends the output behind what waits. */
  finish(): void {
    this.#ending = true
    this.flush()
    if (this.#output.length === 0) this.endProduce(true)
  }

  /** Waits until there is room for more output, or none is wanted any more. */
  room(): Promise<void> {
    if (this.#output.length < HOLD_BYTES || this.#machine.over) return Promise.resolve()
    return new Promise((resolve) => {
      this.#roomWanted.push(resolve)
    })
  }

  /** Bytes of data are held by whoever took them. */
  hold(bytes: number): void {
    this.#heldBytes += bytes
  }

  /** Bytes of data are held no longer. */
  letGo(bytes: number): void {
    this.#heldBytes -= bytes
    if (this.byteConsume.producer !== null) this.setReceiveLimit(Math.max(0, HOLD_BYTES - this.#heldBytes))
  }

  protected override dataReceived(data: Buffer): number {
    this.#machine.handleBytes(data)
    this.#collect()
    this.triggerProduction()
    this.#tell()
    return Math.max(0, HOLD_BYTES - this.#heldBytes)
  }

  protected override producerAttached(): void {
    this.setReceiveLimit(HOLD_BYTES)
  }

  protected override dataEnded(_clean: boolean, reason?: Error): void {
    this.#machine.handleEnd(reason)
    this.#tell()
  }

  protected override consumerAborted(reason?: Error): void {
    this.#machine.handleEnd(reason)
    this.#tell()
  }

  protected override producerAborted(reason?: Error): void {
    this.#output.clear()
    this.#machine.handleEnd(reason)
    this.#tell()
  }

  protected override produce(maxBytes: number): Buffer | null {
    const piece = this.#output.popChunk(maxBytes)
    if (this.#roomWanted.length > 0 && this.#output.length < HOLD_BYTES / 2) this.#giveRoom()
    if (this.#ending && this.#output.length === 0) this.endProduce(true)
    return piece.length === 0 ? null : piece
  }

  protected override hasPending(): boolean {
    return this.#output.length > 0
  }

  #collect(): void {
    for (let bytes = this.#machine.pollOutput(); bytes !== undefined; bytes = this.#machine.pollOutput()) {
      this.#output.append(bytes)
    }
  }

  #tell(): void {
    const events: (E | VTransferEnd)[] = []
    for (let event = this.#machine.pollEvent(); event !== undefined; event = this.#machine.pollEvent()) {
      events.push(event)
    }
    if (events.length > 0) this.#onEvents(events)
    if (this.#machine.over) this.#giveRoom()
  }

  #giveRoom(): void {
    for (const resolve of this.#roomWanted.splice(0)) resolve()
  }
}
