/**
 * The digest of a file, against its definition: the tags of its blocks, and SHA-256 of them.
 */
import { createCipheriv, createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { DIGEST_BLOCK_BYTES, FileDigest, wholeBlocks } from '../../../packages/cli/src/transfer/digest.js'
import { KEY } from './support.js'

const BLOCK = DIGEST_BLOCK_BYTES
const TERMS = { key: KEY, showsSha256: false }

function pattern(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, at) => (at * 131 + (at >> 9)) & 255))
}

/** As docs/cli.md has it. */
function defined(bytes: Buffer, index: number): string {
  const tags: Buffer[] = []
  for (let number = 0; number * BLOCK < bytes.length; number++) {
    const nonce = Buffer.alloc(12)
    nonce.writeUInt32BE(index, 0)
    nonce.writeBigUInt64BE(BigInt(number), 4)
    const cipher = createCipheriv('aes-256-gcm', KEY, nonce)
    cipher.setAAD(bytes.subarray(number * BLOCK, (number + 1) * BLOCK))
    cipher.final()
    tags.push(cipher.getAuthTag())
  }
  return createHash('sha256').update(Buffer.concat(tags)).digest('hex')
}

function digestOf(bytes: Buffer, pieceBytes: number, { index = 5, terms = TERMS } = {}): string {
  const digest = new FileDigest(terms, index)
  for (let at = 0; at < bytes.length; at += pieceBytes) digest.update(bytes.subarray(at, at + pieceBytes))
  return digest.digest().toString('hex')
}

describe('the digest of a file', () => {
  it.each([0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 3 * BLOCK + 5])(
    'of %i bytes is as defined, however they come',
    (size) => {
      const bytes = pattern(size)
      for (const pieceBytes of [1009, 65_536, BLOCK, 4 * BLOCK]) {
        expect(digestOf(bytes, pieceBytes)).toBe(defined(bytes, 5))
      }
    },
  )

  it('is another one for another byte, length, place or key', () => {
    const bytes = pattern(BLOCK + 100)
    const seen = new Set([digestOf(bytes, 65_536)])
    for (const at of [0, BLOCK - 1, BLOCK, BLOCK + 99]) {
      const other = Buffer.from(bytes)
      other[at] = (other[at] ?? 0) ^ 1
      seen.add(digestOf(other, 65_536))
    }
    seen.add(digestOf(bytes.subarray(0, -1), 65_536))
    seen.add(digestOf(Buffer.concat([bytes, Buffer.alloc(1)]), 65_536))
    seen.add(digestOf(Buffer.concat([bytes.subarray(BLOCK), bytes.subarray(0, BLOCK)]), 65_536))
    seen.add(digestOf(bytes, 65_536, { index: 6 }))
    seen.add(digestOf(bytes, 65_536, { terms: { ...TERMS, key: Buffer.alloc(32, 8) } }))
    expect(seen.size).toBe(10)
  })

  it('is told of a prefix of whole blocks, and goes on behind it', () => {
    const bytes = pattern(3 * BLOCK + 7)
    const digest = new FileDigest(TERMS, 5)
    digest.update(bytes.subarray(0, 2 * BLOCK))
    expect(digest.digest().toString('hex')).toBe(defined(bytes.subarray(0, 2 * BLOCK), 5))
    digest.update(bytes.subarray(2 * BLOCK))
    expect(digest.digest().toString('hex')).toBe(defined(bytes, 5))
    expect(digest.digest().toString('hex')).toBe(defined(bytes, 5))
  })

  it('has SHA-256 of all bytes beside it only where that is wanted', () => {
    const bytes = pattern(BLOCK + 3)
    const [plain, shown] = [false, true].map((showsSha256) => new FileDigest({ key: KEY, showsSha256 }, 0))
    plain?.update(bytes)
    shown?.update(bytes)
    expect(plain?.sha256()).toBeUndefined()
    expect(shown?.sha256()).toBe(createHash('sha256').update(bytes).digest('hex'))
    expect(shown?.digest()).toEqual(plain?.digest())
  })

  it.each([
    [0, 0],
    [BLOCK - 1, 0],
    [BLOCK, BLOCK],
    [3 * BLOCK + 1, 3 * BLOCK],
  ])('of %i bytes, %i are whole blocks', (length, whole) => {
    expect(wholeBlocks(length)).toBe(whole)
  })
})
