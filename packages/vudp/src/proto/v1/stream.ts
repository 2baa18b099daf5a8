/**
 * One stream: its two halves, and its place in the queues of what has to be sent.
 *
 * Decides what an application's call or a frame means for the stream. Which stream gets its turn, limits over all
 * streams and opening and closing them are decided by their collection, which is told through `StreamOwner`. Invariant:
 * a stream is in a queue if and only if it says so.
 */
import { type VFailure, VFIOLost, VIOLost } from '@vio/io'
import type { IVUDPStream } from '../engine.js'
import { VUT_CODE } from '../errors.js'
import { FRAME } from './frames.js'
import { StreamInput } from './stream-input.js'
import { StreamOutput } from './stream-output.js'

/** Whom a stream tells. */
export interface StreamOwner {
  /** True while bytes may be written. */
  readonly isOpen: boolean
  /** The most bytes that may wait to be sent. */
  readonly sendBufferBytes: number
  /** True while the limit of all streams has to be told. */
  readonly owesTotalLimit: boolean
  /** There is something to send: bytes, or frames that are owed. */
  onSendable(stream: Stream): void
  onControlOwed(stream: Stream): void
  /** Bytes were written, read, or dropped unread. */
  onWritten(stream: Stream, sizeBytes: number): void
  onRead(stream: Stream, sizeBytes: number): void
  /** Bytes no longer count against the limit of all streams. */
  onReleased(stream: Stream, sizeBytes: number): void
  /** A half has ended, or the application may read or write again. */
  onChanged(stream: Stream): void
}

/** Which frames a stream owes. */
export interface OwedFrames {
  readonly limit: number
  readonly blocked: number
  readonly reset: number
  readonly stop: number
}

/** The bits of `Stream.owed`. */
export const OWED: OwedFrames = Object.freeze({ limit: 1, blocked: 2, reset: 4, stop: 8 })

/** What a stream begins with. */
export interface StreamLimits {
  readonly sendLimit: number
  readonly windowBytes: number
  readonly maxWindowBytes: number
}

/** One stream of a connection. */
export class Stream implements IVUDPStream {
  readonly id: number
  readonly input: StreamInput
  readonly output: StreamOutput
  /** Frames that are owed, as bits of `OWED`. */
  owed = 0
  /** Its place in the queues of its collection. */
  inLostQueue = false
  inFreshQueue = false
  inControlQueue = false
  inChangedQueue = false
  /** The event that tells of it; one for all times. */
  readonly changed: { readonly type: 'stream-changed'; readonly stream: Stream } = {
    type: 'stream-changed',
    stream: this,
  }
  readonly #owner: StreamOwner
  #wasFull = false

  constructor(id: number, owner: StreamOwner, limits: StreamLimits) {
    this.id = id
    this.#owner = owner
    this.input = new StreamInput(limits.windowBytes, limits.maxWindowBytes)
    this.output = new StreamOutput(limits.sendLimit)
  }

  get readable(): boolean {
    return this.input.buffer.readableBytes > 0
  }

  get inputEnd(): VFailure | null {
    return this.input.end
  }

  get owesNews(): boolean {
    return this.owed !== 0 || this.#owner.owesTotalLimit
  }

  get writable(): boolean {
    return this.#owner.isOpen && this.output.end === null && this.#room() > 0
  }

  get outputEnd(): VFailure | null {
    return this.output.end
  }

  get unflushedBytes(): number {
    return this.output.buffer.heldBytes
  }

  /** True once both halves are over. */
  get isDone(): boolean {
    return this.output.isDone && this.input.isDone
  }

  readSome(maxBytes: number): Buffer {
    const bytes = this.input.readSome(maxBytes)
    if (bytes.length > 0) {
      this.#owner.onRead(this, bytes.length)
      this.release()
    }
    return bytes
  }

  writeSome(data: Uint8Array): number {
    if (!this.writable) {
      this.#wasFull = true
      return 0
    }
    const size = Math.min(data.length, this.#room())
    this.output.write(size === data.length ? data : data.subarray(0, size))
    // Filled to the brim is full too: who looks at `writable` does not try again before it is told.
    if (size < data.length || this.#room() <= 0) this.#wasFull = true
    this.#owner.onWritten(this, size)
    this.#owner.onSendable(this)
    return size
  }

  finish(): void {
    if (this.output.finish()) this.#owner.onSendable(this)
  }

  reset(code: number = VUT_CODE.aborted): void {
    if (this.output.reset(code)) this.owe(OWED.reset)
  }

  stop(code: number = VUT_CODE.aborted): void {
    if (this.input.stop(code)) this.owe(OWED.stop)
    this.release()
  }

  /** Notes that frames are owed. */
  owe(frames: number): void {
    this.owed |= frames
    this.#owner.onControlOwed(this)
  }

  /** Bytes have left for the first time: the application may write again if it was refused. */
  onSpace(): void {
    if (!this.#wasFull || !this.writable) return
    this.#wasFull = false
    this.#owner.onChanged(this)
  }

  /** A STREAM frame. Returns how many bytes of it were new. @throws ProtocolFault */
  onBytes(offset: number, bytes: Buffer, final: boolean, isLent: boolean): number {
    const { input } = this
    const hadEnd = input.end !== null
    const readable = input.buffer.readableBytes
    const fresh = input.receive(offset, bytes, final, isLent)
    if (input.isStopped) this.release()
    if (input.buffer.readableBytes > readable || (!hadEnd && input.end !== null)) this.#owner.onChanged(this)
    return fresh
  }

  /** RESET_STREAM. @throws ProtocolFault */
  onReset(code: number, final: number): void {
    if (this.input.receiveReset(code, final)) this.#owner.onChanged(this)
    this.release()
  }

  /** STOP_SENDING: what the peer does not take is broken off, unless all of it is on its way already. */
  onStop(code: number): void {
    if (this.output.isAllSent) return
    const reason = new VFIOLost(new VIOLost(`the peer does not take more of the stream (code ${code})`))
    if (!this.output.reset(code, reason)) return
    this.owe(OWED.reset)
    this.#owner.onChanged(this)
  }

  /** STREAM_LIMIT. */
  onLimit(limit: number): void {
    if (this.output.raiseLimit(limit)) this.#owner.onSendable(this)
  }

  /** The peer says where it stands: it may not know the limit that it was told. */
  onBlocked(offset: number): void {
    if (this.input.takesMore && this.input.window.limit > offset) this.owe(OWED.limit)
  }

  /** The connection is over. */
  lose(reason: VFailure): void {
    this.input.lose(reason)
    this.output.lose(reason)
    this.#owner.onChanged(this)
  }

  /** Gives back to the limits what was read or will never be. */
  release(): void {
    const released = this.input.takeReleased()
    if (released === 0) return
    if (this.input.window.onRead(released) && this.input.takesMore) this.owe(OWED.limit)
    this.#owner.onReleased(this, released)
  }

  /** A control frame about it was lost: says whether it is still of use. */
  owesAgain(type: number, value: number): number {
    if (type === FRAME.streamLimit) {
      return this.input.takesMore && value === this.input.window.limit ? OWED.limit : 0
    }
    if (type === FRAME.blocked) return this.output.isBlocked ? OWED.blocked : 0
    if (type === FRAME.stopSending) return this.input.isDone ? 0 : OWED.stop
    this.output.onReset('lost')
    return this.output.owesReset ? OWED.reset : 0
  }

  #room(): number {
    return this.#owner.sendBufferBytes - this.output.buffer.unsentBytes
  }
}
