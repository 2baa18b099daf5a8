/**
 * One direction between two devices in memory.
 *
 * Decides how much may be on its way and how it ends. Invariants: no more than the capacity is on the way, bytes arrive
 * in order, and the end arrives behind them, unless it is a loss, which drops what was not read.
 */
import { type IVReactor, type VFailure, VFIOCompleted, VFIOLost, VIOLost } from '@vio/reactor'
import { VByteBuffer } from '../byte-buffer.js'

/** What a link needs to know. */
export interface MemoryLinkOptions {
  readonly capacityBytes: number
  readonly delayMs: number
  readonly reactor: IVReactor | undefined
  /** Tells both devices that something changed. */
  readonly changed: () => void
}

/** One direction between two devices. */
export class MemoryLink {
  readonly #options: MemoryLinkOptions
  readonly #arrived = new VByteBuffer()
  #onWay = 0
  #epoch = 0
  /** The end as the reader will see it once everything was read. */
  #end: VFailure | null = null
  /** Why the writer can write no more. */
  #writerEnd: VFailure | null = null
  #writerClosed = false
  #readerClosed = false
  /** The reading device was closed altogether: the next write finds out. */
  #broken = false

  constructor(options: MemoryLinkOptions) {
    this.#options = options
  }

  /** Bytes that can be read. */
  get arrivedBytes(): number {
    return this.#arrived.length
  }

  /** Bytes that were written and have not arrived. */
  get onWayBytes(): number {
    return this.#onWay
  }

  get readEnd(): VFailure | null {
    return this.#arrived.length === 0 ? this.#end : null
  }

  get writeEnd(): VFailure | null {
    return this.#writerEnd
  }

  get writable(): boolean {
    return !this.#writerClosed && this.#writerEnd === null && this.#room > 0
  }

  get #room(): number {
    if (this.#readerClosed || this.#broken) return this.#options.capacityBytes
    return this.#options.capacityBytes - this.#arrived.length - this.#onWay
  }

  read(maxBytes: number): Buffer {
    const bytes = this.#arrived.popChunk(maxBytes)
    if (bytes.length > 0) this.#options.changed()
    return bytes
  }

  /** Takes what there is room for, up to `maxBytes`. */
  write(data: Uint8Array, maxBytes: number): number {
    if (!this.writable) return 0
    const size = Math.min(this.#room, maxBytes, data.length)
    if (size <= 0) return 0
    if (this.#broken) {
      this.#writerEnd = new VFIOLost(new VIOLost('the other end was closed and takes no more'))
      this.#options.changed()
      return size
    }
    if (!this.#readerClosed) this.#later(size, () => this.#arrived.append(data.subarray(0, size)))
    return size
  }

  /** The writer ends the link: after what is on the way, or with its loss. */
  finish(reason: VFailure): void {
    if (this.#writerClosed) return
    this.#writerClosed = true
    if (!(reason instanceof VFIOCompleted)) {
      this.lose(reason)
      return
    }
    this.#later(0, () => {
      this.#end ??= reason
      this.#writerEnd ??= reason
    })
  }

  /** The reader takes no more. */
  stopReading(): void {
    this.#readerClosed = true
    this.#arrived.clear()
    this.#options.changed()
  }

  /** The reading device is gone. */
  breakOff(): void {
    this.stopReading()
    this.#broken = true
  }

  /** Drops what was not read, and ends the link as lost on both sides. */
  lose(reason: VFailure): void {
    // A clean end that stands behind bytes which are dropped now was never reached.
    const complete = this.#arrived.length === 0 && this.#onWay === 0
    this.#epoch += 1
    this.#onWay = 0
    this.#arrived.clear()
    this.#writerClosed = true
    this.#end = complete ? (this.#end ?? reason) : reason
    this.#writerEnd ??= reason
    this.#options.changed()
  }

  /** Lets something take effect at the reader: after the delay, in order, unless the link is lost before. */
  #later(size: number, arrive: () => void): void {
    const { delayMs, reactor, changed } = this.#options
    if (delayMs === 0 || reactor === undefined) {
      arrive()
      changed()
      return
    }
    const epoch = this.#epoch
    this.#onWay += size
    reactor.schedule(delayMs, () => {
      if (epoch !== this.#epoch) return
      this.#onWay -= size
      if (!this.#readerClosed || size === 0) arrive()
      changed()
    })
  }
}
