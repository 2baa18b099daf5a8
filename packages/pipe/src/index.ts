/**
 * The public names of this package. No logic.
 */
export {
  descriptorKind,
  openDescriptor,
  VDescriptorEnd,
  type VDescriptorEndOptions,
  type VOpenDescriptorOptions,
} from './descriptor-end.js'
export type { VDescriptorKind, VDescriptorUse } from './descriptor-kind.js'
export * from './errors.js'
export { VPipeAgent } from './pipe-agent.js'
export { VPipeBase, type VPipeOptions, VPipeReader, VPipeWriter } from './pipe-base.js'
export type { IVDescriptor, IVDescriptorDevice } from './types.js'
