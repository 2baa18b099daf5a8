/**
 * The inbound half of a stream: bytes in order, their end, or their breaking off.
 *
 * Decides what the application may read and whether a frame fits the limit and the final offset. Acknowledgements and
 * the limit of all streams together are the affair of others. Invariants: no byte beyond the limit is taken, the final
 * offset never changes, and what counts as read is told once for each byte.
 */
import { type VFailure, VFIOCompleted, VFIOLost } from '@vio/io'
import { ProtocolFault, VUDPLost, VUT_CODE } from '../errors.js'
import { VUT1 } from '../profile.js'
import { ReceiveWindow } from './flow.js'
import { RecvBuffer } from './recv-buffer.js'

/** The inbound half of one stream. */
export class StreamInput {
  readonly buffer: RecvBuffer = new RecvBuffer()
  readonly window: ReceiveWindow
  /** The code of STOP_SENDING, once there is one. */
  stopCode = 0
  #highest = 0
  #final = -1
  #end: VFailure | null = null
  #isStopped = false
  /** How far the application had read when it gave the stream up. */
  #stoppedAt = 0
  #isReset = false
  /** Bytes that were given back to the limit of all streams together. */
  #released = 0

  constructor(windowBytes: number, maxWindowBytes: number) {
    this.window = new ReceiveWindow(windowBytes, maxWindowBytes)
  }

  /** How far the peer has sent. */
  get highestOffset(): number {
    return this.#highest
  }

  /** Why no more will come, or null. */
  get end(): VFailure | null {
    return this.#end
  }

  /** True if all has come, or nothing more will. */
  get isDone(): boolean {
    if (this.#isReset) return true
    // What was given up is not waited for.
    return this.#final >= 0 && (this.#isStopped || this.buffer.nextOffset >= this.#final)
  }

  /** True if all has come, up to a clean end; of a stream that was given up, if there was nothing beyond. */
  get isComplete(): boolean {
    if (this.#isStopped) return this.#final >= 0 && this.#final <= this.#stoppedAt
    return !this.#isReset && this.isDone
  }

  /** True if the application gave it up. */
  get isStopped(): boolean {
    return this.#isStopped
  }

  /** True while new limits are of use. */
  get takesMore(): boolean {
    return this.#final < 0 && !this.#isStopped && !this.#isReset
  }

  /** How far a frame goes beyond what the peer had sent before. */
  growth(end: number): number {
    return Math.max(0, end - this.#highest)
  }

  /**
   * Takes bytes of a STREAM frame. Returns how many were new.
   *
   * @throws ProtocolFault if they are beyond the limit or the final offset
   */
  receive(offset: number, bytes: Buffer, final: boolean, isLent: boolean): number {
    const end = offset + bytes.length
    this.#check(end, final)
    this.#highest = Math.max(this.#highest, end)
    if (final) this.#final = end
    const fresh = this.#isReset || this.#isStopped ? 0 : this.buffer.insert(offset, bytes, isLent)
    if (this.buffer.gapCount > VUT1.maxGaps) {
      throw new ProtocolFault(VUT_CODE.internal, `a stream in over ${VUT1.maxGaps} pieces`)
    }
    if (this.isComplete) this.#end ??= new VFIOCompleted()
    return fresh
  }

  /**
   * The peer breaks it off at `final`. What is in order can still be read. Returns false if it did before.
   *
   * @throws ProtocolFault if that contradicts what it sent
   */
  receiveReset(code: number, final: number): boolean {
    this.#check(final, true)
    // All had come before the reset: then it is of no use any more.
    const wasDone = this.isDone
    this.#highest = final
    this.#final = final
    if (wasDone) return false
    this.#isReset = true
    this.#end ??= new VFIOLost(new VUDPLost(code, 'the peer reset the stream', true))
    this.buffer.dropHeld()
    return true
  }

  /** Takes up to `maxBytes` in order. */
  readSome(maxBytes: number): Buffer {
    return this.buffer.readSome(maxBytes)
  }

  /** The application gives it up. Returns false if there is nothing to give up. */
  stop(code: number): boolean {
    if (this.#isStopped) return false
    this.#isStopped = true
    this.#stoppedAt = this.buffer.readOffset
    this.stopCode = code
    const wasOpen = !this.isDone
    this.buffer.drop()
    return wasOpen
  }

  /** The connection is over, and so is this, unless all has come. What is in order can still be read. */
  lose(reason: VFailure): void {
    if (this.#end !== null) return
    this.#end = reason
    this.#isReset = true
    this.buffer.dropHeld()
  }

  /** How many bytes more than before are read or will never be: they no longer count against the limits. */
  takeReleased(): number {
    const isGone = this.#isStopped || (this.#isReset && this.buffer.readableBytes === 0)
    const gone = isGone ? this.#highest : 0
    const released = Math.max(this.buffer.readOffset, gone)
    const fresh = released - this.#released
    this.#released = released
    return fresh
  }

  #check(end: number, final: boolean): void {
    if (end > this.window.limit) {
      throw new ProtocolFault(VUT_CODE.flow, `bytes up to ${end} where the limit is ${this.window.limit}`)
    }
    const contradicts = this.#final >= 0 ? end > this.#final || (final && end !== this.#final) : false
    if (contradicts || (final && end < this.#highest)) {
      throw new ProtocolFault(
        VUT_CODE.finalSize,
        `bytes up to ${end} where the final offset is ${this.#final}`,
      )
    }
  }
}
