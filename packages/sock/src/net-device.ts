/**
 * `VNetDevice`: a socket of `node:net` as a byte device.
 *
 * Decides what a socket's events mean to a chain's end: which end is a clean one, when there is room, and how a socket is
 * let go. How its bytes are read is `NetInput`'s, which addresses are tried the opener's. Invariants: the socket always
 * has a listener for its errors; what was taken to be written has left before the output ends; each direction has one
 * end, which is told behind its last byte; a loss is told to the other side as a reset, where the socket knows one.
 */
import { Socket } from 'node:net'
import {
  type VFailure,
  VFIOCompleted,
  VIOClosed,
  VIOError,
  type VIOLost,
  type VPeer,
  type VSocketPeer,
  VUnixSocketPeer,
} from '@vio/io'
import { asSocketPeer, localPeerFromSock, peerFromSock } from './address.js'
import { checkFlag, describeValue } from './describe.js'
import { CONNECTED, INPUT_CLOSED, OUTPUT_CLOSED } from './device-base.js'
import { socketFailure, VSocketLost } from './errno.js'
import type { DeviceSizes, VNetDeviceOptions } from './net-device-options.js'
import { INPUT_FREE, NetInput } from './net-input.js'
import { closeGently, resetSocket } from './reset-socket.js'
import type { IVSocketDevice } from './socket-device.js'
import { verifyEnd } from './socket-end.js'
import {
  type DeviceOpener,
  type GiveUp,
  giveUp,
  type OpenedSocket,
  type OpeningAttempt,
  type OpeningOutcome,
  openBy,
  openSocket,
  type SocketOpener,
} from './socket-opener.js'
import { SocketOutlet } from './socket-outlet.js'

export type { VNetDeviceOptions } from './net-device-options.js'

/** The output was found full: whoever writes is to be told when there is room. */
const FULL = INPUT_FREE

/**
 * Reads and writes a socket: one that is connected, or null or one that is not, which `connect` then connects.
 *
 * ```ts
 * const endpoint = new VByteEndpoint(reactor, new VNetDevice(net.connect(7, '127.0.0.1')))
 * ```
 *
 * The device owns the socket from then on. A clean end of the output is a FIN, an abort a reset, which ends both
 * directions; a Unix socket knows no reset, and is closed.
 */
export class VNetDevice extends NetInput implements IVSocketDevice {
  /** Made with the first write. */
  #outlet: SocketOutlet | null = null
  /** What connects, unless the device does by itself; not needed any more once there is a connection. */
  #opener: SocketOpener | DeviceOpener | null
  #attempt: GiveUp | OpeningAttempt | null = null

  /**
   * @param sizes in the place of those of the options
   * @throws TypeError for what is no socket, RangeError for a size below 1, VAddressError for a wrong source address
   */
  constructor(socket: Socket | null, options: VNetDeviceOptions = {}, sizes: DeviceSizes = options) {
    if (socket !== null && !(socket instanceof Socket)) {
      throw new TypeError(`a socket device needs a socket of node:net, got ${describeValue(socket)}`)
    }
    super(options, sizes)
    this.#opener = options.opener ?? null
    if (socket === null) return
    this.holdSocket(socket, null)
    if (socket.connecting) VNetDevice.#awaitConnection(this, socket)
    else if (!socket.pending) VNetDevice.#adopt(this, socket, this.peerNow)
    else if (socket.destroyed) VNetDevice.#lost(this, closedError())
  }

  /** This side's address; null while there is none, and for a Unix socket. */
  get localPeer(): VSocketPeer | null {
    return this.socket === null ? null : localPeerFromSock(this.socket)
  }

  get inputEnd(): VFailure | null {
    const ending = this.ending
    if (ending === null) return null
    return this.is(INPUT_CLOSED) || this.heldBytes === 0 ? ending.input : null
  }

  get writable(): boolean {
    const isOpen = (this.states & (CONNECTED | OUTPUT_CLOSED)) === CONNECTED
    if (!isOpen || this.outputEnd !== null) return false
    const isFull = this.unflushedBytes >= this.settings.maxWriteBytes
    this.states = isFull ? this.states | FULL : this.states & ~FULL
    return !isFull
  }

