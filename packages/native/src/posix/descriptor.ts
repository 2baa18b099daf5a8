/**
 * Calls that every kind of descriptor takes: read, write, flags, dup, close; and the pipes that prove them.
 *
 * Decides how results are told: a call that may have to wait (`read`, `write`) gives a count or minus the error number
 * and never throws for what the system says; a call that sets something up throws. Nothing is buffered here, and what
 * `read` returns 0 for is the end. Invariant: every descriptor made here is closed in processes that are started.
 */
import { constants } from 'node:os'
import { Capability, expectAnswer, lastErrno } from '../capability.js'
import { behind, checkBoolean, checkFd, checkInteger, sizeOfRange } from '../check.js'
import {
  F_DUPFD_CLOEXEC,
  F_GETFD,
  F_GETFL,
  F_GETPIPE_SZ,
  F_SETFD,
  F_SETFL,
  F_SETPIPE_SZ,
  FD_CLOEXEC,
  O_CLOEXEC,
  O_NONBLOCK,
} from '../constants.js'
import { VNativeError } from '../errors.js'
import type { NativeFunction, NativeLibrary } from '../load.js'
import { noteOpened, takeOpened } from '../own.js'

interface DescriptorCalls {
  readonly read: NativeFunction<[number, Uint8Array, number]>
  readonly write: NativeFunction<[number, Uint8Array, number]>
  readonly close: NativeFunction<[number]>
  readonly fcntl: NativeFunction<[number, number, number]>
  readonly pipe2: NativeFunction<[Int32Array, number]>
}

/** Lower numbers are the standard streams: what is opened here never takes the place of one that is closed. */
const FIRST_FD = 3

/** Descriptors: `read`, `write`, `close`, `dup`, flags, `pipe`. */
export const descriptors: Capability<DescriptorCalls> = new Capability('descriptors', {
  bind: (library: NativeLibrary): DescriptorCalls => ({
    read: library.bind('read', 'intptr_t', ['int', 'void*', 'size_t']),
    write: library.bind('write', 'intptr_t', ['int', 'void*', 'size_t']),
    close: library.bind('close', 'int', ['int']),
    fcntl: library.bind('fcntl', 'int', ['int', 'int', 'intptr_t']),
    pipe2: library.bind('pipe2', 'int', ['void*', 'int']),
  }),
  prove: proveDescriptors,
})

const pair = new Int32Array(2)

/**
 * Reads what is there into `buffer`, without waiting if the descriptor is non-blocking.
 *
 * @param offset where in the buffer to begin, in bytes; 0 unless given
 * @param length how many bytes at most, at least 1; the rest of the buffer unless given
 * @returns the number of bytes, 0 at the end, or minus the error number: `-errnos.EAGAIN` if there is nothing yet
 * @throws TypeError, RangeError for what is no range of a buffer, VNativeError EBADF for a negative descriptor
 */
export function read(fd: number, buffer: Uint8Array, offset = 0, length?: number): number {
  checkFd(fd, 'read')
  const size = sizeOfRange(buffer, offset, length)
  if (size === 0) throw new RangeError('read takes at least 1 byte: a result of 0 is the end')
  const result = descriptors.calls.read(fd, behind(buffer, offset), size)
  return result >= 0 ? result : -lastErrno()
}

/**
 * Writes what the system takes, without waiting if the descriptor is non-blocking.
 *
 * @param offset where in the buffer to begin, in bytes; 0 unless given
 * @param length how many bytes at most; the rest of the buffer unless given
 * @returns the number of bytes that were taken, or minus the error number: `-errnos.EAGAIN` if nothing is taken now
 * @throws TypeError, RangeError for what is no range of a buffer, VNativeError EBADF for a negative descriptor
 */
export function write(fd: number, buffer: Uint8Array, offset = 0, length?: number): number {
  checkFd(fd, 'write')
  const size = sizeOfRange(buffer, offset, length)
  const result = descriptors.calls.write(fd, behind(buffer, offset), size)
  return result >= 0 ? result : -lastErrno()
}

/** The two ends of a pipe: what is written to `writer` is read from `reader`. */
export interface VPipeEnds {
  readonly reader: number
  readonly writer: number
}

/** How a pipe is made. */
export interface VPipeOptions {
  /** Whether both ends are non-blocking; true unless given. */
  readonly nonBlocking?: boolean
}

/** Opens a pipe. The descriptors belong to the caller. @throws VNativeError EMFILE and the like */
export function pipe(options: VPipeOptions = {}): VPipeEnds {
  const nonBlocking = options.nonBlocking ?? true
  checkBoolean(nonBlocking, 'nonBlocking')
  const { calls } = descriptors
  if (calls.pipe2(pair, O_CLOEXEC | (nonBlocking ? O_NONBLOCK : 0)) !== 0)
    throw new VNativeError('pipe2', lastErrno())
  return { reader: noteOpened(pair[0] ?? -1), writer: noteOpened(pair[1] ?? -1) }
}

/**
 * Closes a descriptor that a function of this package opened.
 *
 * @throws VNativeError EBADF if it was not opened here, is closed, or belongs to a `VOwnedDescriptor`
 */
export function close(fd: number): void {
  checkFd(fd, 'close')
  takeOpened(fd, 'close')
  closeNow(fd)
}

