/**
 * What each framing decides for itself: how a length is written, what ends a line, what is refused and with which words.
 */
import { VByteBuffer, VMessageQueue } from '@vio/io'
import {
  VByteDecoder,
  VByteEncoder,
  VDelimiterDecoder,
  VDelimiterEncoder,
  VFixedSizeDecoder,
  VFixedSizeEncoder,
  type VLengthPrefix,
  VLengthPrefixDecoder,
  VLengthPrefixEncoder,
  VLineDecoder,
  VLineEncoder,
} from '@vio/io/filter'
import { EmbeddedChain } from '@vio/io/testing'
import { describe, expect, it } from 'vitest'
import { type Decoder, decode, encode } from './framing-support.js'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

describe('length prefixes', () => {
  it.each([
    ['u8', '03'],
    ['u16be', '00 03'],
    ['u16le', '03 00'],
    ['u32be', '00 00 00 03'],
    ['u32le', '03 00 00 00'],
    ['varint', '03'],
  ] as const)('%s stands in its order of bytes', (prefix, expected) => {
    const bytes = encode(new VLengthPrefixEncoder(prefix), [Buffer.from('abc')])
    expect(bytes).toEqual(Buffer.concat([hex(expected), Buffer.from('abc')]))
  })

  it.each([
    [127, '7f'],
    [128, '80 01'],
    [300, 'ac 02'],
    [16_384, '80 80 01'],
  ])('a varint of %i is LEB128', (size, expected) => {
    const bytes = encode(new VLengthPrefixEncoder('varint'), [Buffer.alloc(size)])
    expect(bytes.subarray(0, -size)).toEqual(hex(expected))
  })

  it.each([
    ['u8', 'ff', 255],
    ['u16be', '01 02', 0x102],
    ['u16le', '01 02', 0x201],
    ['u32be', 'ff 00 00 01', 0xff000001],
    ['u32le', '01 00 00 ff', 0xff000001],
    ['varint', 'ff ff ff ff 0f', 0xffffffff],
  ] as const)('%s tells %s as %i, and is refused before the frame comes', (prefix, bytes, size) => {
    const decoder = new VLengthPrefixDecoder(prefix, { maxFrameBytes: 10 })
    expect(decode(decoder, hex(bytes), [1]).end).toBe(
      `V_IO_OVERSIZE: a frame of ${size} bytes is over the maximum of 10; raise the maximum or refuse the peer`,
    )
  })

  it.each([
    ['ff ff ff ff 1f', 'over 32 bits'],
    ['80 80 80 80 80 01', 'goes on after 5 bytes'],
    ['80 00', 'not its shortest form'],
    ['81 80 00', 'not its shortest form'],
  ])('a varint of %s is refused: %s', (bytes, why) => {
    const run = decode(new VLengthPrefixDecoder('varint'), hex(bytes), [1])
    expect(run).toMatchObject({ frames: [], end: expect.stringContaining('V_IO_MALFORMED') })
    expect(run.end).toContain(why)
  })

  it('takes the largest frame that is allowed, and no larger one, on either side', () => {
    const options = { maxFrameBytes: 3 }
    const bytes = encode(new VLengthPrefixEncoder('u8', options), [Buffer.from('abc')])
    expect(decode(new VLengthPrefixDecoder('u8', options), bytes, [1]).frames).toEqual([Buffer.from('abc')])
    expect(() => encode(new VLengthPrefixEncoder('u8', options), [Buffer.from('abcd')])).toThrow(
      'over the maximum of 3',
    )
    expect(new VLengthPrefixDecoder('u16be').maxUnit).toBe(2 + 65_535)
    expect(new VLengthPrefixDecoder('varint').maxUnit).toBe(5 + 65_536)
  })

  it('refuses options that make no sense', () => {
    expect(() => new VLengthPrefixDecoder('u7' as VLengthPrefix)).toThrow(TypeError)
    expect(() => new VLengthPrefixDecoder('toString' as VLengthPrefix)).toThrow(TypeError)
    expect(() => new VLengthPrefixDecoder('u8', { maxFrameBytes: 256 })).toThrow(RangeError)
    expect(() => new VLengthPrefixEncoder('u16le', { maxFrameBytes: 0 })).toThrow(RangeError)
  })
})

