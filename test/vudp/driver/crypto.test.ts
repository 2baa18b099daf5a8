/** The ciphers of Node as the engine uses them: in place, and with memory that is let go of at once. */
import { describe, expect, it } from 'vitest'
import { NodeCrypto } from '../../../packages/vudp/src/driver/crypto.js'

const TAG = 16
const HEADER = 13
const KEYS = { 1: 16, 2: 32, 3: 32 } as const

/** A datagram that was sealed, and where its parts are. */
function sealed(cipher: 1 | 2 | 3, sizeBytes: number) {
  const aead = new NodeCrypto().aead(cipher, Buffer.alloc(KEYS[cipher], 5))
  const nonce = Buffer.alloc(12, 9)
  const plain = Buffer.alloc(sizeBytes, 'what is said ')
  const bytes = Buffer.allocUnsafeSlow(HEADER + sizeBytes + TAG)
  bytes.fill(1, 0, HEADER)
  plain.copy(bytes, HEADER)
  const span = { start: 0, headerEnd: HEADER, plainEnd: HEADER + sizeBytes }
  aead.seal(nonce, bytes, span)
  return { aead, nonce, plain, bytes, span }
}

describe.each([1, 2, 3] as const)('cipher %i of Node', (cipher) => {
  it.each([1, 64, 1171, 16_383, 16_384, 65_478])('opens what it has sealed: %i bytes', (sizeBytes) => {
    const { aead, nonce, plain, bytes, span } = sealed(cipher, sizeBytes)
    expect(bytes.subarray(HEADER, HEADER + sizeBytes).equals(plain)).toBe(false)
    expect(aead.open(nonce, bytes, span)?.equals(plain)).toBe(true)
  })

  it('opens small datagrams in place, and leaves large ones where the caller may keep them', () => {
    const small = sealed(cipher, 16_383)
    const large = sealed(cipher, 16_384)
    expect(small.aead.open(small.nonce, small.bytes, small.span)?.buffer).toBe(small.bytes.buffer)
    const kept = large.aead.open(large.nonce, large.bytes, large.span)
    large.bytes.fill(0)
    expect(kept?.equals(large.plain)).toBe(true)
  })

  it('opens nothing that was changed', () => {
    for (const at of [0, HEADER, HEADER + 100, HEADER + 2000]) {
      const { aead, nonce, bytes, span } = sealed(cipher, 2000)
      bytes.writeUInt8((bytes[at] ?? 0) ^ 1, at)
      expect(aead.open(nonce, bytes, span)).toBe(null)
    }
  })
})
