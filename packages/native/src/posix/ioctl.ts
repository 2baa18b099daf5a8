/**
 * `ioctl`, for the requests whose memory is known.
 *
 * Decides how many bytes each request may read or write. The number of a request does not tell this reliably (that of
 * `TUNSETIFF` says 4 bytes, and 40 are written), some write as many as their argument says, and some follow addresses in it, so a
 * request that is not in the table is refused. Invariant: the system gets memory of this module, never the caller's.
 */
import { Capability, expectAnswer, lastErrno } from '../capability.js'
import { checkBytes, checkFd, checkInteger, show } from '../check.js'
import { O_CLOEXEC, O_NONBLOCK } from '../constants.js'
import { VNativeError } from '../errors.js'
import type { NativeFunction, NativeLibrary } from '../load.js'
import { descriptors } from './descriptor.js'

interface IoctlCalls {
  readonly withValue: NativeFunction<[number, number, number]>
  readonly withBytes: NativeFunction<[number, number, Uint8Array]>
}

/** The argument of a request: a number by itself, an `int` in memory, or a structure of so many bytes. */
type Shape = 'value' | 'int' | number

const WINSIZE_BYTES = 8

/** Structures: `winsize` has 8 bytes, the kernel's `termios` 36 and `termios2` 44, `ifreq` 40. */
const REQUESTS = {
  TIOCGWINSZ: [0x5413, 8],
  TIOCSWINSZ: [0x5414, 8],
  TCGETS: [0x5401, 36],
  TCSETS: [0x5402, 36],
  TCSETSW: [0x5403, 36],
  TCSETSF: [0x5404, 36],
  TCGETS2: [0x802c542a, 44],
  TCSETS2: [0x402c542b, 44],
  TCSBRK: [0x5409, 'value'],
  TCXONC: [0x540a, 'value'],
  TCFLSH: [0x540b, 'value'],
  TIOCEXCL: [0x540c, 'value'],
  TIOCNXCL: [0x540d, 'value'],
  TIOCSCTTY: [0x540e, 'value'],
  TIOCGPGRP: [0x540f, 'int'],
  TIOCSPGRP: [0x5410, 'int'],
  TIOCOUTQ: [0x5411, 'int'],
  TIOCMGET: [0x5415, 'int'],
  TIOCMBIS: [0x5416, 'int'],
  TIOCMBIC: [0x5417, 'int'],
  TIOCMSET: [0x5418, 'int'],
  FIONREAD: [0x541b, 'int'],
  TIOCPKT: [0x5420, 'int'],
  FIONBIO: [0x5421, 'int'],
  TIOCSBRK: [0x5427, 'value'],
  TIOCCBRK: [0x5428, 'value'],
  TIOCGSID: [0x5429, 'int'],
  TIOCGPTN: [0x80045430, 'int'],
  TIOCSPTLCK: [0x40045431, 'int'],
  TUNSETIFF: [0x400454ca, 40],
  TUNSETPERSIST: [0x400454cb, 'value'],
  TUNSETOWNER: [0x400454cc, 'value'],
  TUNSETGROUP: [0x400454ce, 'value'],
  TUNGETFEATURES: [0x800454cf, 'int'],
  TUNSETOFFLOAD: [0x400454d0, 'value'],
  TUNGETIFF: [0x800454d2, 40],
  TUNSETSNDBUF: [0x400454d4, 'int'],
  TUNSETVNETHDRSZ: [0x400454d8, 'int'],
  SIOCGIFFLAGS: [0x8913, 40],
  SIOCSIFFLAGS: [0x8914, 40],
  SIOCGIFADDR: [0x8915, 40],
  SIOCSIFADDR: [0x8916, 40],
  SIOCSIFDSTADDR: [0x8918, 40],
  SIOCSIFNETMASK: [0x891c, 40],
  SIOCGIFMTU: [0x8921, 40],
  SIOCSIFMTU: [0x8922, 40],
  SIOCGIFINDEX: [0x8933, 40],
} as const

/** A request that `ioctl` knows. */
export type VIoctlRequest = keyof typeof REQUESTS

/** The names of the requests that `ioctl` knows. */
export const ioctlRequests: readonly VIoctlRequest[] = Object.freeze(Object.keys(REQUESTS) as VIoctlRequest[])

