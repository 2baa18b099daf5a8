/**
 * `VNativeSocketDevice`: a socket of the system itself as a byte device, without a stream of Node between.
 *
 * Decides when the socket is waited for and what the system's answers mean to a chain's end. What is written is given to
 * the system at once or not taken, but for small writes, which wait for the end of their burst; what is read waits in the
 * intake. Invariants: each direction has one end, which is told behind its last byte; nothing is asked of the system after
 * the socket was let go.
 */
import {
  type VFailure,
  VFIOCompleted,
  VFIOLost,
  VIOClosed,
  VIOError,
  type VPeer,
  type VSocketPeer,
  VUnixSocketPeer,
} from '@vio/io'
import { asSocketPeer } from './address.js'
import { checkFlag, describeValue, NOTHING } from './describe.js'
import type { VSocketLost } from './errno.js'
import { EMPTY, NativeIntake } from './native-intake.js'
import {
  connectNative,
  type NativeOpener,
  type OpenedNative,
  type VNativeSocketDeviceOptions,
} from './native-opener.js'
import { NativeOutlet } from './native-outlet.js'
import { type SocketListener, VNativeSocket } from './native-socket.js'
import { netDeviceSettings } from './net-device-options.js'
import type { IVSocketDevice } from './socket-device.js'
import type { GiveUp, OpeningOutcome } from './socket-opener.js'

/**
 * Reads and writes a socket that `native` has opened and connected, or null, which `connect` then opens.
 *
 * The same to a chain as `VNetDevice` with the same options. `maxWriteBytes` bounds what one call takes, and what waits in
 * the device. A loss that comes behind bytes is told behind them.
 */
export class VNativeSocketDevice implements IVSocketDevice {
  readonly maxReadBytes: number
  readonly maxWriteBytes: number
  readonly #intake: NativeIntake
  readonly #lingerMs: number
  /** What connects; null once it is not needed any more. */
  #opener: NativeOpener | null = null
  #changed: () => void = NOTHING
  #closed: () => void = NOTHING
  #gone = false
  #socket: VNativeSocket | null = null
  #giveUp: GiveUp | null = null
  #peer: VSocketPeer | null
  #connected = false
  #inputEnd: VFailure | null = null
  #outputEnd: VFailure | null = null
  #inputClosed = false
  #outputClosed = false
  #released: VFailure | null = null
  #outlet: NativeOutlet | null = null
  /** Nobody takes what was read, so no more is read. */
  #stopped = false
  /** The system has told the end of the input, whoever was there to hear it. */
  #sawEnd = false
  /** What a write has learned about the connection; a read would take it for a clean end then. */
  #broken: VSocketLost | null = null
  #linger: NodeJS.Timeout | undefined
  #noDelay: boolean
  #keepAlive: boolean

  /** @throws RangeError for a size below 1, VAddressError for a wrong source address, TypeError for what is no socket */
  constructor(socket: VNativeSocket | null, options: VNativeSocketDeviceOptions = {}) {
    if (socket !== null && !(socket instanceof VNativeSocket)) {
      throw new TypeError(`a native socket device needs a native socket, got ${describeValue(socket)}`)
    }
    const settings = netDeviceSettings(options)
    this.maxReadBytes = settings.maxReadBytes
    this.maxWriteBytes = settings.maxWriteBytes
    this.#lingerMs = settings.lingerMs
    this.#noDelay = settings.noDelay
    this.#keepAlive = settings.keepAlive
    this.#peer = options.peer ?? null
    this.#intake = new NativeIntake(this.maxReadBytes)
    if (socket !== null) this.#adopt(socket, this.#peer)
    else this.#opener = options.opener ?? ((to, outcome) => connectNative(to, settings.source, outcome))
  }

  get connected(): boolean {
    return this.#connected
  }

  get peer(): VSocketPeer | null {
    return this.#peer
  }

  /** This side's address; null while there is none, and for a Unix socket. */
  get localPeer(): VSocketPeer | null {
    return this.#isIP ? (this.#socket?.localPeer ?? null) : null
  }

