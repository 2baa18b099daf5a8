/**
 * The whole numbers of VUT 0.8: one octet for small ones, a length prefix and the rest above the small range for others.
 *
 * Decides how a number becomes octets and back, in place. What a number means, and what a missing octet means for the
 * connection, is for the packet. Invariant: what is written is the shortest form; what is read may be any form, and is a
 * safe integer or is refused.
 */

/** Numbers below this are one octet, their own value. */
const SMALL = 247
/** Prefix `SMALL_PREFIX + n` announces `n` octets, 1 to 8. */
const SMALL_PREFIX = 246
/** The prefix that is followed by a number telling how many octets there are beyond nine. */
const LONG_PREFIX = 0xff
/** How many octets the shortest long form has behind its inner length. */
const LONG_BASE = 9
/** No safe integer needs more octets than this behind its prefix, without leading zeros. */
const SAFE_OCTETS = 7
/** Inner lengths may themselves be of the long form; a datagram has no room for many. */
const MAX_NESTING = 8

/** The most octets that `encodePosint` writes. */
export const MAX_POSINT_BYTES: number = 1 + SAFE_OCTETS

/** Where `decodePosint` puts what it read. One is made once and used again. */
export class PosintResult {
  /** The number. */
  value = 0
  /** The index behind the last octet of the number. */
  next = 0
}

/** How reading a number came out. `'short'`: octets are missing. `'large'`: complete, but over 2^53 - 1. */
export type PosintOutcome = 'ok' | 'short' | 'large'

/** How many octets `encodePosint` writes for a number. @throws RangeError as `encodePosint` */
export function posintBytes(value: number): number {
  checkPosint(value)
  return value < SMALL ? 1 : 1 + octetsOf(value - SMALL)
}

/**
 * Writes a number in its shortest form and returns the index behind it.
 *
 * @throws RangeError if the number is not a whole one from 0 to 2^53 - 1, or the octets do not fit
 */
export function encodePosint(value: number, into: Uint8Array, at: number): number {
  const size = posintBytes(value)
  if (at + size > into.length) {
    throw new RangeError(`a number of ${size} octets at ${at} does not fit into ${into.length} octets`)
  }
  if (size === 1) {
    into[at] = value
    return at + 1
  }
  into[at] = SMALL_PREFIX + size - 1
  let rest = value - SMALL
  for (let index = at + size - 1; index > at; index -= 1) {
    into[index] = rest % 256
    rest = Math.floor(rest / 256)
  }
  return at + size
}

/** Reads the number at `at`, of which nothing lies at or behind `end`. `result` is set if the outcome is `'ok'`. */
export function decodePosint(from: Uint8Array, at: number, end: number, result: PosintResult): PosintOutcome {
  let depth = 0
  while (at + depth < end && from[at + depth] === LONG_PREFIX) depth += 1
  if (depth > MAX_NESTING) return 'large'
  let outcome = decodePrefixed(from, at + depth, end, result)
  // The innermost number tells the length of the one around it, and so on outwards.
  for (; depth > 0 && outcome === 'ok'; depth -= 1) {
    const stop = result.next + LONG_BASE + result.value
    outcome = stop > end ? 'short' : decodeOctets(from, result.next, stop, result)
  }
  return outcome
}

function decodePrefixed(from: Uint8Array, at: number, end: number, result: PosintResult): PosintOutcome {
  if (at >= end) return 'short'
  const first = from[at] ?? 0
  if (first < SMALL) {
    result.value = first
    result.next = at + 1
    return 'ok'
  }
  const stop = at + 1 + first - SMALL_PREFIX
  return stop > end ? 'short' : decodeOctets(from, at + 1, stop, result)
}

/** Reads the octets from `start` to `stop` as a number above the small ones. */
function decodeOctets(from: Uint8Array, start: number, stop: number, result: PosintResult): PosintOutcome {
  let value = 0
  for (let index = start; index < stop; index += 1) {
    value = value * 256 + (from[index] ?? 0)
    if (value > Number.MAX_SAFE_INTEGER - SMALL) return 'large'
  }
  result.value = value + SMALL
  result.next = stop
  return 'ok'
}

function octetsOf(rest: number): number {
  let octets = 1
  for (let bound = 256; rest >= bound; bound *= 256) octets += 1
  return octets
}

function checkPosint(value: number): void {
  if (Number.isSafeInteger(value) && value >= 0) return
  throw new RangeError(`a number on the wire is a whole one from 0 to 2^53 - 1, got ${value}`)
}
