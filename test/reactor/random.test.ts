/**
 * Random sources: the system's and the seeded one.
 */
import { type IVRandom, publicBelow, VSystemRandom } from '@vio/reactor'
import { VSeededRandom } from '@vio/reactor/testing'
import { describe, expect, it } from 'vitest'

const sources: readonly (readonly [string, () => IVRandom])[] = [
  ['VSystemRandom', () => new VSystemRandom()],
  ['VSeededRandom', () => new VSeededRandom('a seed')],
]

describe.each(sources)('%s', (_name, make) => {
  it('draws words and numbers within their bounds, spread over them', () => {
    const random = make()
    let sum = 0
    let topBits = 0
    for (let draw = 0; draw < 20_000; draw += 1) {
      const word = random.publicUint32()
      expect(Number.isInteger(word) && word >= 0 && word < 2 ** 32).toBe(true)
      if (word >= 2 ** 31) topBits += 1
      const real = random.publicDouble()
      expect(real >= 0 && real < 1).toBe(true)
      sum += real
    }
    // Ten standard deviations: a sound generator fails this less often than the machine does.
    expect(Math.abs(sum / 20_000 - 0.5)).toBeLessThan(0.0205)
    expect(Math.abs(topBits / 20_000 - 0.5)).toBeLessThan(0.0354)
  })

  it.each(['fillPublic', 'fillSecret'] as const)('fills all bytes and no others by %s', (fill) => {
    const random = make()
    const whole = new Uint8Array(300)
    const seen = new Set<number>()
    for (let round = 0; round < 40; round += 1) {
      const part = whole.subarray(10, 290)
      random[fill](part)
      for (const byte of part) seen.add(byte)
    }
    expect(seen.size).toBe(256)
    expect([...whole.subarray(0, 10), ...whole.subarray(290)].every((byte) => byte === 0)).toBe(true)
    random[fill](new Uint8Array(0))
  })

  it('draws integers below a bound, all of them', () => {
    const random = make()
    const counts = new Array<number>(6).fill(0)
    for (let draw = 0; draw < 6000; draw += 1) {
      const drawn = publicBelow(random, 6)
      counts[drawn] = (counts[drawn] ?? Number.NaN) + 1
    }
    expect(counts.length).toBe(6)
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(300)
    expect(publicBelow(random, 1)).toBe(0)
  })

  it.each([0, -1, 1.5, Number.NaN, 2 ** 32 + 1])('refuses %s as a bound', (bound) => {
    expect(() => publicBelow(make(), bound)).toThrow(RangeError)
  })
})

describe('publicBelow', () => {
  it('leaves out the words that would make small numbers likelier', () => {
    const words = [2 ** 32 - 1, 2 ** 32 - 2, 7]
    const random = { publicUint32: () => words.shift() ?? Number.NaN } as IVRandom
    // 2^32 is 2 more than a multiple of 7 times something: the last words are drawn again.
    expect(publicBelow(random, 2 ** 31 + 1)).toBe(7)
  })
})

describe('VSeededRandom', () => {
  const draw = (random: VSeededRandom): number[] => Array.from({ length: 5 }, () => random.publicUint32())

  it('gives one sequence for one seed, another for another', () => {
    expect(draw(new VSeededRandom(7))).toEqual(draw(new VSeededRandom('7')))
    expect(draw(new VSeededRandom(7))).not.toEqual(draw(new VSeededRandom(8)))
    const bytes = (random: VSeededRandom): Uint8Array => {
      const filled = new Uint8Array(32)
      random.fillSecret(filled)
      return filled
    }
    expect(bytes(new VSeededRandom(7))).toEqual(bytes(new VSeededRandom(7)))
  })

  it('gives the same numbers for ever: they are part of recorded seeds', () => {
    expect(draw(new VSeededRandom('vio'))).toMatchInlineSnapshot(`
      [
        623805494,
        1179479911,
        297035367,
        1939905001,
        2436154548,
      ]
    `)
  })

  it('has sub-streams by name that do not depend on what was drawn before', () => {
    const early = new VSeededRandom(7).fork('loss')
    const parent = new VSeededRandom(7)
    draw(parent)
    const late = parent.fork('loss')
    expect(draw(early)).toEqual(draw(late))
    expect(draw(new VSeededRandom(7).fork('loss'))).not.toEqual(draw(new VSeededRandom(7).fork('delay')))
    expect(new VSeededRandom(7).fork('a').fork('b').seed).toBe('7/a/b')
  })
})
