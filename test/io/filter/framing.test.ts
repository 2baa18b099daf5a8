/**
 * What holds for every framing: one result for every cut and limit, nothing held beyond what is declared, an end inside
 * a frame is no clean one, any bytes at all end in frames or in a declared error, and what was encoded decodes again.
 */
import type { IVTransform, VByteBuffer, VMessageQueue } from '@vio/io'
import {
  VByteLineDecoder,
  VByteRegexDecoder,
  VDelimiterDecoder,
  VDelimiterEncoder,
  VFixedSizeDecoder,
  VFixedSizeEncoder,
  type VLengthPrefix,
  VLengthPrefixDecoder,
  VLengthPrefixEncoder,
  VLineDecoder,
  VLineEncoder,
  VRegexDecoder,
} from '@vio/io/filter'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { propertyRuns } from '../../lib/runs.js'
import { cuts, type Decoder, decode, decodeInChain, encode } from './framing-support.js'

interface Framing {
  readonly name: string
  readonly decoder: () => Decoder<Buffer | string>
  /** Bytes that the decoder meets its cases in. */
  readonly alphabet: readonly number[]
}

const SMALL = { maxFrameBytes: 9 }
const PREFIXES: readonly VLengthPrefix[] = ['u8', 'u16be', 'u16le', 'u32be', 'u32le', 'varint']

const framings: readonly Framing[] = [
  ...PREFIXES.map((prefix) => ({
    name: `length prefix ${prefix}`,
    decoder: () => new VLengthPrefixDecoder(prefix, SMALL),
    alphabet: [0, 1, 2, 9, 0x80, 0x81, 0xff],
  })),
  {
    name: 'delimiter',
    decoder: () => new VDelimiterDecoder('aab', SMALL),
    alphabet: [97, 97, 98, 99],
  },
  {
    name: 'delimiter, kept, rest allowed',
    decoder: () => new VDelimiterDecoder(0, { ...SMALL, keepDelimiter: true, allowUnterminated: true }),
    alphabet: [0, 1, 2],
  },
  {
    name: 'lines of text',
    decoder: () => new VLineDecoder({ maxLineBytes: 9, strict: true }),
    alphabet: [10, 13, 97, 97, 0xc3, 0xa9],
  },
  {
    name: 'lines of bytes, rest allowed',
    decoder: () => new VByteLineDecoder({ maxLineBytes: 9, allowUnterminated: true }),
    alphabet: [10, 13, 97, 97, 97],
  },
  {
    name: 'CRLF lines, rest allowed',
    decoder: () => new VByteLineDecoder({ maxLineBytes: 9, newline: 'crlf', allowUnterminated: true }),
    alphabet: [10, 13, 97],
  },
  { name: 'fixed size', decoder: () => new VFixedSizeDecoder(4), alphabet: [0, 1] },
  {
    name: 'fixed size, short last',
    decoder: () => new VFixedSizeDecoder(4, { allowShortLast: true }),
    alphabet: [0, 1],
  },
  {
    name: 'regular expression over text',
    decoder: () => new VRegexDecoder(/\s+|é/, { ...SMALL, maxSeparatorChars: 3 }),
    alphabet: [10, 32, 97, 0xc3, 0xa9],
  },
  {
    name: 'regular expression over bytes',
    decoder: () => new VByteRegexDecoder(/\r?\n|;+/, { ...SMALL, maxSeparatorChars: 3 }),
    alphabet: [10, 13, 59, 97, 97],
  },
]

/** Any bytes, and those that the framing is about. */
function inputs(framing: Framing): fc.Arbitrary<Buffer> {
  const typical = fc.array(fc.constantFrom(...framing.alphabet), { maxLength: 60, size: 'max' })
  return fc
    .oneof({ arbitrary: typical, weight: 4 }, fc.uint8Array({ maxLength: 60, size: 'max' }))
    .map((bytes) => Buffer.from(bytes))
}

describe.each(framings)('$name', (framing) => {
  it('gives one result for every cut, and takes any bytes at all', () => {
    fc.assert(
      fc.property(inputs(framing), cuts, (input, sizes) => {
        const { frames, end } = decode(framing.decoder(), input, [1])
        expect(decode(framing.decoder(), input, sizes)).toMatchObject({ frames, end })
      }),
      propertyRuns(400),
    )
  })

  it('gives the same in a chain that takes one frame at a time and holds no more than one unit [CR-65]', () => {
    fc.assert(
      fc.property(inputs(framing), cuts, (input, sizes) => {
        const { frames, end } = decode(framing.decoder(), input, [1])
        const run = decodeInChain(framing.decoder(), input, sizes)
        expect(run).toMatchObject({ frames, end })
        expect(run.mostHeld).toBeLessThanOrEqual(framing.decoder().maxUnit ?? 1)
      }),
      propertyRuns(200),
    )
  })
})

