/**
 * SHA-256 of what a file begins with.
 *
 * Decides nothing. Invariant: the hash that comes back goes on where it ended, so that no byte is read twice for it.
 */
import { createHash, type Hash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { writtenMemory } from '@vio/io'
import { readAhead } from './read-ahead.js'

/** A hash of nothing. */
export function newHash(): Hash {
  return createHash('sha256')
}

/** The hash of the first `length` bytes. @throws as `readAhead` */
export async function hashPrefix(handle: FileHandle, length: number): Promise<Hash> {
  const hash = newHash()
  for await (const piece of readAhead(handle, 0, length)) {
    hash.update(piece)
    writtenMemory.giveBack(piece)
  }
  return hash
}

/** What a hash has come to, without ending it. */
export function digestOf(hash: Hash): Buffer {
  return hash.copy().digest()
}
