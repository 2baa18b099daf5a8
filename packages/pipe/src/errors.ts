/**
 * The errors of pipes, children and terminals, and how an error of the system becomes one of them.
 *
 * Each keeps what the system said as `cause` and its short name, such as `EBADF`, as `systemCode`. Who wraps what is
 * decided where it happens.
 */
import { VIOError, VIOLost } from '@vio/io'

/** What errors of Node say beyond their message. */
interface SystemError {
  readonly code?: unknown
}

/** The system's short name of an error, such as `ENOENT`; undefined for an error that has none. */
export function systemCodeOf(error: unknown): string | undefined {
  const code = (error as SystemError | null | undefined)?.code
  return typeof code === 'string' ? code : undefined
}

/** A descriptor, a pipe or a file could not be used: it is not open, of the wrong kind, or the system refused. */
export class VDescriptorError extends VIOError {
  override readonly code = 'V_DESCRIPTOR'
  /** The system's short name of the error, such as `EBADF` or `ENOSPC`. */
  readonly systemCode: string

  constructor(message: string, systemCode: string, options?: { cause?: unknown }) {
    super(message, options)
    this.systemCode = systemCode
  }

  /** The error for what the system said while `what` was tried. */
  static of(what: string, cause: unknown): VDescriptorError {
    const code = systemCodeOf(cause) ?? 'UNKNOWN'
    const text = cause instanceof Error ? cause.message : String(cause)
    return new VDescriptorError(`${what}: ${text}`, code, { cause })
  }
}

/** A descriptor is no terminal, or the terminal refused what it was asked for. */
export class VTTYError extends VIOError {
  override readonly code = 'V_TTY'
  /** The system's short name of the error; `ENOTTY` for what is no terminal. */
  readonly systemCode: string

  constructor(message: string, systemCode = 'ENOTTY', options?: { cause?: unknown }) {
    super(message, options)
    this.systemCode = systemCode
  }
}

/** A program could not be started. */
export class VChildStartError extends VIOError {
  override readonly code = 'V_CHILD_START'
  /** The system's short name of the error, such as `ENOENT`. */
  readonly systemCode: string

  constructor(message: string, systemCode: string, options?: { cause?: unknown }) {
    super(message, options)
    this.systemCode = systemCode
  }
}

/** A program ended otherwise than its user calls a success: with another status than 0, or by a signal. */
export class VChildExit extends VIOLost {
  override readonly code = 'V_CHILD_EXIT'
  /** The exit status; null if a signal ended it. */
  readonly exitCode: number | null
  /** The signal that ended it; null if it exited by itself. */
  readonly signal: string | null

  constructor(command: string, exitCode: number | null, signal: string | null, cause?: unknown) {
    const how = signal === null ? `exited with status ${exitCode}` : `was ended by ${signal}`
    super(`${command} ${how}`, cause === undefined ? undefined : { cause })
    this.exitCode = exitCode
    this.signal = signal
  }
}
