/**
 * `VSocket` and `VClientSocket`: stream sockets with handlers that read and write by themselves.
 *
 * Decides when the handlers are called: by the reactor, when the socket is ready and in the state for it. What they do is
 * the subclass's. Invariants: `activeDoRead` and `activeDoWrite` run only once the socket is active; nothing is read or
 * written before the connection is there.
 */
import type { Socket } from 'node:net'
import {
  type IVSelectableIO,
  type VFailure,
  VFIOLost,
  VIOClosed,
  VIOCompleted,
  VIOError,
  VIOLost,
  VPeer,
  VSocketPeer,
} from '@vio/io'
import type { IVReactor, IVStreamHandle } from '@vio/reactor'
import { checkSocketPeer } from './address.js'
import { checkTarget, connectTo, type VConnectTarget, type VConnectToOptions } from './connecting.js'
import { describeValue, sizeOption } from './describe.js'
import { DeviceHandle } from './device-handle.js'
import { makeDevice } from './device-made.js'
import type { IVClientSocket } from './interfaces.js'
import { VNetDevice } from './net-device.js'
import { VSocketBase, type VSocketOptions } from './socket-base.js'
import type { Connecting, VConnectOptions } from './socket-connector.js'
import type { IVSocketDevice } from './socket-device.js'
import type { VStreamSocket } from './stream-socket.js'
import type { VTransportOptions } from './transport.js'

/** A stream socket with handlers. Subclasses only say what to do when it is ready. */
export abstract class VSocket extends VSocketBase implements IVSelectableIO {
  /** The device. It belongs to the socket: nobody else reads, writes or closes it. */
  readonly device: IVSocketDevice
  readonly #handle: DeviceHandle
  #reading = false
  #writing = false

