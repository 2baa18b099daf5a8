/**
 * Frames between matches of a regular expression: the same for every cut, and as soon as they are certain.
 */
import { VByteBuffer, VMessageQueue } from '@vio/io'
import { VByteRegexDecoder, VRegexDecoder, type VRegexOptions } from '@vio/io/filter'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { propertyRuns } from '../../lib/runs.js'
import { cuts, decode, decodeInChain } from './framing-support.js'

/** What a framing is to give: matches searched in all of the text at once, each behind the one before. */
function reference(pattern: RegExp, text: string): string[] {
  const frames: string[] = []
  let rest = text
  for (;;) {
    // With the flag g, as a framing searches: without it some engines miss pairs of halves at the end of the text.
    const match = new RegExp(pattern.source, `${pattern.flags}g`).exec(rest)
    if (match === null) return rest === '' ? frames : [...frames, rest]
    frames.push(rest.slice(0, match.index))
    rest = rest.slice(match.index + match[0].length)
  }
}

function framesOf(pattern: RegExp, text: string, sizes: readonly number[], options: VRegexOptions = {}) {
  const decoder = new VRegexDecoder(pattern, { allowUnterminated: true, ...options })
  return decode(decoder, Buffer.from(text), sizes)
}

/** What is repeated holds no repetition itself: the engine's search for a match could take for ever otherwise. */
const repeatable = fc
  .array(
    fc
      .array(fc.constantFrom('a', 'b', 'c', '.', '[ab]', '[^a]', '\\n', '(a)', '(?=b)', '(?!a)', '\\b'), {
        minLength: 1,
        maxLength: 3,
        size: 'max',
      })
      .map((way) => way.join('')),
    { minLength: 1, maxLength: 2, size: 'max' },
  )
  .map((ways) => `(?:${ways.join('|')})`)

/** Patterns over few characters, with all that is supported, so that random texts match them in many ways. */
const { pattern: patterns } = fc.letrec<{ pattern: string; atom: string }>((tie) => ({
  pattern: fc
    .array(fc.array(tie('atom'), { minLength: 1, maxLength: 3, size: 'max' }), {
      minLength: 1,
      maxLength: 3,
      size: 'max',
    })
    .map((ways) => ways.map((way) => way.join('')).join('|')),
  atom: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'pattern' },
    fc.constantFrom('a', 'b', 'c', '.', '[ab]', '[^a]', '\\n', '\\w', '\\x61'),
    fc
      .tuple(
        fc.oneof(fc.constantFrom('a', 'b', '.', '[bc]'), repeatable),
        fc.constantFrom(
          '*',
          '+',
          '?',
          '*?',
          '+?',
          '??',
          '{2}',
          '{1,2}',
          '{0,2}?',
          '{2,}',
          '{2,3}?',
          '{1,70}',
        ),
      )
      .map((parts) => parts.join('')),
    tie('pattern').map((inner) => `(${inner})`),
    tie('pattern').map((inner) => `(?=${inner})`),
    tie('pattern').map((inner) => `(?!${inner})`),
    fc.constantFrom('^', '$', '\\b', '\\B'),
  ),
}))

const texts = fc
  .array(fc.constantFrom('a', 'b', 'c', '\n', ' ', 'ab', 'aab', '\n\n', '😀'), { maxLength: 30, size: 'max' })
  .map((parts) => parts.join(''))

