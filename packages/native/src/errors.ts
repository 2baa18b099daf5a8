/**
 * What this package throws.
 *
 * Decides the names and the fields. Wrong kinds of arguments are `TypeError` and `RangeError`, as everywhere; what the
 * system refuses is `VNativeError` with the system's own code; what cannot be had here is `VNativeUnavailable`.
 */
import { constants } from 'node:os'

/** The names of the system's error numbers. Where two names share a number, the first of the table is taken. */
const NAMES: ReadonlyMap<number, string> = namesOf(constants.errno)

/** The error numbers that callers compare results with, by name: `result === -errnos.EAGAIN`. */
export const errnos: Readonly<Record<string, number>> = Object.freeze({ ...constants.errno })

/** The name of an error number, such as `'EAGAIN'` for 11 or -11; `'E<number>'` for one that has none. */
export function errnoName(errno: number): string {
  return NAMES.get(Math.abs(errno)) ?? `E${Math.abs(errno)}`
}

/** A call that the system refused. */
export class VNativeError extends Error {
  override readonly name: string = 'VNativeError'
  /** The system's name of the error, such as `'EBADF'`. */
  readonly code: string
  /** The system's number of the error, positive. */
  readonly errno: number
  /** The call that was refused. */
  readonly syscall: string

  /** @param detail what the caller did and may do instead; the code and the call stand before it */
  constructor(syscall: string, errno: number, detail?: string) {
    const number = Math.abs(errno)
    const code = errnoName(number)
    super(`${syscall} failed with ${code} (${number})${detail === undefined ? '' : `: ${detail}`}`)
    this.code = code
    this.errno = number
    this.syscall = syscall
  }
}

/** Something that this machine, this Node or this thread does not have, or that was switched off. */
export class VNativeUnavailable extends Error {
  override readonly name: string = 'VNativeUnavailable'
  /** Always the same, to tell it from the codes of the system. */
  readonly code = 'V_NATIVE_UNAVAILABLE'
  /** What is missing: a name of `report()`. */
  readonly capability: string
  /** Why it is missing. */
  readonly reason: string

  constructor(capability: string, reason: string) {
    super(`native ${capability} is not available: ${reason}`)
    this.capability = capability
    this.reason = reason
  }
}

/**
 * The error for a negative result of `read`, `write` and the other calls that report by their result.
 *
 * @param result the result: minus the error number
 */
export function resultError(syscall: string, result: number, detail?: string): VNativeError {
  return new VNativeError(syscall, -result, detail)
}

function namesOf(table: Readonly<Record<string, number>>): Map<number, string> {
  const names = new Map<number, string>()
  for (const [name, number] of Object.entries(table)) if (!names.has(number)) names.set(number, name)
  return names
}
