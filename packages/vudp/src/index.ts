/**
 * The public names of this package. No logic.
 */
export { NodeCrypto as VNodeCrypto } from './driver/crypto.js'
export { VUDPEndpoint, type VUDPEndpointOptions, type VUDPIncoming, vudpTag } from './driver/endpoint.js'
export type { VUDPConnectOptions, VUDPVersion } from './driver/engines.js'
export { openVUDP, type VOpenVUDPOptions } from './driver/open.js'
export { VDatagramPump, type VDatagramPumpOptions } from './driver/pump.js'
export { type VQlogOptions, VQlogTrace } from './driver/qlog.js'
export {
  type VUDPHandlers,
  type VUDPSharedOptions,
  VUDPStream,
  VUDPTransport,
  type VUDPTransportOptions,
} from './driver/transport.js'
export type { IVMachine } from './machine.js'
export type { VUDPMeans, VUDPOptions } from './proto/config.js'
export type { VCongestionName } from './proto/congestion/controller.js'
export { VUDPConnection } from './proto/connection.js'
export type { IVAead, IVCrypto, VAeadSpan, VCipherId, VKeyPair } from './proto/crypto.js'
export type { IVUDPEngine, IVUDPStream, VUDPEvent, VUDPHooks } from './proto/engine.js'
export { VUDPLost, VUT_CODE, type VUTCodes } from './proto/errors.js'
export type { VUDPStats } from './proto/stats.js'
export type { IVTrace } from './proto/trace.js'
export { hkdfExpand, hkdfExtract, type SessionKeys, sessionKeys } from './proto/v1/key-schedule.js'
export { encodePunch, KIND, openPunch } from './proto/v1/packet.js'
export type { V08Options } from './proto/v08/config.js'
export { V08Connection } from './proto/v08/connection.js'