describe('regular expression framing', () => {
  it('gives the frames of the whole text for every cut, whatever the pattern', () => {
    let supported = 0
    fc.assert(
      fc.property(
        patterns,
        fc.constantFrom('', 'm', 's', 'i', 'ms'),
        texts,
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 6, size: 'max' }),
        (source, flags, text, sizes) => {
          let pattern: RegExp
          try {
            pattern = new RegExp(source, `${flags}u`)
            new VRegexDecoder(pattern)
          } catch (error) {
            fc.pre(!(error instanceof TypeError || error instanceof SyntaxError))
            throw error
          }
          supported += 1
          const expected = reference(pattern, text)
          for (const cut of [[1], sizes, [100]]) {
            expect({ cut, ...framesOf(pattern, text, cut) }).toMatchObject({
              cut,
              frames: expected,
              end: 'clean',
            })
          }
        },
      ),
      { ...propertyRuns(2_000), maxSkipsPerRun: 100 },
    )
    expect(supported).toBeGreaterThan(500)
  })

  it.each([
    ['a separator that nothing can change', /\r?\n/, 'a\n', ['a']],
    ['the longest that it may be', /\n{1,2}/, 'a\n\n', ['a']],
    ['a lazy repetition', /\n+?/, 'a\n\n', ['a', '']],
    ['an assertion that looks back', /^--\n/m, '--\nx\n--\n', ['', 'x\n']],
    ['a lookahead that is satisfied', /;(?=\d)/, 'a;1', ['a']],
    ['a negative lookahead that is', /;(?!\d)/, 'a;b', ['a']],
  ])('gives a frame at once: %s', (_what, pattern, text, expected) => {
    expect(soFar(pattern, text)).toEqual(expected)
  })

  it.each([
    ['a separator that may go on', /\n+/, ['a\n\n', 'b'], ['a']],
    ['an alternative that may be preferred', /ab+c|a/, ['xab', 'd'], ['x']],
    ['an earlier match that may come about', /abc|b/, ['ab', 'd'], ['a']],
    ['an end of a word', /;\b/, ['a;', 'b'], ['a']],
    ['a lookahead that is open', /;(?=\d\d)/, ['a;1', '2'], ['a']],
    ['a negative lookahead that is', /;(?!\d\d)/, ['a;1', 'x'], ['a']],
  ] as const)('waits where more could change it: %s', (_what, pattern, [text, more], expected) => {
    expect(soFar(pattern, text)).toEqual([])
    expect(soFar(pattern, text + more)).toEqual(expected)
  })

  it('knows the end of the input from the end of what has come', () => {
    const decoder = new VRegexDecoder(/;$/)
    expect(decode(decoder, Buffer.from('a;b;'), [2])).toMatchObject({ frames: ['a;b'], end: 'clean' })
    expect(decode(new VRegexDecoder(/\n+/), Buffer.from('a\n\n'), [1])).toMatchObject({
      frames: ['a'],
      end: 'clean',
    })
  })

  it('takes what is left at the end for a frame if told so, else for an unclean end', () => {
    const text = Buffer.from('a, b')
    expect(decode(new VRegexDecoder(/, */), text, [1])).toMatchObject({ frames: ['a'], end: 'unclean' })
    const both = new VRegexDecoder(/, */, { allowUnterminated: true })
    expect(decode(both, text, [1])).toMatchObject({ frames: ['a', 'b'], end: 'clean' })
  })

  it('keeps the separator if told so', () => {
    const decoder = new VByteRegexDecoder(/\d+;/, { keepSeparator: true })
    const { frames } = decode(decoder, Buffer.from('a1;b23;'), [2])
    expect(frames.map(String)).toEqual(['a1;', 'b23;'])
  })
})

describe('the sizes of regular expression framing', () => {
  const bytes = fc
    .array(fc.constantFrom('x', ';', '-', '--', 'xxxx'), { maxLength: 40, size: 'max' })
    .map((parts) => Buffer.from(parts.join('')))
  const limits = fc.record({
    maxFrameBytes: fc.integer({ min: 1, max: 12 }),
    maxSeparatorChars: fc.integer({ min: 1, max: 6 }),
    allowUnterminated: fc.boolean(),
  })
  const separators = fc.constantFrom(/-+/, /;-*;|-/, /--?;/, /;(?=-*x)/, /-(?!--;)/, /[;-]{2,9}/)

  it('refuses the same input for every cut and limit, and holds no more than declared [CR-65]', () => {
    fc.assert(
      fc.property(separators, bytes, limits, cuts, (pattern, input, options, sizes) => {
        const make = (): VByteRegexDecoder => new VByteRegexDecoder(pattern, options)
        const { frames, end } = decode(make(), input, [input.length + 1])
        expect(decode(make(), input, sizes)).toMatchObject({ frames, end })
        const run = decodeInChain(make(), input, sizes)
        expect(run).toMatchObject({ frames, end })
        expect(run.mostHeld).toBeLessThanOrEqual(make().maxUnit)
      }),
      propertyRuns(600),
    )
  })

  it('gives up on a frame or a separator that is too long', () => {
    const frame = new VByteRegexDecoder(/;/, { maxFrameBytes: 3 })
    expect(decode(frame, Buffer.from('abc;abcd;'), [1]).end).toContain('V_IO_OVERSIZE: a frame of 4 bytes')
    const separator = new VByteRegexDecoder(/-+/, { maxSeparatorChars: 3 })
    const run = decode(separator, Buffer.from('a---b----c'), [20])
    expect(run.frames.map(String)).toEqual(['a'])
    expect(run.end).toContain('V_IO_OVERSIZE: a separator of 4 bytes')
  })

  it('does not search again what it has searched', () => {
    // A frame that comes byte by byte: hours, if each byte cost a look at all of the frame.
    const size = 2_000_000
    const decoder = new VByteRegexDecoder(/\r?\n/, { maxFrameBytes: size })
    const { frames } = decode(decoder, Buffer.alloc(size, 'x').fill('\n', size - 1), [1])
    expect(frames.map((frame) => frame.length)).toEqual([size - 1])
  })
})

