/** Public names of `@vio/io/filter`: what stands between the ends of a chain. */

export { VCapture, type VCaptured, type VCapturedOptions, type VCaptureOptions } from './capture.js'
export type { VChainReport, VChainSide, VChainStage, VChainWait } from './chain-report.js'
export { compose, type VChainResult, VComposition } from './compose.js'
export { VByteConcat, type VConcatPart } from './concat.js'
export { crc32c, type IVDigest, VCrc32c } from './crc32c.js'
export {
  type VDelimiter,
  VDelimiterDecoder,
  VDelimiterEncoder,
  type VDelimiterOptions,
} from './delimiter.js'
export {
  VDigestTap,
  type VDigestTapOptions,
  VIODigestMismatch,
  VTrailerCheck,
  type VTrailerCheckOptions,
  type VTrailerOptions,
  VTrailerWriter,
} from './digest.js'
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
export { VFixedSizeDecoder, VFixedSizeEncoder, type VFixedSizeOptions } from './fixed-size.js'
export { DEFAULT_MAX_FRAME_BYTES } from './frame-codec.js'
export { VDeadline, type VDeadlineOptions, VIdleTimeout, type VIdleTimeoutOptions } from './idle.js'
export type {
  IVMessageConsuming,
  IVMessageProducing,
  VBytesFlow,
  VGives,
  VJoined,
  VMessagesFlow,
  VMisfit,
  VTakes,
} from './join.js'
export {
  type VLengthPrefix,
  VLengthPrefixDecoder,
  VLengthPrefixEncoder,
  type VLengthPrefixOptions,
} from './length-prefix.js'
export {
  VByteLineDecoder,
  VLineDecoder,
  VLineEncoder,
  type VLineEncoderOptions,
  type VLineOptions,
  type VNewline,
  type VTextEncoding,
  type VTextLineOptions,
} from './lines.js'
export { VLogTap, type VLogTapOptions } from './log-tap.js'
export { VMeter, type VMeterOptions, type VMeterSnapshot } from './meter.js'
export type { VFlowKindName } from './parts.js'
export type { VCaptureSink, VLinkType } from './pcapng.js'
export { type VRate, VRateLimit, type VRateLimitOptions } from './rate-limit.js'
export {
  VByteRegexDecoder,
  VRegexDecoder,
  type VRegexOptions,
  type VTextRegexOptions,
} from './regex-framing.js'
export { splice, unsplice, type VSpliced, type VUnsplice } from './splice.js'
export { VByteTap } from './tap.js'
export { VByteTee, type VTeeOptions } from './tee.js'
