/**
 * Which descriptors this package has opened and not yet closed.
 *
 * Decides that a number is closed at most once, and only by the one it belongs to: the caller of the function that
 * opened it, or the `VOwnedDescriptor` that has taken it over. What Node or other code opened is not here.
 */
import { constants } from 'node:os'
import { VNativeError } from './errors.js'

/** Shown by `VOwnedDescriptor` to be trusted with what could end the process in other hands. Not a public name. */
export const OWNER: unique symbol = Symbol('owner')

/** Descriptors that were opened here and belong to the caller. */
const opened = new Set<number>()
/** Descriptors that belong to a `VOwnedDescriptor`. */
const held = new Set<number>()

/** Notes a descriptor that was just opened here. */
export function noteOpened(fd: number): number {
  opened.add(fd)
  // The system gave the number anew, so whoever held it has lost it without telling.
  held.delete(fd)
  return fd
}

/** Takes a descriptor out before it is closed or given away. @throws VNativeError EBADF if it is not the caller's */
export function takeOpened(fd: number, syscall: string): void {
  if (opened.delete(fd)) return
  const detail = held.has(fd)
    ? `descriptor ${fd} belongs to a VOwnedDescriptor: close that`
    : `descriptor ${fd} was not opened here, or is closed already: what node:fs opened is closed by node:fs`
  throw new VNativeError(syscall, constants.errno.EBADF, detail)
}

/** Notes that a `VOwnedDescriptor` has taken the descriptor over. @throws VNativeError EBUSY if another has it */
export function noteHeld(fd: number): void {
  if (held.has(fd))
    throw new VNativeError(
      'own',
      constants.errno.EBUSY,
      `descriptor ${fd} belongs to another VOwnedDescriptor`,
    )
  opened.delete(fd)
  held.add(fd)
}

/** Whether a `VOwnedDescriptor` has the descriptor still. */
export function isHeld(fd: number): boolean {
  return held.has(fd)
}

/** Forgets a held descriptor; with `opened` it is the caller's again. */
export function dropHeld(fd: number): void {
  held.delete(fd)
}