describe('regular expression framing of UTF-8', () => {
  const characters = fc.array(fc.constantFrom('a', 'é', '€', '😀', '—', '\n'), { maxLength: 20, size: 'max' })

  it('gives the same text for every cut, also within characters', () => {
    fc.assert(
      fc.property(
        characters,
        fc.constantFrom(/—+/, /[😀€]/u, /\n(?=é)/, /.\n/),
        cuts,
        (parts, pattern, sizes) => {
          const text = parts.join('')
          const expected = reference(new RegExp(pattern.source, 'u'), text)
          expect(framesOf(pattern, text, sizes)).toMatchObject({ frames: expected, end: 'clean' })
        },
      ),
      propertyRuns(500),
    )
  })

  it('refuses what is no UTF-8 at the same place for every cut', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30, size: 'max' }), characters, cuts, (noise, parts, sizes) => {
        const input = Buffer.concat([Buffer.from(parts.join('')), Buffer.from('\n'), noise])
        const make = (): VRegexDecoder => new VRegexDecoder(/\n/, { allowUnterminated: true })
        const { frames, end } = decode(make(), input, [input.length])
        for (const run of [decode(make(), input, sizes), decodeInChain(make(), input, sizes)]) {
          expect(run).toMatchObject({ frames, end })
        }
      }),
      propertyRuns(500),
    )
  })

  it('tells half a character at the end as an unclean end', () => {
    const input = Buffer.from('a\n€').subarray(0, -1)
    for (const allowUnterminated of [true, false]) {
      const run = decode(new VRegexDecoder(/\n/, { allowUnterminated }), input, [1])
      expect(run).toMatchObject({ frames: ['a'], end: 'unclean' })
    }
  })

  it('reads Latin-1 byte by byte if told so', () => {
    const decoder = new VRegexDecoder(/\xff/, { encoding: 'latin1', allowUnterminated: true })
    expect(decode(decoder, Buffer.of(0xe9, 0xff, 0x80), [1]).frames).toEqual(['é', '\x80'])
  })
})

describe('patterns that cannot separate frames', () => {
  it.each([/\n*/, /(?:)/, /a|/, /(?=a)/, /^/m, /\b/, /a{0}/, /(?:a?b?)+/])(
    'refuses %s, which can match nothing',
    (pattern) => {
      expect(() => new VRegexDecoder(pattern)).toThrow(TypeError)
      expect(() => new VRegexDecoder(pattern)).toThrow('can match without a character')
    },
  )

  it.each([
    [/(a)\1/, 'back reference'],
    [/(?<=a)b/, 'not supported'],
    [/(?<!a)b/, 'not supported'],
    [/(?:(?=ab)a)+/, 'lookahead that is repeated'],
    [/a(?!b(?=c))/, 'within a negative lookahead'],
    [/a/y, 'flag y'],
    [/(?:(?:a{1,60}){1,60}){1,60}/, 'too large'],
  ])('refuses %s: %s', (pattern, why) => {
    expect(() => new VByteRegexDecoder(pattern)).toThrow(TypeError)
    expect(() => new VByteRegexDecoder(pattern)).toThrow(why)
  })

  it('refuses what is no pattern, and sizes that are none', () => {
    expect(() => new VRegexDecoder('a' as never)).toThrow(TypeError)
    expect(() => new VRegexDecoder(/a/, { encoding: 'ascii' as never })).toThrow(TypeError)
    expect(() => new VRegexDecoder(/a/, { maxFrameBytes: 0 })).toThrow(RangeError)
    expect(() => new VRegexDecoder(/a/, { maxSeparatorChars: 1.5 })).toThrow(RangeError)
  })

  it('takes all other syntax as the engine does', () => {
    const patterns = [
      /\u0061\x62\cJ/,
      /[\]^-]/,
      /[^x]/,
      /\u{1f600}/u,
      /\ud83d\ude00/u,
      /\p{Lu}/u,
      /{a}/,
      /\0/,
      /(?<name>a)/,
    ]
    const text = 'ab\n^]x😀Q{a}\0a'
    for (const pattern of patterns) {
      for (const sizes of [[1], [99]]) {
        const options = { encoding: pattern.unicode ? 'utf8' : 'latin1', allowUnterminated: true } as const
        const { frames } = decode(
          new VRegexDecoder(pattern, options),
          Buffer.from(text, options.encoding),
          sizes,
        )
        expect(frames).toEqual(reference(pattern, pattern.unicode ? text : text.replace('😀', '\x3d\x00')))
      }
    }
  })
})

/** Frames that are given before the input is over. */
function soFar(pattern: RegExp, text: string): string[] {
  const decoder = new VRegexDecoder(pattern)
  const output = new VMessageQueue<string>()
  for (const char of text) decoder.push(new VByteBuffer(Buffer.from(char)), output)
  return output.popList()
}
