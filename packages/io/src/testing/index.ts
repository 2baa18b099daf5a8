/** What tests of elements and chains need: devices and ends that follow a script, and contract suites. */
export { VTestBench, type VTestBenchOptions } from './bench.js'
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
export { VMemoryDevice, type VSizeScript } from './memory-device.js'
export { VBytePattern, VPatternChecker } from './pattern.js'
export * from './probe.js'
