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

/** The descriptor was opened here and belongs to the caller. */
const OPENED = 1
/** It belongs to a `VOwnedDescriptor`. */
const HELD = 2

/** What each descriptor is, by its number: the system gives the lowest that is free, so a byte each is less than a set. */
let kinds = new Uint8Array(256)

function note(fd: number, kind: number): void {
  if (fd >= kinds.length) {
    const more = new Uint8Array(Math.max(fd + 1, 2 * kinds.length))
    more.set(kinds)
    kinds = more
  }
  kinds[fd] = kind
}

/** Notes a descriptor that was just opened here. */
export function noteOpened(fd: number): number {
  // The system gave the number anew, so whoever held it has lost it without telling.
  note(fd, OPENED)
  return fd
}

/** Takes a descriptor out before it is closed or given away. @throws VNativeError EBADF if it is not the caller's */
export function takeOpened(fd: number, syscall: string): void {
  if (kinds[fd] === OPENED) {
    kinds[fd] = 0
    return
  }
  const detail = isHeld(fd)
    ? `descriptor ${fd} belongs to a VOwnedDescriptor: close that`
    : `descriptor ${fd} was not opened here, or is closed already: what node:fs opened is closed by node:fs`
  throw new VNativeError(syscall, constants.errno.EBADF, detail)
}

/** Notes that a `VOwnedDescriptor` has taken the descriptor over. @throws VNativeError EBUSY if another has it */
export function noteHeld(fd: number): void {
  if (isHeld(fd))
    throw new VNativeError(
      'own',
      constants.errno.EBUSY,
      `descriptor ${fd} belongs to another VOwnedDescriptor`,
    )
  note(fd, HELD)
}

/** Whether a `VOwnedDescriptor` has the descriptor still. */
export function isHeld(fd: number): boolean {
  return kinds[fd] === HELD
}

/** Forgets a held descriptor; with `opened` it is the caller's again. */
export function dropHeld(fd: number): void {
  if (isHeld(fd)) kinds[fd] = 0
}