  get unflushedBytes(): number {
    return this.outputEnd === null ? (this.#outlet?.pendingBytes ?? 0) : 0
  }

  /** Whether small writes are sent at once: what was set last, as the system cannot be asked through Node. */
  get noDelay(): boolean {
    return this.wantsNoDelay
  }

  set noDelay(on: boolean) {
    this.wantsNoDelay = checkFlag('noDelay', on)
    this.socket?.setNoDelay(on)
  }

  /** Whether a silent peer is asked if it is there: what was set last, as the system cannot be asked through Node. */
  get keepAlive(): boolean {
    return this.wantsKeepAlive
  }

  set keepAlive(on: boolean) {
    this.wantsKeepAlive = checkFlag('keepAlive', on)
    this.socket?.setKeepAlive(on)
  }

  /**
   * @throws VIOError if it was connected before or closed, TypeError for what is no socket peer, VAddressError for one
   *   that cannot be connected to
   */
  connect(peer: VPeer): void {
    if (this.#attempt !== null || this.connected)
      throw new VIOError('this device was connected before; use a new one')
    if (this.ending !== null && (this.ending.released !== null || this.ending.input !== null))
      throw new VIOClosed('this device is closed; use a new one')
    const target = asSocketPeer(peer)
    const outcome = this as unknown as OpeningOutcome
    const opener = this.#opener
    this.#attempt =
      opener === null
        ? openSocket(target, this.settings, outcome, this.socket)
        : openBy(opener, target, outcome, this.socket)
  }

  /** For whoever makes devices: what connects, in the place of an opener. */
  connectBy(opener: DeviceOpener): void {
    this.#opener = opener
  }

  /** For what connects. */
  protected opened(made: OpenedSocket, fromLoop?: boolean): void {
    if (this.released === null) this.holdSocket(made.socket, made.room)
    VNetDevice.#adopt(this, made.socket, made.peer, fromLoop)
  }

  /** For what connects. */
  protected failed(error: Error): void {
    VNetDevice.#lost(this, error)
  }

  writeSome(data: Uint8Array): number {
    if (!this.writable || data.length === 0) return 0
    const { socket } = this
    if (socket === null) return 0
    this.#outlet ??= new SocketOutlet(socket, this.maxWriteBytes, () => VNetDevice.#written(this))
    return this.#outlet.write(data)
  }

  closeInput(reason: VFailure): void {
    if (this.is(INPUT_CLOSED)) return
    this.states |= INPUT_CLOSED
    if (this.connected) this.discardInput()
    this.over.input ??= reason
  }

  closeOutput(reason: VFailure): void {
    if (this.is(OUTPUT_CLOSED)) return
    this.states |= OUTPUT_CLOSED
    if (this.outputEnd !== null) return
    if (reason instanceof VFIOCompleted) VNetDevice.#endIfFlushed(this)
    else VNetDevice.#reset(this, reason)
  }

  close(reason: VFailure): void {
    const over = this.over
    if (over.released !== null) return
    over.released = reason
    this.closeInput(reason)
    if (reason instanceof VFIOCompleted && this.connected) {
      this.closeOutput(reason)
      VNetDevice.#destroyIfDone(this)
    } else VNetDevice.#reset(this, reason)
  }

  /**
   * Drops the connection at once, whatever was asked for before: the other side sees a reset, or on a Unix socket a
   * close. For a clean close that does not come to its end because the other side does not read.
   */
  reset(reason: VFailure): void {
    this.over.released ??= reason
    this.closeInput(reason)
    this.states |= OUTPUT_CLOSED
    VNetDevice.#reset(this, reason)
  }

  /** A socket that was told to connect by whoever made it. */
  static #awaitConnection(device: VNetDevice, socket: Socket): void {
    const failed = (error: unknown): void => VNetDevice.#lost(device, error)
    socket.once('error', failed)
    socket.once('connect', () => {
      socket.off('error', failed)
      VNetDevice.#adopt(device, socket, device.peerNow)
    })
    device.#attempt = () => socket.destroy()
  }

  static #adopt(device: VNetDevice, socket: Socket, peer: VSocketPeer | null, fromLoop = false): void {
    if (device.released !== null) {
      socket.destroy()
      return
    }
    device.#attempt = null
    device.#opener = null
    device.peerNow = peer ?? peerFromSock(socket)
    device.states |= CONNECTED
    if (device.wantsNoDelay) socket.setNoDelay(true)
    if (device.wantsKeepAlive) socket.setKeepAlive(true)
    device.startReading(socket)
    if (device.is(OUTPUT_CLOSED)) VNetDevice.#endIfFlushed(device)
    device.owner.deviceChanged(fromLoop)
  }

