/**
 * The public names of this package. No logic.
 */
export {
  checkPort,
  checkSocketPeer,
  checkUnixPath,
  createSocket,
  formatAddress,
  localPeerFromSock,
  lookup,
  lookupAll,
  MAX_UNIX_PATH_BYTES,
  parseAddress,
  peerFromSock,
  splitHostPort,
  VAddressError,
  type VLookupOptions,
  type VLookupOrder,
  type VResolvedAddress,
  type VResolver,
} from './address.js'
export { type VDatagram, VDatagramAgent, type VDatagramAgentOptions } from './datagram-agent.js'
export type { VDatagramSocketOptions } from './datagram-options.js'
export { VDatagramSocket } from './datagram-port.js'
export {
  errnoName,
  errnoNumber,
  errnoText,
  socketError,
  socketFailure,
  socketLost,
  systemErrorInfo,
  VSocketError,
  VSocketLost,
  type VSystemErrorInfo,
} from './errno.js'
export { DEFAULT_SOCKET_BYTES, VNetDevice, type VNetDeviceOptions } from './net-device.js'
export type { VSourceAddress } from './socket-opener.js'