  /** Bytes that wait to be read: at most those of two reads. */
  get heldBytes(): number {
    return this.#intake.heldBytes
  }

  get readable(): boolean {
    return this.#intake.heldBytes > 0 && !this.#inputClosed
  }

  get inputEnd(): VFailure | null {
    return this.#inputClosed || this.#intake.heldBytes === 0 ? this.#inputEnd : null
  }

  get writable(): boolean {
    return this.#connected && this.#outlet?.full !== true && !this.#outputClosed && this.#outputEnd === null
  }

  get outputEnd(): VFailure | null {
    return this.#outputEnd
  }

  get unflushedBytes(): number {
    return this.#outlet?.pendingBytes ?? 0
  }

  /** Whether small writes are sent at once. */
  get noDelay(): boolean {
    return this.#noDelay
  }

  set noDelay(on: boolean) {
    this.#noDelay = checkFlag('noDelay', on)
    if (this.#connected && this.#isIP) this.#socket?.setNoDelay(on)
  }

  /** Whether a silent peer is asked if it is there. */
  get keepAlive(): boolean {
    return this.#keepAlive
  }

  set keepAlive(on: boolean) {
    this.#keepAlive = checkFlag('keepAlive', on)
    if (this.#connected && this.#isIP) this.#socket?.setKeepAlive(on)
  }

  onReady(changed: () => void): void {
    this.#changed = changed
  }

  /**
   * @throws VIOError if it was connected before or closed, TypeError for what is no socket peer, VAddressError for one
   *   that cannot be connected to
   */
  connect(peer: VPeer): void {
    const opener = this.#opener
    if (opener === null) throw new VIOError('this device was connected before; use a new one')
    if (this.#released !== null || this.#inputEnd !== null)
      throw new VIOClosed('this device is closed; use a new one')
    const target = asSocketPeer(peer)
    const outcome: OpeningOutcome<OpenedNative> = {
      opened: (made) => this.#adopt(made.socket, made.peer),
      failed: (error) => this.#lose(new VFIOLost(error)),
    }
    this.#opener = null
    this.#giveUp = opener(target, outcome, null)
  }

  readSome(maxBytes: number): Buffer {
    if (!this.readable) return EMPTY
    const bytes = this.#intake.take(maxBytes)
    if (this.#stopped && !this.#intake.full) {
      this.#stopped = false
      this.#wait()
    }
    return bytes
  }

  writeSome(data: Uint8Array): number {
    const socket = this.#socket
    if (socket === null || !this.writable || data.length === 0) return 0
    this.#outlet ??= new NativeOutlet(socket, {
      outputFull: () => this.#wait(),
      outputBroken: (error) => this.#outputBroken(error),
    })
    return this.#outlet.write(data, this.maxWriteBytes)
  }

  closeInput(reason: VFailure): void {
    if (this.#inputClosed) return
    this.#inputClosed = true
    this.#intake.discard()
    this.#stopped = false
    this.#wait()
    this.#inputEnd ??= reason
  }

  closeOutput(reason: VFailure): void {
    if (this.#outputClosed) return
    this.#outputClosed = true
    if (this.#outputEnd !== null) return
    if (!(reason instanceof VFIOCompleted)) this.#reset(reason)
    else if (this.#connected) this.#endOutput()
  }

  close(reason: VFailure): void {
    // What was taken before a clean close is sent; a later, less clean one changes nothing of that.
    if (this.#released !== null) return
    this.#released = reason
    this.closeInput(reason)
    if (reason instanceof VFIOCompleted && this.#connected) {
      this.closeOutput(reason)
      this.#letGo()
    } else this.#reset(reason)
  }

  /** Drops the connection at once, whatever was asked for before. */
  reset(reason: VFailure): void {
    this.#released = reason
    this.#inputClosed = true
    this.#outputClosed = true
    this.#intake.discard()
    this.#reset(reason)
  }

  /** Names a function to call when the socket is gone; at once if it is so already. The last one named counts. */
  onClosed(closed: () => void): void {
    this.#closed = closed
    if (this.#gone) closed()
  }

  get #isIP(): boolean {
    return !(this.#peer instanceof VUnixSocketPeer)
  }

  #adopt(socket: VNativeSocket, peer: VSocketPeer | null): void {
    this.#giveUp = null
    if (this.#released !== null) {
      socket.close()
      return
    }
    this.#socket = socket
    this.#peer = peer ?? socket.remotePeer
    this.#connected = true
    if (this.#isIP && this.#noDelay) socket.setNoDelay(true)
    if (this.#isIP && this.#keepAlive) socket.setKeepAlive(true)
    socket.listen(this as unknown as SocketListener)
    if (this.#outputClosed) this.#endOutput()
    this.#wait()
    this.#changed()
  }

  /** For the socket. */
  protected ready(readable: boolean, writable: boolean, failed: boolean): void {
    const outlet = this.#outlet
    if (writable && outlet !== null) {
      outlet.full = false
      if (outlet.flush() && this.#outputClosed && this.#outputEnd === null) this.#endOutput()
    }
    // An error that only a writer asked for has to be found by somebody: whoever writes next, or else a read.
    if (readable || (failed && !writable)) this.#read()
    this.#wait()
    this.#changed()
  }

  #read(): void {
    const socket = this.#socket
    if (socket === null || this.#sawEnd) return
    if (this.#intake.full && !this.#inputClosed) {
      this.#stopped = true
      return
    }
    const result = this.#intake.fill(socket)
    if (typeof result !== 'number') this.#lose(new VFIOLost(result))
    else if (result === 0) this.#inputOver()
  }

  #inputOver(): void {
    this.#sawEnd = true
    if (this.#broken === null) {
      this.#inputEnd ??= new VFIOCompleted()
      this.#letGo()
    } else this.#lose(new VFIOLost(this.#broken))
  }

  /** Tells the system what to wait for. */
  #wait(): void {
    this.#socket?.want(
      !this.#stopped && !this.#sawEnd,
      this.#outlet?.full === true && this.#outputEnd === null,
    )
  }

  /** Ends the output once the system has all that was taken; goes on when it takes more. */
  #endOutput(): void {
    if (this.#outlet?.flush() === false) return
    this.#socket?.shutdown()
    this.#outputEnd ??= new VFIOCompleted()
    this.#letGo()
    this.#changed()
  }

  /** The write has taken the error, so what a read tells from now on is no clean end. */
  #outputBroken(error: VSocketLost): void {
    // On a Unix socket the other side may have closed in order, and what it wrote before can still be read.
    if (this.#isIP) this.#broken = error
    this.#outputEnd ??= new VFIOLost(error)
    this.#outlet?.clear()
    this.#changed()
  }

  #lose(failure: VFailure): void {
    this.#sawEnd = true
    this.#inputEnd ??= failure
    this.#outputEnd ??= failure
    this.#drop()
    this.#changed()
  }

  /** After a clean close: what was taken has been given to the system, and nothing comes any more, or not soon. */
  #letGo(): void {
    const socket = this.#socket
    if (!(this.#released instanceof VFIOCompleted) || socket === null || this.#outputEnd === null) return
    if (this.#sawEnd || this.#lingerMs === 0) this.#drop()
    else {
      socket.unref()
      this.#linger ??= setTimeout(() => this.#drop(), Math.min(this.#lingerMs, 2 ** 31 - 1)).unref()
    }
  }

  /** Drops the connection so that the other side sees a loss. */
  #reset(reason: VFailure): void {
    this.#inputEnd ??= reason
    this.#outputEnd ??= reason
    this.#sawEnd = true
    this.#giveUp?.()
    if (this.#isIP) this.#socket?.reset()
    this.#drop()
    this.#changed()
  }

  #drop(): void {
    clearTimeout(this.#linger)
    this.#outlet?.clear()
    this.#socket?.close()
    this.#socket = null
    if (this.#gone) return
    this.#gone = true
    this.#closed()
  }
}
