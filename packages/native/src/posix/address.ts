/**
 * Socket addresses, as values and as the system's `sockaddr`.
 *
 * Decides which texts are addresses; looks no name up. A path that does not fit is refused: the system would take a
 * part of it for the whole. Invariant: what is encoded here fits into `SOCKADDR_BYTES`, and what the system wrote is
 * read only as far as it says that it wrote.
 */
import { isIPv4, isIPv6, SocketAddress } from 'node:net'
import { constants, networkInterfaces } from 'node:os'
import { checkInteger, show } from '../check.js'
import { AF_INET, AF_INET6, AF_UNIX } from '../constants.js'
import { VNativeError } from '../errors.js'

/** An address of a socket. */
export type VNativeAddress =
  | {
      readonly family: 'ipv4'
      /** Four numbers with dots. */
      readonly host: string
      readonly port: number
    }
  | {
      readonly family: 'ipv6'
      /** The address, with a `%zone` behind it if it is bound to an interface. */
      readonly host: string
      readonly port: number
    }
  | {
      readonly family: 'unix'
      /** At most 107 bytes. Empty for a socket without a name; an abstract name begins with a NUL character. */
      readonly path: string
    }

/** The size of the greatest address, `sockaddr_storage`. */
export const SOCKADDR_BYTES = 128

/** Room for a path with its NUL. */
const PATH_BYTES = 108
const PATH_OFFSET = 2
const IPV4_BYTES = 16
const IPV6_BYTES = 28
const DOT = 46
const ZERO = 48

/**
 * Writes an address as `sockaddr`. Returns its length.
 *
 * @param target at least `SOCKADDR_BYTES` long
 * @throws TypeError, RangeError for what is no address, VNativeError ENAMETOOLONG for a path that does not fit
 */
export function encodeAddress(address: VNativeAddress, syscall: string, target: Uint8Array): number {
  if (typeof address !== 'object' || address === null)
    throw new TypeError(`${syscall} takes an address, got ${show(address)}`)
  target.fill(0)
  // Read once each: an object may answer otherwise the next time.
  const { family } = address
  switch (family) {
    case 'unix':
      return encodePath(address.path, syscall, target)
    case 'ipv4':
      return encodeIPv4(address.host, address.port, target)
    case 'ipv6':
      return encodeIPv6(address.host, address.port, target)
    default:
      throw new TypeError(`the family of an address is 'ipv4', 'ipv6' or 'unix', got ${show(family)}`)
  }
}

/** Reads what the system wrote as `sockaddr`, `length` bytes. */
export function decodeAddress(bytes: Uint8Array, length: number): VNativeAddress {
  const end = Math.min(length, bytes.length)
  const family = end < PATH_OFFSET ? AF_UNIX : (bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8)
  // Each connection that is taken has one, so that this is read without a view of the bytes.
  if (family === AF_INET && end >= IPV4_BYTES) {
    const port = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0)
    return { family: 'ipv4', host: `${bytes[4]}.${bytes[5]}.${bytes[6]}.${bytes[7]}`, port }
  }
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, end)
  if (family === AF_INET6 && view.length >= IPV6_BYTES)
    return { family: 'ipv6', host: decodeIPv6(view), port: view.readUInt16BE(2) }
  if (family !== AF_UNIX)
    throw new VNativeError(
      'getsockname',
      constants.errno.EAFNOSUPPORT,
      `address family ${family} is not known`,
    )
  return { family: 'unix', path: decodePath(view.subarray(PATH_OFFSET)) }
}

function encodePath(path: string, syscall: string, target: Uint8Array): number {
  if (typeof path !== 'string') throw new TypeError(`a path is a string, got ${show(path)}`)
  if (path === '') throw new RangeError('an empty path names no socket')
  if (path.indexOf('\0', 1) !== -1) throw new RangeError('a path has no NUL behind its beginning')
  const bytes = Buffer.from(path)
  const abstract = path.startsWith('\0')
  // An abstract name is as long as it is said to be; a path ends with a NUL.
  if (bytes.length + (abstract ? 0 : 1) > PATH_BYTES)
    throw new VNativeError(
      syscall,
      constants.errno.ENAMETOOLONG,
      `a path has at most ${PATH_BYTES - 1} bytes, this one has ${bytes.length}`,
    )
  target[0] = AF_UNIX
  target.set(bytes, PATH_OFFSET)
  return PATH_OFFSET + bytes.length + (abstract ? 0 : 1)
}

function decodePath(bytes: Buffer): string {
  if (bytes.length === 0) return ''
  if (bytes[0] === 0) return bytes.toString()
  const end = bytes.indexOf(0)
  return bytes.toString('utf8', 0, end === -1 ? bytes.length : end)
}

function encodeIPv4(host: string, port: number, target: Uint8Array): number {
  if (typeof host !== 'string' || !isIPv4(host))
    throw new TypeError(`host is an IPv4 address, got ${show(host)}`)
  target[0] = AF_INET
  setPort(port, target)
  let at = 4
  let part = 0
  for (let place = 0; place < host.length; place += 1) {
    const code = host.charCodeAt(place)
    if (code === DOT) {
      target[at] = part
      at += 1
      part = 0
    } else part = part * 10 + code - ZERO
  }
  target[at] = part
  return IPV4_BYTES
}

function encodeIPv6(host: string, port: number, target: Uint8Array): number {
  if (typeof host !== 'string' || !isIPv6(host))
    throw new TypeError(`host is an IPv6 address, got ${show(host)}`)
  const [digits = '', zone] = host.split('%')
  target[0] = AF_INET6
  setPort(port, target)
  target.set(bytesOfIPv6(digits), 8)
  new DataView(target.buffer, target.byteOffset).setUint32(24, zone === undefined ? 0 : scopeOf(zone), true)
  return IPV6_BYTES
}

function setPort(port: number, target: Uint8Array): void {
  checkInteger(port, 'port', 0, 65_535)
  target[2] = port >> 8
  target[3] = port & 255
}

/** The 16 bytes of an address that is known to be one. */
function bytesOfIPv6(digits: string): Uint8Array {
  const bytes = new Uint8Array(16)
  const [head = '', tail] = digits.split('::')
  const front = groupsOf(head)
  bytes.set(front, 0)
  if (tail !== undefined) {
    const back = groupsOf(tail)
    bytes.set(back, 16 - back.length)
  }
  return bytes
}

function groupsOf(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number)
    const value = Number.parseInt(group, 16)
    return [value >> 8, value & 255]
  })
}

function decodeIPv6(view: Buffer): string {
  const groups: string[] = []
  for (let at = 8; at < 24; at += 2) groups.push(view.readUInt16BE(at).toString(16))
  const { address } = new SocketAddress({ address: groups.join(':'), family: 'ipv6' })
  const scope = view.readUInt32LE(24)
  return scope === 0 ? address : `${address}%${scope}`
}

/** The number of a zone, which is given by its number or by the name of its interface. */
function scopeOf(zone: string): number {
  if (/^\d{1,9}$/.test(zone)) return Number(zone)
  const addresses = new Map(Object.entries(networkInterfaces())).get(zone)
  const found = addresses?.find((each) => each.family === 'IPv6')
  if (found !== undefined && found.scopeid !== undefined) return found.scopeid
  throw new RangeError(`no interface ${show(zone)} has an IPv6 address`)
}
