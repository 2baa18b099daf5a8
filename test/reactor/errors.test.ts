/**
 * The families of errors and failures that all packages share.
 */
import {
  VError,
  VFailure,
  VFIOCompleted,
  VFIOEnded,
  VFIOError,
  VFIOException,
  VFIOLost,
  VInvariantError,
  VIOClosed,
  VIOCompleted,
  VIOEnded,
  VIOError,
  VIOException,
  VIOLost,
  VIOMissingControl,
  VIOTimeout,
  VReactorError,
  VReactorStopped,
} from '@vio/reactor'
import { describe, expect, it } from 'vitest'

describe('the I/O errors', () => {
  const made = {
    VIOException: new VIOException('m'),
    VIOError: new VIOError('m'),
    VIOTimeout: new VIOTimeout('m'),
    VIOEnded: new VIOEnded('m'),
    VIOCompleted: new VIOCompleted('m'),
    VIOLost: new VIOLost('m'),
    VIOClosed: new VIOClosed('m'),
    VIOMissingControl: new VIOMissingControl('connected'),
  }

  it('are all VIOException, and of them only completed and lost are VIOEnded [VE-130]', () => {
    for (const error of Object.values(made)) {
      expect(error).toBeInstanceOf(VIOException)
      expect(error).toBeInstanceOf(Error)
    }
    const ended = Object.entries(made).filter(([, error]) => error instanceof VIOEnded)
    expect(ended.map(([name]) => name)).toEqual(['VIOEnded', 'VIOCompleted', 'VIOLost'])
    // No other of them is a kind of another one.
    expect(made.VIOClosed).not.toBeInstanceOf(VIOError)
    expect(made.VIOTimeout).not.toBeInstanceOf(VIOError)
    expect(made.VIOCompleted).not.toBeInstanceOf(VIOLost)
    expect(made.VIOLost).not.toBeInstanceOf(VIOCompleted)
    expect(made.VIOMissingControl).not.toBeInstanceOf(VIOError)
  })

  it('carry their class as the name, a code of their own, and the cause [VE-130]', () => {
    const codes = Object.entries(made).map(([name, error]) => {
      expect(error.name).toBe(name)
      return error.code
    })
    expect(new Set(codes).size).toBe(codes.length)
    const cause = new Error('the reason')
    expect(new VIOLost('gone', { cause }).cause).toBe(cause)
  })

  it('name the control message that nobody handles', () => {
    expect(made.VIOMissingControl.messageName).toBe('connected')
    expect(made.VIOMissingControl.message).toContain("'connected'")
  })
})

describe('the errors of the reactor', () => {
  it('are VError with codes of their own', () => {
    const errors = [new VReactorError('m'), new VReactorStopped('m'), new VInvariantError('m')]
    for (const error of errors) expect(error).toBeInstanceOf(VError)
    expect(errors[1]).toBeInstanceOf(VReactorError)
    expect(errors.map((error) => error.code)).toEqual(['V_REACTOR', 'V_REACTOR_STOPPED', 'V_INVARIANT'])
  })
})

describe('the I/O failures', () => {
  it('wrap an error in value, follow the families of the errors, and are no errors themselves [VE-131]', () => {
    const lost = new VIOLost('gone')
    const failures = [
      new VFIOException(lost),
      new VFIOError(new VIOError('broken')),
      new VFIOEnded(lost),
      new VFIOCompleted(new VIOCompleted('done')),
      new VFIOLost(lost),
    ]
    for (const failure of failures) {
      expect(failure).toBeInstanceOf(VFailure)
      expect(failure).toBeInstanceOf(VFIOException)
      expect(failure).not.toBeInstanceOf(Error)
      expect(failure.value).toBeInstanceOf(VIOException)
    }
    expect(failures.map((failure) => failure instanceof VFIOEnded)).toEqual([false, false, true, true, true])
    expect(new VFIOLost(lost).value).toBe(lost)
    expect(String(new VFIOLost(lost))).toBe('VFIOLost: gone')
  })

  it('make the error that belongs to them when given none [VE-131]', () => {
    expect(new VFIOCompleted().value).toBeInstanceOf(VIOCompleted)
    expect(new VFIOLost().value).toBeInstanceOf(VIOLost)
  })

  it.each([undefined, null, 'gone', 7, {}, { message: 'gone' }])(
    'refuse to wrap %j, which is no Error [VE-131]',
    (value) => {
      expect(() => new VFailure(value as unknown as Error)).toThrow(TypeError)
      expect(() => new VFIOError(value as never)).toThrow(value === undefined ? TypeError : /wraps an Error/)
    },
  )
})
