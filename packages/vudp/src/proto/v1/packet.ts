/**
 * The datagrams of VUT/1 before encryption: what kind one is, and the layout of the long ones (VUT 2).
 *
 * Decides layouts and checks lengths and macs. What a datagram means for the connection is decided elsewhere, and frames
 * have a file of their own. Invariant: parsing returns null for whatever does not fit exactly, and views of the input
 * else.
 */
import type { IVRandom } from '@vio/reactor'
import type { IVCrypto } from '../crypto.js'
import { VUT1 } from '../profile.js'

/** The first bytes of the kinds of datagrams. */
export interface DatagramKinds {
  readonly punch: number
  readonly init: number
  readonly resp: number
  readonly version: number
  readonly reset: number
  readonly data: number
}

/** The first byte of each kind. */
export const KIND: DatagramKinds = Object.freeze({
  punch: 0xc0,
  init: 0xc1,
  resp: 0xc2,
  version: 0xc3,
  reset: 0xc4,
  /** The low bit is the key phase. */
  data: 0x40,
})

const { tagBytes: TAG, idBytes: ID, macBytes: MAC, tokenBytes: TOKEN } = VUT1
const TAG_AT = 1
const { punchBytes: PUNCH_BYTES } = VUT1
const INIT_HEADER: number = 1 + 1 + TAG + ID + 2
const RESP_HEADER: number = 1 + ID + ID
const VERSION_HEADER: number = 1 + TAG + 1

/** True for a DATA datagram, whatever its key phase. The reserved bit has to be 0. */
export function isData(first: number): boolean {
  return (first & 0xfe) === KIND.data
}

/** An INIT taken apart. */
export interface InitDatagram {
  readonly version: number
  readonly tag: Buffer
  readonly scid: Buffer
  /** Noise message 1; empty for a version that is not this one. */
  readonly message: Buffer
  /** Where the padding begins. */
  readonly endAt: number
}

/** A RESP taken apart. */
export interface RespDatagram {
  readonly dcid: Buffer
  readonly scid: Buffer
  readonly message: Buffer
}

/** A PUNCH with sequence number `sequence`. */
export function encodePunch(suite: IVCrypto, key: Buffer, tag: Buffer, sequence: number): Buffer {
  const bytes = Buffer.alloc(PUNCH_BYTES)
  bytes[0] = KIND.punch
  bytes.set(tag, TAG_AT)
  bytes.writeUInt32BE(sequence, TAG_AT + TAG)
  return withMac(suite, key, bytes)
}

/** The sequence number of a PUNCH; -1 if its length, its tag or its mac is wrong. */
export function openPunch(suite: IVCrypto, key: Buffer, tag: Buffer, bytes: Buffer): number {
  if (bytes.length !== PUNCH_BYTES || !hasTag(bytes, TAG_AT, tag)) return -1
  return checkMac(suite, key, bytes) ? bytes.readUInt32BE(TAG_AT + TAG) : -1
}

/** An INIT, padded to its full size. */
export function encodeInit(tag: Buffer, scid: Buffer, message: Buffer): Buffer {
  const bytes = Buffer.alloc(Math.max(VUT1.initBytes, INIT_HEADER + message.length))
  bytes[0] = KIND.init
  bytes[1] = VUT1.version
  bytes.set(tag, 2)
  bytes.set(scid, 2 + TAG)
  bytes.writeUInt16BE(message.length, INIT_HEADER - 2)
  bytes.set(message, INIT_HEADER)
  return bytes
}

/** Takes an INIT apart. */
export function parseInit(bytes: Buffer): InitDatagram | null {
  if (bytes.length < VUT1.initBytes) return null
  const version = bytes[1] ?? 0
  const size = version === VUT1.version ? bytes.readUInt16BE(INIT_HEADER - 2) : 0
  if (INIT_HEADER + size > bytes.length) return null
  return {
    version,
    tag: bytes.subarray(2, 2 + TAG),
    scid: bytes.subarray(2 + TAG, 2 + TAG + ID),
    message: bytes.subarray(INIT_HEADER, INIT_HEADER + size),
    endAt: INIT_HEADER + size,
  }
}

/** A RESP. */
export function encodeResp(dcid: Buffer, scid: Buffer, message: Buffer): Buffer {
  return Buffer.concat([Uint8Array.of(KIND.resp), dcid, scid, message])
}

/** Takes a RESP apart. */
export function parseResp(bytes: Buffer): RespDatagram | null {
  if (bytes.length <= RESP_HEADER) return null
  return {
    dcid: bytes.subarray(1, 1 + ID),
    scid: bytes.subarray(1 + ID, RESP_HEADER),
    message: bytes.subarray(RESP_HEADER),
  }
}

/** A VERSION that lists `versions`. */
export function encodeVersion(
  suite: IVCrypto,
  key: Buffer,
  tag: Buffer,
  versions: readonly number[],
): Buffer {
  const bytes = Buffer.alloc(VERSION_HEADER + versions.length + MAC)
  bytes[0] = KIND.version
  bytes.set(tag, TAG_AT)
  bytes[TAG_AT + TAG] = versions.length
  bytes.set(versions, VERSION_HEADER)
  return withMac(suite, key, bytes)
}

/** The versions that a VERSION lists; null if its length, its tag or its mac is wrong. */
export function openVersion(suite: IVCrypto, key: Buffer, tag: Buffer, bytes: Buffer): Buffer | null {
  if (bytes.length < VERSION_HEADER + MAC || !hasTag(bytes, TAG_AT, tag)) return null
  const count = bytes[TAG_AT + TAG] ?? 0
  if (bytes.length !== VERSION_HEADER + count + MAC || !checkMac(suite, key, bytes)) return null
  return bytes.subarray(VERSION_HEADER, VERSION_HEADER + count)
}

/**
 * A stateless reset with `token`, in answer to a datagram of `cause` bytes: shorter than that one where it can be, so that
 * two sides never reset each other in turn. Null if the cause is too short to be answered.
 */
export function encodeReset(random: IVRandom, token: Uint8Array, cause: number): Buffer | null {
  const size = Math.min(cause - 1, 2 * VUT1.minResetBytes)
  if (size < VUT1.minResetBytes) return null
  const bytes = Buffer.alloc(size)
  random.fillPublic(bytes)
  bytes[0] = KIND.reset
  bytes.set(token, size - TOKEN)
  return bytes
}

/** The token of a RESET, null if it is too short to have one. */
export function resetTokenIn(bytes: Buffer): Buffer | null {
  return bytes.length < VUT1.minResetBytes ? null : bytes.subarray(bytes.length - TOKEN)
}

/** True if the session's tag stands at `at`. The tag is public, so the comparison need not hide anything. */
export function hasTag(bytes: Buffer, at: number, tag: Buffer): boolean {
  return bytes.length >= at + TAG && bytes.compare(tag, 0, TAG, at, at + TAG) === 0
}

/** True if the connection id `id` stands at `at`. */
export function hasId(bytes: Buffer, at: number, id: Buffer): boolean {
  return bytes.length >= at + ID && bytes.compare(id, 0, ID, at, at + ID) === 0
}

function withMac(suite: IVCrypto, key: Buffer, bytes: Buffer): Buffer {
  const end = bytes.length - MAC
  bytes.set(suite.hmac(key, bytes.subarray(0, end)).subarray(0, MAC), end)
  return bytes
}

function checkMac(suite: IVCrypto, key: Buffer, bytes: Buffer): boolean {
  const end = bytes.length - MAC
  const mac = suite.hmac(key, bytes.subarray(0, end)).subarray(0, MAC)
  return suite.equal(mac, bytes.subarray(end))
}
