/**
 * Ciphers that are made before their datagrams come: for whom they are, that each is used once, and when it is not worth it.
 */
import { describe, expect, it } from 'vitest'
import { Ahead } from '../../../packages/vudp/src/driver/ahead.js'
import { NodeCrypto } from '../../../packages/vudp/src/driver/crypto.js'
import type { IVAead } from '../../../packages/vudp/src/proto/crypto.js'
import { DatagramBuilder } from '../../../packages/vudp/src/proto/v1/builder.js'
import { Protection } from '../../../packages/vudp/src/proto/v1/protection.js'
import { SentPacket } from '../../../packages/vudp/src/proto/v1/sent.js'

const nonceOf = (last: number): Buffer => Buffer.alloc(12, 7).fill(last, 11)

describe('an object that was made ahead', () => {
  it('is given once, and for its key and nonce alone', () => {
    const ahead = new Ahead<string, string>()
    expect(ahead.take('key', nonceOf(1))).toBe(null)
    const nonce = nonceOf(1)
    ahead.keep('key', nonce, 'made')
    nonce.fill(0)
    expect(ahead.take('other key', nonceOf(1))).toBe(null)
    expect(ahead.take('key', nonceOf(1))).toBe('made')
    expect(ahead.take('key', nonceOf(1))).toBe(null)
    ahead.keep('key', nonceOf(2), 'made')
    expect(ahead.take('key', nonceOf(3))).toBe(null)
    expect(ahead.take('key', nonceOf(2))).toBe(null)
  })

  it('is not made twice, and more and more rarely where it was in vain', () => {
    const ahead = new Ahead<string, string>()
    const wanted: number[] = []
    for (let round = 0; round < 192; round += 1) {
      if (!ahead.isWanted('key', nonceOf(round))) continue
      wanted.push(round)
      ahead.keep('key', nonceOf(round), 'made')
      expect(ahead.isWanted('key', nonceOf(round))).toBe(false)
    }
    expect(wanted).toEqual([0, 2, 6, 14, 30, 62, 126, 191])
    expect(ahead.take('key', nonceOf(191))).toBe('made')
    // One that was of use makes up for the others.
    expect(ahead.isWanted('key', nonceOf(0))).toBe(true)
    ahead.keep('key', nonceOf(0), 'made')
    ahead.isWanted('other key', nonceOf(0))
    expect(ahead.isWanted('other key', nonceOf(0))).toBe(true)
  })
})

describe.each([1, 2, 3] as const)('cipher %i of Node', (cipher) => {
  const SIZE = 64
  const span = { start: 0, headerEnd: 13, plainEnd: 13 + SIZE }
  const keyOf = (fill: number) => Buffer.alloc(cipher === 1 ? 16 : 32, fill)
  const sealedBy = (aead: IVAead, nonce: Buffer, fill = 4) => {
    const bytes = Buffer.alloc(13 + SIZE + 16, fill)
    aead.seal(nonce, bytes, span)
    return bytes
  }

  it('seals and opens the same, expected or not, for other keys and nonces, and for the same again', () => {
    const crypto = new NodeCrypto()
    const [one, other] = [crypto.aead(cipher, keyOf(5)), crypto.aead(cipher, keyOf(6))]
    const plainly = (fill: number, nonce: Buffer) =>
      sealedBy(new NodeCrypto().aead(cipher, keyOf(fill)), nonce)
    one.expectSeal?.(nonceOf(1))
    expect(sealedBy(other, nonceOf(1))).toEqual(plainly(6, nonceOf(1)))
    expect(sealedBy(one, nonceOf(1))).toEqual(plainly(5, nonceOf(1)))
    expect(sealedBy(one, nonceOf(1))).toEqual(plainly(5, nonceOf(1)))
    one.expectSeal?.(nonceOf(2))
    expect(sealedBy(one, nonceOf(3))).toEqual(plainly(5, nonceOf(3)))
    for (const last of [4, 5, 5]) {
      one.expectOpen?.(nonceOf(4))
      const opened = one.open(nonceOf(last), plainly(5, nonceOf(last)), span)
      expect(opened?.equals(Buffer.alloc(SIZE, 4))).toBe(true)
    }
  })

  it('opens nothing that was changed, and what is genuine after that', () => {
    const aead = new NodeCrypto().aead(cipher, keyOf(5))
    const genuine = sealedBy(aead, nonceOf(1))
    const forged = Buffer.from(genuine)
    forged[20] = (forged[20] as number) ^ 1
    aead.expectOpen?.(nonceOf(1))
    expect(aead.open(nonceOf(1), forged, span)).toBe(null)
    expect(aead.open(nonceOf(1), genuine, span)?.equals(Buffer.alloc(SIZE, 4))).toBe(true)
  })
})

describe('packet protection', () => {
  /** The ciphers of Node, with what they were told to expect, and what came. */
  class Noting extends NodeCrypto {
    readonly seen: string[] = []

    override aead(...args: Parameters<NodeCrypto['aead']>): IVAead {
      const aead = super.aead(...args)
      const note = (what: string, nonce: Uint8Array) =>
        this.seen.push(`${what} ${Buffer.from(nonce).toString('hex')}`)
      return {
        seal: (nonce, bytes, span) => {
          note('seal', nonce)
          aead.seal(nonce, bytes, span)
        },
        open: (nonce, bytes, span) => {
          note('open', nonce)
          return aead.open(nonce, bytes, span)
        },
        expectSeal: (nonce) => {
          note('expect seal', nonce)
          aead.expectSeal?.(nonce)
        },
        expectOpen: (nonce) => {
          note('expect open', nonce)
          aead.expectOpen?.(nonce)
        },
      }
    }
  }

  it('expects the numbers that come next, and goes on where they do not, over changes of keys', () => {
    const crypto = new Noting()
    const sides = ['a', 'b'].map((name) => {
      const [send, receive] = [Buffer.alloc(32, name), Buffer.alloc(32, name === 'a' ? 'b' : 'a')]
      return new Protection(crypto, { send, receive, cipher: 1, datagramsPerKey: 4 })
    })
    let met = 0
    for (let number = 0; number < 40; number += 1) {
      for (const [index, from] of sides.entries()) {
        const to = sides[1 - index] as Protection
        // Every tenth number is passed over.
        const sent = number + Math.floor(number / 10)
        from.prepare(sent)
        const bytes = Buffer.alloc(13 + 10 + 16)
        const builder = new DatagramBuilder()
        builder.begin(bytes, 0, bytes.length, new SentPacket())
        builder.wrote(builder.at + 10)
        from.seal(builder, Buffer.alloc(8), sent)
        to.prepare(0)
        expect(to.open(0, bytes, 100)).toBe('opened')
        from.onAcked(sent)
      }
    }
    for (const [at, what] of crypto.seen.entries()) {
      if (!what.startsWith('expect ')) continue
      if (crypto.seen.slice(at + 1, at + 6).includes(what.slice('expect '.length))) met += 1
    }
    expect(sides.map(({ generation }) => generation > 5)).toEqual([true, true])
    // The first under each key, and the numbers passed over, are what nobody could expect.
    expect(met).toBeGreaterThan(100)
  })
})