describe('delimiters', () => {
  const text = (decoder: Decoder<Buffer>, bytes: string): string[] =>
    decode(decoder, Buffer.from(bytes), [1]).frames.map(String)

  it('may be text, bytes or one byte, and begin again within themselves', () => {
    expect(text(new VDelimiterDecoder('aab'), 'xaaabaab')).toEqual(['xa', ''])
    expect(text(new VDelimiterDecoder(Buffer.from('\r\n')), 'a\r\r\nb\r\n')).toEqual(['a\r', 'b'])
    expect(text(new VDelimiterDecoder(59), 'a;;')).toEqual(['a', ''])
  })

  it('are kept, and the rest is a frame, if told so', () => {
    const options = { keepDelimiter: true, allowUnterminated: true }
    expect(text(new VDelimiterDecoder(';', options), 'a;b')).toEqual(['a;', 'b'])
  })

  it('are bytes of the decoder, whatever becomes of those that were given', () => {
    const given = Buffer.from(';')
    const decoder = new VDelimiterDecoder(given)
    given[0] = 0
    expect(text(decoder, 'a;')).toEqual(['a'])
  })

  it('are refused within a frame, also where it makes one with the delimiter behind it', () => {
    const wrong =
      (frame: string): (() => Buffer) =>
      () =>
        encode(new VDelimiterEncoder('aa'), [Buffer.from(frame)])
    expect(wrong('xaax')).toThrow('has its delimiter at byte 1')
    expect(wrong('xa')).toThrow('has its delimiter at byte 1')
    expect(encode(new VDelimiterEncoder('aa'), [Buffer.from('xax')])).toEqual(Buffer.from('xaxaa'))
  })

  it('are refused where they are none', () => {
    expect(() => new VDelimiterDecoder('')).toThrow(RangeError)
    expect(() => new VDelimiterDecoder(256)).toThrow(RangeError)
    expect(() => new VDelimiterDecoder(null as never)).toThrow(TypeError)
    expect(() => new VDelimiterEncoder(new Uint8Array(0))).toThrow(RangeError)
    expect(() => new VDelimiterDecoder(';', { maxFrameBytes: Number.NaN })).toThrow(RangeError)
  })

  it('are searched once in each byte', () => {
    // A frame that comes byte by byte: hours, if each byte cost a look at all of the frame.
    const size = 2_000_000
    const decoder = new VDelimiterDecoder('\r\n', { maxFrameBytes: size })
    const bytes = Buffer.concat([Buffer.alloc(size, 'x'), Buffer.from('\r\n')])
    expect(decode(decoder, bytes, [1]).frames.map((frame) => frame.length)).toEqual([size])
  })
})

describe('lines', () => {
  const lines = (
    bytes: string,
    options: ConstructorParameters<typeof VLineDecoder>[0] = {},
  ): readonly string[] =>
    decode(new VLineDecoder({ allowUnterminated: true, ...options }), Buffer.from(bytes, 'latin1'), [1])
      .frames

  it('end at LF, with a CR before it or none', () => {
    expect(lines('a\nb\r\n\n\r\nc\rd\r')).toEqual(['a', 'b', '', '', 'c\rd\r'])
  })

  it('end at LF alone, or at CRLF alone, if told so', () => {
    expect(lines('a\r\nb\n', { newline: 'lf' })).toEqual(['a\r', 'b'])
    expect(lines('a\r\nb\nc\r\r\n', { newline: 'crlf' })).toEqual(['a', 'b\nc\r'])
  })

  it('may be Latin-1; bytes that are no UTF-8 show as such, or are refused', () => {
    expect(lines('\xe9\n', { encoding: 'latin1' })).toEqual(['é'])
    expect(lines('a\xe9\n')).toEqual(['a\ufffd'])
    const run = decode(new VLineDecoder({ strict: true }), Buffer.from('ok\n\xff\nmore\n', 'latin1'), [99])
    expect(run).toMatchObject({ frames: ['ok'], end: 'V_IO_MALFORMED: a line of 1 bytes is not UTF-8' })
  })

  it('do not count what ends them', () => {
    const options = { maxLineBytes: 3 }
    expect(lines('abc\r\nabc\n', options)).toEqual(['abc', 'abc'])
    expect(decode(new VLineDecoder(options), Buffer.from('abcd\n'), [1]).end).toContain(
      'over the maximum of 3',
    )
    expect(decode(new VLineDecoder(options), Buffer.from('abcde'), [1]).end).toContain(
      'over the maximum of 3',
    )
  })

  it('are written so that the same setting reads them', () => {
    expect(String(encode(new VLineEncoder(), ['a', 'é']))).toBe('a\né\n')
    expect(encode(new VLineEncoder({ newline: 'crlf', encoding: 'latin1' }), ['é'])).toEqual(hex('e9 0d 0a'))
    for (const line of ['a\nb', 'a\r'])
      expect(() => encode(new VLineEncoder(), [line])).toThrow('newline in it')
    expect(String(encode(new VLineEncoder({ newline: 'lf' }), ['a\r']))).toBe('a\r\n')
  })

  it('are refused where they would not come back', () => {
    expect(() => encode(new VLineEncoder({ encoding: 'latin1' }), ['€'])).toThrow(
      'characters that latin1 has not',
    )
    expect(() => encode(new VLineEncoder(), ['\ud800'])).toThrow('characters that utf8 has not')
    expect(() => encode(new VLineEncoder({ maxLineBytes: 2 }), ['€'])).toThrow('over the maximum of 2')
    expect(() => encode(new VLineEncoder(), [7 as never])).toThrow('got number 7')
    expect(() => new VLineDecoder({ newline: 'cr' as never })).toThrow(TypeError)
    expect(() => new VLineEncoder({ encoding: 'utf16' as never })).toThrow(TypeError)
  })
})

