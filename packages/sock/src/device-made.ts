/**
 * The device under a client: the one that was given, one over the socket that was given, or one that will connect.
 *
 * Decides of which kind a device is that is made here, and gives it what connects it. Invariant: the connector and the
 * opener of a device are of the same kind.
 */
import { Socket } from 'node:net'
import { isByteDevice } from '@vio/io'
import type { IVReactor } from '@vio/reactor'
import { connectNative, type OpenedNative, type VNativeSocketDeviceOptions } from './native-opener.js'
import { VNativeSocket } from './native-socket.js'
import { VNativeSocketDevice } from './native-socket-device.js'
import { VNetDevice } from './net-device.js'
import type { VNetDeviceOptions } from './net-device-options.js'
import { type Connecting, SocketConnector, type VConnectOptions } from './socket-connector.js'
import { DEFAULT_SOCKET_BYTES, type IVSocketDevice } from './socket-device.js'
import { checkSource, openSocket, type SocketOpener, sourceOf } from './socket-opener.js'
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

/** Sizes under the names of devices, for options that name them otherwise. */
export type DeviceSizes = Pick<VNetDeviceOptions, 'maxReadBytes' | 'maxWriteBytes'>

const NO_SIZES: DeviceSizes = {}

/** @throws as `VNetDevice` and `SocketConnector`; VIOError for a transport that is not to be had */
export function makeDevice(
  reactor: IVReactor,
  socket: VStreamSocket | IVSocketDevice | null,
  options: MadeDeviceOptions,
  sizes: DeviceSizes = NO_SIZES,
): MadeDevice {
  if (socket instanceof VNativeSocket) {
    // An opener would be for sockets of Node; a device over a connected socket asks none.
    const given = { ...options, ...sizes } as unknown as VNativeSocketDeviceOptions
    return { device: new VNativeSocketDevice(socket, given), connector: null }
  }
  const { transport, opener } = options
  // A socket that is connected is connected by nobody.
  if (socket instanceof Socket && !socket.pending && !socket.connecting && opener === undefined)
    return { device: new VNetDevice(socket, { ...options, ...sizes }), connector: null }
  const source = checkSource(sourceOf(options))
  // An opener that was given opens sockets of Node.
  if (socket === null && opener === undefined && isNative(transport)) {
    const connector = new SocketConnector<OpenedNative, never>(reactor, options, (peer, outcome) =>
      connectNative(peer, source, outcome),
    )
    return {
      connector,
      device: new VNativeSocketDevice(null, { ...options, ...sizes, opener: connector.open }),
    }
  }
  const capacityBytes = sizes.maxReadBytes ?? options.maxReadBytes ?? DEFAULT_SOCKET_BYTES
  const openOne: SocketOpener =
    opener ?? ((peer, outcome, intake) => openSocket(peer, { source, capacityBytes, intake }, outcome))
  const connector = new SocketConnector(reactor, options, openOne)
  const given = socket !== null && isByteDevice(socket)
  const device = given ? socket : new VNetDevice(socket, { ...options, ...sizes, opener: connector.open })
  return { connector, device }
}
