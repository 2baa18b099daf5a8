/**
 * How a descriptor is taken over and closed by its owner.
 *
 * Decides whether a number still names what it named when it was taken over. Invariant: what has got the number since is
 * never closed.
 */
import { closeSync, fstatSync, openSync } from 'node:fs'
import { constants } from 'node:os'
import { checkFd } from './check.js'
import { VNativeError } from './errors.js'
import { load, type NativeFunction } from './load.js'
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
  quick ??= bindQuick()
  return quick === 'none' ? slowStat(fd) : quickStat(quick, fd)
}

type QuickCall = NativeFunction<[number, Int32Array]>

/** `fstat` itself, which costs a quarter of what Node makes of it; `none` where the process has no such symbol. */
let quick: QuickCall | 'none' | undefined

/** More than the system writes. */
const status = new Int32Array(128)

/** On Linux the device and the number of the file come first, eight bytes each; the lower halves tell files apart. */
function quickStat(call: QuickCall, fd: number): FileIdentity | undefined {
  if (call(fd, status) !== 0) return undefined
  return { dev: status[0] ?? 0, ino: status[2] ?? 0 }
}

function slowStat(fd: number): FileIdentity | undefined {
  try {
    const { dev, ino } = fstatSync(fd)
    return { dev: dev | 0, ino: ino | 0 }
  } catch {
    return undefined
  }
}

/** Binds the call and proves it by what Node says of a directory. */
function bindQuick(): QuickCall | 'none' {
  try {
    const call = load().library?.bind<[number, Int32Array]>('fstat', 'int', ['int', 'void*'])
    if (call === undefined) return 'none'
    const fd = openSync('/', 'r')
    try {
      const [found, expected] = [quickStat(call, fd), slowStat(fd)]
      return found !== undefined && found.dev === expected?.dev && found.ino === expected.ino ? call : 'none'
    } finally {
      closeSync(fd)
    }
  } catch {
    return 'none'
  }
}
