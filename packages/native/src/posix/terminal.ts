/**
 * Pseudo-terminals: two descriptors, one of which is a terminal to whoever opens it.
 *
 * Decides nothing about modes and sizes, which are `ioctl`'s. The terminal's own end is opened by its path.
 */
import { Capability, expectAnswer, lastErrno } from '../capability.js'
import { O_CLOEXEC, O_NONBLOCK } from '../constants.js'
import { VNativeError } from '../errors.js'
import type { NativeFunction, NativeLibrary } from '../load.js'
import { noteOpened } from '../own.js'
import { closeNow, descriptors } from './descriptor.js'

interface TerminalCalls {
  readonly posix_openpt: NativeFunction<[number]>
  readonly grantpt: NativeFunction<[number]>
  readonly unlockpt: NativeFunction<[number]>
  readonly ptsname_r: NativeFunction<[number, Uint8Array, number]>
}

const O_RDWR = 2
/** The terminal does not become the one that controls this process. */
const O_NOCTTY = 0o400
const PATH_BYTES = 128

/** Pseudo-terminals: `openTerminal`. */
export const terminals: Capability<TerminalCalls> = new Capability('terminals', {
  bind: (library: NativeLibrary): TerminalCalls => ({
    posix_openpt: library.bind('posix_openpt', 'int', ['int']),
    grantpt: library.bind('grantpt', 'int', ['int']),
    unlockpt: library.bind('unlockpt', 'int', ['int']),
    ptsname_r: library.bind('ptsname_r', 'int', ['int', 'void*', 'size_t']),
  }),
  prove: (calls) => {
    const fd = calls.posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)
    if (fd < 0) throw new Error(`no pseudo-terminal can be opened (error ${lastErrno()})`)
    try {
      expectAnswer('the path of a terminal', /^\/dev\/pts\/\d+$/.test(pathOf(calls, fd)), true)
    } finally {
      descriptors.calls.close(fd)
    }
  },
})

/** A pseudo-terminal. */
export interface VTerminal {
  /** The end of the program that plays the screen and keyboard; non-blocking. It belongs to the caller. */
  readonly controller: number
  /** Where the terminal itself is opened: `openSync(path, O_RDWR | O_NOCTTY)`. */
  readonly path: string
}

/** Makes a pseudo-terminal, unlocked. @throws VNativeError EMFILE, ENOSPC and the like */
export function openTerminal(): VTerminal {
  const { calls } = terminals
  const fd = calls.posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)
  if (fd < 0) throw new VNativeError('posix_openpt', lastErrno())
  try {
    if (calls.grantpt(fd) !== 0) throw new VNativeError('grantpt', lastErrno())
    if (calls.unlockpt(fd) !== 0) throw new VNativeError('unlockpt', lastErrno())
    return { path: pathOf(calls, fd), controller: noteOpened(fd) }
  } catch (error) {
    closeNow(fd)
    throw error
  }
}

function pathOf(calls: TerminalCalls, fd: number): string {
  const bytes = new Uint8Array(PATH_BYTES)
  const errno = calls.ptsname_r(fd, bytes, PATH_BYTES)
  if (errno !== 0) throw new VNativeError('ptsname_r', errno)
  return Buffer.from(bytes.subarray(0, bytes.indexOf(0))).toString()
}
