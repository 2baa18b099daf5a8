/**
 * The authentication code of VUT 0.8: appended to each datagram, checked on each, compared in constant time.
 *
 * Decides how the code comes from the secrets and the octets. The hash is handed in, as this part does no cryptography of
 * its own. Invariant: a datagram that does not verify is told apart from one that does by the answer alone, not by the
 * time that the comparison took.
 */

/** SHA-1 of all octets of `bytes`, 20 octets. */
export type IVSha1 = (bytes: Uint8Array) => Uint8Array

/** What makes and checks the codes of one direction. */
export interface VMacOptions {
  /** SHA-1. */
  readonly sha1: IVSha1
  /** The secret of the side that sends. */
  readonly senderSecret: Uint8Array
  /** The secret of the side that receives. */
  readonly receiverSecret: Uint8Array
  /**
   * True for HMAC-SHA1 as RFC 2104 has it, with blocks of 64 octets. By default false: the originals take blocks of 20
   * octets, and drop anything else.
   */
  readonly standardHmac?: boolean
  /** The longest datagram that is made or checked, with its code, in octets. */
  readonly maxDatagramBytes: number
}

/** How long a code is, in octets. */
export const MAC_BYTES = 20
/** The block length of SHA-1, which RFC 2104 uses. */
const STANDARD_BLOCK_BYTES = 64
/** The block length of the originals: the length of the digest. */
const ORIGINAL_BLOCK_BYTES = MAC_BYTES
const INNER_PAD = 0x36
const OUTER_PAD = 0x5c

/** Makes and checks the codes of one direction. */
export class DatagramMac {
  readonly #sha1: IVSha1
  readonly #block: number
  /** The inner pad, and behind it room for a datagram. */
  readonly #inner: Uint8Array
  /** The outer pad, and behind it room for a digest. */
  readonly #outer: Uint8Array

  constructor(options: VMacOptions) {
    this.#sha1 = options.sha1
    this.#block = options.standardHmac === true ? STANDARD_BLOCK_BYTES : ORIGINAL_BLOCK_BYTES
    const key = this.#keyOf(options.senderSecret, options.receiverSecret)
    this.#inner = new Uint8Array(this.#block + options.maxDatagramBytes)
    this.#outer = new Uint8Array(this.#block + MAC_BYTES)
    for (let index = 0; index < this.#block; index += 1) {
      const octet = key[index] ?? 0
      this.#inner[index] = octet ^ INNER_PAD
      this.#outer[index] = octet ^ OUTER_PAD
    }
  }

  /** Writes the code of the octets from `start` to `end` behind them, and returns the index behind the code. */
  append(bytes: Uint8Array, start: number, end: number): number {
    bytes.set(this.#codeOf(bytes, start, end), end)
    return end + MAC_BYTES
  }

  /** True if the last octets of the datagram from `start` to `end` are the code of those before. */
  verify(bytes: Uint8Array, start: number, end: number): boolean {
    const at = end - MAC_BYTES
    if (at < start || end - start > this.#inner.length - this.#block) return false
    const code = this.#codeOf(bytes, start, at)
    let difference = 0
    for (let index = 0; index < MAC_BYTES; index += 1) {
      difference |= (code[index] ?? 0) ^ (bytes[at + index] ?? 0)
    }
    return difference === 0
  }

  #codeOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
    const block = this.#block
    this.#inner.set(bytes.subarray(start, end), block)
    this.#outer.set(this.#sha1(this.#inner.subarray(0, block + end - start)), block)
    return this.#sha1(this.#outer)
  }

  /** A key of exactly one block is taken as it is; one of the originals hashes it, so secrets had better avoid that. */
  #keyOf(senderSecret: Uint8Array, receiverSecret: Uint8Array): Uint8Array {
    const key = new Uint8Array(senderSecret.length + receiverSecret.length)
    key.set(senderSecret)
    key.set(receiverSecret, senderSecret.length)
    return key.length > this.#block ? this.#sha1(key) : key
  }
}
