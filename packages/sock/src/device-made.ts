/**
 * The device under a client: the one that was given, one over the socket that was given, or one that will connect.
 *
 * Decides of which kind a device is that is made here, and gives it what connects it. Invariant: the connector and the
 * opener of a device are of the same kind.
 */
import { Socket } from 'node:net'
import { isByteDevice, type VSocketPeer } from '@vio/io'
import type { IVReactor } from '@vio/reactor'
import { connectNative, type OpenedNative, type VNativeSocketDeviceOptions } from './native-opener.js'
import { VNativeSocket } from './native-socket.js'
import { VNativeSocketDevice } from './native-socket-device.js'
import { VNetDevice } from './net-device.js'
import type { DeviceSizes, VNetDeviceOptions } from './net-device-options.js'
import { type Connecting, SocketConnector, type VConnectOptions } from './socket-connector.js'
import { DEFAULT_SOCKET_BYTES, type IVSocketDevice } from './socket-device.js'
import {
  checkSource,
  type GiveUp,
  type OpeningAttempt,
  type OpeningOutcome,
  openSocket,
  type SocketOpener,
  type SocketTerms,
  sourceOf,
  type VSourceAddress,
} from './socket-opener.js'
import type { VStreamSocket } from './stream-socket.js'
import { isNative, type VTransportOptions } from './transport.js'

/** What a device is made with. */
export interface MadeDeviceOptions
  extends VConnectOptions,
    Omit<VNetDeviceOptions, 'opener'>,
    VTransportOptions {}

/** A device, and what will connect it if it is to be connected. */
export interface MadeDevice {
  readonly device: IVSocketDevice
  /** Null for a device that is connected. */
  readonly connector: Connecting | null
}

/** Connects sockets of Node, one by one. */
class NetConnector extends SocketConnector {
  readonly #terms: SocketTerms
  readonly #opener: SocketOpener | undefined

  constructor(reactor: IVReactor, options: MadeDeviceOptions, terms: SocketTerms) {
    super(reactor, options)
    this.#terms = terms
    this.#opener = options.opener
  }

  protected openOne(peer: VSocketPeer, outcome: OpeningOutcome, own: Socket | null): GiveUp | OpeningAttempt {
    if (this.#opener !== undefined) return this.#opener(peer, outcome, own)
    return openSocket(peer, this.#terms, outcome, own)
  }
}

/** Connects native sockets, one by one. */
class NativeConnector extends SocketConnector<OpenedNative, never> {
  readonly #source: VSourceAddress

  constructor(reactor: IVReactor, options: MadeDeviceOptions, source: VSourceAddress) {
    super(reactor, options)
    this.#source = source
  }

  protected openOne(peer: VSocketPeer, outcome: OpeningOutcome<OpenedNative>): GiveUp {
    return connectNative(peer, this.#source, outcome)
  }
}

/**
 * @param sizes in the place of those of the options
 * @throws as `VNetDevice` and `SocketConnector`; VIOError for a transport that is not to be had
 */
export function makeDevice(
  reactor: IVReactor,
  socket: VStreamSocket | IVSocketDevice | null,
  options: MadeDeviceOptions,
  sizes: DeviceSizes = options,
): MadeDevice {
  const { transport, opener } = options
  // An opener would be for sockets of Node, and a native device is given none.
  const native = options as unknown as VNativeSocketDeviceOptions
  if (socket instanceof VNativeSocket)
    return { device: new VNativeSocketDevice(socket, native, sizes), connector: null }
  // A socket that is connected is connected by nobody.
  if (socket instanceof Socket && !socket.pending && !socket.connecting && opener === undefined)
    return { device: new VNetDevice(socket, options, sizes), connector: null }
  const source = checkSource(sourceOf(options))
  // An opener that was given opens sockets of Node.
  if (socket === null && opener === undefined && isNative(transport)) {
    const connector = new NativeConnector(reactor, options, source)
    const device = new VNativeSocketDevice(null, native, sizes)
    device.connectBy(connector)
    return { connector, device }
  }
  if (socket !== null && isByteDevice(socket)) {
    const maxReadBytes = sizes.maxReadBytes ?? DEFAULT_SOCKET_BYTES
    return { connector: new NetConnector(reactor, options, { source, maxReadBytes }), device: socket }
  }
  const device = new VNetDevice(socket, options, sizes)
  const connector = new NetConnector(reactor, options, device['settings'])
  device.connectBy(connector)
  return { connector, device }
}
