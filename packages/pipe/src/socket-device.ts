/**
 * `SocketDevice`: a pipe or a socket under `node:net`, where native is not there.
 *
 * Decides when the descriptor is let go of; how bytes pass is `VStreamDevice`'s affair. Invariants: Node owns the
 * descriptor from here on and closes it once, when both directions are through; a pipe that is only read, or only
 * written, is closed with its direction, so that the other side hears of it.
 */
import { Socket, type SocketConstructorOpts } from 'node:net'
import { type VFailure, VFIOCompleted, VFIOLost, VIOException } from '@vio/io'
import { VStreamDevice } from '@vio/io/node'
import { VDescriptorError } from './errors.js'
import { readStreamOn } from './tty-streams.js'
import type { DeviceSpec, IVDescriptorDevice } from './types.js'

/** Makes a socket of `node:net` on a pipe or a socket. */
export function socketOn(spec: DeviceSpec): Socket {
  // The types do not say that a socket takes the options of streams too.
  const options: SocketConstructorOpts & { readonly highWaterMark: number } = {
    fd: spec.fd,
    readable: spec.use !== 'write',
    writable: spec.use !== 'read',
    allowHalfOpen: true,
    highWaterMark: spec.chunkBytes,
  }
  return new Socket(options)
}

/** Makes a stream of `node:tty` on a terminal: one that is read, as one that is written would make the process wait. */
export function terminalOn(spec: DeviceSpec): Socket {
  return readStreamOn(spec.fd, spec.use !== 'write', spec.use !== 'read')
}

/** A descriptor that Node watches. */
export class SocketDevice implements IVDescriptorDevice {
  readonly connected = true
  readonly peer = null
  readonly #spec: DeviceSpec
  readonly #socket: Socket
  readonly #stream: VStreamDevice
  #inputEnd: VFailure | null = null
  #outputEnd: VFailure | null = null
  #released: () => void = () => undefined

  /** @throws VDescriptorError if Node cannot take the descriptor: it may be watched already */
  constructor(spec: DeviceSpec, make: (spec: DeviceSpec) => Socket = socketOn) {
    try {
      this.#socket = make(spec)
    } catch (cause) {
      throw VDescriptorError.of(`descriptor ${spec.fd} cannot be used as a ${spec.kind}`, cause)
    }
    this.#spec = spec
    this.#stream = new VStreamDevice(this.#socket)
    this.#socket.once('close', () => this.#released())
  }

  get fd(): number {
    // From its destruction on the number may be another's, although the stream tells it later.
    return this.#socket.destroyed ? -1 : this.#spec.fd
  }

  get readable(): boolean {
    return this.#stream.readable
  }

  get inputEnd(): VFailure | null {
    if (this.#spec.use === 'write') return NOTHING
    this.#inputEnd ??= named('reading', this.#stream.inputEnd)
    return this.#inputEnd
  }

  get writable(): boolean {
    return this.#stream.writable
  }

  get outputEnd(): VFailure | null {
    if (this.#spec.use === 'read') return NOTHING
    this.#outputEnd ??= named('writing', this.#stream.outputEnd)
    return this.#outputEnd
  }

  get unflushedBytes(): number {
    return this.#stream.unflushedBytes
  }

  onReady(changed: () => void): void {
    this.#stream.onReady(changed)
  }

  onReleased(released: () => void): void {
    this.#released = released
  }

  readSome(maxBytes: number): Buffer {
    return this.#stream.readSome(maxBytes)
  }

  writeSome(data: Uint8Array): number {
    return this.#stream.writeSome(data)
  }

  closeInput(reason: VFailure): void {
    if (this.#spec.use === 'write') return
    this.#stream.closeInput(reason)
    if (this.#spec.use === 'read') this.#socket.destroy()
  }

  closeOutput(reason: VFailure): void {
    if (this.#spec.use !== 'read') this.#stream.closeOutput(reason)
  }

  close(reason: VFailure): void {
    this.#stream.close(reason)
    if (this.#spec.use === 'read') this.#socket.destroy()
  }
}

/** An end whose reason the system gave, with that as an error of this package. */
function named(what: string, end: VFailure | null): VFailure | null {
  if (end === null || end instanceof VFIOCompleted || end.value instanceof VIOException) return end
  return new VFIOLost(VDescriptorError.of(what, end.value))
}

/** The end of a direction that is not there. */
const NOTHING: VFailure = new VFIOCompleted()