/** Requests to devices: `ioctl`. */
export const ioctls: Capability<IoctlCalls> = new Capability('ioctl', {
  bind: (library: NativeLibrary): IoctlCalls => ({
    withValue: library.bind('ioctl', 'int', ['int', 'size_t', 'intptr_t']),
    withBytes: library.bind('ioctl', 'int', ['int', 'size_t', 'void*']),
  }),
  prove: (calls) => {
    const { close, pipe2, write } = descriptors.calls
    const fds = new Int32Array(2)
    expectAnswer('pipe2', pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0)
    const [reader = -1, writer = -1] = fds
    try {
      const count = new Int32Array(1)
      expectAnswer('write', write(writer, new Uint8Array(3), 3), 3)
      const room = new Uint8Array(count.buffer)
      expectAnswer('FIONREAD', calls.withBytes(reader, REQUESTS.FIONREAD[0], room), 0)
      expectAnswer('the count of FIONREAD', count[0], 3)
    } finally {
      close(reader)
      close(writer)
    }
  },
})

/** More than any structure of the table, so that a kernel which adds a field writes into nothing else. */
const room = new Uint8Array(256)
const roomView = new DataView(room.buffer)

/**
 * Asks a device for something by the name of the request.
 *
 * @param argument for a request that takes a structure, its bytes, which are replaced by the answer; for one that takes
 *   an integer, the integer, 0 unless given
 * @returns for a request on an `int` in memory what that holds afterwards, else what the system returned
 * @throws TypeError, RangeError for a request that is not known or an argument of another shape, VNativeError ENOTTY
 *   and the like
 */
export function ioctl(fd: number, request: VIoctlRequest, argument?: number | Uint8Array): number {
  checkFd(fd, 'ioctl')
  const entry: readonly [number, Shape] | undefined = Object.hasOwn(REQUESTS, request)
    ? REQUESTS[request]
    : undefined
  if (entry === undefined)
    throw new TypeError(`ioctl takes one of the requests in ioctlRequests, got ${show(request)}`)
  const [number, shape] = entry
  if (typeof shape === 'number') return withStructure(fd, request, argument, { number, sizeBytes: shape })
  const value = argument ?? 0
  checkInteger(value as number, `the argument of ${request}`, -(2 ** 31))
  if (shape === 'value') return outcome(fd, request, ioctls.calls.withValue(fd, number, value as number))
  room.fill(0)
  roomView.setInt32(0, value as number, true)
  outcome(fd, request, ioctls.calls.withBytes(fd, number, room))
  return roomView.getInt32(0, true)
}

interface Structure {
  readonly number: number
  readonly sizeBytes: number
}

function withStructure(fd: number, request: string, argument: unknown, structure: Structure): number {
  const { number, sizeBytes } = structure
  const bytes = argument as Uint8Array
  const length = checkBytes(bytes, `the argument of ${request}`)
  if (length !== sizeBytes)
    throw new RangeError(`the argument of ${request} has ${sizeBytes} bytes, got ${length}`)
  room.fill(0)
  room.set(bytes)
  const result = outcome(fd, request, ioctls.calls.withBytes(fd, number, room))
  bytes.set(room.subarray(0, sizeBytes))
  return result
}

function outcome(fd: number, request: string, result: number): number {
  if (result < 0) throw new VNativeError('ioctl', lastErrno(), `${request} on descriptor ${fd}`)
  return result
}

/** The size of a terminal, in characters. */
export interface VWindowSize {
  readonly columns: number
  readonly rows: number
}

/** The size of a terminal. @throws VNativeError ENOTTY if it is none */
export function windowSize(fd: number): VWindowSize {
  const bytes = new Uint8Array(WINSIZE_BYTES)
  ioctl(fd, 'TIOCGWINSZ', bytes)
  const view = new DataView(bytes.buffer)
  return { rows: view.getUint16(0, true), columns: view.getUint16(2, true) }
}

/** Sets the size of a terminal; its programs are told by SIGWINCH. @throws VNativeError ENOTTY if it is none */
export function setWindowSize(fd: number, size: VWindowSize): void {
  const { columns, rows } = size
  checkInteger(columns, 'columns', 0, 65_535)
  checkInteger(rows, 'rows', 0, 65_535)
  const bytes = new Uint8Array(WINSIZE_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, rows, true)
  view.setUint16(2, columns, true)
  ioctl(fd, 'TIOCSWINSZ', bytes)
}
