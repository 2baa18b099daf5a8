/**
 * The errors that io exports: its own, and the families it shares with the reactor.
 */
import * as io from '@vio/io'
import * as reactor from '@vio/reactor'
import { describe, expect, it } from 'vitest'

/** Each shared class and what it extends. */
const FAMILY = {
  VIOException: 'VError',
  VIOError: 'VIOException',
  VIOTimeout: 'VIOException',
  VIOEnded: 'VIOException',
  VIOCompleted: 'VIOEnded',
  VIOLost: 'VIOEnded',
  VIOClosed: 'VIOException',
  VIOMissingControl: 'VIOException',
} as const

const FAILURES = {
  VFIOException: 'VFailure',
  VFIOError: 'VFIOException',
  VFIOEnded: 'VFIOException',
  VFIOCompleted: 'VFIOEnded',
  VFIOLost: 'VFIOEnded',
} as const

type AnyClass = new (value: Error) => { readonly value: Error }

const [ours, theirs] = [{ ...io }, { ...reactor }] as unknown as Record<string, AnyClass>[]

/** Checks that a class is the reactor's and extends the one it should. */
function expectFamily(family: Readonly<Record<string, string>>): void {
  for (const [name, parent] of Object.entries(family)) {
    expect(ours?.[name]).toBeTypeOf('function')
    expect(ours?.[name]).toBe(theirs?.[name])
    expect(Object.getPrototypeOf(ours?.[name])).toBe(ours?.[parent])
  }
}

describe('the errors of io', () => {
  it('are those of the reactor, by the same names, in one hierarchy [VE-130]', () => {
    expectFamily(FAMILY)
    expect(io.VInvariantError).toBe(reactor.VInvariantError)
    expect(Object.getPrototypeOf(io.VError)).toBe(Error)
  })

  it('state both values of a limit that was not kept [VE-130]', () => {
    const error = new io.VIOLimitExceeded(10, 10, 3)
    expect(error).toBeInstanceOf(io.VIOError)
    expect(error).toMatchObject({
      name: 'VIOLimitExceeded',
      code: 'V_IO_LIMIT_EXCEEDED',
      limit: 10,
      consumed: 10,
      offered: 3,
    })
    expect(error.message).toMatch(/offered 3 .*consumed 10 .*limit of 10/)
  })

  it('tell what a protocol did wrong [VE-130]', () => {
    const oversize = new io.VIOOversize('a line', 9, 8)
    expect(oversize).toMatchObject({ name: 'VIOOversize', code: 'V_IO_OVERSIZE', sizeBytes: 9, maxBytes: 8 })
    expect(oversize.message).toMatch(/a line of 9 bytes .*maximum of 8/)
    const malformed = new io.VIOMalformed('no such escape')
    expect(malformed).toMatchObject({
      name: 'VIOMalformed',
      code: 'V_IO_MALFORMED',
      message: 'no such escape',
    })
    for (const error of [oversize, malformed]) expect(error).toBeInstanceOf(io.VIOError)
  })
})

describe('the failures of io', () => {
  it('are those of the reactor, carry their error in value, and cannot be mistaken for one [VE-131]', () => {
    expectFamily(FAILURES)
    const error = new io.VIOError('why')
    for (const name of Object.keys(FAILURES)) {
      const Failure = ours?.[name] as AnyClass
      expect(new Failure(error).value).toBe(error)
      expect(new Failure(error)).not.toBeInstanceOf(Error)
    }
  })

  it.each(['text', 5, null, {}, Object.create(null)])('wrap no %j, which is no error [VE-131]', (value) => {
    expect(() => new io.VFailure(value as never)).toThrow(TypeError)
    expect(() => new io.VFIOLost(value as never)).toThrow(/wraps an Error/)
  })
})
