/**
 * The public names of this entry point. No logic.
 */
export { type ISimHop, SimDatagram } from './datagram.js'
export { SimDatagramPort, type SimPortOptions } from './datagram-port.js'
export { SimCall, SimEvent, SimEventQueue } from './event-queue.js'
export {
  blackOut,
  FORGER_TRICKS,
  type ForgerTrick,
  flap,
  SimForger,
  type SimForgerOptions,
} from './faults.js'
export { SimFlow, type SimFlowOptions } from './flow.js'
export { type LinkCounts, type LinkOptions, type LinkWorld, SimLink } from './link.js'
export { type NatDependence, type NatOptions, SimNat } from './nat.js'
export {
  SimHost,
  type SimHostOptions,
  SimNetwork,
  type SimNetworkOptions,
  SimRealm,
  type SimReceiver,
} from './network.js'
export { SimOracle } from './oracle.js'
export { SimPeer, type SimPeerOptions } from './peer.js'
export { type PatternSeeds, ScriptedStream, type StreamScript } from './stream-script.js'
export { SimWorld, type SimWorldOptions } from './world.js'
