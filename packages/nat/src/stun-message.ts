/**
 * Messages of STUN (RFC 8489): the header, the attributes in order, integrity and fingerprint.
 *
 * Decides what is a well-formed message and what is covered by which check. What attributes mean is `stun-attribute`'s,
 * what is asked and answered the client's and the server's. Invariants: reading never throws and keeps no part of the
 * datagram; what stands behind the integrity of a message is not taken for a part of it, but for the fingerprint.
 */
import { crc32 } from './crc32.js'
import { STUN_ATTRIBUTES, STUN_MAGIC } from './stun-attribute.js'

const HEADER_BYTES = 20
const ID_BYTES = 12
const FINGERPRINT_XOR = 0x5354554e
const SHA1_BYTES = 20
const SHA256_BYTES = 32
/** What a message may announce at most: the field has 16 bits and is a multiple of four. */
const MAX_BODY_BYTES = 65_532

/** What a message is: a question, a notice without an answer, or one of the two kinds of answer. */
export type VStunClass = 'request' | 'indication' | 'success' | 'error'

const CLASSES: readonly VStunClass[] = ['request', 'indication', 'success', 'error']

/** The method of all messages here: tell me the address that you see. */
export const STUN_BINDING = 1

/** The keyed hashes of STUN's integrity, as the driver has them. */
export interface IVStunHash {
  hmacSha1(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array
  hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array
}

/** One attribute: its type and its value without padding. */
export interface VStunAttribute {
  readonly type: number
  readonly value: Uint8Array
}

/** What `encodeStun` writes. */
export interface VStunParts {
  readonly class: VStunClass
  /** 0 to 4095; by default `STUN_BINDING`. */
  readonly method?: number
  /** 12 bytes, not to be guessed by others. */
  readonly transactionId: Uint8Array
  readonly attributes?: readonly VStunAttribute[]
  /** Adds MESSAGE-INTEGRITY, MESSAGE-INTEGRITY-SHA256 or both under this key. */
  readonly integrity?: {
    readonly key: Uint8Array
    readonly hash: IVStunHash
    readonly sha1?: boolean
    readonly sha256?: boolean
  }
  /** Adds FINGERPRINT. By default true: the port is shared with other protocols. */
  readonly fingerprint?: boolean
}

/** A message that was read. Its bytes are copies. */
export interface VStunMessage {
  readonly class: VStunClass
  readonly method: number
  readonly transactionId: Buffer
  /** The attributes in order, up to the first integrity; the first of each type counts. */
  readonly attributes: readonly VStunAttribute[]
  /** True if it had a fingerprint. A wrong one makes a datagram no message. */
  readonly fingerprint: boolean
}

/**
 * Writes a message.
 *
 * @throws RangeError for a method, an id or a size out of range
 */
export function encodeStun(parts: VStunParts): Buffer {
  const method = parts.method ?? STUN_BINDING
  if (!Number.isInteger(method) || method < 0 || method > 0xfff) {
    throw new RangeError(`a method of STUN is 0 to 4095, got ${method}`)
  }
  if (parts.transactionId.length !== ID_BYTES) {
    throw new RangeError(`a transaction id has ${ID_BYTES} bytes, got ${parts.transactionId.length}`)
  }
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt16BE(typeOf(CLASSES.indexOf(parts.class), method), 0)
  header.writeUInt32BE(STUN_MAGIC, 4)
  header.set(parts.transactionId, 8)
  const pieces = [header, ...(parts.attributes ?? []).map(encodeAttribute)]
  const { integrity } = parts
  if (integrity !== undefined) {
    const { key, hash } = integrity
    if (integrity.sha1 !== false) {
      const { MESSAGE_INTEGRITY: type } = STUN_ATTRIBUTES
      pieces.push(checkAttribute(pieces, type, SHA1_BYTES, (all) => hash.hmacSha1(key, ...all)))
    }
    if (integrity.sha256 === true) {
      const { MESSAGE_INTEGRITY_SHA256: type } = STUN_ATTRIBUTES
      pieces.push(checkAttribute(pieces, type, SHA256_BYTES, (all) => hash.hmacSha256(key, ...all)))
    }
  }
  if (parts.fingerprint !== false) {
    pieces.push(checkAttribute(pieces, STUN_ATTRIBUTES.FINGERPRINT, 4, fingerprintOf))
  }
  setLength(pieces, 0)
  return Buffer.concat(pieces)
}

/** True for a datagram that can be one of STUN: told apart from VUT by its first two bits (RFC 7983), then by its cookie. */
export function looksLikeStun(bytes: Uint8Array): boolean {
  return (
    bytes.length >= HEADER_BYTES &&
    (bytes[0] ?? 0xff) < 0x40 &&
    bytes[4] === 0x21 &&
    bytes[5] === 0x12 &&
    bytes[6] === 0xa4 &&
    bytes[7] === 0x42
  )
}

/** Reads a message; undefined if the datagram is none, or has a wrong fingerprint. */
export function decodeStun(datagram: Uint8Array): VStunMessage | undefined {
  if (!looksLikeStun(datagram)) return undefined
  const bytes = Buffer.from(datagram)
  if (bytes.readUInt16BE(2) !== bytes.length - HEADER_BYTES || bytes.length % 4 !== 0) return undefined
  const type = bytes.readUInt16BE(0)
  const attributes: VStunAttribute[] = []
  let fingerprint = false
  let covered = false
  for (let at = HEADER_BYTES; at < bytes.length; ) {
    const attribute = attributeAt(bytes, at)
    if (attribute === undefined || fingerprint) return undefined
    if (attribute.type === STUN_ATTRIBUTES.FINGERPRINT) {
      if (!isFingerprint(bytes, at, attribute.value)) return undefined
      fingerprint = true
    } else if (!covered || attribute.type === STUN_ATTRIBUTES.MESSAGE_INTEGRITY_SHA256)
      attributes.push(attribute)
    covered ||= isIntegrity(attribute.type)
    at += 4 + padded(attribute.value.length)
  }
  const kind = ((type >> 7) & 2) | ((type >> 4) & 1)
  return {
    class: CLASSES[kind] ?? 'request',
    method: (type & 0xf) | ((type >> 1) & 0x70) | ((type >> 2) & 0xf80),
    transactionId: bytes.subarray(8, HEADER_BYTES),
    attributes,
    fingerprint,
  }
}

/** The value of the first attribute of a type. */
export function attributeOf(message: VStunMessage, type: number): Uint8Array | undefined {
  return message.attributes.find((attribute) => attribute.type === type)?.value
}

/**
 * The attributes that a message must not have unless the reader knows them: those of the lower half of the types that are
 * not in `known` (RFC 8489 section 14).
 */
export function unknownAttributes(message: VStunMessage, known: ReadonlySet<number>): number[] {
  const unknown = message.attributes
    .map(({ type }) => type)
    .filter((type) => type < 0x8000 && !known.has(type))
  return [...new Set(unknown)]
}

/**
 * True if every integrity that a datagram has is right under `key`, and it has one. SHA-256 may be cut to no less than 16
 * bytes (RFC 8489 section 14.6).
 */
export function hasIntegrity(datagram: Uint8Array, key: Uint8Array, hash: IVStunHash): boolean {
  if (decodeStun(datagram) === undefined) return false
  const bytes = Buffer.from(datagram)
  let checked = 0
  for (let at = HEADER_BYTES; at < bytes.length; ) {
    const attribute = attributeAt(bytes, at)
    if (attribute === undefined) return false
    const { type, value } = attribute
    at += 4 + padded(value.length)
    if (!isIntegrity(type)) continue
    const before = Buffer.from(bytes.subarray(0, at - 4 - padded(value.length)))
    before.writeUInt16BE(at - HEADER_BYTES, 2)
    const sha1 = type === STUN_ATTRIBUTES.MESSAGE_INTEGRITY
    const wanted = sha1 ? hash.hmacSha1(key, before) : hash.hmacSha256(key, before)
    if (value.length < (sha1 ? SHA1_BYTES : 16) || !isPrefix(value, wanted)) return false
    checked += 1
  }
  return checked > 0
}

function encodeAttribute({ type, value }: VStunAttribute): Buffer {
  const sizeBytes = 4 + padded(value.length)
  if (sizeBytes > MAX_BODY_BYTES)
    throw new RangeError(`an attribute of ${value.length} bytes does not fit into a message`)
  const piece = Buffer.alloc(sizeBytes)
  piece.writeUInt16BE(type, 0)
  piece.writeUInt16BE(value.length, 2)
  piece.set(value, 4)
  return piece
}

/** An attribute over all pieces before it, which counts as if it were the last one. */
function checkAttribute(
  pieces: readonly Buffer[],
  type: number,
  sizeBytes: number,
  check: (pieces: readonly Buffer[]) => Uint8Array,
): Buffer {
  setLength(pieces, 4 + sizeBytes)
  return encodeAttribute({ type, value: check(pieces) })
}

function setLength(pieces: readonly Buffer[], moreBytes: number): void {
  const bodyBytes = pieces.reduce((sum, piece) => sum + piece.length, moreBytes) - HEADER_BYTES
  if (bodyBytes > MAX_BODY_BYTES) {
    throw new RangeError(`a message has at most ${MAX_BODY_BYTES} bytes of attributes, got ${bodyBytes}`)
  }
  pieces[0]?.writeUInt16BE(bodyBytes, 2)
}

function fingerprintOf(pieces: readonly Uint8Array[]): Buffer {
  const value = Buffer.alloc(4)
  value.writeUInt32BE((crc32(...pieces) ^ FINGERPRINT_XOR) >>> 0, 0)
  return value
}

function isFingerprint(bytes: Buffer, at: number, value: Uint8Array): boolean {
  return value.length === 4 && isPrefix(value, fingerprintOf([bytes.subarray(0, at)]))
}

function attributeAt(bytes: Buffer, at: number): VStunAttribute | undefined {
  const sizeBytes = bytes.readUInt16BE(at + 2)
  const end = at + 4 + sizeBytes
  if (end > bytes.length) return undefined
  return { type: bytes.readUInt16BE(at), value: bytes.subarray(at + 4, end) }
}

function isIntegrity(type: number): boolean {
  return type === STUN_ATTRIBUTES.MESSAGE_INTEGRITY || type === STUN_ATTRIBUTES.MESSAGE_INTEGRITY_SHA256
}

/** Without a branch on the bytes, as a check may be secret. */
function isPrefix(value: Uint8Array, wanted: Uint8Array): boolean {
  if (value.length > wanted.length) return false
  let difference = 0
  for (let at = 0; at < value.length; at += 1) difference |= (value[at] ?? 0) ^ (wanted[at] ?? 0)
  return difference === 0
}

/** The bits of the class stand between those of the method (RFC 8489 section 5). */
function typeOf(kind: number, method: number): number {
  return (
    ((kind & 2) << 7) | ((kind & 1) << 4) | (method & 0xf) | ((method & 0x70) << 1) | ((method & 0xf80) << 2)
  )
}

function padded(sizeBytes: number): number {
  return (sizeBytes + 3) & ~3
}
