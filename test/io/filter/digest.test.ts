/**
 * CRC-32C by its known answers, digests of what passes, and trailers that tell damage.
 */
import { createHash } from 'node:crypto'
import { type IVTransform, VByteBuffer } from '@vio/io'
import {
  crc32c,
  type IVDigest,
  VByteFilter,
  VCrc32c,
  VDigestTap,
  VIODigestMismatch,
  VTrailerCheck,
  VTrailerWriter,
} from '@vio/io/filter'
import { EmbeddedChain, VBytePattern } from '@vio/io/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { propertyRuns } from '../../lib/runs.js'
import { cut, cuts } from './framing-support.js'

const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()

/** The checksum bit by bit, as its definition has it. */
function byDefinition(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0x82f63b78
  }
  return ~crc >>> 0
}

describe('crc32c', () => {
  it.each([
    ['nothing', Buffer.alloc(0), 0],
    ['the check value of the catalogues', Buffer.from('123456789'), 0xe3069283],
    ['32 bytes of zero (RFC 3720 B.4)', Buffer.alloc(32), 0x8a9136aa],
    ['32 bytes of ones (RFC 3720 B.4)', Buffer.alloc(32, 0xff), 0x62a8ab43],
    ['0 to 31 (RFC 3720 B.4)', Buffer.from(Array.from({ length: 32 }, (_, at) => at)), 0x46dd794e],
    ['31 to 0 (RFC 3720 B.4)', Buffer.from(Array.from({ length: 32 }, (_, at) => 31 - at)), 0x113fdb5c],
  ])('knows %s', (_what, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected)
    expect(new VCrc32c().update(bytes).digest().readUInt32BE()).toBe(expected)
  })

  it('is what the definition says, however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100, size: 'max' }), cuts, (bytes, sizes) => {
        const crc = new VCrc32c()
        for (const piece of cut(bytes, sizes)) crc.update(piece)
        expect(crc.value).toBe(byDefinition(bytes))
        expect(crc32c(bytes)).toBe(crc.value)
      }),
      propertyRuns(300),
    )
  })

  it('refuses what is not bytes', () => {
    expect(() => crc32c('text' as never)).toThrow(TypeError)
  })
})

describe('VDigestTap', () => {
  it('takes the digest of what passes and tells it at the end', () => {
    const told: unknown[][] = []
    const onDigest = (...args: unknown[]): number => told.push(args)
    const chain = new EmbeddedChain(
      (reactor) => new VDigestTap(reactor, { digest: createHash('sha256'), onDigest }),
      { limit: 2 },
    )
    chain.feed('abc')
    expect([chain.element.bytes, chain.element.result]).toEqual([2, undefined])
    chain.grant(null)
    chain.end()
    const expected = sha256(Buffer.from('abc'))
    expect(chain.element.result).toEqual(expected)
    expect(told).toEqual([[expected, 3, true]])
  })

  it('tells of an end that is not clean, and not of an abort', () => {
    const told: unknown[][] = []
    const build = (reactor: ConstructorParameters<typeof VDigestTap>[0]): VDigestTap =>
      new VDigestTap(reactor, { onDigest: (...args) => told.push(args) })
    const unclean = new EmbeddedChain(build)
    unclean.feed('123456789')
    unclean.end(false)
    expect(told).toEqual([[Buffer.from('e3069283', 'hex'), 9, false]])
    const aborted = new EmbeddedChain(build)
    aborted.feed('x')
    aborted.abort()
    expect([told.length, aborted.element.result]).toEqual([1, undefined])
  })

  it('takes every byte once under any limits and portions [CR-65]', () => {
    const size = fc.oneof(fc.constant(1), fc.constant(100_000), fc.integer({ min: 1, max: 300 }))
    fc.assert(
      fc.property(
        fc.array(size, { maxLength: 15, size: 'max' }),
        fc.array(size, { maxLength: 40, size: 'max' }),
        (feeds, grants) => {
          const chain = new EmbeddedChain((reactor) => new VDigestTap(reactor), { limit: 0 })
          const pattern = new VBytePattern(4)
          let fed = 0
          for (let at = 0; at < Math.max(feeds.length, grants.length); at += 1) {
            const more = feeds[at] ?? 0
            if (more > 0) chain.feed(pattern.take(more, fed))
            fed += more
            if (grants[at] !== undefined) chain.grant(grants[at] ?? 0)
            expect(chain.element.heldBytes).toBe(0)
          }
          chain.grant(null)
          chain.end()
          expect(chain.element.result?.readUInt32BE()).toBe(crc32c(pattern.take(fed)))
          expect(pattern.mismatchAt(chain.drain())).toBe(-1)
        },
      ),
      propertyRuns(100),
    )
  })

  it('refuses what is no digest', () => {
    expect(() => new EmbeddedChain((reactor) => new VDigestTap(reactor, { digest: {} as IVDigest }))).toThrow(
      TypeError,
    )
  })
})

