/**
 * `VNetDevice`: a socket of `node:net` as a byte device.
 *
 * Decides what a socket's events mean to a chain's end: which end is a clean one, when there is room, and how a socket is
 * let go. How the bytes are read is the intake's, which addresses are tried the opener's. Invariants: the socket always
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
import { checkFlag, describeValue, NOTHING } from './describe.js'
import { CONNECTED, FREE_STATE, INPUT_CLOSED, OUTPUT_CLOSED, SocketDeviceBase } from './device-base.js'
import { socketFailure, VSocketLost } from './errno.js'
import type { DeviceSizes, VNetDeviceOptions } from './net-device-options.js'
import { closeGently, resetSocket } from './reset-socket.js'
import type { IVSocketDevice } from './socket-device.js'
import { verifyEnd } from './socket-end.js'
import { EMPTY, type SocketEvents, SocketIntake } from './socket-intake.js'
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
const FULL = FREE_STATE

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
export class VNetDevice extends SocketDeviceBase implements IVSocketDevice {
  #intake: SocketIntake | null = null
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
    const intake = new SocketIntake(this.maxReadBytes, socket)
    this.#intake = intake
    if (socket.connecting) this.#awaitConnection(socket)
    else if (!socket.pending) this.#adopt(intake, this.peerNow)
    else if (socket.destroyed) this.#lost(closedError())
  }

  /** The socket; null while a device that makes its own is not connected. */
  get socket(): Socket | null {
    return this.#intake?.socket ?? null
  }

  /** This side's address; null while there is none, and for a Unix socket. */
  get localPeer(): VSocketPeer | null {
    return this.#intake === null ? null : localPeerFromSock(this.#intake.socket)
  }

  get readable(): boolean {
    return (this.states & (CONNECTED | INPUT_CLOSED)) === CONNECTED && this.#heldBytes > 0
  }

  get inputEnd(): VFailure | null {
    const ending = this.ending
    if (ending === null) return null
    return this.is(INPUT_CLOSED) || this.#heldBytes === 0 ? ending.input : null
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
    this.#intake?.socket.setNoDelay(on)
  }

  /** Whether a silent peer is asked if it is there: what was set last, as the system cannot be asked through Node. */
  get keepAlive(): boolean {
    return this.wantsKeepAlive
  }

  set keepAlive(on: boolean) {
    this.wantsKeepAlive = checkFlag('keepAlive', on)
    this.#intake?.socket.setKeepAlive(on)
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
        ? openSocket(target, this.settings, outcome, this.#intake)
        : openBy(opener, target, outcome, this.#intake)
  }

  /** For whoever makes devices: what connects, in the place of an opener. */
  connectBy(opener: DeviceOpener): void {
    this.#opener = opener
  }

  /** For what connects. */
  protected opened(made: OpenedSocket, fromLoop?: boolean): void {
    this.#adopt(made.intake, made.peer, fromLoop)
  }

  /** For what connects. */
  protected failed(error: Error): void {
    this.#lost(error)
  }

  readSome(maxBytes: number): Buffer {
    if (this.#intake === null || !this.readable) return EMPTY
    return this.#intake.take(maxBytes)
  }

  reuse(bytes: Buffer): void {
    this.#intake?.reuse(bytes)
  }

  writeSome(data: Uint8Array): number {
    if (!this.writable || data.length === 0) return 0
    if (this.#intake === null) return 0
    const { socket } = this.#intake
    this.#outlet ??= new SocketOutlet(socket, this.maxWriteBytes, () => this.#written())
    return this.#outlet.write(data)
  }

  closeInput(reason: VFailure): void {
    if (this.is(INPUT_CLOSED)) return
    this.states |= INPUT_CLOSED
    if (this.connected) this.#intake?.discard()
    this.over.input ??= reason
  }

  closeOutput(reason: VFailure): void {
    if (this.is(OUTPUT_CLOSED)) return
    this.states |= OUTPUT_CLOSED
    if (this.outputEnd !== null) return
    if (reason instanceof VFIOCompleted) this.#endIfFlushed()
    else this.#reset(reason)
  }

  close(reason: VFailure): void {
    const over = this.over
    if (over.released !== null) return
    over.released = reason
    this.closeInput(reason)
    if (reason instanceof VFIOCompleted && this.connected) {
      this.closeOutput(reason)
      this.#destroyIfDone()
    } else this.#reset(reason)
  }

  /**
   * Drops the connection at once, whatever was asked for before: the other side sees a reset, or on a Unix socket a
   * close. For a clean close that does not come to its end because the other side does not read.
   */
  reset(reason: VFailure): void {
    this.over.released ??= reason
    this.closeInput(reason)
    this.states |= OUTPUT_CLOSED
    this.#reset(reason)
  }

  get #heldBytes(): number {
    return this.#intake?.heldBytes ?? 0
  }

  /** A socket that was told to connect by whoever made it. */
  #awaitConnection(socket: Socket): void {
    const failed = (error: unknown): void => this.#lost(error)
    socket.once('error', failed)
    socket.once('connect', () => {
      socket.off('error', failed)
      this.#adopt(this.#intake as SocketIntake, this.peerNow)
    })
    this.#attempt = () => socket.destroy()
  }

  #adopt(intake: SocketIntake, peer: VSocketPeer | null, fromLoop = false): void {
    const { socket } = intake
    if (this.released !== null) {
      socket.destroy()
      return
    }
    this.#intake = intake
    this.#attempt = null
    this.#opener = null
    this.peerNow = peer ?? peerFromSock(socket)
    this.states |= CONNECTED
    if (this.wantsNoDelay) socket.setNoDelay(true)
    if (this.wantsKeepAlive) socket.setKeepAlive(true)
    if (this.is(INPUT_CLOSED)) intake.discard()
    intake.start(this, VNetDevice.#events)
    if (this.is(OUTPUT_CLOSED)) this.#endIfFlushed()
    this.owner.deviceChanged(fromLoop)
  }

  static readonly #events: SocketEvents<VNetDevice> = {
    connected: NOTHING,
    arrived: (device, fromLoop) => device.owner.deviceChanged(fromLoop),
    failed: (device, error) => device.#lost(error),
    closed: (device) => {
      if (device.over.input === null || device.outputEnd === null) device.#lost(closedError())
      device.gone()
    },
    ended: (device) => {
      const socket = device.#intake?.socket
      if (socket === undefined) return
      const { peerNow } = device
      const isTCP = peerNow === null ? device.localPeer !== null : !(peerNow instanceof VUnixSocketPeer)
      if (device.over.input === null) verifyEnd(socket, isTCP, () => device.#inputEnded())
      else device.#destroyIfDone()
    },
    finished: (device) => {
      device.over.output ??= new VFIOCompleted()
      device.#destroyIfDone()
      device.owner.deviceChanged(true)
    },
  }

  #inputEnded(): void {
    this.over.input ??= new VFIOCompleted()
    this.#destroyIfDone()
    this.owner.deviceChanged(true)
  }

  #written(): void {
    if (this.is(OUTPUT_CLOSED)) this.#endIfFlushed()
    else if (this.is(FULL) && this.unflushedBytes < this.settings.maxWriteBytes) {
      this.states &= ~FULL
      this.owner.deviceChanged()
    }
  }

  /** The FIN goes behind the last byte. Before that, the socket can still be reset. */
  #endIfFlushed(): void {
    const socket = this.#intake?.socket
    if (!this.connected || socket === undefined || this.unflushedBytes > 0 || socket.writableEnded) return
    if (this.outputEnd !== null) return
    // From here on an empty write cannot tell a reset from an end, so the intake has to.
    this.#intake?.readSingly()
    socket.end()
  }

  #lost(error: unknown): void {
    const failure = socketFailure('the connection was lost', error)
    this.over.input ??= failure
    this.over.output ??= failure
    if (!this.connected) this.gone()
    this.owner.deviceChanged()
  }

  /** After a clean close: what was taken has left, and nothing comes any more, or not soon. */
  #destroyIfDone(): void {
    const socket = this.#intake?.socket
    if (!(this.released instanceof VFIOCompleted) || socket === undefined || socket.destroyed) return
    if (socket.writableFinished) closeGently(socket, this.settings.lingerMs)
  }

  /** Drops the connection so that the other side sees a loss. */
  #reset(reason: VFailure): void {
    this.over.input ??= reason
    this.over.output ??= reason
    if (this.#attempt !== null) giveUp(this.#attempt)
    const socket = this.#intake?.socket
    if (socket !== undefined && !socket.destroyed) resetSocket(socket)
    // A socket that was never connected is not listened to.
    if (!this.connected) this.gone()
    this.owner.deviceChanged()
  }
}

function closedError(): VIOLost {
  return new VSocketLost('the socket was closed before its end', { code: 'ERR_SOCKET_CLOSED' })
}
