/**
 * The consuming end of elements whose owner takes bytes out when it likes: facades, adapters and sinks.
 *
 * Decides how much is granted: never more than what the owner allows to be held, less what is held. When bytes are
 * taken out, and whether an end is worth telling, is the owner's affair; it calls `finish` when it is done with an end.
 * Invariant: what is held and what may still come under the limit stay together within what the owner once allowed.
 */
import { type IVReactor, VIOClosed } from '@vio/reactor'
import { VByteBuffer } from '../byte-buffer.js'
import type { VIOControl } from '../control.js'
import { describeValue, UNLIMITED } from '../limit.js'
import type { IVByteConsumer, IVByteProducer } from '../types.js'
import { ConsumerEnd } from './consumer-end.js'
import { flowTermsOf } from './flow-terms.js'
import { BYTES } from './kind.js'

/** What an intake tells its owner. None of these may take long: they run in the call that brings the news. */
export interface IVByteIntakeOwner {
  /** A producer was attached. */
  attached(): void
  /** Bytes are in the buffer; these are the pieces that came now. */
  arrived(pieces: readonly Buffer[]): void
  /** The end came. What is in the buffer is still to be taken. */
  ended(): void
  /** The flow was taken down before its end came. The buffer is empty. */
  aborted(reason: Error | undefined): void
  /** The control that takes messages travelling with the bytes. */
  control(): VIOControl
}

/** How a flow ended. */
export interface VIntakeEnd {
  readonly clean: boolean
  readonly reason: Error | undefined
}

/**
 * Takes bytes into a buffer that its owner empties: a consumer for code that is not asked by the chain but asks itself.
 *
 * ```ts
 * const intake = new VByteIntake(reactor, owner, 4096)
 * intake.attach(endpoint.byteProduce)
 * const bytes = intake.buffer.pop() // later, as often as you like
 * intake.taken()
 * ```
 */
export class VByteIntake extends ConsumerEnd<VByteBuffer, IVByteConsumer, IVByteProducer> {
  /** What was taken and not taken out yet. Whoever takes out calls `taken`. */
  readonly buffer: VByteBuffer = new VByteBuffer()
  readonly #owner: IVByteIntakeOwner
  #allowedBytes: number
  #end: VIntakeEnd | null = null
  #totalBytes = 0
  #delivering = false

  /**
   * @param allowedBytes how many bytes may be held to begin with; Infinity for any number
   * @throws TypeError without a reactor, RangeError if `allowedBytes` is no number of bytes
   */
  constructor(reactor: IVReactor, owner: IVByteIntakeOwner, allowedBytes: number) {
    super(flowTermsOf(reactor, BYTES))
    this.#owner = owner
    this.#allowedBytes = checkAllowed(allowedBytes)
  }

  get control(): VIOControl {
    return this.#owner.control()
  }

  /** How the flow ended; null before. */
  get end(): VIntakeEnd | null {
    return this.#end
  }

  /** Bytes taken over all attachments. */
  get totalBytes(): number {
    return this.#totalBytes
  }

  /** True once nothing more can come. */
  get over(): boolean {
    return this.closed
  }

  /**
   * From now on up to `bytes` may be held. What was granted before stays granted.
   *
   * @throws RangeError if it is neither a whole number from 0 on nor Infinity
   */
  allow(bytes: number): void {
    this.#allowedBytes = checkAllowed(bytes)
    this.taken()
  }

  /** Bytes were taken out of the buffer: grants what may come instead. */
  taken(): void {
    if (this.#delivering || this.peer === null || this.closed) return
    const room = this.#allowedBytes - this.buffer.length
    const credit = this.limitUnits - this.movedUnits
    // A grant is a call up the chain: small ones wait for each other, unless the producer has nothing left.
    if (room > credit && (credit === 0 || room - credit >= this.#allowedBytes / 2)) {
      this.grant(this.movedUnits + room)
    }
  }

  /** The owner is done with the end: the producer is told, with a reason if something is missing after all. */
  finish(reason?: Error): void {
    const own = this.#end?.clean === false ? this.#end.reason : undefined
    this.abort(reason ?? own)
  }

  /** Drops what is held and takes the flow down. */
  giveUp(reason: Error): void {
    this.buffer.clear()
    this.abort(reason)
  }

  protected deliver(data: VByteBuffer, count: number): void {
    const attachment = this.attachment
    const pieces = data.popList(count)
    for (const piece of pieces) this.buffer.append(piece)
    this.movedUnits += count
    this.#totalBytes += count
    this.#delivering = true
    try {
      this.#owner.arrived(pieces)
    } finally {
      this.#delivering = false
    }
    if (attachment !== this.attachment) return
    this.limitUnits = this.movedUnits + Math.max(0, this.#allowedBytes - this.buffer.length)
  }

  protected handleEnd(clean: boolean, reason: Error | undefined): void {
    this.#end = { clean, reason }
    this.guard('the handler of an end', () => this.#owner.ended())
  }

  protected handleAborted(reason: Error | undefined): void {
    // What came before the end is complete: the owner may take it out although the chain is gone.
    if (this.#end !== null) return
    this.buffer.clear()
    this.#owner.aborted(reason)
  }

  protected peerAttached(): void {
    this.taken()
    this.#owner.attached()
  }

  protected peerDetached(): void {}

  protected override endedError(): Error {
    return new VIOClosed('this input was closed and takes no more data')
  }
}

function checkAllowed(bytes: number): number {
  if ((Number.isSafeInteger(bytes) && bytes >= 0) || bytes === UNLIMITED) return bytes
  throw new RangeError(`what may be held is a whole number of bytes or Infinity, got ${describeValue(bytes)}`)
}
