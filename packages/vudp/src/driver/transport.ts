/**
 * `VUDPTransport`: a VUT connection as the end of a chain.
 *
 * Decides nothing about the protocol (the engine does), about time and sockets (the runner) or about limits and ends of
 * chains (`VByteEndpoint`); it joins the three, and makes each further stream an end of its own. Invariants: the chain is
 * told `connected` only once the peer has proved itself; when both directions are through and the last datagrams are out,
 * no timer is armed and the socket is closed.
 */
import {
  type IVDatagramPort,
  VByteEndpoint,
  type VEndpointOptions,
  type VFailure,
  VFIOCompleted,
  VFIOLost,
  VIOLost,
  type VIPSocketPeer,
} from '@vio/io'
import { type IVRandom, type IVReactor, VSystemRandom } from '@vio/reactor'
import { VUDPConnection } from '../proto/connection.js'
import type { IVCrypto } from '../proto/crypto.js'
import type { VUDPHooks } from '../proto/engine.js'
import type { VUDPStats } from '../proto/stats.js'
import { type CoreHandlers, HookRelay, TransportCore } from './core.js'
import { NodeCrypto } from './crypto.js'
import type { StreamDevice } from './device.js'
import { checkPort, makeEngine, type VUDPConnectOptions } from './engines.js'
import { Outcome } from './outcome.js'
import { OwnPump } from './runner.js'

/** What a transport tells besides what the chain is told. All are optional. */
export interface VUDPHandlers {
  /** A datagram of somebody else arrived and was dropped. `bytes` is lent. */
  readonly onInvalidPeer?: (from: VIPSocketPeer, bytes: Uint8Array) => void
  /** A datagram whose authentication failed was dropped. `bytes` is lent. */
  readonly onInvalidMac?: (from: VIPSocketPeer, bytes: Uint8Array) => void
  /** The peer opened a stream. Streams that come while there is no handler wait for one. */
  readonly onStream?: (stream: VUDPStream) => void
  /** `openStream` may succeed again. */
  readonly onStreamsAvailable?: () => void
  /** An unreliable datagram arrived. Without a handler it is dropped. */
  readonly onDatagram?: (bytes: Buffer) => void
  /** The peer is reached at another address from now on. */
  readonly onPeerChanged?: (peer: VIPSocketPeer) => void
  /** An address that `tryPath` was called for has answered, or has not. */
  readonly onPathTried?: (peer: VIPSocketPeer, answered: boolean) => void
  /** For three probe time-outs, and a second at least, nothing was acknowledged. Told once for each silence. */
  readonly onPathSilent?: (peer: VIPSocketPeer) => void
  /** The peer has proved itself, at this address. Told in the same turn, before `whenConnected` settles. */
  readonly onConnected?: (peer: VIPSocketPeer) => void
  /** The connection is over. Told in the same turn, before `whenClosed` settles. */
  readonly onClosed?: (reason: VFailure) => void
  /**
   * Says whether a peer that has proved itself may connect, by what it sent along (`userData`, VUT/1 alone; lent). Asked
   * before the chain is; by default yes.
   */
  readonly allow?: (peer: VIPSocketPeer, userData: Uint8Array) => boolean
}

/** Options of a transport that shares the socket of an endpoint. */
export interface VUDPSharedOptions extends VUDPConnectOptions, VUDPHandlers, VEndpointOptions {}

/** Options of a transport. */
export interface VUDPTransportOptions extends VUDPSharedOptions {
  /** The bound port. It belongs to the transport, which closes it in the end. */
  readonly socket: IVDatagramPort
  /** True to leave the socket open in the end. By default false. */
  readonly keepSocket?: boolean
  /** The cryptography. By default that of Node. */
  readonly crypto?: IVCrypto
  /** The source of random values. By default the system's. */
  readonly random?: IVRandom
}

/** A core that was made already, by the endpoint that runs it. */
export interface PreparedTransport {
  readonly core: TransportCore
  readonly options: VUDPSharedOptions
}

/** A further stream of a transport: a chain end of its own, with its own limits. */
export class VUDPStream extends VByteEndpoint {
  /** The number of the stream. */
  readonly id: number

  /** Made by a transport. */
  constructor(reactor: IVReactor, device: StreamDevice, options: VEndpointOptions) {
    super(reactor, device, options)
    this.id = device.stream.id
  }
}

