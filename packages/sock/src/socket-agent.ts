/**
 * `VClientSocketAgent`: a stream socket as the end of a chain.
 *
 * Decides how a connection comes to be: which addresses are asked about and tried, for how long, and who is told. What
 * flows over it, how it half-closes and what its ends mean is the endpoint's, the socket itself the device's. Invariant:
 * the chain is asked about each address before the system hears of it.
 */
import {
  type IVHalfClose,
  VByteEndpoint,
  type VEndpointOptions,
  type VFailure,
  VFIOLost,
  VIOError,
  VIOLost,
  VPeer,
  VSocketPeer,
} from '@vio/io'
import type { IVReactor } from '@vio/reactor'
import { checkSocketPeer } from './address.js'
import {
  type ConnectingOwner,
  checkTarget,
  connectTo,
  type VConnectTarget,
  type VConnectToOptions,
} from './connecting.js'
import { describeValue, sizeOption } from './describe.js'
import { makeDevice } from './device-made.js'
import type { IVClientSocket, VCloseCallback } from './interfaces.js'
import type { Connecting, VConnectOptions } from './socket-connector.js'
import { DEFAULT_SOCKET_BYTES, type IVSocketDevice } from './socket-device.js'
import type { VStreamSocket } from './stream-socket.js'
import type { VTransportOptions } from './transport.js'

/** Options of `VClientSocketAgent`. */
export interface VClientSocketAgentOptions extends VConnectOptions, VTransportOptions {
  /** The most bytes that are read at once. By default 65,536. */
  readonly maxRead?: number
  /** The most bytes that are written at once. By default 65,536. */
  readonly maxWrite?: number
  /** The most bytes of the chain that wait to be written. By default `maxWrite`. */
  readonly wbufLen?: number
  /** Which direction may close alone. By default both. */
  readonly halfClosePolicy?: IVHalfClose
  /** Called once when both directions are closed and the socket is gone. What it throws is logged. */
  readonly closeCallback?: VCloseCallback
  /** Send small writes at once instead of waiting for more. By default true. */
  readonly noDelay?: boolean
  /** Ask a silent peer, now and then, whether it is there. By default false. */
  readonly keepAlive?: boolean
  /** What a socket that was given is connected to, where it does not know it by itself: on Unix sockets. */
  readonly peer?: VSocketPeer | null
  /** How long after a clean close the other side's end is waited for, in milliseconds. By default 1000. */
  readonly lingerMs?: number
  /** Puts something between the socket and the agent: TLS, for one. By default nothing. */
  readonly wrapDevice?: (device: IVSocketDevice) => IVSocketDevice
}

/** In the place of what connects, once that has begun: it is not needed any more. */
const BEGUN = 'begun'

/**
 * A socket whose output is a consumer and whose input is a producer.
 *
 * ```ts
 * const agent = new VClientSocketAgent(reactor)
 * chain(source, agent.byteIO, sink)
 * await agent.connectTo({ host: 'localhost', port: 7 })
 * ```
 */
export class VClientSocketAgent extends VByteEndpoint implements IVClientSocket {
  declare readonly device: IVSocketDevice
  /** What connects; null where there is nothing to connect. */
  #connector: Connecting | typeof BEGUN | null

  /**
   * @param socket one that is connected or is to be connected, or null (the default) for one that is made when it is
   *   needed. The agent owns it from then on.
   * @throws TypeError without a reactor or for what is no socket, RangeError for a size below 1
   */
  constructor(
    reactor: IVReactor,
    socket: VStreamSocket | IVSocketDevice | null = null,
    options: VClientSocketAgentOptions = {},
  ) {
    const sizes = sizesOf(options)
    const { device, connector } = makeDevice(reactor, socket, options, sizes)
    super(reactor, options.wrapDevice?.(device) ?? device, sizes)
    this.#connector = connector
    // Apart, as a function that is made here would keep what is around it, for each agent that has none.
    if (options.closeCallback !== undefined) VClientSocketAgent.#tellClosed(this, options.closeCallback)
  }

  /** The other side, or null. */
  override get peer(): VSocketPeer | null {
    return this.device.peer
  }

  /** This side's address, or null. */
  get localPeer(): VSocketPeer | null {
    return this.device.localPeer
  }

  /** Whether small writes are sent at once: what was set last. @throws TypeError when set to something else than a flag */
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

  /** Why nothing more is read; null while there may be more. */
  get endReason(): VFailure | null {
    return this.device.inputEnd
  }

  /** Starts to connect to one address; see `VByteEndpoint.connect`. @throws VAddressError for one that cannot be reached */
  override connect(peer: VPeer): boolean {
    this.checkPeer(peer)
    const begun = super.connect(peer)
    this.#connector = BEGUN
    return begun
  }

