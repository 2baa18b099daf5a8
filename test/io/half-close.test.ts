/**
 * Half-close policies as values; what an endpoint does with them is in chain/endpoint-close.test.ts.
 */
import {
  type IVHalfClose,
  isHalfClose,
  VHalfClose,
  VHalfCloseInput,
  VHalfCloseOutput,
  VHalfClosePolicy,
  VNoHalfClose,
} from '@vio/io'
import { describe, expect, expectTypeOf, it } from 'vitest'

describe('VHalfClosePolicy', () => {
  it.each([
    ['VHalfClosePolicy(true, true)', new VHalfClosePolicy(true, true), true, true],
    ['VHalfClosePolicy(true, false)', new VHalfClosePolicy(true, false), true, false],
    ['VHalfClosePolicy(false, true)', new VHalfClosePolicy(false, true), false, true],
    ['VHalfClosePolicy(false, false)', new VHalfClosePolicy(false, false), false, false],
    ['VHalfClose', new VHalfClose(), true, true],
    ['VNoHalfClose', new VNoHalfClose(), false, false],
    ['VHalfCloseInput', new VHalfCloseInput(), true, false],
    ['VHalfCloseOutput', new VHalfCloseOutput(), false, true],
  ])('%s has its flags [VE-132]', (_name, policy, halfIn, halfOut) => {
    expect(policy).toBeInstanceOf(VHalfClosePolicy)
    expect([policy.halfIn, policy.halfOut]).toEqual([halfIn, halfOut])
    expect(isHalfClose(policy)).toBe(true)
  })

  it.each([
    [1, true],
    [true, 0],
    ['true', false],
    [undefined, undefined],
    [null, true],
  ])('refuses the flags %j and %j, which are no booleans [VE-132]', (halfIn, halfOut) => {
    expect(() => new VHalfClosePolicy(halfIn as never, halfOut as never)).toThrow(TypeError)
    expect(() => new VHalfClosePolicy(halfIn as never, halfOut as never)).toThrow(/booleans, got/)
  })

  it('is one of many things that can be a policy [VE-132]', () => {
    expectTypeOf(VHalfClosePolicy).instance.toExtend<IVHalfClose>()
    expectTypeOf<{ halfIn: boolean; halfOut: boolean }>().toExtend<IVHalfClose>()
    expectTypeOf<{ halfIn: boolean }>().not.toExtend<IVHalfClose>()
    expect(isHalfClose({ halfIn: true, halfOut: false })).toBe(true)
    for (const other of [null, undefined, true, {}, { halfIn: true }, { halfIn: 1, halfOut: 0 }]) {
      expect(isHalfClose(other)).toBe(false)
    }
  })
})
