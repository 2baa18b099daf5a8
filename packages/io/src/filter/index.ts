/** Public names of `@vio/io/filter`: what stands between the ends of a chain. */
export type { VChainReport, VChainSide, VChainStage, VChainWait } from './chain-report.js'
export { compose, type VChainResult, VComposition } from './compose.js'
export { VByteDuplexFilter, type VByteThrough, type VDuplexFilterOptions } from './duplex-filter.js'
export {
  DEFAULT_CAPACITY_BYTES,
  DEFAULT_CAPACITY_MESSAGES,
  VByteDecoder,
  VByteEncoder,
  VByteFilter,
  VFilter,
  type VFilterOptions,
} from './filter.js'
export type {
  IVMessageConsuming,
  IVMessageProducing,
  VByteSink,
  VByteSource,
  VBytesFlow,
  VGives,
  VJoined,
  VMessageSink,
  VMessageSource,
  VMessagesFlow,
  VMisfit,
  VTakes,
} from './join.js'
export type { VFlowKindName } from './parts.js'
export { VByteTap } from './tap.js'
