/** Public names of `@vio/io/facade`: chains for code that waits, and adapters to what others use. */
export { bytesOf, producerOf, type VBytesIterable, type VBytesOptions } from './async-iterable.js'
export { chain, VChain } from './chain.js'
export { VByteChannel } from './channel.js'
export {
  fromNodeStream,
  toNodeDuplex,
  toNodeReadable,
  toNodeWritable,
  type VNodeStreamOptions,
} from './duplex.js'
export { VIOIncomplete } from './errors.js'
export type { VByteSource, VByteTarget } from './parts.js'
export {
  DEFAULT_BUFFER_BYTES,
  DEFAULT_MATCH_BYTES,
  DEFAULT_MAX_STREAM_BYTES,
  type VPatternReadOptions,
  type VReadOptions,
  VStream,
  type VStreamEnd,
  type VStreamOptions,
  type VWriteFileOptions,
} from './stream.js'
export type { VWaitOptions } from './waiting.js'
export { DEFAULT_WEB_BYTES, fromWebReadable, toWebReadable, type VWebStreamOptions } from './web-readable.js'
export { fromWebWritable, toWebWritable } from './web-writable.js'