  /**
   * Connects to an address, or to the first of several that answers (RFC 8305), or to a host by name. The chain is asked
   * about each address before it is tried, and is told the outcome as by `connect`; the promise is true once there is a
   * connection, and false if there will be none: the end that the chain was told says why.
   *
   * @throws VIOError if it was connected before or closed, TypeError or VAddressError for a wrong target; (rejects) the
   *   signal's reason
   */
  connectTo(target: VConnectTarget, options: VConnectToOptions = {}): Promise<boolean> {
    if (this.wasConnected || this.#connector === BEGUN)
      throw new VIOError('connect was called before; use a new agent')
    if (this.closed) throw new VIOError('this agent is closed; use a new one')
    checkTarget(target)
    for (const peer of Array.isArray(target) ? target : [target])
      if (peer instanceof VPeer) this.checkPeer(peer)
    const connector = this.#connector
    if (connector === null) throw new VIOError('this device is connected; use a new agent')
    this.#connector = BEGUN
    return connectTo(new VClientSocketAgent.#Owner(this, connector), target, options)
  }

  /** Drops the connection at once: what waits is lost, and the other side sees a reset. */
  reset(reason: VFailure = new VFIOLost(new VIOLost('the connection was reset from this side'))): void {
    this.closeIO(reason)
    this.device.reset(reason)
  }

  protected override canConnect(peer: VPeer): boolean {
    // The addresses are asked about one by one, so connecting the device is not asked about on top.
    return this.#connector === BEGUN || super.canConnect(peer)
  }

  /** Says whether this kind of socket can be connected to a peer. @throws TypeError or VAddressError if not */
  protected checkPeer(peer: VPeer): void {
    if (!(peer instanceof VSocketPeer)) {
      throw new TypeError(`a socket connects to a socket peer, got ${describeValue(peer)}`)
    }
    checkSocketPeer(peer)
  }

  /** What connecting asks of the agent that it connects. */
  static readonly #Owner = class implements ConnectingOwner {
    readonly connector: Connecting
    readonly #agent: VClientSocketAgent

    constructor(agent: VClientSocketAgent, connector: Connecting) {
      this.#agent = agent
      this.connector = connector
    }

    get reactor(): IVReactor {
      return this.#agent.reactor
    }

    isClosed(): boolean {
      return this.#agent.closed
    }

    mayTry(peer: VSocketPeer): boolean {
      return VClientSocketAgent.#mayTry(this.#agent, peer)
    }

    connectDevice(peer: VSocketPeer): void {
      VByteEndpoint.prototype.connect.call(this.#agent, peer)
    }

    closeIO(reason: VFailure): boolean {
      return this.#agent.closeIO(reason)
    }
  }

  /** Asks the chain, as `VByteEndpoint.connect` does for a single address. */
  static #mayTry(agent: VClientSocketAgent, peer: VSocketPeer): boolean {
    try {
      agent.checkPeer(peer)
      return VByteEndpoint.prototype['canConnect'].call(agent, peer) === true
    } catch (error) {
      agent.log.error('canConnect failed, which counts as no', error)
      return false
    }
  }

  static #tellClosed(agent: VClientSocketAgent, closeCallback: VCloseCallback): void {
    agent.device.onClosed(() => {
      try {
        closeCallback()
      } catch (error) {
        agent.log.error('a close callback failed', error)
      }
    })
  }
}

type Sizes = VEndpointOptions & { readonly maxReadBytes: number; readonly maxWriteBytes: number }

/** What was asked for last: agents come in rows that are alike. */
let lastSizes: Sizes | undefined

function sizesOf(options: VClientSocketAgentOptions): Sizes {
  const { maxRead = DEFAULT_SOCKET_BYTES, maxWrite = DEFAULT_SOCKET_BYTES, wbufLen = maxWrite } = options
  const { halfClosePolicy } = options
  const isSame =
    lastSizes?.maxReadBytes === maxRead &&
    lastSizes.maxWriteBytes === maxWrite &&
    lastSizes.bufferBytes === wbufLen &&
    lastSizes.halfClosePolicy === halfClosePolicy
  if (isSame) return lastSizes as Sizes
  const sizes = {
    maxReadBytes: sizeOption('maxRead', maxRead),
    maxWriteBytes: sizeOption('maxWrite', maxWrite),
    bufferBytes: sizeOption('wbufLen', wbufLen),
  }
  lastSizes = halfClosePolicy === undefined ? sizes : { ...sizes, halfClosePolicy }
  return lastSizes
}