describe('an end inside a frame', () => {
  it.each([
    ['a length prefix that is cut', new VLengthPrefixDecoder('u16be'), [0]],
    ['a frame of which nothing came', new VLengthPrefixDecoder('u8'), [2]],
    ['a frame that is cut', new VLengthPrefixDecoder('u8'), [2, 1]],
    ['a varint that goes on', new VLengthPrefixDecoder('varint'), [0x80]],
    ['a frame without its delimiter', new VDelimiterDecoder(';'), [97]],
    ['half a delimiter', new VDelimiterDecoder('ab'), [97]],
    ['a line without its newline', new VLineDecoder(), [97]],
    ['a CR without its LF', new VLineDecoder({ newline: 'crlf' }), [97, 13]],
    ['a part of a fixed size', new VFixedSizeDecoder(2), [1]],
    ['text behind the last separator', new VRegexDecoder(/;/), [97]],
  ])('is an unclean one: %s', (_what, decoder: Decoder<unknown>, bytes) => {
    expect(decode(decoder, Buffer.from(bytes), [1])).toMatchObject({ frames: [], end: 'unclean' })
  })

  it('is none between frames, nor where there is no input', () => {
    for (const { decoder } of framings) {
      expect(decode(decoder(), Buffer.alloc(0), [1])).toMatchObject({ frames: [], end: 'clean' })
    }
    expect(decode(new VLengthPrefixDecoder('u8'), Buffer.of(1, 7, 0), [1])).toMatchObject({
      frames: [Buffer.of(7), Buffer.alloc(0)],
      end: 'clean',
    })
  })
})

type BytesEncoder = IVTransform<VMessageQueue<Uint8Array>, VByteBuffer>

const pairs: readonly (readonly [string, () => Decoder<Buffer>, () => BytesEncoder])[] = [
  ...PREFIXES.map(
    (prefix) =>
      [
        `length prefix ${prefix}`,
        () => new VLengthPrefixDecoder(prefix),
        () => new VLengthPrefixEncoder(prefix),
      ] as const,
  ),
  ['delimiter', () => new VDelimiterDecoder('aab'), () => new VDelimiterEncoder('aab')],
  ['lines', () => new VByteLineDecoder(), () => new VLineEncoder()],
  ['LF lines', () => new VByteLineDecoder({ newline: 'lf' }), () => new VLineEncoder({ newline: 'lf' })],
  [
    'CRLF lines',
    () => new VByteLineDecoder({ newline: 'crlf' }),
    () => new VLineEncoder({ newline: 'crlf' }),
  ],
  ['fixed size', () => new VFixedSizeDecoder(3), () => new VFixedSizeEncoder(3)],
  [
    'fixed size, short last',
    () => new VFixedSizeDecoder(3, { allowShortLast: true }),
    () => new VFixedSizeEncoder(3, { allowShortLast: true }),
  ],
]

describe.each(pairs)('encoder and decoder of %s', (_name, decoder, encoder) => {
  const frame = fc.oneof(
    fc.uint8Array({ maxLength: 300, size: 'max' }),
    fc
      .array(fc.constantFrom(97, 98, 10, 13), { maxLength: 5, size: 'max' })
      .map((bytes) => Uint8Array.from(bytes)),
    fc.uint8Array({ minLength: 3, maxLength: 3, size: 'max' }),
  )

  it('give back every frame, or refuse it and write nothing of it', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 6, size: 'max' }), cuts, (frames, sizes) => {
        // Which frames an encoder takes may depend on those before.
        const tried = (count: number): Buffer | undefined => {
          try {
            return encode(encoder(), frames.slice(0, count))
          } catch (error) {
            expect(error).toMatchObject({ code: expect.stringMatching('V_IO_MALFORMED|V_IO_OVERSIZE') })
            return undefined
          }
        }
        let taken = 0
        while (taken < frames.length && tried(taken + 1) !== undefined) taken += 1
        const bytes = tried(taken) ?? Buffer.alloc(0)
        const expected = frames.slice(0, taken).map((each) => Buffer.from(each))
        expect(decode(decoder(), bytes, sizes)).toMatchObject({ frames: expected, end: 'clean' })
      }),
      propertyRuns(300),
    )
  })
})
