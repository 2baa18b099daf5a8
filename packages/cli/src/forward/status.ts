/**
 * How a request is answered: the numbers of the wire, and what they mean to people, to programs and to SOCKS clients.
 *
 * Decides which failure of the system is told as what. Invariant: a number that is not known here is read as `failed`.
 */

/** The statuses of an answer; the place in the list is the number on the wire. */
export const STATUSES = [
  'ok',
  'forbidden',
  'refused',
  'not-found',
  'timed-out',
  'unreachable',
  'too-many',
  'unsupported',
  'in-use',
  'failed',
] as const

/** How a request was answered. */
export type AnswerStatus = (typeof STATUSES)[number]

/** Each status in words. */
export const STATUS_TEXT: Readonly<Record<AnswerStatus, string>> = {
  ok: 'done',
  forbidden: 'the other side does not allow it',
  refused: 'the connection was refused',
  'not-found': 'there is no such host or socket',
  'timed-out': 'no answer in time',
  unreachable: 'it cannot be reached',
  'too-many': 'too many connections',
  unsupported: 'the other side does not know how',
  'in-use': 'the address is in use',
  failed: 'it failed',
}

/** The reply codes of SOCKS (RFC 1928 section 6). */
export const SOCKS_REPLY: Readonly<Record<AnswerStatus, number>> = {
  ok: 0,
  forbidden: 2,
  refused: 5,
  'not-found': 4,
  'timed-out': 4,
  unreachable: 3,
  'too-many': 1,
  unsupported: 7,
  'in-use': 1,
  failed: 1,
}

const BY_SYSTEM_CODE: Readonly<Record<string, AnswerStatus>> = {
  ECONNREFUSED: 'refused',
  ENOTFOUND: 'not-found',
  EAI_AGAIN: 'not-found',
  ENODATA: 'not-found',
  ENOENT: 'not-found',
  ETIMEDOUT: 'timed-out',
  V_IO_TIMEOUT: 'timed-out',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  EADDRINUSE: 'in-use',
  EMFILE: 'too-many',
  ENFILE: 'too-many',
}

/** The status that tells of an error of the system. */
export function statusOf(error: unknown): AnswerStatus {
  return BY_SYSTEM_CODE[codeOf(error)] ?? 'failed'
}

/** The code of an error, or of what caused it; empty if none has one that is the system's. */
export function codeOf(error: unknown): string {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth += 1) {
    const { code } = at as { code?: unknown }
    if (typeof code === 'string' && (/^E[A-Z0-9_]+$/.test(code) || code === 'V_IO_TIMEOUT')) return code
  }
  return ''
}
