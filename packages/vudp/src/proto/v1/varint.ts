/**
 * Variable-length integers of RFC 9000 section 16: 1, 2, 4 or 8 bytes, the two top bits of the first telling which.
 *
 * Decides only how a number looks. Numbers above 2^53 - 1, which the wire could carry and nothing here needs, are
 * refused when read. Invariant: what a reader refuses is told by `failed`, not by an exception, and a reader never
 * passes its end.
 */
import { VInvariantError } from '@vio/io'

const MAX = Number.MAX_SAFE_INTEGER
const WORD = 2 ** 32

/** How many bytes `value` takes. */
export function varintSize(value: number): number {
  if (value < 0x40) return 1
  if (value < 0x4000) return 2
  return value < 0x4000_0000 ? 4 : 8
}

/** Writes `value` at `at` and returns where it ends. The caller has checked that there is room. */
export function writeVarint(bytes: Buffer, at: number, value: number): number {
  if (value < 0x40) {
    bytes[at] = value
    return at + 1
  }
  if (value < 0x4000) {
    bytes[at] = 0x40 | (value >>> 8)
    bytes[at + 1] = value & 0xff
    return at + 2
  }
  if (value < 0x4000_0000) return bytes.writeUInt32BE((0x8000_0000 | value) >>> 0, at)
  if (!(value <= MAX)) throw new VInvariantError(`${value} is no number of the wire`)
  bytes.writeUInt32BE((0xc000_0000 | Math.floor(value / WORD)) >>> 0, at)
  return bytes.writeUInt32BE(value % WORD, at + 4)
}

/** Writes `value` in exactly two bytes (below 2^14), so that a length can be filled in afterwards. */
export function writeVarint2(bytes: Buffer, at: number, value: number): number {
  bytes[at] = 0x40 | (value >>> 8)
  bytes[at + 1] = value & 0xff
  return at + 2
}

/** Reads numbers and bytes one after the other. Once something failed, all that follows is 0 or empty. */
export class WireReader {
  #bytes: Buffer
  #at = 0
  #end = 0
  #failed = false

  constructor(bytes: Buffer = Buffer.alloc(0), start = 0, end: number = bytes.length) {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
  }

  /** Starts over with other bytes. */
  reset(bytes: Buffer, start: number, end: number): void {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
    this.#failed = false
  }

  /** True if something was cut short or too large. */
  get failed(): boolean {
    return this.#failed
  }

  /** Where the next byte is. */
  get at(): number {
    return this.#at
  }

  /** How many bytes are left. */
  get left(): number {
    return this.#end - this.#at
  }

  /** What is read from. */
  get bytes(): Buffer {
    return this.#bytes
  }

  /** One byte. */
  byte(): number {
    if (this.#at >= this.#end) return this.#fail()
    return this.#bytes[this.#at++] as number
  }

  /** A number of variable length. */
  varint(): number {
    const at = this.#at
    if (at >= this.#end) return this.#fail()
    const bytes = this.#bytes
    const first = bytes[at] as number
    const size = 1 << (first >>> 6)
    if (at + size > this.#end) return this.#fail()
    this.#at = at + size
    if (size === 1) return first
    if (size === 2) return ((first & 0x3f) << 8) | (bytes[at + 1] as number)
    const high = (bytes.readUInt32BE(at) & 0x3fff_ffff) >>> 0
    if (size === 4) return high
    const value = high * WORD + bytes.readUInt32BE(at + 4)
    return value <= MAX ? value : this.#fail()
  }

  /** The next `size` bytes, as a view. */
  take(size: number): Buffer {
    const start = this.skip(size)
    return this.#bytes.subarray(start, this.#failed ? start : start + size)
  }

  /** Passes over `size` bytes and returns where they begin. */
  skip(size: number): number {
    const start = this.#at
    if (size > this.#end - start) {
      this.#fail()
      return this.#at
    }
    this.#at = start + size
    return start
  }

  #fail(): number {
    this.#failed = true
    this.#at = this.#end
    return 0
  }
}
