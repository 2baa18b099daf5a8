/**
 * Descriptors under native: its poll tells when, its calls move the bytes.
 *
 * Decides for which descriptors that is better than what Node has: all that can be polled, save terminals, which Node
 * opens anew so that it need not change how others find theirs. Invariant: where native is missing the answer is
 * undefined, and nothing has been done to the descriptor.
 */
import type { DeviceSpec, IVDescriptorDevice } from './types.js'

/** The device on native, or undefined where it is not there or not meant for such a descriptor. */
export function nativeDevice(_spec: DeviceSpec): IVDescriptorDevice | undefined {
  return undefined
}
