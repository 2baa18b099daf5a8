/**
 * Compression in chains: what node:zlib itself makes of it, input that is cut off, malformed or goes on, and bombs.
 */
import * as zlib from 'node:zlib'
import {
  COMPRESS_OUTPUT_BYTES,
  VCompress,
  type VCompressFormat,
  type VCompressOptions,
  VDecompress,
  type VThroughOptions,
} from '@vio/io/node'
import { VBytePattern } from '@vio/io/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { propertyRuns } from '../../lib/runs.js'
import { cut, cuts } from '../filter/framing-support.js'
import { outcome, passAll, settle, type Through, through, until } from './through-support.js'

interface Codec {
  readonly format: VCompressFormat
  readonly pack: (bytes: Uint8Array) => Buffer
  readonly unpack: (bytes: Uint8Array) => Buffer
}

const CODECS: readonly Codec[] = [
  { format: 'gzip', pack: zlib.gzipSync, unpack: zlib.gunzipSync },
  { format: 'deflate', pack: zlib.deflateSync, unpack: zlib.inflateSync },
  { format: 'deflate-raw', pack: zlib.deflateRawSync, unpack: zlib.inflateRawSync },
  { format: 'brotli', pack: zlib.brotliCompressSync, unpack: zlib.brotliDecompressSync },
]

function compress(
  format: VCompressFormat,
  options: VCompressOptions = {},
  limit: number | null = null,
): Through {
  return through((reactor) => new VCompress(reactor, format, options), { limit })
}

function decompress(
  format: VCompressFormat,
  options: VThroughOptions = {},
  limit: number | null = null,
): Through {
  return through((reactor) => new VDecompress(reactor, format, options), { limit })
}

/** Bytes that compress a little: half pattern, half zeros. */
function sample(size: number): Buffer {
  const bytes = new VBytePattern(8).take(size)
  for (let at = 0; at < size; at += 64) bytes.fill(0, at, Math.min(size, at + 32))
  return bytes
}

