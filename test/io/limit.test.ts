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

  it.each([
    [Number.NaN, 'number NaN'],
    [1.5, 'number 1.5'],
    [-1.5, 'number -1.5'],
    [2 ** 53, 'number 9007199254740992'],
    [undefined, 'undefined'],
    [true, 'boolean true'],
    ['5', 'string "5"'],
    ['x'.repeat(99), `string "${'x'.repeat(40)}"`],
    [{ toString: () => expect.unreachable() }, 'a value of type object'],
    [() => 5, 'a value of type function'],
    [Symbol('s'), 'a value of type symbol'],
    [1n, 'a value of type bigint'],
  ])('refuses what is no limit, and says what it got: %#', (value, shown) => {
    expect(() => limitOf(value as never)).toThrow(TypeError)
    expect(() => limitOf(value as never)).toThrow(new RegExp(`a limit is .*, got ${shown}$`))
  })
})
