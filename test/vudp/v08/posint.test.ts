/**
 * The numbers of VUT 0.8: the golden vectors, and every number against every other way to write it.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodePosint,
  encodePosint,
  MAX_POSINT_BYTES,
  PosintResult,
  posintBytes,
} from '../../../packages/vudp/src/proto/posint.js'
import { propertyRuns } from '../../lib/runs.js'
import { hex, posintVectors } from './vectors.js'

const MAX = BigInt(Number.MAX_SAFE_INTEGER)

function encoded(value: number): string {
  const into = Buffer.alloc(MAX_POSINT_BYTES)
  return into.subarray(0, encodePosint(value, into, 0)).toString('hex')
}

function decoded(bytes: Uint8Array, end: number = bytes.length): [string, number, number] {
  const result = new PosintResult()
  const outcome = decodePosint(bytes, 0, end, result)
  return [outcome, result.value, result.next]
}

describe('the numbers of VUT 0.8', () => {
  const { encode, decode } = posintVectors()

  it.each(encode)('writes and reads $value as the originals do [VE-S27]', ({ value, hex: text }) => {
    const bytes = hex(text)
    if (BigInt(value) > MAX) {
      expect(decoded(bytes)[0]).toBe('large')
      expect(() => encoded(Number(value))).toThrow(RangeError)
      return
    }
    expect(encoded(Number(value))).toBe(text)
    expect(posintBytes(Number(value))).toBe(bytes.length)
    expect(decoded(bytes)).toEqual(['ok', Number(value), bytes.length])
  })

  it.each(decode)('reads $hex: $note [VE-S27]', ({ value, hex: text, octets_read: read }) => {
    const bytes = hex(text)
    const [outcome, got, next] = decoded(bytes)
    if (value === null) expect(outcome).toBe('short')
    else if (BigInt(value) > MAX) expect(outcome).toBe('large')
    else expect([outcome, got, next]).toEqual(['ok', Number(value), read])
  })

  it('reads back what it wrote, in the fewest octets, and calls each cut short [VE-S27]', () => {
    fc.assert(
      fc.property(fc.oneof(fc.maxSafeNat(), fc.nat(70_000)), (value) => {
        const bytes = hex(encoded(value))
        expect(decoded(bytes)).toEqual(['ok', value, bytes.length])
        for (let end = 0; end < bytes.length; end += 1) expect(decoded(bytes, end)[0]).toBe('short')
        if (bytes.length > 1) expect(bytes.length === 2 || bytes[1] !== 0).toBe(true)
      }),
      propertyRuns(500),
    )
  })

  it('takes any octets without a throw, and never reads behind the end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(40), (bytes, at) => {
        const end = Math.min(at, bytes.length)
        const [outcome, value, next] = decoded(bytes, end)
        if (outcome !== 'ok') return
        expect(next).toBeLessThanOrEqual(end)
        expect(Number.isSafeInteger(value)).toBe(true)
      }),
      propertyRuns(1000),
    )
  })

  it('gives up on lengths of lengths of lengths', () => {
    expect(decoded(Buffer.alloc(400, 0xff))[0]).toBe('large')
  })

  it.each([-1, 1.5, Number.NaN, 2 ** 53])('refuses to write %d, and writes nothing', (value) => {
    const into = Buffer.alloc(20)
    expect(() => encodePosint(value, into, 0)).toThrow('a whole one from 0 to 2^53 - 1')
    expect(into.every((octet) => octet === 0)).toBe(true)
  })

  it('refuses to write where there is no room', () => {
    expect(() => encodePosint(1000, Buffer.alloc(4), 2)).toThrow('does not fit into 4 octets')
  })
})
