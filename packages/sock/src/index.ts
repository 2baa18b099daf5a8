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
export {
  VClientSocket,
  type VClientSocketOptions,
  VSocket,
} from './client-socket.js'
export type { VConnectTarget, VConnectToOptions, VHostPort } from './connecting.js'
export {
  connectTCP,
  connectUnix,
  listenTCP,
  listenUnix,
  type VAgentHandler,
  type VConnectAgentOptions,
  type VListenOptions,
} from './convenience.js'
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
export type {
  IVClientSocket,
  IVSocket,
  IVTCPSocket,
  IVUnixSocket,
  VCloseCallback,
} from './interfaces.js'
export {
  type VClientParts,
  VClientSocketFactory,
  VListeningSocket,
  type VListeningSocketOptions,
} from './listener.js'
export type { VBindOptions } from './listening-server.js'
export type { VNativeSocketDeviceOptions } from './native-opener.js'
export { VNativeSocket } from './native-socket.js'
export { VNativeSocketDevice } from './native-socket-device.js'
export { VNetDevice } from './net-device.js'
export type { VNetDeviceOptions } from './net-device-options.js'
export { VClientSocketAgent, type VClientSocketAgentOptions } from './socket-agent.js'
export { VSocketBase, type VSocketOptions } from './socket-base.js'
export type { VConnectOptions } from './socket-connector.js'
export { DEFAULT_SOCKET_BYTES, type IVSocketDevice } from './socket-device.js'
export type { GiveUp, OpenedSocket, OpeningOutcome, SocketOpener, VSourceAddress } from './socket-opener.js'
export type { VStreamSocket } from './stream-socket.js'
export {
  VTCPClientSocket,
  VTCPClientSocketAgent,
  VTCPListeningSocket,
  VTCPSocket,
} from './tcp.js'
export {
  VTLSClientSocketAgent,
  type VTLSClientSocketAgentOptions,
  VTLSListeningSocket,
  type VTLSListeningSocketOptions,
} from './tls/agent.js'
export type { VTLSClientCertificates, VTLSPeer, VTLSVerify } from './tls/authorize.js'
export { VTLSClientContext, VTLSServerContext } from './tls/context.js'
export {
  VTLSError,
  VTLSHandshakeError,
  VTLSInputError,
  type VTLSInputFault,
  VTLSTruncated,
  VTLSUnauthorized,
} from './tls/errors.js'
export {
  DEFAULT_HANDSHAKE_TIMEOUT_MS,
  DEFAULT_TLS_BUFFER_BYTES,
  VTLSClient,
  type VTLSClientTransportOptions,
  VTLSServer,
  VTLSTransport,
  type VTLSTransportOptions,
} from './tls/filter.js'
export type { VTLSCertificate, VTLSIdentity, VTLSKey } from './tls/identity.js'
export type { VX509Attribute, VX509Name } from './tls/name.js'
export type {
  VTLSClientOptions,
  VTLSCommonOptions,
  VTLSServerOptions,
  VTLSVersion,
} from './tls/options.js'
export type { VTransport, VTransportOptions } from './transport.js'
export {
  VUnixClientSocket,
  VUnixClientSocketAgent,
  VUnixListeningSocket,
  VUnixSocket,
} from './unix.js'
