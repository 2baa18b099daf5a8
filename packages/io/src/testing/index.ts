/** What tests of elements and chains need: devices and ends that follow a script, and contract suites. */
export { VTestBench, type VTestBenchOptions } from './bench.js'
export type { IVContractCase } from './contract/case.js'
export { consumerContract } from './contract/consumer.js'
export { controlContract, type VControlFactory } from './contract/control.js'
export { datagramPortContract } from './contract/datagram-port.js'
export type { IVDatagramPair, IVDatagramRig, VDatagramPortFactory } from './contract/datagram-rig.js'
export { deviceContract, type IVDeviceRig, type VDeviceFactory } from './contract/device.js'
export { duplexContract, type IVDuplexSubject, type VDuplexFactory } from './contract/duplex.js'
export { endpointContract } from './contract/endpoint.js'
export type {
  IVConnectable,
  IVConnected,
  IVEndpointRig,
  IVFarEnd,
  VEndpointFactory,
} from './contract/endpoint-rig.js'
export { filterContract } from './contract/filter.js'
export type { IVFilterSubject, VFilterFactory } from './contract/filter-base.js'
export {
  BYTE_UNITS,
  type IVConsumerSetup,
  type IVConsumerSubject,
  type IVFlowUnits,
  type IVProducerSubject,
  type IVSubject,
  MESSAGE_UNITS,
  type VConsumerFactory,
  type VProducerFactory,
} from './contract/flow.js'
export type {
  IVConsumerScript,
  IVHookedConsumerSubject,
  IVHookedProducerSubject,
  IVProducerScript,
  VHookedConsumerFactory,
  VHookedProducerFactory,
} from './contract/hooked.js'
export { hookedConsumerContract } from './contract/hooked-consumer.js'
export { hookedProducerContract } from './contract/hooked-producer.js'
export { createMemoryDeviceRig, createMemoryRig } from './contract/memory-rig.js'
export { type IVPairSubject, pairContract, type VPairFactory } from './contract/pair.js'
export { producerContract } from './contract/producer.js'
export { type IVSecureSubject, secureContract, type VSecureFactory } from './contract/secure.js'
export { type IVTransformSubject, transformContract, type VTransformFactory } from './contract/transform.js'
export { type IVTwoWaySubject, twoWayContract, type VTwoWayFactory } from './contract/two-way.js'
export { type IVWriterSubject, type VWriterFactory, writerContract } from './contract/writer.js'
export {
  createDevicePair,
  type VConnectOutcome,
  VDevicePair,
  type VDevicePairOptions,
  type VMemoryDeviceOptions,
} from './device-pair.js'
export {
  EmbeddedChain,
  EmbeddedDuplex,
  type VEmbeddable,
  type VEmbeddableDuplex,
  type VEmbeddedFlow,
  type VEmbeddedOptions,
  type VMessageOf,
} from './embedded-chain.js'
export { VMemoryDevice } from './memory-device.js'
export { VBytePattern, VPatternChecker } from './pattern.js'
export * from './probe.js'
export type { VSizeScript } from './size-script.js'
