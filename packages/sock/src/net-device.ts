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
} from '@vio/io'
import { asSocketPeer, localPeerFromSock, peerFromSock } from './address.js'
import { checkFlag, describeValue, NOTHING } from './describe.js'
import { socketFailure, VSocketLost } from './errno.js'
import { netDeviceSettings, type VNetDeviceOptions } from './net-device-options.js'
import { closeGently, resetSocket } from './reset-socket.js'
import type { IVSocketDevice } from './socket-device.js'
import { verifyEnd } from './socket-end.js'
import { EMPTY, type SocketEvents, SocketIntake } from './socket-intake.js'
import {
  type GiveUp,
  type OpeningOutcome,
  openSocket,
  type SocketOpener,
  type VSourceAddress,
} from './socket-opener.js'
import { SocketOutlet } from './socket-outlet.js'

export type { VNetDeviceOptions } from './net-device-options.js'

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
export class VNetDevice implements IVSocketDevice {
  readonly maxReadBytes: number
  readonly maxWriteBytes: number
  readonly #lingerMs: number
  /** From where it connects, unless an opener does; neither is needed any more once there is a connection. */
  #source: VSourceAddress | null
  #opener: SocketOpener | null
  #changed: () => void = NOTHING
  #intake: SocketIntake | null = null
  /** Made with the first write. */
  #outlet: SocketOutlet | null = null
  #peer: VSocketPeer | null
  #connected = false
  #giveUp: GiveUp | null = null
  #inputEnd: VFailure | null = null
  #outputEnd: VFailure | null = null
  #inputClosed = false
  #outputClosed = false
  #released: VFailure | null = null
  #closed: () => void = NOTHING
  #isGone = false
  /** The output was found full; tell when there is room. */
  #full = false
  #noDelay: boolean
  #keepAlive: boolean

  /** @throws TypeError for what is no socket, RangeError for a size below 1, VAddressError for a wrong source address */
  constructor(socket: Socket | null, options: VNetDeviceOptions = {}) {
    if (socket !== null && !(socket instanceof Socket)) {
      throw new TypeError(`a socket device needs a socket of node:net, got ${describeValue(socket)}`)
    }
    const settings = netDeviceSettings(options)
    this.maxReadBytes = settings.maxReadBytes
    this.maxWriteBytes = settings.maxWriteBytes
    this.#lingerMs = settings.lingerMs
    this.#source = settings.source
    this.#noDelay = settings.noDelay
    this.#keepAlive = settings.keepAlive
    this.#peer = options.peer ?? null
    this.#opener = options.opener ?? null
    if (socket === null) return
    const intake = new SocketIntake(this.maxReadBytes, socket)
    this.#intake = intake
    if (socket.connecting) this.#awaitConnection(socket)
    else if (!socket.pending) this.#adopt(intake, this.#peer)
    else if (socket.destroyed) this.#lost(closedError())
  }

  /** The socket; null while a device that makes its own is not connected. */
  get socket(): Socket | null {
    return this.#intake?.socket ?? null
  }

  get connected(): boolean {
    return this.#connected
  }

  get peer(): VSocketPeer | null {
    return this.#peer
  }

  /** This side's address; null while there is none, and for a Unix socket. */
  get localPeer(): VSocketPeer | null {
    return this.#intake === null ? null : localPeerFromSock(this.#intake.socket)
  }

  get readable(): boolean {
    return this.#connected && !this.#inputClosed && this.#heldBytes > 0
  }

  get inputEnd(): VFailure | null {
    return this.#inputClosed || this.#heldBytes === 0 ? this.#inputEnd : null
  }

