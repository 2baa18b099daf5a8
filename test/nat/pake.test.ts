/**
 * CPace: the draft's numbers, two sides with the same words, and everything that must burn a code.
 */
import { VPake, VPakeError, type VPakeOptions } from '@vio/nat'
import type { IVRandom } from '@vio/reactor'
import { VSeededRandom } from '@vio/reactor/testing'
import { assert, property, uint8Array } from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  catenate,
  generatorOf,
  generatorString,
  multiplyChecked,
  scalarOf,
} from '../../packages/nat/src/pake.js'
import { propertyRuns } from '../lib/runs.js'
import { natCrypto } from './lib/nat-crypto.js'

const hex = (text: string) => Buffer.from(text.replace(/\s/g, ''), 'hex')

/** draft-irtf-cfrg-cpace-21, appendix B.3. */
const VECTOR = {
  password: Buffer.from('Password'),
  channel: hex('0b415f696e69746961746f720b425f726573706f6e646572'),
  session: hex('7e4b4791d6a8ef019b936c79fb7f2c57'),
  generator: hex('222b6b195fe84b1652badb6f6a3ae3d24341e7306967f0b8115b40d5698c7e56'),
  ya: hex('da3d23700a9e5699258aef94dc060dfda5ebb61f02a5ea77fad53f4ff0976d08'),
  shareA: hex('d6bac480f2c386c394efc7c47adb9925dcd2630b64f240c50f8d0eec482b9157'),
  yb: hex('d2316b454718c35362d83d69df6320f38578ed5984651435e2949762d900b80d'),
  shareB: hex('3ea7e0b19560d7c0b0f5734f63b955286dfa8232b5ebe63324e2d9e7433f7258'),
  secret: hex('80b69a8a76457ab6a4d7f887a4bf6b55a2f80ac19c333f917a05fc9887c8b40f'),
  isk: hex(
    'b69effbf61b51d56401c0f65601abe428de8206feaaf0e32198896dcae7b35cd' +
      '2b38950a39dfd5d4a79164614c2984f7daa460b588c1e80c3fa2068af7900447',
  ),
  s: hex('7cd0e075fa7955ba52c02759a6c90dbbfc10e6d40aea8d283e407d88cf538a05'),
  x: hex('2c3c6b8c4f3800e7aef6864025b4ed79bd599117e427c41bd47d93d654b4a51c'),
  product: hex('7c13645fe790a468f62c39beb7388e541d8405d1ade69d1778c5fe3e7f6b600e'),
  invalid: hex('2b3c6b8c4f3800e7aef6864025b4ed79bd599117e427c41bd47d93d654b4a51c'),
  neutral: Buffer.alloc(32),
}

/** Draws these bytes, once. */
function drawing(bytes: Buffer): IVRandom {
  const random = new VSeededRandom(1)
  random.fillSecret = (target) => target.set(bytes)
  return random
}

const { password, channel, session } = VECTOR
const words = { password, channel, session }

function pairOf(left: Partial<VPakeOptions> = {}, right: Partial<VPakeOptions> = {}): { a: VPake; b: VPake } {
  const random = new VSeededRandom(7)
  const a = new VPake({ role: 'initiator', ...words, ...left }, natCrypto, random)
  const b = new VPake({ role: 'responder', ...words, ...right }, natCrypto, random)
  return { a, b }
}

describe('the vectors of the draft', () => {
  it('has the generator string and the generator', () => {
    const text = generatorString(words)
    expect(text).toHaveLength(170)
    expect(text.subarray(0, 27)).toEqual(
      hex('11435061636552697374726574746f3235350850617373776f7264').subarray(0, 27),
    )
    expect(text.subarray(27, 128)).toEqual(Buffer.concat([Buffer.of(100), Buffer.alloc(100)]))
    expect(Buffer.from(generatorOf(natCrypto, words).toBytes())).toEqual(VECTOR.generator)
  })

  it('has the shares, the point, the transcript and the key of both sides', () => {
    const a = new VPake(
      { role: 'initiator', ...words, associated: Buffer.from('ADa') },
      natCrypto,
      drawing(VECTOR.ya),
    )
    const b = new VPake(
      { role: 'responder', ...words, associated: Buffer.from('ADb') },
      natCrypto,
      drawing(VECTOR.yb),
    )
    expect([a.share, b.share]).toEqual([VECTOR.shareA, VECTOR.shareB])
    expect(multiplyChecked(scalarOf(VECTOR.ya), b.share)).toEqual(new Uint8Array(VECTOR.secret))
    expect(b.accept(a.share, Buffer.from('ADa'))).toBe(true)
    expect(a.accept(b.share, Buffer.from('ADb'))).toBe(true)
    expect([a.confirm(b.tag), b.confirm(a.tag)]).toEqual([true, true])
    expect([a.key, b.key]).toEqual([VECTOR.isk, VECTOR.isk])
  })

  it('multiplies a valid point, and none that is invalid or neutral', () => {
    const scalar = scalarOf(VECTOR.s)
    expect(multiplyChecked(scalar, VECTOR.x)).toEqual(new Uint8Array(VECTOR.product))
    expect(multiplyChecked(scalar, VECTOR.invalid)).toBeNull()
    expect(multiplyChecked(scalar, VECTOR.neutral)).toBeNull()
  })

  it('writes lengths of more than seven bits', () => {
    expect(catenate(Buffer.alloc(127)).subarray(0, 1)).toEqual(Buffer.of(0x7f))
    expect(catenate(Buffer.alloc(128)).subarray(0, 2)).toEqual(Buffer.of(0x80, 1))
    expect(catenate(Buffer.alloc(300)).subarray(0, 2)).toEqual(Buffer.of(0xac, 2))
    expect(catenate(Buffer.from('1234'), Buffer.alloc(0), Buffer.from('5'))).toEqual(
      Buffer.from('\x041234\0\x015', 'latin1'),
    )
  })
})

