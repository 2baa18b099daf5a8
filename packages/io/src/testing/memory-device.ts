/**
 * A device that lives in memory, one of two that are joined.
 *
 * Decides how little passes at once, by script, and keeps a record of what it was told. It is the writing end of one link
 * and the reading end of another, which decide the rest. Invariant: nothing passes before it is connected.
 */
import { type VFailure, VIOError } from '@vio/reactor'
import type { VPeer } from '../peer.js'
import type { IVByteDevice } from '../types.js'
import type { MemoryLink } from './memory-link.js'
import { SizeScript, type VSizeScript } from './size-script.js'

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
