/**
 * A stream of a VUT connection as a byte device, for `VByteEndpoint` to make a chain end of.
 *
 * Decides how the ends of a device become those of a stream: a clean end of the output is FIN (or CLOSE), any other is an
 * abort that the peer is told of. Bytes and windows are the engine's. Invariant: after each call that may have changed
 * what the engine wants, whoever drives it is told.
 */
import { type IVByteDevice, type VFailure, VFIOCompleted, type VPeer } from '@vio/io'
import type { IVUDPEngine, IVUDPStream } from '../proto/engine.js'

/** What a device needs besides its stream. */
export interface StreamDeviceOwner {
  readonly engine: IVUDPEngine
  /** The engine was called: it is to be polled. */
  kick(): void
  /** The device was released. */
  deviceReleased(device: StreamDevice, reason: VFailure): void
}

/** A stream as a device. It is connected once the connection is. */
export class StreamDevice implements IVByteDevice {
  readonly stream: IVUDPStream
  /** Who drives the engine. */
  readonly owner: StreamDeviceOwner
  #changed: () => void = () => undefined
  /** Once the input was given up nothing of it is shown. */
  #inputClosed = false
  #outputClosed = false
  #released = false
  /** Why there is no engine any more that could say so. */
  #cut: VFailure | null = null

  constructor(owner: StreamDeviceOwner, stream: IVUDPStream) {
    this.owner = owner
    this.stream = stream
  }

  get connected(): boolean {
    return this.owner.engine.connected
  }

  /** It connects by itself, unless that has failed. */
  get connecting(): boolean {
    return !this.connected && this.#cut === null && this.owner.engine.closed === null
  }

  get peer(): VPeer {
    return this.owner.engine.peer
  }

  get readable(): boolean {
    return !this.#inputClosed && this.#cut === null && this.stream.readable
  }

  get inputEnd(): VFailure | null {
    return this.#cut ?? (this.readable ? null : this.stream.inputEnd)
  }

  get writable(): boolean {
    return !this.#outputClosed && this.#cut === null && this.stream.writable
  }

  /** A clean end counts once all before it has arrived. */
  get outputEnd(): VFailure | null {
    if (this.#cut !== null) return this.#cut
    const { outputEnd, unflushedBytes } = this.stream
    return outputEnd instanceof VFIOCompleted && unflushedBytes > 0 ? null : outputEnd
  }

  /** True once it was released and nothing more is to be told of it. */
  get isThrough(): boolean {
    return this.#released && this.outputEnd !== null
  }

  get unflushedBytes(): number {
    return this.stream.unflushedBytes
  }

  onReady(changed: () => void): void {
    this.#changed = changed
  }

  readSome(maxBytes: number): Buffer {
    if (!this.readable) return Buffer.alloc(0)
    const bytes = this.stream.readSome(maxBytes)
    if (this.stream.owesNews) this.owner.kick()
    return bytes
  }

  writeSome(data: Uint8Array): number {
    if (!this.writable || data.length === 0) return 0
    const size = this.stream.writeSome(data)
    if (size > 0) this.owner.kick()
    return size
  }

  closeInput(_reason: VFailure): void {
    if (this.#inputClosed) return
    this.#inputClosed = true
    this.stream.stop()
    this.owner.kick()
  }

  closeOutput(reason: VFailure): void {
    if (this.#outputClosed) return
    this.#outputClosed = true
    if (reason instanceof VFIOCompleted) this.stream.finish()
    else this.stream.reset()
    this.owner.kick()
  }

  close(reason: VFailure): void {
    if (this.#released) return
    this.#released = true
    this.closeOutput(reason)
    this.closeInput(reason)
    this.owner.deviceReleased(this, reason)
    this.owner.kick()
  }

  /** The engine failed: it can be asked nothing any more. */
  cut(reason: VFailure): void {
    this.#cut = reason
    this.#changed()
  }

  /** The engine says that something about the stream may have changed. */
  notify(): void {
    this.#changed()
  }
}