describe('VPake', () => {
  it('gives both sides one key, another one each time, and only after the confirmation', () => {
    const { a, b } = pairOf()
    expect(() => a.tag).toThrow(VPakeError)
    b.accept(a.share)
    a.accept(b.share)
    expect(() => a.key).toThrow(VPakeError)
    expect(a.confirm(b.tag)).toBe(true)
    expect(() => b.key).toThrow(VPakeError)
    expect(b.confirm(a.tag)).toBe(true)
    expect(a.key).toEqual(b.key)
    const other = new VPake({ role: 'initiator', ...words }, natCrypto, new VSeededRandom(8))
    expect(other.share).not.toEqual(a.share)
  })

  it.each([
    ['the words', { password: Buffer.from('Passwore') }, {}],
    ['the channel', { channel: Buffer.from('x') }, {}],
    ['the session', { session: Buffer.alloc(16) }, {}],
    ['the roles', { role: 'responder' }, {}],
    ['what was sent along', { associated: Buffer.from('x') }, {}],
  ] as const)('is burnt on both sides if %s differ', (_what, left, right) => {
    const { a, b } = pairOf(left, right)
    expect([b.accept(a.share), a.accept(b.share)]).toEqual([true, true])
    const tag = a.tag
    expect(a.confirm(b.tag)).toBe(false)
    expect(b.confirm(tag)).toBe(false)
    for (const side of [a, b]) {
      expect(side.isBurnt).toBe(true)
      expect(() => side.key).toThrow('make a new code')
      expect(() => side.tag).toThrow(VPakeError)
      expect(() => side.confirm(tag)).toThrow(VPakeError)
      expect(() => side.accept(VECTOR.x)).toThrow(VPakeError)
    }
  })

  it.each([
    ['an invalid point', VECTOR.invalid],
    ['the neutral element', VECTOR.neutral],
    ['too few bytes', VECTOR.x.subarray(1)],
    ['too many bytes', Buffer.concat([VECTOR.x, Buffer.alloc(1)])],
    ['nothing', Buffer.alloc(0)],
  ])('is burnt by %s', (_what, share) => {
    const { a } = pairOf()
    expect(a.accept(share)).toBe(false)
    expect(a.isBurnt).toBe(true)
    expect(() => a.tag).toThrow(VPakeError)
  })

  it('does not take its own share or its own tag for those of another', () => {
    const { a } = pairOf()
    expect(a.accept(a.share)).toBe(false)
    const { a: c, b: d } = pairOf()
    d.accept(c.share)
    c.accept(d.share)
    expect(c.confirm(c.tag)).toBe(false)
  })

  it('serves one guess: a second share is refused', () => {
    const { a, b } = pairOf()
    b.accept(a.share)
    expect(() => b.accept(VECTOR.x)).toThrow(VPakeError)
    b.burn()
    expect(() => b.confirm(Buffer.alloc(32))).toThrow(VPakeError)
  })

  it('draws no scalar of more than 252 bits, and never zero', () => {
    let round = 0
    const random = new VSeededRandom(1)
    random.fillSecret = (target) => {
      target.fill(round === 0 ? 0 : 0xff)
      round += 1
    }
    const { share } = new VPake({ role: 'initiator', ...words }, natCrypto, random)
    const full = Buffer.alloc(32, 0xff)
    full[31] = 0x0f
    expect(share).toEqual(Buffer.from(generatorOf(natCrypto, words).multiply(scalarOf(full)).toBytes()))
    expect(round).toBe(2)
  })

  it('throws for no share whatever it is', () => {
    assert(
      property(uint8Array({ minLength: 0, maxLength: 40 }), (bytes) => {
        const { a } = pairOf()
        if (a.accept(bytes)) expect(a.confirm(bytes)).toBe(false)
        expect(a.isBurnt).toBe(true)
      }),
      propertyRuns(50, 2000),
    )
  })
})