  /** @param device what moves the bytes; it belongs to the socket from then on */
  constructor(reactor: IVReactor, device: IVSocketDevice, options: VSocketOptions = {}) {
    super(reactor, options)
    this.device = device
    this.#handle = new DeviceHandle(device)
    device.onReady(() => this.#deviceChanged())
    // A subclass has its fields only after this.
    reactor.schedule(0, () => this.#begin())
  }

  /** Node's socket; null while there is none, and where the device has another. */
  get sock(): Socket | null {
    return this.device instanceof VNetDevice ? this.device.socket : null
  }

  /**
   * Whether small writes are sent at once: what was set last; without effect on Unix sockets. @throws TypeError when set
   * to something else than a flag
   */
  get noDelay(): boolean {
    return this.device.noDelay
  }

  set noDelay(on: boolean) {
    this.device.noDelay = on
  }

  /** Whether a silent peer is asked if it is there: what was set last. @throws TypeError as `noDelay` */
  get keepAlive(): boolean {
    return this.device.keepAlive
  }

  set keepAlive(on: boolean) {
    this.device.keepAlive = on
  }

  override get wasConnected(): boolean {
    return super.wasConnected || this.device.connected
  }

  /**
   * Reads without waiting, up to `maxBytes`.
   *
   * @throws VIOError before the connection, VIOCompleted after a clean end, VIOLost after any other
   */
  readSome(maxBytes: number): Buffer {
    sizeOption('maxBytes', maxBytes)
    if (!this.wasConnected) throw new VIOError('this socket is not connected yet')
    if (this.inputClosed) throw new VIOClosed('the input of this socket is closed')
    if (!this.device.readable && this.device.inputEnd !== null) throw endOf(this.device.inputEnd)
    return this.device.readSome(maxBytes)
  }

  /** Writes without waiting, and returns how many bytes were taken. @throws as `readSome` */
  writeSome(data: Uint8Array): number {
    if (!this.wasConnected) throw new VIOError('this socket is not connected yet')
    if (this.outputClosed) throw new VIOClosed('the output of this socket is closed')
    if (this.device.outputEnd !== null) throw endOf(this.device.outputEnd)
    return this.device.writeSome(data)
  }

  startReading(): void {
    if (this.inputClosed || this.#reading) return
    this.#reading = true
    if (this.wasConnected) this.reactor.addReader(this)
  }

  stopReading(): void {
    this.#reading = false
    this.reactor.removeReader(this)
  }

  startWriting(): void {
    if (this.outputClosed || this.#writing) return
    this.#writing = true
    if (this.wasConnected) this.reactor.addWriter(this)
  }

  stopWriting(): void {
    this.#writing = false
    this.reactor.removeWriter(this)
  }

  /** For the reactor: reads, or goes on with the activation. */
  doRead(): void {
    if (this.active) this.activeDoRead()
    else if (super.wasConnected) this.sockDoActivationRead()
    else this.reactor.removeReader(this) // connected, and not told so yet: it is registered again then
  }

  /** For the reactor: writes, or goes on with the activation. */
  doWrite(): void {
    if (this.active) this.activeDoWrite()
    else if (super.wasConnected) this.sockDoActivationWrite()
    else this.reactor.removeWriter(this)
  }

  /** The active socket can be read: reads something, or stops reading. */
  protected abstract activeDoRead(): void
  /** The active socket can be written: writes something, or stops writing. */
  protected abstract activeDoWrite(): void

  /** The socket can be read and is not active yet. By default waits for that. */
  protected sockDoActivationRead(): void {
    this.reactor.removeReader(this)
  }

  /** The socket can be written and is not active yet. By default waits for that. */
  protected sockDoActivationWrite(): void {
    this.reactor.removeWriter(this)
  }

  /** There will be no connection. By default closes as lost. */
  protected connectFailed(reason: VFailure): void {
    this.closeIO(reason)
  }

  protected watched(): IVStreamHandle | null {
    return this.#handle
  }

  protected releaseInput(reason: VFailure): void {
    this.stopReading()
    this.device.closeInput(reason)
  }

  protected releaseOutput(reason: VFailure): void {
    this.stopWriting()
    this.device.closeOutput(reason)
  }

  protected release(reason: VFailure): void {
    this.device.close(reason)
  }

  protected override setSockActive(): void {
    super.setSockActive()
    this.#register()
  }

  #begin(): void {
    this.setSockEnabled()
    this.#deviceChanged()
  }

  #register(): void {
    if (this.#reading && !this.inputClosed) this.reactor.addReader(this)
    if (this.#writing && !this.outputClosed) this.reactor.addWriter(this)
  }

  #deviceChanged(): void {
    if (this.device.connected && !super.wasConnected) {
      this.reactor.schedule(0, () => {
        this.setSockConnected()
        this.#register()
      })
    } else if (!this.device.connected && this.device.inputEnd !== null && !this.closed) {
      this.connectFailed(this.device.inputEnd)
    }
    this.#handle.changed()
  }
}

/** Options of `VClientSocket`. */
export interface VClientSocketOptions extends VSocketOptions, VConnectOptions, VTransportOptions {
  /** What a socket that was given is connected to, where it does not know it by itself: on Unix sockets. */
  readonly peer?: VSocketPeer | null
}

/**
 * A socket with handlers that is connected, or that connects.
 *
 * A subclass overrides `activeDoRead` and `activeDoWrite`; for chains use `VClientSocketAgent` instead.
 */
export abstract class VClientSocket extends VSocket implements IVClientSocket {
  readonly #connector: Connecting | null
  #connecting = false

  /** @param socket one that is connected or is to be connected, or null (the default): it is made when it is needed */
  constructor(
    reactor: IVReactor,
    socket: VStreamSocket | IVSocketDevice | null = null,
    options: VClientSocketOptions = {},
  ) {
    const { device, connector } = makeDevice(reactor, socket, options)
    super(reactor, device, options)
    this.#connector = connector
  }

  get peer(): VSocketPeer | null {
    return this.device.peer
  }

  get localPeer(): VSocketPeer | null {
    return this.device.localPeer
  }

  /**
   * Connects to one peer; `canConnect` is asked first. The promise is true once there is a connection, and false if there
   * will be none, which `connectFailed` is told with the reason.
   *
   * @throws VIOError if it was connected before or closed; TypeError or VAddressError for a wrong peer; (rejects)
   *   VIOError if `canConnect` did not allow it
   */
  connect(peer: VSocketPeer, options: VConnectToOptions = {}): Promise<boolean> {
    if (!(peer instanceof VPeer))
      throw new TypeError(`a socket connects to a peer, got ${describeValue(peer)}`)
    let refused = false
    const outcome = this.#connect(this.connectTransform(peer), options, (allowed) => {
      refused ||= !allowed
    }).then((connected) => {
      if (refused) throw new VIOError(`a connection to ${peer} was not allowed`)
      return connected
    })
    outcome.catch(() => undefined)
    return outcome
  }

  /** Connects to a target; as `connect`, for several addresses or a host by name. */
  connectTo(target: VConnectTarget, options: VConnectToOptions = {}): Promise<boolean> {
    return this.#connect(target, options, () => undefined)
  }

  reset(reason: VFailure = new VFIOLost(new VIOLost('the connection was reset from this side'))): void {
    this.closeIO(reason)
    this.device.reset(reason)
  }

  /** Says whether a connection may be tried. By default it may. */
  protected canConnect(_peer: VSocketPeer): boolean {
    return true
  }

  /** What is connected to in the place of a peer that was asked for. By default that peer. */
  protected connectTransform(peer: VSocketPeer): VSocketPeer {
    return peer
  }

  /** Says whether this kind of socket can be connected to a peer. @throws TypeError or VAddressError if not */
  protected checkPeer(peer: VPeer): void {
    if (!(peer instanceof VSocketPeer)) {
      throw new TypeError(`a socket connects to a socket peer, got ${describeValue(peer)}`)
    }
    checkSocketPeer(peer)
  }

  #connect(
    target: VConnectTarget,
    options: VConnectToOptions,
    asked: (allowed: boolean) => void,
  ): Promise<boolean> {
    if (this.#connecting || this.wasConnected)
      throw new VIOError('connect was called before; use a new socket')
    if (this.closed) throw new VIOError('this socket is closed; use a new one')
    checkTarget(target)
    for (const peer of Array.isArray(target) ? target : [target])
      if (peer instanceof VPeer) this.checkPeer(peer)
    const connector = this.#connector
    if (connector === null) throw new VIOError('this device is connected; use a new socket')
    this.#connecting = true
    const owner = {
      reactor: this.reactor,
      connector,
      isClosed: () => this.closed,
      mayTry: (peer: VSocketPeer) => {
        const allowed = this.#mayTry(peer)
        asked(allowed)
        return allowed
      },
      connectDevice: (peer: VSocketPeer) => this.device.connect?.(peer),
      closeIO: (reason: VFailure) => this.closeIO(reason),
    }
    return connectTo(owner, target, options)
  }

  #mayTry(peer: VSocketPeer): boolean {
    try {
      return this.canConnect(peer) === true
    } catch (error) {
      this.log.error('canConnect failed, which counts as no', error)
      return false
    }
  }
}

/** The error that reading or writing after the end throws. */
function endOf(end: VFailure): Error {
  const { value } = end
  return value instanceof VIOCompleted || value instanceof VIOLost
    ? value
    : new VIOLost(value.message, { cause: value })
}
