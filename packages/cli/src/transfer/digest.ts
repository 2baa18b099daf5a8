/**
 * The digest of a file that both sides of a transfer compare.
 *
 * Decides what it is made of: a tag of AES-256-GMAC for each block of the file, under a key that is made for one transfer, and
 * SHA-256 of all tags (docs/cli.md, "How files travel"). It tells whether what was written is what was read, at a fraction of
 * what SHA-256 of all bytes costs; that nobody else has changed them is the connection's. SHA-256 of all bytes is made besides
 * where a person wants to see it. Invariant: no two blocks of a transfer have the same nonce.
 */
import { type CipherGCM, createCipheriv, createHash, type Hash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { writtenMemory } from '@vio/io'
import { readAhead } from './read-ahead.js'

/** Bytes of a block. A digest goes on only where a block begins. */
export const DIGEST_BLOCK_BYTES = 262_144

/** How the files of one transfer are digested. */
export interface VDigestTerms {
  /** Made by the sender, at random, for this transfer alone. */
  readonly key: Buffer
  /** True if SHA-256 of each file is made too. */
  readonly showsSha256: boolean
}

/** The digest of one file. */
export class FileDigest {
  readonly #key: Buffer
  readonly #nonce: Buffer = Buffer.alloc(12)
  readonly #tags: Hash = createHash('sha256')
  readonly #sha256: Hash | undefined
  #block: CipherGCM | null = null
  #room = 0
  #blocks = 0

  /** @param index the place of the file in the list */
  constructor({ key, showsSha256 }: VDigestTerms, index: number) {
    this.#key = key
    this.#nonce.writeUInt32BE(index)
    if (showsSha256) this.#sha256 = createHash('sha256')
  }

  /** Takes bytes behind those before, and keeps none of them. */
  update(bytes: Uint8Array): void {
    this.#sha256?.update(bytes)
    for (let left = bytes; left.length > 0; ) {
      const block = this.#block ?? this.#open()
      const piece = left.subarray(0, this.#room)
      block.setAAD(piece)
      this.#room -= piece.length
      left = left.subarray(piece.length)
      if (this.#room === 0) this.#close(block)
    }
  }

  /** Of all bytes so far. Ends the block at hand, so that only behind a whole one more may follow. */
  digest(): Buffer {
    if (this.#block !== null) this.#close(this.#block)
    return this.#tags.copy().digest()
  }

  /** SHA-256 of all bytes so far, in hexadecimal digits, where it is wanted. */
  sha256(): string | undefined {
    return this.#sha256?.copy().digest('hex')
  }

  #open(): CipherGCM {
    this.#nonce.writeUInt32BE(this.#blocks, 8)
    this.#blocks += 1
    this.#room = DIGEST_BLOCK_BYTES
    this.#block = createCipheriv('aes-256-gcm', this.#key, this.#nonce)
    return this.#block
  }

  #close(block: CipherGCM): void {
    block.final()
    this.#tags.update(block.getAuthTag())
    this.#block = null
  }
}

/** Takes the first `length` bytes of a file into `digest`, and gives it back. @throws as `readAhead` */
export async function digestPrefix(
  handle: FileHandle,
  length: number,
  digest: FileDigest,
): Promise<FileDigest> {
  for await (const piece of readAhead(handle, { start: 0, end: length })) {
    digest.update(piece)
    writtenMemory.giveBack(piece)
  }
  return digest
}

/** The most of `length` bytes that end with a whole block. */
export function wholeBlocks(length: number): number {
  return length - (length % DIGEST_BLOCK_BYTES)
}
