/**
 * Sockets: made, bound, listening, connected, closed on one side, asked for their options.
 *
 * Every socket made here is non-blocking and closed in processes that are started. `accept` and `connect` may have to
 * wait, so they tell by their result, like `read`; the rest throws. Which of them belong in which order is the
 * caller's. Invariant: the system writes only into memory of this module, which is larger than it is told.
 */
import { constants } from 'node:os'
import { Capability, expectAnswer, lastErrno } from '../capability.js'
import { checkBytes, checkFd, checkInteger, show } from '../check.js'
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  O_CLOEXEC,
  O_NONBLOCK,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  socketOptions,
} from '../constants.js'
import { VNativeError } from '../errors.js'
import type { NativeFunction, NativeLibrary } from '../load.js'
import { noteOpened } from '../own.js'
import { decodeAddress, encodeAddress, SOCKADDR_BYTES, type VNativeAddress } from './address.js'
import { descriptors } from './descriptor.js'

/** The family of a socket. */
export type VSocketFamily = 'ipv4' | 'ipv6' | 'unix'
/** The kind of a socket. */
export type VSocketType = 'stream' | 'dgram' | 'seqpacket'
/** A direction of a connection. */
export type VSocketSide = 'read' | 'write' | 'both'

type NameCall = NativeFunction<[number, Uint8Array, Int32Array]>
type AddressCall = NativeFunction<[number, Uint8Array, number]>

interface SocketCalls {
  readonly socket: NativeFunction<[number, number, number]>
  readonly socketpair: NativeFunction<[number, number, number, Int32Array]>
  readonly bind: AddressCall
  readonly connect: AddressCall
  readonly listen: NativeFunction<[number, number]>
  readonly accept4: NativeFunction<[number, null, null, number]>
  readonly shutdown: NativeFunction<[number, number]>
  readonly getsockname: NameCall
  readonly getpeername: NameCall
  readonly getsockopt: NativeFunction<[number, number, number, Uint8Array, Int32Array]>
  readonly setsockopt: NativeFunction<[number, number, number, Uint8Array, number]>
}

const FAMILIES: ReadonlyMap<unknown, number> = new Map([
  ['ipv4', AF_INET],
  ['ipv6', AF_INET6],
  ['unix', AF_UNIX],
])
const TYPES: ReadonlyMap<unknown, number> = new Map([
  ['stream', SOCK_STREAM],
  ['dgram', SOCK_DGRAM],
  ['seqpacket', SOCK_SEQPACKET],
])
const SIDES: ReadonlyMap<unknown, number> = new Map([
  ['read', 0],
  ['write', 1],
  ['both', 2],
])

/** What the constructors of sockets add to their type. */
const SOCKET_FLAGS = O_NONBLOCK | O_CLOEXEC
const MAX_OPTION_BYTES = 4096
/** Some options count their size in records of eight bytes. */
const OPTION_ROOM = MAX_OPTION_BYTES * 8
const INT_BYTES = 4

/** Sockets: made, bound, connected, options. */
export const sockets: Capability<SocketCalls> = new Capability('sockets', {
  bind: (library: NativeLibrary): SocketCalls => ({
    socket: library.bind('socket', 'int', ['int', 'int', 'int']),
    socketpair: library.bind('socketpair', 'int', ['int', 'int', 'int', 'void*']),
    bind: library.bind('bind', 'int', ['int', 'void*', 'uint32_t']),
    connect: library.bind('connect', 'int', ['int', 'void*', 'uint32_t']),
    listen: library.bind('listen', 'int', ['int', 'int']),
    accept4: library.bind('accept4', 'int', ['int', 'void*', 'void*', 'int']),
    shutdown: library.bind('shutdown', 'int', ['int', 'int']),
    getsockname: library.bind('getsockname', 'int', ['int', 'void*', 'void*']),
    getpeername: library.bind('getpeername', 'int', ['int', 'void*', 'void*']),
    getsockopt: library.bind('getsockopt', 'int', ['int', 'int', 'int', 'void*', 'void*']),
    setsockopt: library.bind('setsockopt', 'int', ['int', 'int', 'int', 'void*', 'uint32_t']),
  }),
  prove: proveSockets,
})

const pair = new Int32Array(2)
const name = new Uint8Array(SOCKADDR_BYTES)
const size = new Int32Array(1)
const optionInt = new Int32Array(1)
const optionBytes = new Uint8Array(optionInt.buffer)

