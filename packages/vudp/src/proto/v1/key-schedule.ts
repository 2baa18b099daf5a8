/**
 * The keys of VUT/1 that follow from the secrets, and those that follow from a traffic secret (VUT 1 and 3).
 *
 * Decides what is derived under which label. Invariant: a derived key is used for one purpose, which its label names.
 */
import type { IVCrypto, VCipherId } from '../crypto.js'
import { VUT1 } from '../profile.js'

const HASH_BYTES = 32

/** What both sides know before the first datagram. */
export interface SessionKeys {
  readonly psk: Buffer
  /** Names the session in datagrams that are not encrypted. */
  readonly tag: Buffer
  /** The keys of PUNCH and VERSION, by sender. */
  readonly punchInitiator: Buffer
  readonly punchResponder: Buffer
}

/** The keys of one direction in one generation. */
export interface TrafficKeys {
  readonly key: Buffer
  readonly iv: Buffer
  /** The secret of the next generation. */
  readonly next: Buffer
}

/** HKDF-Extract of RFC 5869 with SHA-256. */
export function hkdfExtract(suite: IVCrypto, salt: Uint8Array, ikm: Uint8Array): Buffer {
  return suite.hmac(salt, ikm)
}

/** HKDF-Expand of RFC 5869 with SHA-256. */
export function hkdfExpand(suite: IVCrypto, prk: Uint8Array, info: Uint8Array, sizeBytes: number): Buffer {
  const blocks: Buffer[] = []
  let last = Buffer.alloc(0)
  for (let index = 1; blocks.length * HASH_BYTES < sizeBytes; index += 1) {
    last = Buffer.from(suite.hmac(prk, last, info, Uint8Array.of(index)))
    blocks.push(last)
  }
  return Buffer.concat(blocks).subarray(0, sizeBytes)
}

function expand(suite: IVCrypto, secret: Uint8Array, label: string, sizeBytes: number): Buffer {
  return hkdfExpand(suite, secret, Buffer.from(label), sizeBytes)
}

/** The keys of a session: `initiator` and `responder` are the two secrets. */
export function sessionKeys(suite: IVCrypto, initiator: Uint8Array, responder: Uint8Array): SessionKeys {
  const lengths = Buffer.alloc(4)
  lengths.writeUInt16BE(initiator.length, 0)
  lengths.writeUInt16BE(responder.length, 2)
  const ikm = Buffer.concat([lengths.subarray(0, 2), initiator, lengths.subarray(2), responder])
  const base = hkdfExtract(suite, Buffer.from('VUT/1'), ikm)
  return {
    psk: expand(suite, base, 'psk', HASH_BYTES),
    tag: expand(suite, base, 'tag', VUT1.tagBytes),
    punchInitiator: expand(suite, base, 'punch i', HASH_BYTES),
    punchResponder: expand(suite, base, 'punch r', HASH_BYTES),
  }
}

/** The keys that follow from a traffic secret, for the cipher that was agreed on. */
export function trafficKeys(suite: IVCrypto, secret: Uint8Array, cipher: VCipherId): TrafficKeys {
  return {
    key: expand(suite, secret, 'key', cipher === 1 ? 16 : 32),
    iv: expand(suite, secret, 'iv', VUT1.nonceBytes),
    next: expand(suite, secret, 'ku', HASH_BYTES),
  }
}

/** The token that ends a connection whose id is `id` without its state (VUT 2). */
export function resetToken(suite: IVCrypto, resetKey: Uint8Array, id: Uint8Array): Buffer {
  return suite.hmac(resetKey, Buffer.from('reset'), id).subarray(0, VUT1.tokenBytes)
}