describe('fixed sizes', () => {
  it('refuse a frame of any other size, and any frame behind a short one', () => {
    expect(() => encode(new VFixedSizeEncoder(3), [Buffer.alloc(2)])).toThrow(
      'a frame of 2 bytes where each has 3',
    )
    expect(() => encode(new VFixedSizeEncoder(3), [Buffer.alloc(4)])).toThrow('where each has 3')
    const encoder = new VFixedSizeEncoder(3, { allowShortLast: true })
    expect(encode(encoder, [Buffer.alloc(3), Buffer.alloc(1)])).toHaveLength(4)
    expect(() => encode(encoder, [Buffer.alloc(3)])).toThrow('follows a shorter one')
    expect(() => encode(new VFixedSizeEncoder(3, { allowShortLast: true }), [Buffer.alloc(0)])).toThrow(
      'of 0 bytes',
    )
    expect(() => new VFixedSizeDecoder(0)).toThrow(RangeError)
  })
})

describe('errors of framings', () => {
  it('wait until the frames before them have left', () => {
    const chain = new EmbeddedChain(
      (reactor) => new VByteDecoder(reactor, new VLengthPrefixDecoder('u8', { maxFrameBytes: 2 })),
      {
        expectFailures: true,
        limit: 0,
      },
    )
    chain.feed(Buffer.of(1, 7, 1, 8, 9, 0, 0))
    chain.grant(1)
    expect([chain.drainMessages(), chain.aborted]).toEqual([[Buffer.of(7)], false])
    chain.grant(1)
    expect(chain.drainMessages()).toEqual([Buffer.of(8)])
    expect(chain.aborted).toBe(true)
    expect(chain.sink.aborted?.reason).toMatchObject({ code: 'V_IO_OVERSIZE', sizeBytes: 9, maxBytes: 2 })
    expect(chain.source.aborted?.reason).toBe(chain.sink.aborted?.reason)
  })

  it('are told for a frame that an encoder cannot write, after those before it', () => {
    const chain = new EmbeddedChain(
      (reactor) => new VByteEncoder(reactor, new VLengthPrefixEncoder('u8', { maxFrameBytes: 2 })),
      {
        expectFailures: true,
      },
    )
    chain.feedMessages([Buffer.of(7), Buffer.alloc(3)])
    expect(chain.drain()).toEqual(Buffer.of(1, 7))
    expect(chain.sink.aborted?.reason).toMatchObject({ code: 'V_IO_OVERSIZE', sizeBytes: 3 })
  })

  it('end what is coded for good', () => {
    const decoder = new VLengthPrefixDecoder('u8', { maxFrameBytes: 1 })
    const push = (): void => decoder.push(new VByteBuffer(Buffer.of(5)), new VMessageQueue<Buffer>())
    expect(push).toThrow('over the maximum')
    expect(push).toThrow('over the maximum')
  })
})
