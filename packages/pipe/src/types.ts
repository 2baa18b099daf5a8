/**
 * What the ends of this package share: the device with a descriptor under it, and the interface of what owns one.
 *
 * Nothing here has behaviour.
 */
import type { IVByteDevice, VFailure } from '@vio/io'
import type { DescriptorFlags, VDescriptorKind, VDescriptorUse } from './descriptor-kind.js'

/** What owns a descriptor. */
export interface IVDescriptor {
  /** The descriptor; -1 once it was closed. */
  fileno(): number
  /** Closes every direction because of `reason`. Idempotent; returns true. */
  closeIO(reason: VFailure): boolean
}

/** A byte device on a descriptor that it owns. */
export interface IVDescriptorDevice extends IVByteDevice {
  /** The descriptor; -1 once it was closed. */
  readonly fd: number
  /** Names the function to call once when the descriptor was closed. */
  onReleased(released: () => void): void
}

/** What a device is made of. */
export interface DeviceSpec {
  readonly fd: number
  readonly kind: VDescriptorKind
  readonly use: VDescriptorUse
  /** The most bytes that one call of the system reads or writes. */
  readonly chunkBytes: number
  readonly flags: DescriptorFlags | undefined
  /** True for the side of a pseudo-terminal that a program drives it by. */
  readonly isMaster: boolean
  /** True for device files that answer at once: null, zero, full, random. */
  readonly neverWaits: boolean
}
