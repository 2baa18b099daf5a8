/** Public names of `@vio/io/node`: chain ends and filters on Node's own files, streams and compression. */

export {
  COMPRESS_OUTPUT_BYTES,
  VCompress,
  type VCompressFormat,
  type VCompressOptions,
  VDecompress,
} from './compress.js'
export { VFileSink, type VFileSinkOptions } from './file-sink.js'
export { DEFAULT_FILE_BYTES, VFileSource, type VFileSourceOptions, type VFileTarget } from './file-source.js'
export { VStreamDevice, type VStreamDeviceOptions } from './stream-device.js'
export { VNodeThrough, type VThroughFailure, type VThroughOptions } from './through.js'
