/**
 * An engine with its runner and its devices: what a transport is without being a chain end.
 *
 * Decides where the events of an engine go, and when the runner is let go. The transport makes chain ends of the devices.
 * Invariants: each stream has one device; the outcome of connecting and of the whole is told once.
 */
import { type IVDatagramPort, type VFailure, VFIOLost, type VIPSocketPeer } from '@vio/io'
import type { IVReactor } from '@vio/reactor'
import type { IVUDPEngine, IVUDPStream, VUDPEvent, VUDPHooks } from '../proto/engine.js'
import { StreamDevice, type StreamDeviceOwner } from './device.js'
import type { IVUDPRunner, RunnerClient } from './runner.js'

/** What a core tells its transport. */
export interface CoreHandlers {
  onStream(device: StreamDevice): void
  onStreamsAvailable(): void
  onDatagram(bytes: Buffer): void
  onPeerChanged(peer: VIPSocketPeer): void
  onPathTried(peer: VIPSocketPeer, answered: boolean): void
  onPathSilent(peer: VIPSocketPeer): void
  onConnected(peer: VIPSocketPeer): void
  onClosed(reason: VFailure): void
  /** Nothing is left: no timer, nothing to send. */
  onReleased(): void
}

const NO_HOOKS: VUDPHooks = {}

/** Stands between the hooks of an engine and the transport that is made after it. */
export class HookRelay implements VUDPHooks {
  target: VUDPHooks = NO_HOOKS

  canConnect(peer: VIPSocketPeer, userData: Uint8Array): boolean {
    return this.target.canConnect?.(peer, userData) ?? true
  }

  invalidPeer(from: VIPSocketPeer, bytes: Uint8Array): void {
    this.target.invalidPeer?.(from, bytes)
  }

  invalidMac(from: VIPSocketPeer, bytes: Uint8Array): void {
    this.target.invalidMac?.(from, bytes)
  }
}

/** What a core is made of. */
export interface CoreParts {
  readonly engine: IVUDPEngine
  readonly port: IVDatagramPort
  readonly relay: HookRelay
  /** Gives the engine its runner. */
  readonly run: (client: RunnerClient) => IVUDPRunner
  /** Knows the time, for the one call that the core makes by itself. */
  readonly reactor: IVReactor
}

/** The core of a transport. */
export class TransportCore implements StreamDeviceOwner, RunnerClient {
  readonly engine: IVUDPEngine
  readonly port: IVDatagramPort
  readonly relay: HookRelay
  /** The device of the stream that is there from the start. */
  readonly main: StreamDevice
  readonly #reactor: IVReactor
  #run: CoreParts['run'] | null
  /** The devices of further streams; made with the first one. */
  #others: Map<IVUDPStream, StreamDevice> | null = null
  #handlers: CoreHandlers | null = null
  #runner: IVUDPRunner | null = null
  #released = false

  constructor(parts: CoreParts) {
    this.#reactor = parts.reactor
    this.#run = parts.run
    this.engine = parts.engine
    this.port = parts.port
    this.relay = parts.relay
    this.main = new StreamDevice(this, parts.engine.stream)
  }

  /** Nothing is left of it. */
  get released(): boolean {
    return this.#released
  }

  /** Begins: from now on the engine is given its turns. */
  start(handlers: CoreHandlers): void {
    this.#handlers = handlers
    this.#runner = this.#run?.(this) ?? null
    this.#run = null
  }

  kick(): void {
    this.#runner?.kick()
  }

  /** Opens another stream; null if there may be none now. */
  open(): StreamDevice | null {
    const stream = this.engine.openStream()
    if (stream === null) return null
    this.kick()
    return this.#deviceOf(stream)
  }

  /** Ends the connection. */
  close(reason: VFailure): void {
    this.engine.close(reason)
    this.kick()
  }

  // The devices'.

  deviceReleased(device: StreamDevice, reason: VFailure): void {
    if (device === this.main) this.engine.close(reason)
    else this.#forgetIfThrough(device)
  }

  // The runner's.

  onEvent(event: VUDPEvent): void {
    switch (event.type) {
      case 'connected':
        this.#handlers?.onConnected(event.peer)
        this.main.notify()
        break
      case 'stream-changed':
        this.#changed(event.stream)
        break
      case 'stream-opened':
        this.#handlers?.onStream(this.#deviceOf(event.stream))
        break
      case 'streams-available':
        this.#handlers?.onStreamsAvailable()
        break
      case 'datagram':
        this.#handlers?.onDatagram(event.bytes)
        break
      case 'peer-changed':
        this.#handlers?.onPeerChanged(event.peer)
        break
      case 'path-tried':
        this.#handlers?.onPathTried(event.peer, event.answered)
        break
      case 'path-silent':
        this.#handlers?.onPathSilent(event.peer)
        break
      case 'closed':
        this.#closed(event.reason)
    }
  }

  onTurn(): void {
    if (this.engine.drained) this.#release()
  }

  onCut(reason: VFailure): void {
    const lost = reason instanceof VFIOLost ? reason : new VFIOLost()
    try {
      this.engine.close(lost)
      // Nothing will be sent any more, but the engine still has to say what has become of it.
      this.engine.handleTimeout(this.#reactor.time())
      for (let event = this.engine.pollEvent(); event !== undefined; event = this.engine.pollEvent()) {
        this.onEvent(event)
      }
    } catch {
      // An engine that failed, as was reported, may fail once more.
    }
    if (this.engine.closed === null) this.#broken(lost)
    this.#release()
  }

  onRefused(error: Error): void {
    this.engine.close(new VFIOLost(error as never))
    this.kick()
  }

  get #devices(): readonly StreamDevice[] {
    return this.#others === null ? [this.main] : [this.main, ...this.#others.values()]
  }

  #changed(stream: IVUDPStream): void {
    const device = stream === this.main.stream ? this.main : this.#others?.get(stream)
    device?.notify()
    if (device !== undefined) this.#forgetIfThrough(device)
  }

  /** A clean end is told once all before it has arrived, which may be after the device was released. */
  #forgetIfThrough(device: StreamDevice): void {
    if (device !== this.main && device.isThrough) this.#others?.delete(device.stream)
  }

  #closed(reason: VFailure): void {
    for (const device of this.#devices) device.notify()
    this.#handlers?.onClosed(reason)
  }

  /** The engine failed, and does not say itself that it is over. */
  #broken(reason: VFailure): void {
    for (const device of this.#devices) device.cut(reason)
    this.#handlers?.onClosed(reason)
  }

  #deviceOf(stream: IVUDPStream): StreamDevice {
    if (stream === this.main.stream) return this.main
    this.#others ??= new Map()
    const known = this.#others.get(stream)
    if (known !== undefined) return known
    const device = new StreamDevice(this, stream)
    this.#others.set(stream, device)
    return device
  }

  #release(): void {
    if (this.#released) return
    this.#released = true
    this.#runner?.release()
    this.#handlers?.onReleased()
  }
}
