/**
 * Codes and their words: what is written reads the same, and a person's spelling is forgiven.
 */
import { CODE_WORDS, drawCodeWords, formatCode, parseCode, VCodeError } from '@vio/nat'
import { VSeededRandom } from '@vio/reactor/testing'
import { describe, expect, it } from 'vitest'

describe('the list of words', () => {
  it('has 256 words in order, told apart by three letters, that are easy to type', () => {
    expect(CODE_WORDS).toHaveLength(256)
    expect([...CODE_WORDS].sort()).toEqual(CODE_WORDS)
    expect(new Set(CODE_WORDS.map((word) => word.slice(0, 3))).size).toBe(256)
    for (const word of CODE_WORDS) expect(word).toMatch(/^[a-z]{4,9}$/)
  })
})

describe('drawCodeWords', () => {
  it('draws each word from its own secret byte', () => {
    const random = new VSeededRandom(1)
    const drawn = new Set<string>()
    for (let round = 0; round < 2000; round += 1) for (const word of drawCodeWords(random)) drawn.add(word)
    expect(drawn.size).toBe(256)
    expect(drawCodeWords(random, 5)).toHaveLength(5)
  })

  it.each([0, 9, 1.5, Number.NaN])('refuses %s words', (count) => {
    expect(() => drawCodeWords(new VSeededRandom(1), count)).toThrow(RangeError)
  })
})

describe('parseCode', () => {
  const code = { room: 7, words: ['lantern', 'orchard'] }

  it('reads what formatCode writes, for every word', () => {
    for (const [at, word] of CODE_WORDS.entries()) {
      const made = { room: at + 1, words: [word, CODE_WORDS[255 - at] as string] }
      expect(parseCode(formatCode(made))).toEqual(made)
    }
    expect(formatCode(code)).toBe('7-lantern-orchard')
  })

  it.each(['7-lantern-orchard', ' 7 Lantern  Orchard\n', '7.LAN.ORC', '07–lanter–orch', '7_lantern_orchard'])(
    'forgives %j',
    (typed) => expect(parseCode(typed)).toEqual(code),
  )

  it.each([
    ['lantern-orchard', 'begins with the number'],
    ['', 'begins with the number'],
    ['0-lantern', 'from 1 to 999999, got 0'],
    ['1000000-lantern', 'got 1000000'],
    ['7', 'words behind its number, got 0'],
    ['7-la-orchard', 'word 1 of the code'],
    ['7-lantern-orchards', 'word 2 of the code'],
    ['7-lantern-xxxxxx', 'word 2 of the code'],
    [`7${'-lantern'.repeat(9)}`, '1 to 8 words'],
  ])('refuses %j: %s', (typed, message) => {
    expect(() => parseCode(typed)).toThrow(VCodeError)
    expect(() => parseCode(typed)).toThrow(message)
  })

  it('tells no word in its errors', () => {
    expect(() => parseCode('7-lantern-secretx')).toThrow(/^(?!.*(secretx|lantern)).*$/)
  })

  it('refuses what is no text', () => {
    expect(() => parseCode(7 as unknown as string)).toThrow(VCodeError)
    expect(() => formatCode({ room: 7, words: ['no'] })).toThrow(VCodeError)
  })
})
