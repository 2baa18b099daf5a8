/**
 * The cryptography that the parts of this package are given.
 *
 * Decides what is asked for; how it is computed is the driver's, as for VUT, whose interface this one extends by the hash
 * of the key exchange. Invariant: nothing in this package computes a hash or a cipher by itself, so that one place knows
 * which library does.
 */
import { hkdfExpand, hkdfExtract, type IVAead, type IVCrypto, type VAeadSpan } from '@vio/vudp'

/** What this package needs of cryptography. */
export interface IVNatCrypto extends IVCrypto {
  /** SHA-512 over all parts, one behind the other. */
  sha512(...parts: readonly Uint8Array[]): Uint8Array
}

const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
/** ChaCha20-Poly1305, which every crypto has. */
const CIPHER = 2

/** A key that follows from a secret under a label, 32 bytes. */
export function deriveKey(suite: IVCrypto, secret: Uint8Array, label: string): Buffer {
  const extracted = hkdfExtract(suite, Buffer.from('vio meeting 1'), secret)
  return hkdfExpand(suite, extracted, Buffer.from(label), KEY_BYTES)
}

/**
 * Seals messages of one direction, or opens them, in their order: each has the number of its predecessor and one more.
 *
 * A message that does not open changes nothing, so that somebody who forges cannot make the true ones fail.
 */
export class MessageSeal {
  readonly #aead: IVAead
  #next = 0

  constructor(suite: IVCrypto, key: Uint8Array) {
    this.#aead = suite.aead(CIPHER, key)
  }

  /** A message with its tag behind it. */
  seal(plain: Uint8Array): Buffer {
    const bytes = Buffer.alloc(plain.length + TAG_BYTES)
    bytes.set(plain)
    this.#aead.seal(this.#nonce(), bytes, span(plain.length))
    this.#next += 1
    return bytes
  }

  /** The message that was sealed; null if it is not the next one of this direction. */
  open(sealed: Uint8Array): Buffer | null {
    if (sealed.length < TAG_BYTES) return null
    const bytes = Buffer.from(sealed)
    const plain = this.#aead.open(this.#nonce(), bytes, span(bytes.length - TAG_BYTES))
    if (plain !== null) this.#next += 1
    return plain
  }

  #nonce(): Buffer {
    const nonce = Buffer.alloc(NONCE_BYTES)
    nonce.writeUInt32BE(this.#next, NONCE_BYTES - 4)
    return nonce
  }
}

function span(plainEnd: number): VAeadSpan {
  return { start: 0, headerEnd: 0, plainEnd }
}
