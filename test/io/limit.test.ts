/**
 * Limits as they come over a boundary.
 */
import { limitOf, UNLIMITED } from '@vio/io'
import { describe, expect, it } from 'vitest'

describe('limitOf', () => {
  it.each([
    [0, 0],
    [1, 1],
    [2 ** 40, 2 ** 40],
    [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  ])('takes %d as it is', (value, limit) => {
    expect(limitOf(value)).toBe(limit)
  })

  it.each([null, -1, -100, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'reads %d as no limit [CR-20]',
    (value) => {
      expect(limitOf(value)).toBe(UNLIMITED)
      expect(limitOf(value)).toBe(Number.POSITIVE_INFINITY)
    },
  )

  it.each([Number.NaN, 1.5, -1.5, 2 ** 53, undefined, '5', true, {}, Symbol('s'), 1n])(
    'refuses %s, which is no limit, and says what it got',
    (value) => {
      expect(() => limitOf(value as never)).toThrow(TypeError)
      expect(() => limitOf(value as never)).toThrow(/a limit is .*, got /)
    },
  )
})
