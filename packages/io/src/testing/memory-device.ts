/**
 * A device that lives in memory, one of two that are joined.
 *
 * Each direction between the two is a `MemoryLink`, which decides how much may be on its way and how it ends; the device
 * is one link's writing and the other's reading end. Invariants: no more than a link's capacity is on the way, bytes
 * arrive in order, and the end arrives after them, unless it is a loss, which drops what was not read.
 */
import { type IVReactor, type VFailure, VFIOCompleted, VFIOLost, VIOError, VIOLost } from '@vio/reactor'
import { VByteBuffer } from '../byte-buffer.js'
import type { VPeer } from '../peer.js'
import type { IVByteDevice } from '../types.js'

/**
 * How much a device passes at once: the sizes of a list, over and over, or what a function says to the size that is
 * asked for. 0 stands for a call that moves nothing.
 */
export type VSizeScript = readonly number[] | ((wantedBytes: number) => number)

/** Reads the next size of a script. */
export class SizeScript {
  readonly #script: VSizeScript | undefined
  #at = 0

  constructor(script: VSizeScript | undefined) {
    if (Array.isArray(script) && script.every((size) => size === 0)) {
      throw new RangeError('a list of sizes has one above 0, as nothing would ever move otherwise')
    }
    this.#script = script
  }

  /** As much of `wanted` as the script lets pass. */
  next(wanted: number): number {
    const script = this.#script
    if (script === undefined) return wanted
    if (typeof script === 'function') return Math.max(0, Math.min(wanted, script(wanted)))
    const size = script[this.#at % script.length] ?? wanted
    this.#at += 1
    return Math.min(wanted, size)
  }
}

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
    this.#epoch += 1
    this.#onWay = 0
    this.#arrived.clear()
    this.#writerClosed = true
    this.#end ??= reason
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

/** What a device starts a connection with. */
export interface MemoryConnector {
  start(peer: VPeer): void
}

/** What a device is made of. */
export interface MemoryDeviceParts {
  readonly input: MemoryLink
  readonly output: MemoryLink
  readonly readSizes: VSizeScript | undefined
  readonly writeSizes: VSizeScript | undefined
  /** Given to a device that can connect; such a one is not connected at first. */
  readonly connector: MemoryConnector | undefined
  readonly connected: boolean
}

/** One of two devices that are joined in memory. */
export class VMemoryDevice implements IVByteDevice {
  /** Starts to connect. Only on a device that was made to be connected. */
  readonly connect?: (peer: VPeer) => void
  readonly #input: MemoryLink
  readonly #output: MemoryLink
  readonly #readSizes: SizeScript
  readonly #writeSizes: SizeScript
  readonly #calls: string[] = []
  #changed: () => void = () => undefined
  #connected: boolean
  #peer: VPeer | null = null
  #failure: VFailure | null = null
  #closed: VFailure | null = null

  constructor(parts: MemoryDeviceParts) {
    this.#input = parts.input
    this.#output = parts.output
    this.#readSizes = new SizeScript(parts.readSizes)
    this.#writeSizes = new SizeScript(parts.writeSizes)
    this.#connected = parts.connected
    const { connector } = parts
    if (connector !== undefined) {
      this.connect = (peer) => {
        this.#calls.push(`connect(${String(peer)})`)
        if (this.#connected || this.#closed !== null) throw new VIOError('the device was connected or closed')
        connector.start(peer)
      }
    }
  }

  /** What the device was told to connect, end and close, in order: `connect(...)`, `closeInput(VFIOCompleted)`. */
  get calls(): readonly string[] {
    return this.#calls
  }

  get connected(): boolean {
    return this.#connected
  }

  get peer(): VPeer | null {
    return this.#peer
  }

  get readable(): boolean {
    return this.#connected && this.#input.arrivedBytes > 0
  }

  get inputEnd(): VFailure | null {
    return this.#failure ?? this.#input.readEnd
  }

  get writable(): boolean {
    return this.#connected && this.#failure === null && this.#output.writable
  }

  get outputEnd(): VFailure | null {
    return this.#failure ?? this.#output.writeEnd
  }

  /** Bytes that were taken and, where there is a delay, have not arrived at the other end. */
  get unflushedBytes(): number {
    return this.#output.onWayBytes
  }

  /** Bytes that arrived and were not read. */
  get unreadBytes(): number {
    return this.#input.arrivedBytes
  }

  /** Why the device was closed, or null. */
  get closed(): VFailure | null {
    return this.#closed
  }

  onReady(changed: () => void): void {
    this.#changed = changed
  }

  readSome(maxBytes: number): Buffer {
    if (!this.readable) return Buffer.alloc(0)
    return this.#input.read(this.#readSizes.next(maxBytes))
  }

  writeSome(data: Uint8Array): number {
    if (!this.writable || data.length === 0) return 0
    return this.#output.write(data, this.#writeSizes.next(data.length))
  }

  closeInput(reason: VFailure): void {
    this.#calls.push(`closeInput(${reason.constructor.name})`)
    this.#input.stopReading()
  }

  closeOutput(reason: VFailure): void {
    this.#calls.push(`closeOutput(${reason.constructor.name})`)
    this.#output.finish(reason)
  }

  close(reason: VFailure): void {
    if (this.#closed !== null) return
    this.#calls.push(`close(${reason.constructor.name})`)
    this.#closed = reason
    this.#output.finish(reason)
    this.#input.breakOff()
  }

  /** For the pair: calls the function that was given to `onReady`. */
  notify(): void {
    this.#changed()
  }

  /** For the pair: the connection is there. */
  establish(peer: VPeer): void {
    this.#connected = true
    this.#peer = peer
    this.#changed()
  }

  /** For the pair: there will be no connection, or the one there was is gone, as this device alone sees it. */
  fail(reason: VFailure): void {
    this.#failure ??= reason
    this.#changed()
  }
}
