/**
 * What can go wrong with forwards, by name.
 *
 * Decides names and messages; which exit code each leads to is the command's. Invariant: a message that holds text of the
 * peer holds printable characters only.
 */
import { VIOError } from '@vio/io'
import { type AnswerStatus, STATUS_TEXT } from './status.js'

/** A forward, a target or a rule was written in a way that cannot be. Nothing was done. */
export class ForwardUsage extends VIOError {
  override readonly code: string = 'V_FORWARD_USAGE'
}

/** A listener of this side could not be had. */
export class ForwardListenError extends VIOError {
  override readonly code: string = 'V_FORWARD_LISTEN'
  /** The system's name of the error: `EADDRINUSE`. */
  readonly systemCode: string

  constructor(where: string, systemCode: string, options?: { cause?: unknown }) {
    super(`cannot listen on ${where}: ${systemCode}${hintOf(systemCode)}`, options)
    this.systemCode = systemCode
  }
}

/** The other side answered a request with no, or could not do what it was asked. */
export class ForwardRefused extends VIOError {
  override readonly code: string = 'V_FORWARD_REFUSED'
  /** What was asked for. */
  readonly what: string
  readonly status: AnswerStatus
  /** More about why, as the other side or the system has it. */
  readonly reason: string

  constructor(what: string, status: AnswerStatus, reason: string) {
    super(`${what}: ${STATUS_TEXT[status]}${reason === '' ? '' : ` (${printable(reason)})`}`)
    this.what = what
    this.status = status
    this.reason = reason
  }
}

/** The other side does not keep to the protocol. */
export class ForwardProtocol extends VIOError {
  override readonly code: string = 'V_FORWARD_PROTOCOL'
}

/** Text of the peer, fit for a terminal: without control characters, and not longer than a line. */
export function printable(text: string): string {
  const shown = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?')
  return shown.length > 200 ? `${shown.slice(0, 200)}...` : shown
}

function hintOf(systemCode: string): string {
  if (systemCode === 'EADDRINUSE') return ', another program has it; choose another port or path'
  if (systemCode === 'EACCES')
    return ', it takes more rights; choose a port from 1024 on, or a folder of your own'
  if (systemCode === 'EADDRNOTAVAIL') return ', this machine has no such address'
  return ''
}