  /** Called by the listeners. What happens before there is a connection is told by whoever connects. */
  protected tell(event: 'connected' | 'ended' | 'finished' | 'closed'): void {
    if (!this.connected) return
    if (event === 'ended') VNetDevice.#streamEnded(this)
    else if (event === 'finished') {
      this.over.output ??= new VFIOCompleted()
      VNetDevice.#destroyIfDone(this)
      this.owner.deviceChanged(true)
    } else if (event === 'closed') {
      if (this.over.input === null || this.outputEnd === null) VNetDevice.#lost(this, closedError())
      this.gone()
    }
  }

  /** Called by the listeners, as `tell`. */
  protected tellFailed(error: unknown): void {
    if (this.connected) VNetDevice.#lost(this, error)
  }

  static #streamEnded(device: VNetDevice): void {
    const { socket, peerNow } = device
    if (socket === null) return
    const isTCP = peerNow === null ? device.localPeer !== null : !(peerNow instanceof VUnixSocketPeer)
    if (device.over.input === null) verifyEnd(socket, isTCP, () => VNetDevice.#inputEnded(device))
    else VNetDevice.#destroyIfDone(device)
  }

  static #inputEnded(device: VNetDevice): void {
    device.over.input ??= new VFIOCompleted()
    VNetDevice.#destroyIfDone(device)
    device.owner.deviceChanged(true)
  }

  static #written(device: VNetDevice): void {
    if (device.is(OUTPUT_CLOSED)) VNetDevice.#endIfFlushed(device)
    else if (device.is(FULL) && device.unflushedBytes < device.settings.maxWriteBytes) {
      device.states &= ~FULL
      device.owner.deviceChanged()
    }
  }

  /** The FIN goes behind the last byte. Before that, the socket can still be reset. */
  static #endIfFlushed(device: VNetDevice): void {
    const { socket } = device
    if (!device.connected || socket === null || device.unflushedBytes > 0 || socket.writableEnded) return
    if (device.outputEnd !== null) return
    // From here on an empty write cannot tell a reset from an end, so the reads have to.
    device.readSingly(socket)
    socket.end()
  }

  static #lost(device: VNetDevice, error: unknown): void {
    const failure = socketFailure('the connection was lost', error)
    device.over.input ??= failure
    device.over.output ??= failure
    if (!device.connected) device.gone()
    device.owner.deviceChanged()
  }

  /** After a clean close: what was taken has left, and nothing comes any more, or not soon. */
  static #destroyIfDone(device: VNetDevice): void {
    const { socket } = device
    if (!(device.released instanceof VFIOCompleted) || socket === null || socket.destroyed) return
    if (socket.writableFinished) closeGently(socket, device.settings.lingerMs)
  }

  /** Drops the connection so that the other side sees a loss. */
  static #reset(device: VNetDevice, reason: VFailure): void {
    device.over.input ??= reason
    device.over.output ??= reason
    if (device.#attempt !== null) giveUp(device.#attempt)
    const { socket } = device
    if (socket !== null && !socket.destroyed) resetSocket(socket)
    // A socket that was never connected is not listened to.
    if (!device.connected) device.gone()
    device.owner.deviceChanged()
  }
}

function closedError(): VIOLost {
  return new VSocketLost('the socket was closed before its end', { code: 'ERR_SOCKET_CLOSED' })
}
