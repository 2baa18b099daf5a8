/**
 * The keyed hashes of STUN, by node:crypto.
 */
import { createHmac } from 'node:crypto'
import type { IVStunHash } from '@vio/nat'

function hmac(name: string, key: Uint8Array, parts: readonly Uint8Array[]): Buffer {
  const hash = createHmac(name, key)
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** For tests of messages with integrity. */
export const stunHash: IVStunHash = {
  hmacSha1: (key, ...parts) => hmac('sha1', key, parts),
  hmacSha256: (key, ...parts) => hmac('sha256', key, parts),
}