/** Closes a number that is known to be the caller's. The number is free afterwards, whatever the system says. */
export function closeNow(fd: number): void {
  if (descriptors.calls.close(fd) === 0) return
  const errno = lastErrno()
  // Interrupted or failing to write back, the descriptor is closed all the same.
  if (errno === constants.errno.EBADF) throw new VNativeError('close', errno, `descriptor ${fd} is not open`)
}

/**
 * Gives away a descriptor that was opened here, to code that will close it itself: `new net.Socket({ fd })`.
 *
 * @returns the descriptor
 * @throws VNativeError EBADF as with `close`
 */
export function release(fd: number): number {
  checkFd(fd, 'release')
  takeOpened(fd, 'release')
  return fd
}

/** Opens a second descriptor for the same thing. It belongs to the caller. @throws VNativeError EBADF, EMFILE */
export function dup(fd: number): number {
  checkFd(fd, 'dup')
  return noteOpened(control('dup', fd, F_DUPFD_CLOEXEC, FIRST_FD))
}

/** Whether a number names an open descriptor. @throws VNativeError EBADF for a negative one */
export function isOpen(fd: number): boolean {
  checkFd(fd, 'fcntl')
  return descriptors.calls.fcntl(fd, F_GETFD, 0) >= 0
}

/** Whether reads and writes of the descriptor return at once instead of waiting. @throws VNativeError EBADF */
export function isNonBlocking(fd: number): boolean {
  checkFd(fd, 'fcntl')
  return (control('fcntl', fd, F_GETFL, 0) & O_NONBLOCK) !== 0
}

/**
 * Sets whether reads and writes return at once instead of waiting. It counts for every descriptor of the same open
 * file, those of other processes included.
 *
 * @throws VNativeError EBADF
 */
export function setNonBlocking(fd: number, on: boolean): void {
  checkFd(fd, 'fcntl')
  checkBoolean(on, 'on')
  const flags = control('fcntl', fd, F_GETFL, 0)
  const wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK
  if (wanted !== flags) control('fcntl', fd, F_SETFL, wanted)
}

/** The status flags of an open file: access mode, `O_APPEND`, `O_NONBLOCK` and so on. @throws VNativeError EBADF */
export function statusFlags(fd: number): number {
  checkFd(fd, 'fcntl')
  return control('fcntl', fd, F_GETFL, 0)
}

/** Whether the descriptor is closed in processes that are started. @throws VNativeError EBADF */
export function isCloseOnExec(fd: number): boolean {
  checkFd(fd, 'fcntl')
  return (control('fcntl', fd, F_GETFD, 0) & FD_CLOEXEC) !== 0
}

/** Sets whether the descriptor is closed in processes that are started. @throws VNativeError EBADF */
export function setCloseOnExec(fd: number, on: boolean): void {
  checkFd(fd, 'fcntl')
  checkBoolean(on, 'on')
  control('fcntl', fd, F_SETFD, on ? FD_CLOEXEC : 0)
}

/** How many bytes a pipe holds at most. @throws VNativeError EBADF if it is no pipe */
export function pipeSize(fd: number): number {
  checkFd(fd, 'fcntl')
  return control('fcntl', fd, F_GETPIPE_SZ, 0)
}

/** Asks for a pipe that holds `sizeBytes`; gives what was granted. @throws VNativeError EBADF, EBUSY, EPERM */
export function setPipeSize(fd: number, sizeBytes: number): number {
  checkFd(fd, 'fcntl')
  checkInteger(sizeBytes, 'sizeBytes', 1)
  return control('fcntl', fd, F_SETPIPE_SZ, sizeBytes)
}

function control(syscall: string, fd: number, command: number, value: number): number {
  const result = descriptors.calls.fcntl(fd, command, value)
  if (result < 0) throw new VNativeError(syscall, lastErrno(), `descriptor ${fd}`)
  return result
}

function proveDescriptors(calls: DescriptorCalls, library: NativeLibrary): void {
  const fds = new Int32Array(2)
  expectAnswer('pipe2', calls.pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0)
  const [reader = -1, writer = -1] = fds
  try {
    const bytes = new Uint8Array(8)
    expectAnswer('F_GETFL of a pipe', calls.fcntl(reader, F_GETFL, 0), O_NONBLOCK)
    expectAnswer('F_GETFD of a pipe', calls.fcntl(reader, F_GETFD, 0), FD_CLOEXEC)
    expectAnswer('read of an empty pipe', calls.read(reader, bytes, 8), -1)
    expectAnswer('errno of that read', library.errno(), constants.errno.EAGAIN)
    expectAnswer('write to a pipe', calls.write(writer, Uint8Array.of(3, 1, 4, 1, 5), 5), 5)
    expectAnswer('read of a pipe', calls.read(reader, bytes, 8), 5)
    expectAnswer('what it read', bytes.join(), '3,1,4,1,5,0,0,0')
  } finally {
    calls.close(reader)
    calls.close(writer)
  }
  // Not the number that was just closed: another thread may have it by now.
  expectAnswer('read of no descriptor', calls.read(-1, new Uint8Array(1), 1), -1)
  expectAnswer('errno of no descriptor', library.errno(), constants.errno.EBADF)
}
