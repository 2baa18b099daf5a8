/**
 * The one stream of a 0.8 connection, as the application's side sees it.
 *
 * Decides what may be read and written in which state, and tells the connection what was asked for. The buffers move the
 * bytes. Invariant: what arrived in order can be read to its end, also when the connection is over, unless the
 * application itself gave it up.
 */
import { type VFailure, VFIOCompleted } from '@vio/io'
import type { IVUDPStream } from '../engine.js'
import type { State08 } from './state.js'

/** What a stream asks of its connection. */
export interface Stream08Owner {
  /** The application asks for the end of the whole connection, as unclean. */
  abort(): void
  /** The application has given the input up. */
  stopped(): void
  /** The application has read. */
  wasRead(): void
}

/** The stream. */
export class Stream08 implements IVUDPStream {
  readonly id = 0
  /** Bytes that the application wrote. */
  writtenBytes = 0
  /** Bytes that the application read. */
  readBytes = 0
  readonly #state: State08
  readonly #owner: Stream08Owner
  #outputEnd: VFailure | null = null
  #inputEnd: VFailure | null = null
  #lost = false

  constructor(state: State08, owner: Stream08Owner) {
    this.#state = state
    this.#owner = owner
  }

  get readable(): boolean {
    return !this.#lost && this.#state.connected && this.#state.recv.readableBytes > 0
  }

  get inputEnd(): VFailure | null {
    return this.readable ? null : this.#inputEnd
  }

  get writable(): boolean {
    const { connected, send } = this.#state
    return this.#outputEnd === null && connected && send.roomBytes > 0
  }

  get outputEnd(): VFailure | null {
    return this.#outputEnd
  }

  get unflushedBytes(): number {
    // Until the connection is validated the buffer holds the hello.
    return this.#state.connected ? this.#state.send.heldBytes : 0
  }

  /** Each datagram tells how far it may go, and this version has no other way to know what it was told last. */
  get owesNews(): boolean {
    return true
  }

  readSome(maxBytes: number): Buffer {
    if (!this.readable) return Buffer.alloc(0)
    const bytes = this.#state.recv.read(maxBytes)
    this.readBytes += bytes.length
    this.#owner.wasRead()
    return bytes
  }

  writeSome(data: Uint8Array): number {
    if (!this.writable) return 0
    const size = this.#state.send.write(data)
    this.writtenBytes += size
    return size
  }

  finish(): void {
    if (this.#outputEnd !== null) return
    this.#outputEnd = new VFIOCompleted()
    this.#state.ending.finishing = true
  }

  /** Version 0.8 cannot end one direction as unclean, so the connection ends. */
  reset(): void {
    const { ending } = this.#state
    if (!ending.outputClosed && !ending.aborted) this.#owner.abort()
  }

  stop(): void {
    const { ending, recv } = this.#state
    recv.discard()
    if (ending.stopped || this.#inputEnd !== null) return
    ending.stopped = true
    this.#owner.stopped()
  }

  /** The peer's end was reached. */
  onInputEnd(): void {
    this.#inputEnd ??= new VFIOCompleted()
  }

  /** The output is over for a reason that is not the application's. */
  onOutputLost(reason: VFailure): void {
    this.#outputEnd = reason
  }

  /** The connection is over. What arrived stays readable unless it was this side that gave up. */
  onClosed(reason: VFailure, dropInput: boolean): void {
    this.#lost = dropInput
    if (!(reason instanceof VFIOCompleted)) {
      const { ending } = this.#state
      if (!ending.outputClosed || this.#outputEnd === null) this.#outputEnd = reason
    }
    this.#inputEnd ??= reason
  }
}