  get writable(): boolean {
    if (!this.#connected || this.#outputClosed || this.#outputEnd !== null) return false
    this.#full = this.unflushedBytes >= this.maxWriteBytes
    return !this.#full
  }

  get outputEnd(): VFailure | null {
    return this.#outputEnd
  }

  get unflushedBytes(): number {
    return this.#outputEnd === null ? (this.#outlet?.pendingBytes ?? 0) : 0
  }

  /** Whether small writes are sent at once: what was set last, as the system cannot be asked through Node. */
  get noDelay(): boolean {
    return this.#noDelay
  }

  set noDelay(on: boolean) {
    this.#noDelay = checkFlag('noDelay', on)
    this.#intake?.socket.setNoDelay(on)
  }

  /** Whether a silent peer is asked if it is there: what was set last, as the system cannot be asked through Node. */
  get keepAlive(): boolean {
    return this.#keepAlive
  }

  set keepAlive(on: boolean) {
    this.#keepAlive = checkFlag('keepAlive', on)
    this.#intake?.socket.setKeepAlive(on)
  }

  onReady(changed: () => void): void {
    this.#changed = changed
  }

  onClosed(closed: () => void): void {
    this.#closed = closed
    if (this.#isGone) closed()
  }

  /**
   * @throws VIOError if it was connected before or closed, TypeError for what is no socket peer, VAddressError for one
   *   that cannot be connected to
   */
  connect(peer: VPeer): void {
    if (this.#giveUp !== null || this.#connected)
      throw new VIOError('this device was connected before; use a new one')
    if (this.#released !== null || this.#inputEnd !== null)
      throw new VIOClosed('this device is closed; use a new one')
    const outcome: OpeningOutcome = {
      opened: (made) => this.#adopt(made.intake, made.peer),
      failed: (error) => this.#lost(error),
    }
    const target = asSocketPeer(peer)
    const source = this.#source ?? {}
    const terms = { source, capacityBytes: this.maxReadBytes, intake: this.#intake }
    const opener = this.#opener
    this.#giveUp =
      opener === null ? openSocket(target, terms, outcome) : opener(target, outcome, this.#intake)
  }

  readSome(maxBytes: number): Buffer {
    if (this.#intake === null || !this.readable) return EMPTY
    return this.#intake.take(maxBytes)
  }

  writeSome(data: Uint8Array): number {
    if (!this.writable || data.length === 0) return 0
    if (this.#intake === null) return 0
    const { socket } = this.#intake
    this.#outlet ??= new SocketOutlet(socket, this.maxWriteBytes, () => this.#written())
    return this.#outlet.write(data)
  }

  closeInput(reason: VFailure): void {
    if (this.#inputClosed) return
    this.#inputClosed = true
    if (this.#connected) this.#intake?.discard()
    this.#inputEnd ??= reason
  }

  closeOutput(reason: VFailure): void {
    if (this.#outputClosed) return
    this.#outputClosed = true
    if (this.#outputEnd !== null) return
    if (reason instanceof VFIOCompleted) this.#endIfFlushed()
    else this.#reset(reason)
  }

  close(reason: VFailure): void {
    if (this.#released !== null) return
    this.#released = reason
    this.closeInput(reason)
    if (reason instanceof VFIOCompleted && this.#connected) {
      this.closeOutput(reason)
      this.#destroyIfDone()
    } else this.#reset(reason)
  }

  /**
   * Drops the connection at once, whatever was asked for before: the other side sees a reset, or on a Unix socket a
   * close. For a clean close that does not come to its end because the other side does not read.
   */
  reset(reason: VFailure): void {
    this.#released ??= reason
    this.closeInput(reason)
    this.#outputClosed = true
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
      this.#adopt(this.#intake as SocketIntake, this.#peer)
    })
    this.#giveUp = () => socket.destroy()
  }

  #adopt(intake: SocketIntake, peer: VSocketPeer | null): void {
    const { socket } = intake
    if (this.#released !== null) {
      socket.destroy()
      return
    }
    this.#intake = intake
    this.#giveUp = null
    this.#opener = null
    this.#source = null
    this.#peer = peer ?? peerFromSock(socket)
    this.#connected = true
    if (this.#noDelay) socket.setNoDelay(true)
    if (this.#keepAlive) socket.setKeepAlive(true)
    if (this.#inputClosed) intake.discard()
    intake.start(this, VNetDevice.#events)
    if (this.#outputClosed) this.#endIfFlushed()
    this.#changed()
  }

  static readonly #events: SocketEvents<VNetDevice> = {
    arrived: (device) => device.#changed(),
    failed: (device, error) => device.#lost(error),
    closed: (device) => {
      if (device.#inputEnd === null || device.#outputEnd === null) device.#lost(closedError())
      device.#gone()
    },
    ended: (device) => {
      const socket = device.#intake?.socket
      if (socket === undefined) return
      if (device.#inputEnd === null) verifyEnd(socket, () => device.#inputEnded())
      else device.#destroyIfDone()
    },
    finished: (device) => {
      device.#outputEnd ??= new VFIOCompleted()
      device.#destroyIfDone()
      device.#changed()
    },
  }

  #inputEnded(): void {
    this.#inputEnd ??= new VFIOCompleted()
    this.#destroyIfDone()
    this.#changed()
  }

  #written(): void {
    if (this.#outputClosed) this.#endIfFlushed()
    else if (this.#full && this.unflushedBytes < this.maxWriteBytes) {
      this.#full = false
      this.#changed()
    }
  }

  /** The FIN goes behind the last byte. Before that, the socket can still be reset. */
  #endIfFlushed(): void {
    const socket = this.#intake?.socket
    if (!this.#connected || socket === undefined || this.unflushedBytes > 0 || socket.writableEnded) return
    if (this.#outputEnd !== null) return
    // From here on an empty write cannot tell a reset from an end, so the intake has to.
    this.#intake?.readSingly()
    socket.end()
  }

  #lost(error: unknown): void {
    const failure = socketFailure('the connection was lost', error)
    this.#inputEnd ??= failure
    this.#outputEnd ??= failure
    if (!this.#connected) this.#gone()
    this.#changed()
  }

  #gone(): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#closed()
  }

  /** After a clean close: what was taken has left, and nothing comes any more, or not soon. */
  #destroyIfDone(): void {
    const socket = this.#intake?.socket
    if (!(this.#released instanceof VFIOCompleted) || socket === undefined || socket.destroyed) return
    if (socket.writableFinished) closeGently(socket, this.#lingerMs)
  }

  /** Drops the connection so that the other side sees a loss. */
  #reset(reason: VFailure): void {
    this.#inputEnd ??= reason
    this.#outputEnd ??= reason
    this.#giveUp?.()
    const socket = this.#intake?.socket
    if (socket !== undefined && !socket.destroyed) resetSocket(socket)
    // A socket that was never connected is not listened to.
    if (!this.#connected) this.#gone()
    this.#changed()
  }
}

function closedError(): VIOLost {
  return new VSocketLost('the socket was closed before its end', { code: 'ERR_SOCKET_CLOSED' })
}
