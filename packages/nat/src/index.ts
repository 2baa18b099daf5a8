/**
 * The public names of this package. No logic.
 */
export { isSameNetwork, scopeOf, type VAddressScope } from './address-scope.js'
export * from './candidate.js'
export * from './code.js'
export { frameDatagram, VDatagramUnframer } from './datagram-framing.js'
export { VUDPConnecter } from './driver/connecter.js'
export {
  VConnecterError,
  type VConnecterEvent,
  type VConnecterPhase,
  type VConnecterReason,
  type VConnecterVUTOptions,
  type VConnectPath,
  type VPathReport,
  type VUDPConnecterOptions,
} from './driver/connecter-options.js'
export { openControlLink, VControlLinkError, type VControlLinkOptions } from './driver/control-link.js'
export { VNatCrypto } from './driver/crypto.js'
export { DEFAULT_LINK_BYTES, type IVControlLink } from './driver/link.js'
export {
  DEFAULT_RELAY_PORT,
  formatRelayAddress,
  parseRelayAddress,
  type VRelayAddress,
  VRelayAddressError,
  type VRelayAddressFault,
  type VRelayScheme,
} from './driver/relay-address.js'
export { VRelayHost, type VRelayHostOptions } from './driver/relay-host.js'
export {
  parseRelayQuota,
  RELAY_QUOTA_NAMES,
  VRelayQuotaError,
  type VRelayQuotas,
} from './driver/relay-quotas.js'
export { relayMetrics, type VRelayStats } from './driver/relay-stats.js'
export { VUDPRelayedLink, type VUDPRelayedLinkOptions } from './driver/relayed-link.js'
export * from './host-filter.js'
export type { VMeetingSecrets } from './introduction.js'
export { type IVLaneOwner, VLane } from './lane.js'
export * from './lane-peers.js'
export * from './mapping.js'
export * from './mapping-life.js'
export * from './nat-probe.js'
export * from './offer.js'
export { VPake, VPakeError, type VPakeOptions } from './pake.js'
export * from './port-map.js'
export { PORT_MAP_PORT, type VPortMapProtocol } from './port-map-message.js'
export * from './puncher.js'
export * from './relay-client.js'
export { isRelayControl, streamProof, type VRelayRefusal } from './relay-datagram.js'
export * from './relay-server.js'
export * from './rendezvous-client.js'
export * from './rendezvous-error.js'
export * from './rendezvous-message.js'
export * from './rendezvous-server.js'
export * from './room-directory.js'
export type { VSourceLimitOptions } from './source-limit.js'
export * from './strategy.js'
export * from './stun-attribute.js'
export * from './stun-client.js'
export * from './stun-message.js'
export * from './stun-server.js'
export type { IVNatCrypto } from './suite.js'
export * from './udp-token.js'
export * from './words.js'