/**
 * A reliable stream over UDP, as the end of a chain.
 *
 * It speaks as soon as it is made. When the peer has proved itself the chain is asked `canConnect(peer)`, then told
 * `connected(peer)`. Closing both directions ends the connection and all its streams.
 *
 * ```ts
 * const socket = await VDatagramSocket.bind({ host: '0.0.0.0', port: 4000 })
 * const transport = new VUDPTransport(reactor, { socket, peer, secret, peerSecret })
 * application.byteIO.attach(transport.byteIO)
 * ```
 */
export class VUDPTransport extends VByteEndpoint implements AsyncDisposable {
  /** What the core and the engine tell comes here: one small object, and not a function for each thing told. */
  static readonly #Ear = class implements CoreHandlers, VUDPHooks {
    readonly #of: VUDPTransport
    constructor(of: VUDPTransport) {
      this.#of = of
    }
    canConnect(peer: VIPSocketPeer, userData: Uint8Array): boolean {
      return this.#of.#mayConnect(peer, userData)
    }
    invalidPeer(from: VIPSocketPeer, bytes: Uint8Array): void {
      this.#of.#guard(() => this.#of.handleInvalidPeer(from, bytes))
    }
    invalidMac(from: VIPSocketPeer, bytes: Uint8Array): void {
      this.#of.#guard(() => this.#of.handleInvalidMac(from, bytes))
    }
    onConnected(peer: VIPSocketPeer): void {
      this.#of.#connected.settle(peer)
      this.#of.#guard(() => this.#of.#options.onConnected?.(peer))
    }
    onClosed(reason: VFailure): void {
      this.#of.#connected.fail(reason.value)
      this.#of.#closed.settle(reason)
      this.#of.#guard(() => this.#of.#options.onClosed?.(reason))
    }
    onReleased(): void {
      this.#of.#released.settle()
    }
    onStream(device: StreamDevice): void {
      const stream = this.#of.#streamOn(device)
      if (this.#of.#onStream === undefined) this.#of.#unclaimed.push(stream)
      else this.#of.#guard(() => this.#of.#onStream?.(stream))
    }
    onStreamsAvailable(): void {
      this.#of.#guard(() => this.#of.#options.onStreamsAvailable?.())
    }
    onDatagram(bytes: Buffer): void {
      this.#of.#guard(() => this.#of.#options.onDatagram?.(bytes))
    }
    onPathTried(peer: VIPSocketPeer, answered: boolean): void {
      this.#of.#guard(() => this.#of.#options.onPathTried?.(peer, answered))
    }
    onPathSilent(peer: VIPSocketPeer): void {
      this.#of.#guard(() => this.#of.#options.onPathSilent?.(peer))
    }
    onPeerChanged(peer: VIPSocketPeer): void {
      this.#of.#guard(() => this.#of.#options.onPeerChanged?.(peer))
    }
  }

  /** The port that the datagrams pass through. */
  readonly sock: IVDatagramPort
  readonly #core: TransportCore
  readonly #options: VUDPHandlers & VEndpointOptions
  readonly #unclaimed: VUDPStream[] = []
  readonly #connected = new Outcome<VIPSocketPeer>()
  readonly #closed = new Outcome<VFailure>()
  readonly #released = new Outcome<void>()
  #onStream: ((stream: VUDPStream) => void) | undefined

  /**
   * @throws TypeError without a socket, a peer or a secret; VIOError if the socket is not bound or is closed; RangeError for
   *   a value out of range
   */
  constructor(reactor: IVReactor, options: VUDPTransportOptions | PreparedTransport) {
    const { core, options: shared } = 'core' in options ? options : prepare(reactor, options)
    super(reactor, core.main, shared)
    this.sock = core.port
    this.#core = core
    this.#options = keptOf(shared)
    this.#onStream = shared.onStream
    const ear = new VUDPTransport.#Ear(this)
    core.relay.target = ear
    core.start(ear)
  }

  /** The version that is spoken. */
  get version(): string {
    return this.#core.engine.version
  }

  /** Settles once the peer has proved itself; rejects if it never did. */
  get whenConnected(): Promise<VIPSocketPeer> {
    return this.#connected.promise
  }

  /** Settles with the reason once the connection is over: `VFIOCompleted` if both directions ended cleanly. */
  get whenClosed(): Promise<VFailure> {
    return this.#closed.promise
  }

  /** Settles once nothing is left to say either, and the socket is closed where it belongs to the transport. */
  get whenReleased(): Promise<void> {
    return this.#released.promise
  }

  /** Where the peer is reached at the moment. */
  get peerAddress(): VIPSocketPeer {
    return this.#core.engine.peer
  }

  /** What the connection has counted so far. */
  stats(): VUDPStats {
    return this.#core.engine.stats()
  }

