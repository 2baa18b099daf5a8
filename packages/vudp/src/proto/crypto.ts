/**
 * The cryptography that a protocol part is given.
 *
 * The parts decide what is authenticated and with which key; how a hash or a cipher comes about is the driver's, so
 * that they stay free of any module of Node and a faster library can take its place. Invariant: nothing here keeps a key
 * longer than the object that it was given to.
 */

/** The ciphers of VUT/1 by their numbers on the wire. */
export type VCipherId = 1 | 2 | 3

/** One key of an authenticated cipher with a nonce of 12 bytes and a tag of 16. */
export interface IVAead {
  /**
   * Encrypts in place: the bytes from `headerEnd` to `plainEnd` become ciphertext and the tag is put at `plainEnd`; the
   * bytes from `start` to `headerEnd` are the associated data. `bytes` has room for the tag.
   */
  seal(nonce: Uint8Array, bytes: Buffer, span: VAeadSpan): void
  /**
   * Decrypts what `seal` makes; `plainEnd` is where the tag begins. Returns the plaintext, or null if it was not made
   * with this key, nonce and associated data. The plaintext is either a view of `bytes` or memory of its own, which the
   * caller may keep. Bytes of `bytes` behind the header may have been overwritten either way.
   */
  open(nonce: Uint8Array, bytes: Buffer, span: VAeadSpan): Buffer | null
  /** `seal` is likely to be called next with this nonce: what needs no more than that may be done now. It may never come. */
  expectSeal?(nonce: Uint8Array): void
  /** The same for `open`. */
  expectOpen?(nonce: Uint8Array): void
}

/** Where the parts of a datagram are; one object is used again and again. */
export interface VAeadSpan {
  start: number
  headerEnd: number
  plainEnd: number
}

/** A key pair of X25519, raw. */
export interface VKeyPair {
  readonly privateKey: Uint8Array
  readonly publicKey: Uint8Array
}

/** What VUT needs of cryptography. */
export interface IVCrypto {
  /** The ciphers that `aead` can make. */
  readonly ciphers: readonly VCipherId[]
  /** SHA-256. */
  sha256(...parts: readonly Uint8Array[]): Buffer
  /** SHA-1, for VUT 0.8 alone. */
  sha1(...parts: readonly Uint8Array[]): Buffer
  /** HMAC-SHA256. */
  hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer
  /** The public key of a private one of 32 bytes. */
  x25519Public(privateKey: Uint8Array): Buffer
  /** The shared secret; null if the public key is none that gives a secret (a point of small order). */
  x25519(privateKey: Uint8Array, publicKey: Uint8Array): Buffer | null
  /** A cipher with its key: 16 bytes for AES-128-GCM (1), 32 for ChaCha20-Poly1305 (2) and AES-256-GCM (3). */
  aead(cipher: VCipherId, key: Uint8Array): IVAead
  /** True if both are equal, in a time that does not tell where they differ. */
  equal(left: Uint8Array, right: Uint8Array): boolean
}
