/**
 * The attributes of STUN (RFC 8489, RFC 5780) to and from bytes.
 *
 * Decides how an attribute's value is written, and what it means when read. Where attributes stand in a message, and
 * what covers them (integrity, fingerprint), is the message's. Invariant: reading never looks outside of the value that
 * it was given, and a value that is not well formed reads as undefined.
 */
import { ipAddressBytes, VIPSocketPeer } from '@vio/io'

/** Attribute types by their names in the registry. */
export const STUN_ATTRIBUTES = {
  MAPPED_ADDRESS: 0x0001,
  CHANGE_REQUEST: 0x0003,
  USERNAME: 0x0006,
  MESSAGE_INTEGRITY: 0x0008,
  ERROR_CODE: 0x0009,
  UNKNOWN_ATTRIBUTES: 0x000a,
  REALM: 0x0014,
  NONCE: 0x0015,
  MESSAGE_INTEGRITY_SHA256: 0x001c,
  XOR_MAPPED_ADDRESS: 0x0020,
  PADDING: 0x0026,
  RESPONSE_PORT: 0x0027,
  SOFTWARE: 0x8022,
  FINGERPRINT: 0x8028,
  RESPONSE_ORIGIN: 0x802b,
  OTHER_ADDRESS: 0x802c,
} as const

/** The fixed number at the start of every message, which also hides addresses from meddling routers. */
export const STUN_MAGIC = 0x2112a442

const FAMILY_IPV4 = 1
const FAMILY_IPV6 = 2
const CHANGE_IP = 4
const CHANGE_PORT = 2

/** What a CHANGE-REQUEST asks of the server: to answer from another address, another port, or both. */
export interface VStunChange {
  readonly ip: boolean
  readonly port: boolean
}

/** An error that a server answers with. */
export interface VStunErrorCode {
  /** 300 to 699. */
  readonly code: number
  /** For people. */
  readonly reason: string
}

/** The value of MAPPED-ADDRESS, RESPONSE-ORIGIN and OTHER-ADDRESS. */
export function writeAddress(peer: VIPSocketPeer): Buffer {
  const address = ipAddressBytes(peer.host || '0.0.0.0') as Buffer
  const value = Buffer.alloc(4 + address.length)
  value[1] = peer.ipVersion === 4 ? FAMILY_IPV4 : FAMILY_IPV6
  value.writeUInt16BE(peer.port, 2)
  address.copy(value, 4)
  return value
}

/** Reads what `writeAddress` writes. */
export function readAddress(value: Uint8Array): VIPSocketPeer | undefined {
  const [, family] = value
  const isIPv4 = family === FAMILY_IPV4 && value.length === 8
  const isIPv6 = family === FAMILY_IPV6 && value.length === 20
  if (!isIPv4 && !isIPv6) return undefined
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length)
  return new VIPSocketPeer(hostOf(bytes.subarray(4)), bytes.readUInt16BE(2), { socketType: 'dgram' })
}

/** The value of XOR-MAPPED-ADDRESS; `transactionId` has 12 bytes (RFC 8489 section 14.2). */
export function writeXorAddress(peer: VIPSocketPeer, transactionId: Uint8Array): Buffer {
  return xored(writeAddress(peer), transactionId)
}

/** Reads what `writeXorAddress` writes. */
export function readXorAddress(value: Uint8Array, transactionId: Uint8Array): VIPSocketPeer | undefined {
  return readAddress(xored(value, transactionId))
}

/** The value of ERROR-CODE. @throws RangeError for a code outside of 300 to 699 */
export function writeErrorCode({ code, reason }: VStunErrorCode): Buffer {
  if (!Number.isInteger(code) || code < 300 || code > 699) {
    throw new RangeError(`an error code of STUN is 300 to 699, got ${code}`)
  }
  const text = Buffer.from(reason)
  const value = Buffer.alloc(4 + text.length)
  value[2] = Math.trunc(code / 100)
  value[3] = code % 100
  text.copy(value, 4)
  return value
}

/** Reads what `writeErrorCode` writes. */
export function readErrorCode(value: Uint8Array): VStunErrorCode | undefined {
  const kind = (value[2] ?? 0) & 7
  const rest = value[3] ?? 100
  if (kind < 3 || kind > 6 || rest > 99) return undefined
  return { code: kind * 100 + rest, reason: textOf(value.subarray(4)) }
}

/** The value of UNKNOWN-ATTRIBUTES. */
export function writeTypes(types: readonly number[]): Buffer {
  const value = Buffer.alloc(types.length * 2)
  for (const [index, type] of types.entries()) value.writeUInt16BE(type, index * 2)
  return value
}

/** Reads what `writeTypes` writes. */
export function readTypes(value: Uint8Array): number[] | undefined {
  if (value.length % 2 !== 0) return undefined
  const types: number[] = []
  for (let at = 0; at < value.length; at += 2) types.push(((value[at] ?? 0) << 8) | (value[at + 1] ?? 0))
  return types
}

/** The value of CHANGE-REQUEST (RFC 5780 section 7.2). */
export function writeChange({ ip, port }: VStunChange): Buffer {
  return Buffer.of(0, 0, 0, (ip ? CHANGE_IP : 0) | (port ? CHANGE_PORT : 0))
}

/** Reads what `writeChange` writes. */
export function readChange(value: Uint8Array): VStunChange | undefined {
  if (value.length !== 4) return undefined
  const flags = value[3] ?? 0
  return { ip: (flags & CHANGE_IP) !== 0, port: (flags & CHANGE_PORT) !== 0 }
}

/** The text of an attribute, with what is no UTF-8 replaced. */
export function textOf(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.length).toString('utf8')
}

/** Port and address hidden by the magic number, an IPv6 address by the transaction's id behind it. */
function xored(value: Uint8Array, transactionId: Uint8Array): Buffer {
  const mask = Buffer.alloc(16)
  mask.writeUInt32BE(STUN_MAGIC, 0)
  mask.set(transactionId.subarray(0, 12), 4)
  const result = Buffer.from(value)
  for (let at = 2; at < 4 && at < result.length; at += 1) result[at] = (result[at] ?? 0) ^ (mask[at - 2] ?? 0)
  for (let at = 4; at < result.length; at += 1) result[at] = (result[at] ?? 0) ^ (mask[(at - 4) % 16] ?? 0)
  return result
}

function hostOf(bytes: Buffer): string {
  if (bytes.length === 4) return [...bytes].join('.')
  const groups: string[] = []
  for (let at = 0; at < 16; at += 2) groups.push(bytes.readUInt16BE(at).toString(16))
  return groups.join(':')
}