describe.each(CODECS)('$format', ({ format, pack, unpack }) => {
  it('compresses to what the library reads, and reads what it compresses, for every cut and limit [CR-65]', async () => {
    const grants = fc.oneof(fc.constant(7), fc.constant(null), fc.integer({ min: 1, max: 5_000 }))
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 3_000 }), cuts, grants, async (size, sizes, grant) => {
        const bytes = sample(size)
        const packer = compress(format, {}, 0)
        const packed = await passAll(packer, cut(bytes, sizes), grant)
        expect([unpack(packed).equals(bytes), outcome(packer)]).toEqual([true, 'clean'])
        const unpacker = decompress(format, {}, 0)
        const unpacked = await passAll(unpacker, cut(pack(bytes), sizes), grant)
        expect([unpacked.equals(bytes), outcome(unpacker)]).toEqual([true, 'clean'])
      }),
      propertyRuns(12),
    )
  })

  it('tells input that was cut off anywhere by an unclean end, behind what came of it', async () => {
    const bytes = sample(300)
    const packed = pack(bytes)
    for (let length = 0; length < packed.length; length += 1 + Math.floor(length / 5)) {
      const results: Buffer[] = []
      for (const sizes of [[1], [packed.length]]) {
        const chain = decompress(format)
        results.push(await passAll(chain, cut(packed.subarray(0, length), sizes)))
        expect([length, outcome(chain)]).toEqual([length, 'unclean'])
        expect(chain.ended?.reason?.message).toBe('the data ended inside compressed data')
      }
      expect(results[0]).toEqual(results[1])
      expect(bytes.subarray(0, results[0]?.length)).toEqual(results[0])
    }
  })

  it('refuses bytes behind its end, whether they come with it or later', async () => {
    const bytes = sample(100)
    const packed = pack(bytes)
    for (const garbage of [Buffer.from('xy'), Buffer.alloc(3), Buffer.alloc(200_000, 'y')]) {
      for (const size of [1, 50, 1_000_000]) {
        const chain = decompress(format)
        const out = await passAll(chain, cut(Buffer.concat([packed, garbage]).subarray(0, 5_000), [size]))
        expect([outcome(chain), bytes.subarray(0, out.length)]).toEqual(['V_IO_MALFORMED', out])
        expect(chain.source.aborted?.reason).toBe(chain.sink.aborted?.reason)
      }
      const later = decompress(format)
      later.feed(packed)
      await until(later, () => later.sink.received.length === bytes.length)
      expect(await passAll(later, [garbage])).toEqual(bytes)
      expect(outcome(later)).toBe('V_IO_MALFORMED')
    }
  })

  it('refuses what is not of its format', async () => {
    const chain = decompress(format)
    await passAll(chain, [
      Buffer.from('\xff\xffthis is no compressed data at all, whatever one tries', 'latin1'),
    ])
    expect(outcome(chain)).toBe('V_IO_MALFORMED')
  })

  it('takes any bytes at all without a throw', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 60, size: 'max' }),
        fc.nat(),
        fc.boolean(),
        cuts,
        async (noise, at, isDamaged, sizes) => {
          const packed = pack(sample(100))
          if (isDamaged) packed.set(noise.subarray(0, packed.length >> 1), at % (packed.length >> 1))
          const input = isDamaged ? packed : noise
          const run = async (pieces: readonly number[]): Promise<{ end: string; out: Buffer }> => {
            const chain = decompress(format)
            const out = await passAll(chain, cut(input, pieces))
            return { end: outcome(chain), out }
          }
          const [first, second] = [await run([1]), await run(sizes)]
          expect(first.end).toMatch(/^(clean|unclean|V_IO_MALFORMED)$/)
          expect(second.end).toBe(first.end)
          // The library gives nothing of the piece in which it finds a fault, and pieces that wait for it are joined.
          const length = Math.min(first.out.length, second.out.length)
          expect(second.out.subarray(0, length)).toEqual(first.out.subarray(0, length))
          if (first.end !== 'V_IO_MALFORMED') expect(second.out.length).toBe(first.out.length)
        },
      ),
      propertyRuns(40),
    )
  })

  it('holds no more than it declares of what unpacks to much, and stops at what it may give', async () => {
    const bomb = pack(Buffer.alloc(5_000_000))
    const capacity = 1_000
    const chain = decompress(format, { capacity, maxOutputBytes: 1_000_000 }, 0)
    for (const piece of cut(bomb, [500])) chain.feed(piece)
    await settle(chain)
    const most = capacity + COMPRESS_OUTPUT_BYTES
    expect(chain.element.held).toBeLessThanOrEqual(most)
    expect(chain.element.held).toBeGreaterThan(0)
    let out = 0
    await until(
      chain,
      () => chain.aborted,
      () => {
        expect(chain.element.held).toBeLessThanOrEqual(most)
        if (!chain.aborted) chain.grant(10_000)
        out += chain.drain().length
      },
    )
    expect([out, outcome(chain)]).toEqual([1_000_000, 'V_IO_OVERSIZE'])
  })

  it('holds no more than it declares of what it packs', async () => {
    const chain = compress(format, { capacity: 1_000 }, 0)
    chain.feed(new VBytePattern(1).take(2_000_000))
    await settle(chain)
    expect(chain.element.held).toBeLessThanOrEqual(1_000 + COMPRESS_OUTPUT_BYTES)
    expect(chain.unsent).toBeGreaterThan(0)
  })

  it('gives the reader all of what came with each chunk if told so', async () => {
    const [packer, unpacker] = [compress(format, { flushEach: true }), decompress(format)]
    for (const word of ['hello', 'world']) {
      packer.feed(word)
      await until(packer, () => packer.sink.received.length > 0)
      await settle(packer)
      unpacker.feed(packer.drain())
      await until(unpacker, () => unpacker.sink.received.length >= word.length)
      expect(String(unpacker.drain())).toBe(word)
    }
  })

  it('marks what it packs of an unclean input as unclean', async () => {
    const chain = compress(format)
    chain.feed('half of ')
    chain.end(false)
    await until(chain, () => chain.ended !== null)
    expect([outcome(chain), String(unpack(chain.drain()))]).toEqual(['unclean', 'half of '])
  })

  it('is taken down in the middle of its work', async () => {
    const chain = compress(format, {}, 0)
    chain.feed(new VBytePattern(1).take(60_000))
    chain.abort()
    await settle(chain)
    expect([chain.aborted, chain.failures]).toEqual([true, []])
  })
})

describe('options of compression', () => {
  it('takes levels', async () => {
    const bytes = Buffer.from('a text that repeats, a text that repeats, '.repeat(50))
    for (const format of ['gzip', 'brotli'] as const) {
      const sizes: number[] = []
      for (const level of [0, 9]) sizes.push((await passAll(compress(format, { level }), [bytes])).length)
      expect(sizes[0]).toBeGreaterThan(sizes[1] ?? 0)
    }
  })

  it('reads members of gzip one behind the other', async () => {
    const chain = decompress('gzip')
    const out = await passAll(chain, [zlib.gzipSync('one '), zlib.gzipSync('two')])
    expect([String(out), outcome(chain)]).toEqual(['one two', 'clean'])
  })

  it('refuses formats and levels that are none', () => {
    expect(() => compress('zip' as never)).toThrow(TypeError)
    expect(() => decompress('toString' as never)).toThrow(TypeError)
    expect(() => compress('gzip', { level: 10 })).toThrow(RangeError)
    expect(() => compress('brotli', { level: 12 })).toThrow('from 0 to 11')
    expect(() => decompress('gzip', { capacity: -1 })).toThrow(RangeError)
  })
})
