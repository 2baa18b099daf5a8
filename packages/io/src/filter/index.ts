/** Public names of `@vio/io/filter`: what stands between the ends of a chain. */
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
export { VByteTap } from './tap.js'