/** Runs a transform by hand. */
function run(
  transform: IVTransform,
  bytes: Uint8Array,
  sizes: readonly number[],
): { out: Buffer; clean: boolean } {
  const input = new VByteBuffer()
  const output = new VByteBuffer()
  for (const piece of cut(bytes, sizes)) {
    input.append(piece)
    transform.push(input, output)
  }
  const clean = transform.end?.(output) !== false && input.length === 0
  return { out: output.pop(), clean }
}

describe('trailers', () => {
  const body = fc.uint8Array({ maxLength: 50, size: 'max' })

  it('are written behind the bytes and taken off again, for every cut', () => {
    fc.assert(
      fc.property(body, cuts, cuts, fc.boolean(), (bytes, first, second, isHash) => {
        const digest = (): { digest: IVDigest } => ({ digest: isHash ? createHash('sha256') : new VCrc32c() })
        const sent = run(new VTrailerWriter(digest()), bytes, first)
        expect(sent.out).toEqual(
          Buffer.concat([bytes, isHash ? sha256(bytes) : new VCrc32c().update(bytes).digest()]),
        )
        const check = new VTrailerCheck({ ...digest(), digestBytes: isHash ? 32 : 4 })
        expect(run(check, sent.out, second)).toEqual({ out: Buffer.from(bytes), clean: true })
        expect(check.held).toBe(0)
      }),
      propertyRuns(300),
    )
  })

  it('tell any byte that was changed', () => {
    fc.assert(
      fc.property(body, cuts, fc.nat(), fc.integer({ min: 1, max: 255 }), (bytes, sizes, at, change) => {
        const { out } = run(new VTrailerWriter(), bytes, [64])
        const index = at % out.length
        out[index] = (out[index] ?? 0) ^ change
        expect(() => run(new VTrailerCheck(), out, sizes)).toThrow(VIODigestMismatch)
      }),
      propertyRuns(300),
    )
  })

  it('make a chain end as lost with both digests named when they differ, after the bytes', () => {
    const chain = new EmbeddedChain((reactor) => new VByteFilter(reactor, new VTrailerCheck()), {
      expectFailures: true,
    })
    chain.feed('123456789')
    chain.feed(Buffer.from('e3069284', 'hex'))
    chain.end()
    expect(String(chain.drain())).toBe('123456789')
    expect([chain.aborted, chain.sink.aborted?.reason]).toMatchObject([
      true,
      { code: 'V_IO_DIGEST_MISMATCH', received: 'e3069284', computed: 'e3069283' },
    ])
  })

  it('make the end an unclean one where they are cut off', () => {
    const chain = new EmbeddedChain((reactor) => new VByteFilter(reactor, new VTrailerCheck()))
    chain.feed(Buffer.alloc(3))
    chain.end()
    expect([chain.ended?.clean, chain.drain().length]).toEqual([false, 0])
  })

  it('are not written, and not checked, behind bytes of which some are missing', () => {
    for (const transform of [new VTrailerWriter(), new VTrailerCheck()]) {
      const chain = new EmbeddedChain((reactor) => new VByteFilter(reactor, transform))
      chain.feed('abcdef')
      chain.end(false)
      expect([chain.ended?.clean, String(chain.drain())]).toEqual([
        false,
        transform.constructor === VTrailerWriter ? 'abcdef' : 'ab',
      ])
    }
  })

  it('hold back no more than themselves, in a filter of the least capacity [CR-65]', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60, size: 'max' }),
        cuts,
        fc.integer({ min: 1, max: 9 }),
        (bytes, sizes, grant) => {
          const { out } = run(new VTrailerWriter(), bytes, [64])
          const chain = new EmbeddedChain(
            (reactor) => new VByteFilter(reactor, new VTrailerCheck(), { capacity: 5 }),
            { limit: 0 },
          )
          for (const piece of cut(out, sizes)) {
            chain.feed(piece)
            chain.grant(grant)
            expect(chain.element.held).toBeLessThanOrEqual(5)
          }
          chain.grant(null)
          chain.end()
          expect([chain.drain(), chain.ended?.clean]).toEqual([Buffer.from(bytes), true])
        },
      ),
      propertyRuns(100),
    )
    expect(
      () => new EmbeddedChain((reactor) => new VByteFilter(reactor, new VTrailerCheck(), { capacity: 4 })),
    ).toThrow(RangeError)
  })

  it('refuse options that make no sense', () => {
    expect(() => new VTrailerCheck({ digestBytes: 0 })).toThrow(RangeError)
    expect(() => new VTrailerWriter({ digest: { update: 1 } as never })).toThrow(TypeError)
  })
})
