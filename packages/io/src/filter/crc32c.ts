/**
 * CRC-32C (Castagnoli), the checksum of iSCSI, ext4 and many storage formats: polynomial 0x1EDC6F41, reflected.
 *
 * Finds damage by chance, not by intent. Eight bytes are taken at a time, by eight tables. Invariant: the result does
 * not depend on how the bytes are cut.
 */
import { describeValue } from '../limit.js'

/** What computes a digest: a hash of node:crypto is one. */
export interface IVDigest {
  /** Takes bytes. */
  update(bytes: Uint8Array): unknown
  /** The digest of all that was taken. Called once. */
  digest(): Uint8Array
}

const POLYNOMIAL = 0x82f63b78
const SLICES = 8
const TABLE: Uint32Array = makeTables()

/** Table k, at 256 k, tells what a byte does to the checksum when k bytes follow it. */
function makeTables(): Uint32Array {
  const table = new Uint32Array(256 * SLICES)
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ POLYNOMIAL
    table[byte] = crc
  }
  for (let at = 256; at < table.length; at += 1) {
    const before = table[at - 256] ?? 0
    table[at] = (before >>> 8) ^ (table[before & 0xff] ?? 0)
  }
  return table
}

function look(slice: number, byte: number): number {
  return TABLE[slice * 256 + (byte & 0xff)] ?? 0
}

/**
 * The CRC-32C of `bytes`, as an unsigned number; of several pieces by giving the result of those before as `previous`.
 *
 * @throws TypeError if `bytes` is not a Uint8Array
 */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  if (!(bytes instanceof Uint8Array)) {
    throw new TypeError(`a checksum is of a Uint8Array, got ${describeValue(bytes)}`)
  }
  let crc = ~previous
  let at = 0
  for (const last = bytes.length - SLICES; at <= last; at += SLICES) {
    const low =
      crc ^
      ((bytes[at] ?? 0) |
        ((bytes[at + 1] ?? 0) << 8) |
        ((bytes[at + 2] ?? 0) << 16) |
        ((bytes[at + 3] ?? 0) << 24))
    crc =
      look(7, low) ^
      look(6, low >>> 8) ^
      look(5, low >>> 16) ^
      look(4, low >>> 24) ^
      look(3, bytes[at + 4] ?? 0) ^
      look(2, bytes[at + 5] ?? 0) ^
      look(1, bytes[at + 6] ?? 0) ^
      look(0, bytes[at + 7] ?? 0)
  }
  for (; at < bytes.length; at += 1) crc = (crc >>> 8) ^ look(0, crc ^ (bytes[at] ?? 0))
  return ~crc >>> 0
}

/** CRC-32C as a digest: four bytes, the highest first. */
export class VCrc32c implements IVDigest {
  #crc = 0

  /** The checksum of all that was taken so far. */
  get value(): number {
    return this.#crc
  }

  update(bytes: Uint8Array): this {
    this.#crc = crc32c(bytes, this.#crc)
    return this
  }

  digest(): Buffer {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(this.#crc)
    return bytes
  }
}
