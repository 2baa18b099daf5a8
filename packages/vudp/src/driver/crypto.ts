/**
 * The cryptography of VUT by Node's own module.
 *
 * Decides how hashes, ciphers and key exchange come about, and nothing about what they are used for. Invariant: a key
 * is held by the object made for it alone, and no failure of a check throws.
 */
import {
  type CipherGCM,
  type CipherGCMTypes,
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  type DecipherGCM,
  diffieHellman,
  hash as hashAtOnce,
  type KeyObject,
  timingSafeEqual,
} from 'node:crypto'
import { releaseMemory } from '@vio/io'
import type { IVAead, IVCrypto, VAeadSpan, VCipherId } from '../proto/crypto.js'
import { keptCopy } from '../proto/v1/kept.js'
import { Ahead } from './ahead.js'

const TAG_BYTES = 16
/** From this size on plaintext is left where Node has put it: one copy less is worth more than the memory. */
const KEPT_BYTES = 16_384
const TAG_OPTION: { readonly authTagLength: number } = { authTagLength: TAG_BYTES }
/** What precedes a raw X25519 key in PKCS #8 (RFC 8410). */
const PRIVATE_PREFIX: Buffer = Buffer.from('302e020100300506032b656e04220420', 'hex')
const NAMES: Readonly<Record<VCipherId, { readonly name: string; readonly keyBytes: number }>> = {
  1: { name: 'aes-128-gcm', keyBytes: 16 },
  2: { name: 'chacha20-poly1305', keyBytes: 32 },
  3: { name: 'aes-256-gcm', keyBytes: 32 },
}

/** The primitives by `node:crypto`. One object serves any number of connections. */
export class NodeCrypto implements IVCrypto {
  readonly ciphers: readonly VCipherId[] = [1, 2, 3]
  /** Made once for each key, as that is half of what an exchange costs; gone with the key. */
  readonly #privateKeys = new WeakMap<Uint8Array, KeyObject>()
  readonly #ahead: CiphersAhead = { sealing: new Ahead(), opening: new Ahead() }

  sha256(...parts: readonly Uint8Array[]): Buffer {
    return digest('sha256', parts)
  }

  sha1(...parts: readonly Uint8Array[]): Buffer {
    return digest('sha1', parts)
  }

  hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
    const hmac = createHmac('sha256', key)
    for (const part of parts) hmac.update(part)
    return hmac.digest()
  }

  x25519Public(privateKey: Uint8Array): Buffer {
    const { x = '' } = createPublicKey(this.#privateOf(privateKey)).export({ format: 'jwk' })
    return Buffer.from(x, 'base64url')
  }

  x25519(privateKey: Uint8Array, publicKey: Uint8Array): Buffer | null {
    try {
      const shared = diffieHellman({
        privateKey: this.#privateOf(privateKey),
        publicKey: publicOf(publicKey),
      })
      return shared.some((byte) => byte !== 0) ? shared : null
    } catch {
      // A point of small order, or 32 bytes that are no point: the peer's fault, not ours.
      return null
    }
  }

  aead(cipher: VCipherId, key: Uint8Array): IVAead {
    const { name, keyBytes } = NAMES[cipher]
    if (key.length !== keyBytes)
      throw new RangeError(`${name} has a key of ${keyBytes} bytes, got ${key.length}`)
    return new NodeAead(name, key, this.#ahead)
  }

  #privateOf(raw: Uint8Array): KeyObject {
    const known = this.#privateKeys.get(raw)
    if (known !== undefined) return known
    const made = importPrivate(raw)
    this.#privateKeys.set(raw, made)
    return made
  }

  equal(left: Uint8Array, right: Uint8Array): boolean {
    return left.length === right.length && timingSafeEqual(left, right)
  }
}

/** The objects that were made before their datagrams came. */
interface CiphersAhead {
  readonly sealing: Ahead<NodeAead, CipherGCM>
  readonly opening: Ahead<NodeAead, DecipherGCM>
}

/** One key. Node makes an object for each datagram, which is most of the cost. */
class NodeAead implements IVAead {
  readonly #name: CipherGCMTypes
  readonly #key: Buffer
  readonly #ahead: CiphersAhead

  constructor(name: string, key: Uint8Array, ahead: CiphersAhead) {
    // The types name the two modes apart; what is used of them is the same.
    this.#name = name as CipherGCMTypes
    // As bytes: a key object has three objects behind it that the collector has to watch.
    this.#key = keptCopy(key)
    this.#ahead = ahead
  }

  expectSeal(nonce: Uint8Array): void {
    const { sealing } = this.#ahead
    if (sealing.isWanted(this, nonce)) sealing.keep(this, nonce, this.#cipher(nonce))
  }

  expectOpen(nonce: Uint8Array): void {
    const { opening } = this.#ahead
    if (opening.isWanted(this, nonce)) opening.keep(this, nonce, this.#decipher(nonce))
  }

  seal(nonce: Uint8Array, bytes: Buffer, span: VAeadSpan): void {
    const { start, headerEnd, plainEnd } = span
    const cipher = this.#ahead.sealing.take(this, nonce) ?? this.#cipher(nonce)
    cipher.setAAD(bytes.subarray(start, headerEnd))
    const sealed = cipher.update(bytes.subarray(headerEnd, plainEnd))
    cipher.final()
    bytes.set(sealed, headerEnd)
    bytes.set(cipher.getAuthTag(), plainEnd)
    releaseMemory(sealed)
  }

  open(nonce: Uint8Array, bytes: Buffer, span: VAeadSpan): Buffer | null {
    const { start, headerEnd, plainEnd } = span
    const decipher = this.#ahead.opening.take(this, nonce) ?? this.#decipher(nonce)
    decipher.setAAD(bytes.subarray(start, headerEnd))
    decipher.setAuthTag(bytes.subarray(plainEnd, plainEnd + TAG_BYTES))
    const plain = decipher.update(bytes.subarray(headerEnd, plainEnd))
    try {
      decipher.final()
    } catch {
      return null
    }
    if (plain.length >= KEPT_BYTES) return plain
    bytes.set(plain, headerEnd)
    releaseMemory(plain)
    return bytes.subarray(headerEnd, plainEnd)
  }

  #cipher(nonce: Uint8Array): CipherGCM {
    return createCipheriv(this.#name, this.#key, nonce, TAG_OPTION)
  }

  #decipher(nonce: Uint8Array): DecipherGCM {
    return createDecipheriv(this.#name, this.#key, nonce, TAG_OPTION)
  }
}

function digest(name: string, parts: readonly Uint8Array[]): Buffer {
  const [first] = parts
  // Without an object for the one call it takes two thirds of the time.
  if (parts.length === 1 && first !== undefined) return hashAtOnce(name, first, 'buffer')
  const hash = createHash(name)
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** As a JWK where that is possible: reading DER costs ten times as much. */
function importPrivate(raw: Uint8Array): KeyObject {
  try {
    // The public half has to be there; a Node that looks at it takes the other way.
    const key = { kty: 'OKP', crv: 'X25519', d: base64url(raw), x: '' }
    return createPrivateKey({ key, format: 'jwk' })
  } catch {
    return createPrivateKey({ key: Buffer.concat([PRIVATE_PREFIX, raw]), format: 'der', type: 'pkcs8' })
  }
}

function publicOf(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: base64url(raw) }, format: 'jwk' })
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url')
}
