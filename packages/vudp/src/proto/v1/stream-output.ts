/**
 * The outbound half of a stream: bytes, their end, or their breaking off.
 *
 * Decides what the stream has to send and how far the peer's limit lets it. When a datagram leaves, and in which order
 * streams get their turn, is decided by others. Invariants: nothing is sent beyond the limit or after a reset; the end is
 * told with the last byte or after it.
 */
import { type VFailure, VFIOCompleted, VFIOLost, VIOLost } from '@vio/io'
import { SendBuffer } from './send-buffer.js'

/** How far a thing that has to arrive has come. */
type Progress = 'none' | 'owed' | 'sent' | 'acked'

/** The outbound half of one stream. */
export class StreamOutput {
  readonly buffer: SendBuffer = new SendBuffer()
  /** The code of the reset, once there is one. */
  resetCode = 0
  #limit: number
  #final: Progress = 'none'
  #reset: Progress = 'none'
  #end: VFailure | null = null
  #blockedAt = -1

  /** @param limit how far the peer lets it go at first */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** How far the peer lets it go. */
  get limit(): number {
    return this.#limit
  }

  /** Why nothing can be written any more, or null. */
  get end(): VFailure | null {
    return this.#end
  }

  /** True once all of it, and its end, has arrived, or its reset has. */
  get isDone(): boolean {
    return this.#reset === 'acked' || (this.#final === 'acked' && this.buffer.heldBytes === 0)
  }

  /** True once it ended cleanly and the peer has all of it. */
  get isComplete(): boolean {
    return this.#reset === 'none' && this.isDone
  }

  /** True once the end and all before it has been sent, at least once. */
  get isAllSent(): boolean {
    return this.#final !== 'none' && this.#final !== 'owed' && this.buffer.unsentBytes === 0
  }

  /** True while a reset has to be sent. */
  get owesReset(): boolean {
    return this.#reset === 'owed'
  }

  /** True if lost bytes, or a lost end, have to be sent again. */
  get hasLost(): boolean {
    return this.#reset === 'none' && (this.buffer.hasLost || this.#owesFinalAlone)
  }

  /** True if fresh bytes can be sent within the limit. */
  get hasFresh(): boolean {
    return this.#reset === 'none' && this.buffer.unsentBytes > 0 && this.buffer.nextOffset < this.#limit
  }

  /** How many fresh bytes may be sent within the limit. */
  get freshBytes(): number {
    return Math.min(this.buffer.unsentBytes, this.#limit - this.buffer.nextOffset)
  }

  /** True if it has bytes to send and the limit does not let it; `offset` is where it stands. */
  get isBlocked(): boolean {
    return this.#reset === 'none' && this.buffer.unsentBytes > 0 && this.buffer.nextOffset >= this.#limit
  }

  /** True once for each limit that it stands at: the peer is to be told then. */
  takeBlocked(): boolean {
    if (!this.isBlocked || this.#blockedAt === this.#limit) return false
    this.#blockedAt = this.#limit
    return true
  }

  /** The end can be told now: every byte before it was sent at least once. */
  get #owesFinalAlone(): boolean {
    return this.#final === 'owed' && this.buffer.unsentBytes === 0
  }

  /** Takes bytes to send. */
  write(bytes: Uint8Array): void {
    this.buffer.write(bytes)
  }

  /** Nothing more will be written. Returns false if it had ended before. */
  finish(): boolean {
    if (this.#end !== null) return false
    this.#end = new VFIOCompleted()
    this.#final = 'owed'
    return true
  }

  /** Breaks it off: what was not acknowledged is dropped. Returns false if it is over already. */
  reset(code: number, reason?: VFailure): boolean {
    if (this.#reset !== 'none' || this.isDone) return false
    this.#reset = 'owed'
    this.resetCode = code
    this.#end = reason ?? new VFIOLost(new VIOLost(`the stream was reset with code ${code}`))
    this.#finalOffset = this.buffer.nextOffset
    this.buffer.drop()
    return true
  }

  /** The connection is over, and so is this. Once the peer is known to have all, a clean end stays one. */
  lose(reason: VFailure): void {
    if (this.isComplete || this.#reset !== 'none') return
    this.#end = reason
    this.#reset = 'acked'
    this.buffer.drop()
  }

  /** The peer says that it has all: what was not acknowledged yet is. Returns how many bytes that were. */
  complete(): number {
    const isEnded = this.#final !== 'none' && this.#reset === 'none' && this.buffer.unsentBytes === 0
    if (!isEnded) return 0
    const bytes = this.buffer.drop()
    this.#final = 'acked'
    return bytes
  }

  /** Where the bytes ended that were sent before the reset. */
  get finalOffset(): number {
    return this.#finalOffset
  }

  #finalOffset = 0

  /** The peer's new limit; a lower one is an old one. Returns true if it was raised. */
  raiseLimit(limit: number): boolean {
    if (limit <= this.#limit) return false
    this.#limit = limit
    return true
  }

  /** True if a frame that ends at `end` is the last one and has to say so. */
  isFinalAt(end: number): boolean {
    return this.#final !== 'none' && end === this.buffer.endOffset && this.#reset === 'none'
  }

  /** A frame has left. */
  onSent(offset: number, length: number, final: boolean): void {
    this.buffer.onSent(offset, length)
    if (final && this.#final === 'owed') this.#final = 'sent'
  }

  /** A frame has arrived. Returns how many of its bytes were not known to have. */
  onAcked(offset: number, length: number, final: boolean): number {
    if (this.#reset !== 'none') return 0
    if (final) this.#final = 'acked'
    return this.buffer.onAcked(offset, length)
  }

  /** A frame was lost. */
  onLost(offset: number, length: number, final: boolean): void {
    if (this.#reset !== 'none') return
    if (final && this.#final === 'sent') this.#final = 'owed'
    this.buffer.onLost(offset, length)
  }

  /** The reset has left, was lost or has arrived. */
  onReset(progress: 'sent' | 'lost' | 'acked'): void {
    if (this.#reset === 'acked' || this.#reset === 'none') return
    this.#reset = progress === 'lost' ? 'owed' : progress
  }
}
