/**
 * The public names of this package. No logic.
 */
export type { VCapabilityState } from './capability.js'
export { socketOptions } from './constants.js'
export { errnoName, errnos, resultError, VNativeError, VNativeUnavailable } from './errors.js'
export * as native from './native.js'
export { VOwnedDescriptor } from './owned.js'
export type { VNativeAddress } from './posix/address.js'
export type { VPipeEnds, VPipeOptions } from './posix/descriptor.js'
export { ioctlRequests, type VIoctlRequest, type VWindowSize } from './posix/ioctl.js'
export type { VSocketFamily, VSocketSide, VSocketType } from './posix/socket.js'
export type { VTerminal } from './posix/terminal.js'
export type { VCapability, VNativeReport } from './report.js'
export { type IVReadinessOwner, readiness, VDescriptorWatch, type VReadinessListener } from './uv-poll.js'
export { VWatchedDescriptor } from './watched.js'
