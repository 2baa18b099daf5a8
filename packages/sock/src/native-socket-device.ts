/**
 * `VNativeSocketDevice`: a socket of the system itself as a byte device, without a stream of Node between.
 *
 * Decides when the socket is waited for and what the system's answers mean to a chain's end. What is written is given to
 * the system at once or not taken, but for small writes, which wait for the end of their burst; what is read waits in the
 * intake. Invariants: each direction has one end, which is told behind its last byte; nothing is asked of the system after
 * the socket was let go.
 */
import {
  VByteBuffer,
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
import { expectMoreAfter } from './awake.js'
import { checkFlag, describeValue } from './describe.js'
import { CONNECTED, FREE_STATE, INPUT_CLOSED, OUTPUT_CLOSED, SocketDeviceBase } from './device-base.js'
import { VSocketLost } from './errno.js'
import { askedBytes, EMPTY, readOnce, reuse } from './native-intake.js'
import { NativeAttempt, type OpenedNative, type VNativeSocketDeviceOptions } from './native-opener.js'
import { NativeOutlet } from './native-outlet.js'
import { type SocketListener, VNativeSocket } from './native-socket.js'
import type { DeviceSizes } from './net-device-options.js'
import type { IVSocketDevice } from './socket-device.js'
import type { DeviceOpener, OpeningOutcome } from './socket-opener.js'

/** How often a socket that has more and more is read in one round of the loop, so that others get their turn. */
const READS_PER_ROUND = 16

/** Nobody takes what was read, so no more is read. */
const STOPPED = FREE_STATE
/** The system has told the end of the input, whoever was there to hear it. */
const SAW_END = FREE_STATE << 1

/**
 * Reads and writes a socket that `native` has opened and connected, or null, which `connect` then opens.
 *
 * The same to a chain as `VNetDevice` with the same options. `maxWriteBytes` bounds what one call takes, and what waits in
 * the device. A loss that comes behind bytes is told behind them.
 */
export class VNativeSocketDevice extends SocketDeviceBase implements IVSocketDevice {
  #socket: VNativeSocket | null = null
  /** What was read and not taken. */
  #held: VByteBuffer | null = null
  #outlet: NativeOutlet | null = null
  #attempt: NativeAttempt | null = null

  /**
   * @param sizes in the place of those of the options
   * @throws RangeError for a size below 1, VAddressError for a wrong source address, TypeError for what is no socket
   */
  constructor(
    socket: VNativeSocket | null,
    options: VNativeSocketDeviceOptions = {},
    sizes: DeviceSizes = options,
  ) {
    if (socket !== null && !(socket instanceof VNativeSocket)) {
      throw new TypeError(`a native socket device needs a native socket, got ${describeValue(socket)}`)
    }
    super(options, sizes)
    if (socket !== null) this.#adopt(socket, this.peerNow)
    else this.#attempt = new NativeAttempt(options.opener ?? null)
  }

  /** This side's address; null while there is none, and for a Unix socket. */
  get localPeer(): VSocketPeer | null {
    return this.#isIP ? (this.#socket?.localPeer ?? null) : null
  }

  /** Bytes that wait to be read: at most those of two reads. */
  get heldBytes(): number {
    return this.#held === null ? 0 : this.#held.length
  }

  get readable(): boolean {
    return this.#held !== null && this.#held.length > 0 && !this.is(INPUT_CLOSED)
  }

  get inputEnd(): VFailure | null {
    const ending = this.ending
    if (ending === null) return null
    return this.is(INPUT_CLOSED) || this.heldBytes === 0 ? ending.input : null
  }

  get writable(): boolean {
    const isOpen = (this.states & (CONNECTED | OUTPUT_CLOSED)) === CONNECTED
    return isOpen && this.#outlet?.full !== true && this.outputEnd === null
  }

  get unflushedBytes(): number {
    return this.#outlet?.pendingBytes ?? 0
  }

  /** Whether small writes are sent at once. */
  get noDelay(): boolean {
    return this.wantsNoDelay
  }

  set noDelay(on: boolean) {
    this.wantsNoDelay = checkFlag('noDelay', on)
    if (this.connected && this.#isIP) this.#socket?.setNoDelay(on)
  }

  /** Whether a silent peer is asked if it is there. */
  get keepAlive(): boolean {
    return this.wantsKeepAlive
  }

  set keepAlive(on: boolean) {
    this.wantsKeepAlive = checkFlag('keepAlive', on)
    if (this.connected && this.#isIP) this.#socket?.setKeepAlive(on)
  }

  /**
   * @throws VIOError if it was connected before or closed, TypeError for what is no socket peer, VAddressError for one
   *   that cannot be connected to
   */
  connect(peer: VPeer): void {
    const attempt = this.#attempt
    if (attempt === null || attempt.hasBegun)
      throw new VIOError('this device was connected before; use a new one')
    if (this.ending !== null && (this.ending.released !== null || this.ending.input !== null))
      throw new VIOClosed('this device is closed; use a new one')
    const target = asSocketPeer(peer)
    attempt.begin(target, this.settings.source, this as unknown as OpeningOutcome<OpenedNative>)
  }

  /** For whoever makes devices: what connects, in the place of an opener. */
  connectBy(opener: DeviceOpener<OpenedNative, never>): void {
    if (this.#attempt !== null) this.#attempt.opener = opener
  }

  /** For what connects. */
  protected opened(made: OpenedNative, fromLoop?: boolean): void {
    this.#adopt(made.socket, made.peer, fromLoop)
  }

  /** For what connects. */
  protected failed(error: Error): void {
    this.#lose(new VFIOLost(error))
  }

  readSome(maxBytes: number): Buffer {
    if (!this.readable) return EMPTY
    const bytes = this.#held?.popChunk(maxBytes) ?? EMPTY
    if (this.is(STOPPED) && this.heldBytes < this.maxReadBytes) {
      this.states &= ~STOPPED
      this.#wait()
    }
    return bytes
  }

  reuse(bytes: Buffer): void {
    reuse(bytes)
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
    if (this.is(INPUT_CLOSED)) return
    this.states = (this.states | INPUT_CLOSED) & ~STOPPED
    this.#held = null
    this.#wait()
    this.over.input ??= reason
  }

  closeOutput(reason: VFailure): void {
    if (this.is(OUTPUT_CLOSED)) return
    this.states |= OUTPUT_CLOSED
    if (this.outputEnd !== null) return
    if (!(reason instanceof VFIOCompleted)) this.#reset(reason)
    else if (this.connected) this.#endOutput()
  }

  close(reason: VFailure): void {
    // What was taken before a clean close is sent; a later, less clean one changes nothing of that.
    const over = this.over
    if (over.released !== null) return
    over.released = reason
    this.closeInput(reason)
    if (reason instanceof VFIOCompleted && this.connected) {
      this.closeOutput(reason)
      this.#letGo()
    } else this.#reset(reason)
  }

  /** Drops the connection at once, whatever was asked for before. */
  reset(reason: VFailure): void {
    this.over.released = reason
    this.states |= INPUT_CLOSED | OUTPUT_CLOSED
    this.#held = null
    this.#reset(reason)
  }

  get #isIP(): boolean {
    return !(this.peerNow instanceof VUnixSocketPeer)
  }

  #adopt(socket: VNativeSocket, peer: VSocketPeer | null, fromLoop = false): void {
    this.#attempt = null
    if (this.released !== null) {
      socket.close()
      return
    }
    this.#socket = socket
    this.peerNow = peer ?? socket.remotePeer
    this.states |= CONNECTED
    if (this.#isIP && this.wantsNoDelay) socket.setNoDelay(true)
    if (this.#isIP && this.wantsKeepAlive) socket.setKeepAlive(true)
    socket.listen(this as unknown as SocketListener)
    if (this.is(OUTPUT_CLOSED)) this.#endOutput()
    this.#wait()
    this.owner.deviceChanged(fromLoop)
  }

  /** For the socket. */
  protected ready(readable: boolean, writable: boolean, failed: boolean): void {
    const outlet = this.#outlet
    if (writable && outlet !== null) {
      outlet.full = false
      if (outlet.flush() && this.is(OUTPUT_CLOSED) && this.outputEnd === null) this.#endOutput()
    }
    // An error that only a writer asked for has to be found by somebody: whoever writes next, or else a read.
    let more = (readable || (failed && !writable)) && this.#read()
    this.#wait()
    this.owner.deviceChanged(true)
    // As long as all that comes is taken at once, there is no need to ask the loop again.
    for (let left = READS_PER_ROUND; more && left > 1 && this.heldBytes === 0; left -= 1) {
      more = this.#read()
      this.#wait()
      this.owner.deviceChanged(true)
    }
  }

  /** Reads once. Returns true if there is probably more. */
  #read(): boolean {
    const socket = this.#socket
    if (socket === null || this.is(SAW_END)) return false
    const drops = this.is(INPUT_CLOSED)
    const { maxReadBytes } = this.settings
    if (this.heldBytes >= maxReadBytes && !drops) {
      this.states |= STOPPED
      return false
    }
    const result = readOnce(socket, maxReadBytes, drops)
    if (typeof result === 'number') {
      if (result === 0) this.#inputOver()
      return result === askedBytes
    }
    if (result instanceof VSocketLost) {
      this.#lose(new VFIOLost(result))
      return false
    }
    this.#held ??= new VByteBuffer()
    this.#held.append(result)
    if (result.length < askedBytes) return false
    expectMoreAfter(result.length)
    return true
  }

  #inputOver(): void {
    this.states |= SAW_END
    const over = this.over
    if (over.broken === null) {
      over.input ??= new VFIOCompleted()
      this.#letGo()
    } else this.#lose(new VFIOLost(over.broken))
  }

  /** Tells the system what to wait for. */
  #wait(): void {
    this.#socket?.want(
      (this.states & (STOPPED | SAW_END)) === 0,
      this.#outlet?.full === true && this.outputEnd === null,
    )
  }

  /** Ends the output once the system has all that was taken; goes on when it takes more. */
  #endOutput(): void {
    if (this.#outlet?.flush() === false) return
    this.#socket?.shutdown()
    this.over.output ??= new VFIOCompleted()
    this.#letGo()
    this.owner.deviceChanged()
  }

  /** The write has taken the error, so what a read tells from now on is no clean end. */
  #outputBroken(error: VSocketLost): void {
    // On a Unix socket the other side may have closed in order, and what it wrote before can still be read.
    if (this.#isIP) this.over.broken = error
    this.over.output ??= new VFIOLost(error)
    this.#outlet?.clear()
    this.owner.deviceChanged()
  }

  #lose(failure: VFailure): void {
    this.states |= SAW_END
    this.over.input ??= failure
    this.over.output ??= failure
    this.#drop()
    this.owner.deviceChanged()
  }

  /** After a clean close: what was taken has been given to the system, and nothing comes any more, or not soon. */
  #letGo(): void {
    const socket = this.#socket
    const over = this.over
    if (!(over.released instanceof VFIOCompleted) || socket === null || over.output === null) return
    const { lingerMs } = this.settings
    if (this.is(SAW_END) || lingerMs === 0) this.#drop()
    else {
      socket.unref()
      over.linger ??= setTimeout(() => this.#drop(), Math.min(lingerMs, 2 ** 31 - 1)).unref()
    }
  }

  /** Drops the connection so that the other side sees a loss. */
  #reset(reason: VFailure): void {
    this.over.input ??= reason
    this.over.output ??= reason
    this.states |= SAW_END
    this.#attempt?.giveUp()
    if (this.#isIP) this.#socket?.reset()
    this.#drop()
    this.owner.deviceChanged()
  }

  #drop(): void {
    clearTimeout(this.ending?.linger)
    this.#outlet?.clear()
    this.#socket?.close()
    this.#socket = null
    this.gone()
  }
}