/** Makes a socket, non-blocking. It belongs to the caller. @throws VNativeError EAFNOSUPPORT, EMFILE and the like */
export function socket(family: VSocketFamily, type: VSocketType = 'stream', protocol = 0): number {
  const [domain, kind] = [numberOf(FAMILIES, family, 'family'), numberOf(TYPES, type, 'type')]
  checkInteger(protocol, 'protocol', 0)
  const fd = sockets.calls.socket(domain, kind | SOCKET_FLAGS, protocol)
  if (fd < 0) throw new VNativeError('socket', lastErrno(), `a ${type} socket for ${family}`)
  return noteOpened(fd)
}

/** Makes two Unix sockets that are connected, non-blocking. They belong to the caller. @throws VNativeError */
export function socketPair(type: VSocketType = 'stream'): readonly [number, number] {
  const kind = numberOf(TYPES, type, 'type')
  if (sockets.calls.socketpair(AF_UNIX, kind | SOCKET_FLAGS, 0, pair) !== 0)
    throw new VNativeError('socketpair', lastErrno())
  return [noteOpened(pair[0] ?? -1), noteOpened(pair[1] ?? -1)]
}

/** Gives a socket its own address. @throws VNativeError EADDRINUSE, EACCES, ENAMETOOLONG and the like */
export function bind(fd: number, address: VNativeAddress): void {
  checkFd(fd, 'bind')
  const length = encodeAddress(address, 'bind', name)
  if (sockets.calls.bind(fd, name, length) !== 0) fail('bind', fd)
}

/** Lets a socket take connections. @param backlog how many wait at most; 511 unless given. @throws VNativeError */
export function listen(fd: number, backlog = 511): void {
  checkFd(fd, 'listen')
  checkInteger(backlog, 'backlog', 0)
  if (sockets.calls.listen(fd, backlog) !== 0) fail('listen', fd)
}

/**
 * Takes a connection that waits. It is non-blocking and belongs to the caller.
 *
 * @returns its descriptor, or minus the error number: `-errnos.EAGAIN` if none waits
 */
export function accept(fd: number): number {
  checkFd(fd, 'accept')
  const result = sockets.calls.accept4(fd, null, null, SOCKET_FLAGS)
  return result >= 0 ? noteOpened(result) : -lastErrno()
}

/**
 * Begins to connect.
 *
 * @returns 0 if it is connected, or minus the error number: `-errnos.EINPROGRESS` if it will be writable once the
 *   outcome is there, which `socketError` tells
 * @throws TypeError, RangeError, VNativeError ENAMETOOLONG for what is no address
 */
export function connect(fd: number, address: VNativeAddress): number {
  checkFd(fd, 'connect')
  const length = encodeAddress(address, 'connect', name)
  return sockets.calls.connect(fd, name, length) === 0 ? 0 : -lastErrno()
}

/** Ends one direction of a connection, or both. @throws VNativeError ENOTCONN and the like */
export function shutdown(fd: number, side: VSocketSide): void {
  checkFd(fd, 'shutdown')
  const how = numberOf(SIDES, side, 'side')
  if (sockets.calls.shutdown(fd, how) !== 0) fail('shutdown', fd)
}

/** The address of a socket itself. @throws VNativeError EBADF, ENOTSOCK */
export function socketName(fd: number): VNativeAddress {
  return nameBy('getsockname', fd)
}

/** The address of the other side. @throws VNativeError EBADF, ENOTSOCK, ENOTCONN */
export function peerName(fd: number): VNativeAddress {
  return nameBy('getpeername', fd)
}

/** Reads an option whose value is an `int`; see `socketOptions`. @throws VNativeError ENOPROTOOPT and the like */
export function getOption(fd: number, level: number, option: number): number {
  checkOption(fd, 'getsockopt', level, option)
  size[0] = INT_BYTES
  // Some options count in records, so even this one gets more room than it is told.
  const room = optionRoom(INT_BYTES)
  if (sockets.calls.getsockopt(fd, level, option, room, size) !== 0) fail('getsockopt', fd)
  return new DataView(room.buffer).getInt32(0, true)
}

/** Sets an option whose value is an `int`. @throws VNativeError ENOPROTOOPT, EINVAL and the like */
export function setOption(fd: number, level: number, option: number, value: number): void {
  checkOption(fd, 'setsockopt', level, option)
  checkInteger(value, 'value', -(2 ** 31))
  optionInt[0] = value
  if (sockets.calls.setsockopt(fd, level, option, optionBytes, INT_BYTES) !== 0) fail('setsockopt', fd)
}

/**
 * Reads an option of any shape.
 *
 * @param sizeBytes how many bytes are asked for, up to 4096
 * @returns a copy of what the system wrote, not longer than `sizeBytes`
 * @throws VNativeError ENOPROTOOPT and the like
 */
