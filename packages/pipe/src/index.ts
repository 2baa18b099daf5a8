/**
 * The public names of this package. No logic.
 */
export { VChild } from './child.js'
export {
  DEFAULT_KILL_DELAY_MS,
  type VChildOptions,
  type VChildStatus,
  type VChildStream,
} from './child-options.js'
export {
  descriptorKind,
  openDescriptor,
  VDescriptorEnd,
  type VDescriptorEndOptions,
  type VOpenDescriptorOptions,
} from './descriptor-end.js'
export type { VDescriptorKind, VDescriptorUse } from './descriptor-kind.js'
export { VChildExit, VChildStartError, VDescriptorError, VTTYError } from './errors.js'
export { openFile, type VFileOptions } from './file.js'
export { createNamedPipe, openNamedPipe, type VNamedPipeOptions } from './named-pipe.js'
export { VPipeAgent } from './pipe-agent.js'
export { VPipeBase, type VPipeOptions, VPipeReader, VPipeWriter } from './pipe-base.js'
export { createPipePair, type VPipePair, type VPipePairKind, type VPipePairOptions } from './pipe-pair.js'
export { drainStdio, openStderr, openStdin, openStdio, openStdout, type VStdioOptions } from './stdio.js'
export { openTTY, VTTY, type VTTYOptions, type VTTYSize } from './tty.js'
export type { IVDescriptor, IVDescriptorDevice } from './types.js'
