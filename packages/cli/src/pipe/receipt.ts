/**
 * A receipt: how many bytes one side has handed on, and their digest.
 *
 * Decides its form, 40 bytes: the count, 8 bytes, the highest first, then SHA-256. Invariant: no bytes make the reader
 * throw, and it asks for none behind the receipt.
 */

/** What one side says it got. */
export interface Receipt {
  readonly bytes: number
  /** SHA-256. */
  readonly digest: Buffer
}

const COUNT_BYTES = 8
const DIGEST_BYTES = 32
const RECEIPT_BYTES = COUNT_BYTES + DIGEST_BYTES

/** A receipt as bytes. */
export function encodeReceipt({ bytes, digest }: Receipt): Buffer {
  const encoded = Buffer.alloc(RECEIPT_BYTES)
  encoded.writeBigUInt64BE(BigInt(bytes))
  encoded.set(digest, COUNT_BYTES)
  return encoded
}

/** Takes a receipt piece by piece. */
export class ReceiptReader {
  readonly #bytes = Buffer.alloc(RECEIPT_BYTES)
  #filled = 0

  /** How many bytes are missing. */
  get needed(): number {
    return RECEIPT_BYTES - this.#filled
  }

  /** Takes up to `needed` bytes and returns how many. */
  push(bytes: Uint8Array): number {
    const piece = bytes.subarray(0, this.needed)
    this.#bytes.set(piece, this.#filled)
    this.#filled += piece.length
    return piece.length
  }

  /** The receipt; null before all of it is there. A count that no number can hold is Infinity. */
  get receipt(): Receipt | null {
    if (this.needed > 0) return null
    const count = this.#bytes.readBigUInt64BE()
    const bytes = count > BigInt(Number.MAX_SAFE_INTEGER) ? Number.POSITIVE_INFINITY : Number(count)
    return { bytes, digest: this.#bytes.subarray(COUNT_BYTES) }
  }
}

/** True if both say the same. */
export function sameReceipt(a: Receipt, b: Receipt): boolean {
  return a.bytes === b.bytes && a.digest.equals(b.digest)
}
