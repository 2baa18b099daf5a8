/**
 * How a descriptor is taken over and closed by its owner.
 *
 * Decides whether a number still names what it named when it was taken over. Invariant: what has got the number since is
 * never closed.
 */
import { fstatSync } from 'node:fs'
import { constants } from 'node:os'
import { checkFd } from './check.js'
import { VNativeError } from './errors.js'
import { dropHeld, isHeld, noteHeld } from './own.js'
import { closeNow, descriptors } from './posix/descriptor.js'

/** What tells one open file from another. */
export interface FileIdentity {
  readonly dev: number
  readonly ino: number
}

/** Takes a descriptor over. @throws VNativeUnavailable; VNativeError EBADF if it is not open, EBUSY if it has an owner */
export function claim(fd: number): FileIdentity {
  checkFd(fd, 'own')
  // Before anything changes: without a way to close there is no owner.
  void descriptors.calls
  const found = statOf(fd)
  if (found === undefined) throw new VNativeError('own', constants.errno.EBADF, `${fd} is not open`)
  noteHeld(fd)
  return found
}

/** Ends the ownership of a number; false if it is another's by now. */
export function unclaim(fd: number): boolean {
  if (fd === -1 || !isHeld(fd)) return false
  dropHeld(fd)
  return true
}

/** Closes what was taken over as `file`; false if the number names something else by now. */
export function closeClaimed(fd: number, dev: number, ino: number): boolean {
  const found = statOf(fd)
  if (found === undefined || found.dev !== dev || found.ino !== ino) return false
  closeNow(fd)
  return true
}

function statOf(fd: number): FileIdentity | undefined {
  try {
    return fstatSync(fd)
  } catch {
    return undefined
  }
}
