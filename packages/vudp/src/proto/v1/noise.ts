/**
 * The handshake pattern Noise_NNpsk0_25519_AESGCM_SHA256 (the Noise Protocol Framework, revision 34).
 *
 * Decides the order of tokens and what is mixed into the hash, for this one pattern: `psk0, e` then `e, ee`. What the
 * payloads mean is the handshake's affair. Invariant: a message that does not open leaves the state as it was, so that
 * a forged one cannot spoil the true one that comes after it.
 */
import { VInvariantError } from '@vio/io'
import type { IVCrypto, VAeadSpan } from '../crypto.js'
import { hkdfExpand, hkdfExtract } from './key-schedule.js'

/** The name of the protocol: 32 bytes, as long as the hash, so that it is the first hash itself. */
const PROTOCOL: Buffer = Buffer.from('Noise_NNpsk0_25519_AESGCM_SHA256')
const HASH_BYTES = 32
const KEY_BYTES = 32
const TAG_BYTES = 16
/** AES-256-GCM. */
const CIPHER = 3
const EMPTY: Buffer = Buffer.alloc(0)

/** The two secrets that the handshake ends in. */
export interface NoiseSplit {
  readonly initiatorSecret: Buffer
  readonly responderSecret: Buffer
}

/** One side of one handshake. */
export class Noise {
  readonly #crypto: IVCrypto
  readonly #psk: Buffer
  readonly #privateKey: Buffer
  #publicKey: Buffer = EMPTY
  #hash: Buffer
  #chainingKey: Buffer = PROTOCOL
  #key: Buffer = EMPTY
  #counter = 0
  #peerPublic: Buffer = EMPTY

  /** @param privateKey the ephemeral private key, 32 bytes, drawn for this handshake alone */
  constructor(suite: IVCrypto, psk: Buffer, prologue: Uint8Array, privateKey: Buffer) {
    this.#crypto = suite
    this.#psk = psk
    this.#privateKey = privateKey
    this.#hash = suite.sha256(PROTOCOL, prologue)
  }

  /** The hash of all that was said so far. */
  get handshakeHash(): Buffer {
    return this.#hash
  }

  /** The initiator's message: `psk, e` and the payload. */
  writeFirst(payload: Uint8Array): Buffer {
    this.#publicKey = this.#crypto.x25519Public(this.#privateKey)
    this.#mixPsk()
    this.#mixPublic(this.#publicKey)
    return Buffer.concat([this.#publicKey, this.#encrypt(payload)])
  }

  /** What the responder reads of it; null if it does not open. */
  readFirst(message: Buffer): Buffer | null {
    return this.#tried(() => {
      if (message.length < KEY_BYTES + TAG_BYTES) return null
      this.#mixPsk()
      this.#peerPublic = Buffer.from(message.subarray(0, KEY_BYTES))
      this.#mixPublic(this.#peerPublic)
      return this.#decrypt(message.subarray(KEY_BYTES))
    })
  }

  /** The responder's message: `e, ee` and the payload; null if the initiator's key gives no secret. */
  writeSecond(payload: Uint8Array): Buffer | null {
    this.#publicKey = this.#crypto.x25519Public(this.#privateKey)
    this.#mixPublic(this.#publicKey)
    const shared = this.#crypto.x25519(this.#privateKey, this.#peerPublic)
    if (shared === null) return null
    this.#mixKey(shared)
    return Buffer.concat([this.#publicKey, this.#encrypt(payload)])
  }

  /** What the initiator reads of it; null if it does not open. */
  readSecond(message: Buffer): Buffer | null {
    return this.#tried(() => {
      if (message.length < KEY_BYTES + TAG_BYTES) return null
      const peerPublic = Buffer.from(message.subarray(0, KEY_BYTES))
      this.#mixPublic(peerPublic)
      const shared = this.#crypto.x25519(this.#privateKey, peerPublic)
      if (shared === null) return null
      this.#mixKey(shared)
      return this.#decrypt(message.subarray(KEY_BYTES))
    })
  }

  /** The traffic secrets, once both messages have passed. */
  split(): NoiseSplit {
    const [initiatorSecret, responderSecret] = this.#hkdf(EMPTY, 2)
    if (initiatorSecret === undefined || responderSecret === undefined)
      throw new VInvariantError('HKDF gave less')
    return { initiatorSecret, responderSecret }
  }

  #tried(read: () => Buffer | null): Buffer | null {
    const before = [this.#hash, this.#chainingKey, this.#key, this.#counter, this.#peerPublic] as const
    const payload = read()
    if (payload === null) {
      ;[this.#hash, this.#chainingKey, this.#key, this.#counter, this.#peerPublic] = before
    }
    return payload
  }

  #mixHash(bytes: Uint8Array): void {
    this.#hash = this.#crypto.sha256(this.#hash, bytes)
  }

  #mixKey(material: Uint8Array): void {
    const [chainingKey = EMPTY, key = EMPTY] = this.#hkdf(material, 2)
    this.#chainingKey = chainingKey
    this.#useKey(key)
  }

  /** The token psk: MixKeyAndHash. */
  #mixPsk(): void {
    const [chainingKey = EMPTY, hash = EMPTY, key = EMPTY] = this.#hkdf(this.#psk, 3)
    this.#chainingKey = chainingKey
    this.#mixHash(hash)
    this.#useKey(key)
  }

  /** The token e in a pattern with a psk: mixed into the hash and into the key. */
  #mixPublic(publicKey: Buffer): void {
    this.#mixHash(publicKey)
    this.#mixKey(publicKey)
  }

  #useKey(key: Buffer): void {
    this.#key = key
    this.#counter = 0
  }

  #hkdf(material: Uint8Array, outputs: 2 | 3): Buffer[] {
    const prk = hkdfExtract(this.#crypto, this.#chainingKey, material)
    const all = hkdfExpand(this.#crypto, prk, EMPTY, outputs * HASH_BYTES)
    return Array.from({ length: outputs }, (_, index) =>
      all.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES),
    )
  }

  #encrypt(payload: Uint8Array): Buffer {
    const work = Buffer.concat([this.#hash, payload, Buffer.alloc(TAG_BYTES)])
    const span = this.#span(payload.length)
    this.#crypto.aead(CIPHER, this.#key).seal(this.#nonce(), work, span)
    const sealed = work.subarray(HASH_BYTES)
    this.#mixHash(sealed)
    return sealed
  }

  #decrypt(sealed: Buffer): Buffer | null {
    const work = Buffer.concat([this.#hash, sealed])
    const span = this.#span(sealed.length - TAG_BYTES)
    const payload = this.#crypto.aead(CIPHER, this.#key).open(this.#nonce(), work, span)
    if (payload !== null) this.#mixHash(sealed)
    return payload
  }

  #span(plainBytes: number): VAeadSpan {
    return { start: 0, headerEnd: HASH_BYTES, plainEnd: HASH_BYTES + plainBytes }
  }

  /** Four zero bytes and the counter, as AESGCM of Noise has it. */
  #nonce(): Buffer {
    const nonce = Buffer.alloc(12)
    nonce.writeUInt32BE(this.#counter, 8)
    this.#counter += 1
    return nonce
  }
}
