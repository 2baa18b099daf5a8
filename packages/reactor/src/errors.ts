/**
 * The errors and failures that every package of vio shares.
 *
 * An error is thrown; a failure (`VFailure`) is a value that carries an error as the reason of an end, and is never
 * thrown. The I/O families live here, below io, because the reactor itself closes a handler that failed with
 * `VFIOLost`; io exports them again. Each error has a `code` that stays the same from release to release.
 */

/** The root of the errors that vio throws. */
export class VError extends Error {
  /** A stable name of the kind of error, for programs. */
  readonly code: string = 'V_ERROR'

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = new.target.name
  }
}

/** The reactor was asked for something that it cannot do. */
export class VReactorError extends VError {
  override readonly code: string = 'V_REACTOR'
}

/** The reactor was asked for something that only a reactor that has not stopped can do. */
export class VReactorStopped extends VReactorError {
  override readonly code = 'V_REACTOR_STOPPED'
}

/** Something that the code holds to be impossible has happened: a defect of vio or of code that broke its contract. */
export class VInvariantError extends VError {
  override readonly code = 'V_INVARIANT'
}

/** The root of the I/O errors (VE-130). */
export class VIOException extends VError {
  override readonly code: string = 'V_IO_EXCEPTION'
}

/** An I/O operation failed, or was asked for in a state that does not allow it. */
export class VIOError extends VIOException {
  override readonly code: string = 'V_IO_ERROR'
}

/** An I/O operation was not finished in time. */
export class VIOTimeout extends VIOException {
  override readonly code = 'V_IO_TIMEOUT'
}

/** The I/O has ended, one way or the other. */
export class VIOEnded extends VIOException {
  override readonly code: string = 'V_IO_ENDED'
}

/** The I/O has ended cleanly: all that was sent has arrived. */
export class VIOCompleted extends VIOEnded {
  override readonly code = 'V_IO_COMPLETED'
}

/** The I/O has ended before its time: bytes may be missing. */
export class VIOLost extends VIOEnded {
  override readonly code: string = 'V_IO_LOST'
}

/** The object was closed and can no longer be used. */
export class VIOClosed extends VIOException {
  override readonly code = 'V_IO_CLOSED'
}

/** A control message was sent to a control object that does not handle it. */
export class VIOMissingControl extends VIOException {
  override readonly code = 'V_IO_MISSING_CONTROL'
  /** The name of the message that nobody handled. */
  readonly messageName: string

  constructor(messageName: string) {
    super(`no handler for control message '${messageName}'`)
    this.messageName = messageName
  }
}

/** Carries an error as a value: the reason why something ended. Not an `Error` itself, and not thrown. */
export class VFailure<E extends Error = Error> {
  /** The error that is the reason. */
  readonly value: E

  /** @throws TypeError if `value` is not an Error */
  constructor(value: E) {
    if (!(value instanceof Error)) {
      throw new TypeError(
        `a ${new.target.name} wraps an Error, got ${value === null ? 'null' : typeof value}`,
      )
    }
    this.value = value
  }

  /** The kind of failure and the message of its error. */
  toString(): string {
    return `${this.constructor.name}: ${this.value.message}`
  }
}

/** The root of the I/O failures (VE-131). */
export class VFIOException<E extends Error = Error> extends VFailure<E> {}

/** The reason is an I/O error. */
export class VFIOError<E extends Error = VIOError> extends VFIOException<E> {}

/** The reason is the end of the I/O. */
export class VFIOEnded<E extends Error = Error> extends VFIOException<E> {}

/** The reason is a clean end. Without an argument its error is a `VIOCompleted` that all such ends share. */
export class VFIOCompleted extends VFIOEnded<Error> {
  constructor(value: Error = completed()) {
    super(value)
  }
}

/** The reason is a loss. Without an argument it makes its own `VIOLost`. */
export class VFIOLost extends VFIOEnded<Error> {
  constructor(value: Error = new VIOLost('the I/O was lost')) {
    super(value)
  }
}

let theCompleted: VIOCompleted | undefined

/**
 * A clean end is no fault that somebody would look for: one error without a stack serves all, as each connection has
 * several such ends, and errors are dear.
 */
function completed(): VIOCompleted {
  if (theCompleted !== undefined) return theCompleted
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  theCompleted = new VIOCompleted('the I/O was completed')
  Error.stackTraceLimit = limit
  return theCompleted
}