export function getOptionBytes(fd: number, level: number, option: number, sizeBytes: number): Uint8Array {
  checkOption(fd, 'getsockopt', level, option)
  checkInteger(sizeBytes, 'sizeBytes', 1, MAX_OPTION_BYTES)
  size[0] = sizeBytes
  const room = optionRoom(sizeBytes)
  if (sockets.calls.getsockopt(fd, level, option, room, size) !== 0) fail('getsockopt', fd)
  return room.slice(0, Math.min(sizeBytes, Math.max(0, size[0] ?? 0)))
}

/** Sets an option of any shape, up to 4096 bytes. @throws VNativeError ENOPROTOOPT, EINVAL and the like */
export function setOptionBytes(fd: number, level: number, option: number, value: Uint8Array): void {
  checkOption(fd, 'setsockopt', level, option)
  const length = checkBytes(value, 'value')
  checkInteger(length, 'the length of value', 0, MAX_OPTION_BYTES)
  // The kernel of some options reads what the length implies, so it gets a copy with zeros behind.
  const room = optionRoom(MAX_OPTION_BYTES)
  for (let at = 0; at < length; at += 1) room[at] = value[at] ?? 0
  if (sockets.calls.setsockopt(fd, level, option, room, length) !== 0) fail('setsockopt', fd)
}

/** Takes the error that waits at a socket: its number, 0 for none. How a `connect` that was in progress ended. */
export function socketError(fd: number): number {
  return getOption(fd, socketOptions.SOL_SOCKET, socketOptions.SO_ERROR)
}

let room: Uint8Array | undefined

/** The room for options, zeroed as far as it is told of: some hold addresses that the system would write to. */
function optionRoom(sizeBytes: number): Uint8Array {
  room ??= new Uint8Array(OPTION_ROOM)
  room.fill(0, 0, sizeBytes)
  return room
}

function checkOption(fd: number, syscall: string, level: number, option: number): void {
  checkFd(fd, syscall)
  checkInteger(level, 'level', 0)
  checkInteger(option, 'option', 0)
}

function nameBy(syscall: 'getsockname' | 'getpeername', fd: number): VNativeAddress {
  checkFd(fd, syscall)
  size[0] = SOCKADDR_BYTES
  if (sockets.calls[syscall](fd, name, size) !== 0) fail(syscall, fd)
  return decodeAddress(name, size[0] ?? 0)
}

function numberOf(table: ReadonlyMap<unknown, number>, value: unknown, what: string): number {
  const number = table.get(value)
  if (number !== undefined) return number
  throw new TypeError(`${what} is one of ${[...table.keys()].join(', ')}, got ${show(value)}`)
}

function fail(syscall: string, fd: number): never {
  throw new VNativeError(syscall, lastErrno(), `descriptor ${fd}`)
}

function proveSockets(calls: SocketCalls, library: NativeLibrary): void {
  const { close, read } = descriptors.calls
  const { SOL_SOCKET, SO_DOMAIN, SO_TYPE } = socketOptions
  const fds = new Int32Array(2)
  expectAnswer('socketpair', calls.socketpair(AF_UNIX, SOCK_STREAM | SOCKET_FLAGS, 0, fds), 0)
  const [near = -1, far = -1] = fds
  try {
    const [value, length] = [new Uint8Array(64), Int32Array.of(64)]
    for (const [option, expected] of [
      [SO_DOMAIN, AF_UNIX],
      [SO_TYPE, SOCK_STREAM],
    ] as const) {
      length[0] = 64
      expectAnswer('getsockopt', calls.getsockopt(near, SOL_SOCKET, option, value, length), 0)
      expectAnswer(`option ${option}`, value[0], expected)
      expectAnswer(`the length of option ${option}`, length[0], INT_BYTES)
    }
    const address = new Uint8Array(SOCKADDR_BYTES)
    length[0] = SOCKADDR_BYTES
    expectAnswer('getpeername', calls.getpeername(near, address, length), 0)
    expectAnswer('the family of that name', address[0], AF_UNIX)
    expectAnswer('shutdown', calls.shutdown(near, 1), 0)
    expectAnswer('read at the end', read(far, value, 1), 0)
    expectAnswer('bind of no descriptor', calls.bind(-1, address, PATHLESS), -1)
    expectAnswer('errno of that bind', library.errno(), constants.errno.EBADF)
  } finally {
    close(near)
    close(far)
  }
}

/** The length of a Unix address without a path. */
const PATHLESS = 2