  /** The descriptor of the socket where it has one that can be known, else -1. */
  fileno(): number {
    const { fileno } = this.sock as { fileno?: unknown }
    const number: unknown = typeof fileno === 'function' ? fileno.call(this.sock) : -1
    return typeof number === 'number' ? number : -1
  }

  /** Opens another stream. Null if the peer allows none now, or the version has one stream only. */
  openStream(): VUDPStream | null {
    const device = this.#core.open()
    return device === null ? null : this.#streamOn(device)
  }

  /** Names the function that is given the streams that the peer opens, and those that have waited for one. */
  onStream(handler: (stream: VUDPStream) => void): void {
    this.#onStream = handler
    for (const stream of this.#unclaimed.splice(0)) handler(stream)
  }

  /** Sends bytes that may be lost. False if they cannot be sent: too large, not offered by the peer, too many waiting. */
  sendDatagram(bytes: Uint8Array): boolean {
    const isSent = this.#core.engine.sendDatagram(bytes)
    if (isSent) this.#core.kick()
    return isSent
  }

  /** The address of this side may have changed: the path is tried anew, where the version can. */
  localAddressChanged(): void {
    this.#core.engine.localAddressChanged()
    this.#core.kick()
  }

  /**
   * An address where the peer may be: it is tried at once, and as long as the handshake goes on. False where that is over,
   * or the version is bound to one address.
   */
  addCandidate(peer: VIPSocketPeer): boolean {
    const { engine } = this.#core
    if (!(engine instanceof VUDPConnection) || engine.connected || engine.closed !== null) return false
    engine.addCandidate(this.reactor.time(), peer)
    this.#core.kick()
    return true
  }

  /**
   * Asks whether the peer is at another address, while everything goes on as it is, and goes over to it if it answers;
   * with `onlyAsk` leaves it at that. `onPathTried` tells. False before there is a connection, after its end, for the
   * address in use, and where the version is bound to one address.
   */
  tryPath(peer: VIPSocketPeer, onlyAsk = false): boolean {
    const { engine } = this.#core
    if (!(engine instanceof VUDPConnection)) return false
    const isTried = engine.tryPath(this.reactor.time(), peer, onlyAsk)
    if (isTried) this.#core.kick()
    return isTried
  }

  /** Closes cleanly, and waits until the connection is over; what is still said for the sake of the peer goes on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.closeIO(new VFIOCompleted())
    await this.whenClosed
  }

  /** A datagram of somebody else arrived and was dropped. By default tells the handler of the options. */
  protected handleInvalidPeer(from: VIPSocketPeer, bytes: Uint8Array): void {
    this.#options.onInvalidPeer?.(from, bytes)
  }

  /** A datagram whose authentication failed was dropped. By default tells the handler of the options. */
  protected handleInvalidMac(from: VIPSocketPeer, bytes: Uint8Array): void {
    this.#options.onInvalidMac?.(from, bytes)
  }

  #mayConnect(peer: VIPSocketPeer, userData: Uint8Array): boolean {
    try {
      const { allow } = this.#options
      return (allow === undefined || allow(peer, userData) === true) && this.canConnect(peer)
    } catch (error) {
      this.log.error('allow failed, which counts as no', error)
      return false
    }
  }

  /** Calls a handler of the application. One that throws ends this transport, and nothing else. */
  #guard(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.log.error('a handler of a transport failed', error)
      this.#core.close(new VFIOLost(new VIOLost('a handler of the transport failed', { cause: error })))
    }
  }

  #streamOn(device: StreamDevice): VUDPStream {
    return new VUDPStream(this.reactor, device, this.#options)
  }
}

/** What is asked for later; keys and secrets are not among it, and are not to be kept for as long as the transport lives. */
function keptOf(options: VUDPSharedOptions): VUDPHandlers & VEndpointOptions {
  const {
    secret: _secret,
    peerSecret: _peerSecret,
    resetKey: _resetKey,
    userData: _userData,
    ...kept
  } = options
  return kept
}

/** The core of a transport that has its socket for itself. */
function prepare(reactor: IVReactor, options: VUDPTransportOptions): PreparedTransport {
  const { socket, keepSocket = false, crypto: primitives, random, ...shared } = options
  checkPort(socket)
  const relay = new HookRelay()
  const engine = makeEngine(shared, {
    port: socket,
    hooks: relay,
    crypto: primitives ?? new NodeCrypto(),
    random: random ?? new VSystemRandom(),
  })
  const core = new TransportCore({
    engine,
    port: socket,
    relay,
    reactor,
    run: (client) => new OwnPump(reactor, engine, client, { port: socket, keepsPort: keepSocket }),
  })
  return { core, options: shared }
}
