/**
 * Half-close policies: whether one direction of an end may stay open when the other has closed.
 *
 * A policy is only flags; `VByteEndpoint` acts on them. `halfIn` allows the input to be closed alone, `halfOut` the
 * output.
 */
import { describeValue } from './limit.js'

/** What an end needs to know of a half-close policy. */
export interface IVHalfClose {
  /** True if the input may close while the output stays open. */
  readonly halfIn: boolean
  /** True if the output may close while the input stays open. */
  readonly halfOut: boolean
}

/** A policy with given flags. The four that exist have names: `VHalfClose`, `VNoHalfClose` and the two one-sided ones. */
export class VHalfClosePolicy implements IVHalfClose {
  readonly halfIn: boolean
  readonly halfOut: boolean

  /** @throws TypeError if a flag is not a boolean */
  constructor(halfIn: boolean, halfOut: boolean) {
    if (typeof halfIn !== 'boolean' || typeof halfOut !== 'boolean') {
      const got = `${describeValue(halfIn)} and ${describeValue(halfOut)}`
      throw new TypeError(`the flags of a half-close policy are booleans, got ${got}`)
    }
    this.halfIn = halfIn
    this.halfOut = halfOut
  }
}

/** Either direction may close alone. */
export class VHalfClose extends VHalfClosePolicy {
  constructor() {
    super(true, true)
  }
}

/** Closing one direction closes both. */
export class VNoHalfClose extends VHalfClosePolicy {
  constructor() {
    super(false, false)
  }
}

/** Only the input may close alone; closing the output closes both. */
export class VHalfCloseInput extends VHalfClosePolicy {
  constructor() {
    super(true, false)
  }
}

/** Only the output may close alone; closing the input closes both. */
export class VHalfCloseOutput extends VHalfClosePolicy {
  constructor() {
    super(false, true)
  }
}

/** True if `value` can serve as a half-close policy. */
export function isHalfClose(value: unknown): value is IVHalfClose {
  if (typeof value !== 'object' || value === null) return false
  const policy = value as Partial<IVHalfClose>
  return typeof policy.halfIn === 'boolean' && typeof policy.halfOut === 'boolean'
}
