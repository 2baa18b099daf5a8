/**
 * What a pending read waits for, matched against a buffer.
 *
 * Decides how many bytes of the buffer are the result, how many may be held until that is known, and what an end of the
 * data means to it. Pure: no time, no promises, and nothing is taken from the buffer. Invariant: what was searched is
 * not searched again, so that a unit costs what it is long, also when it comes byte by byte.
 */
import type { VByteBuffer } from '../byte-buffer.js'
import { VIOOversize } from '../errors.js'
import { wholeOption } from '../filter/options.js'
import { describeValue } from '../limit.js'
import { RegexScan } from './regex-scan.js'

/**
 * What the end of the data means to a read that is not satisfied: `rest` takes what is left; `all` too, if the end is
 * clean; `unit` gets nothing; `exact` fails.
 */
export type ReadAtEnd = 'rest' | 'all' | 'unit' | 'exact'

/** A pending read. Made for one use: it remembers how far it has searched. */
export interface ReadRequest {
  /** What is asked for, in the words of messages. */
  readonly what: string
  readonly atEnd: ReadAtEnd
  /** How many bytes are asked for, where that is known. */
  readonly wantedBytes?: number
  /** How many bytes the buffer has to be allowed to hold, with `heldBytes` in it, so that this can go on. */
  allowance(heldBytes: number, stepBytes: number): number
  /**
   * How many bytes of the buffer's front are the result; -1 if more have to come. `fresh` are the pieces that came since
   * the last call; null in the first one.
   *
   * @throws VIOOversize if the result would be larger than allowed
   */
  match(buffer: VByteBuffer, fresh: readonly Buffer[] | null): number
  /** The same when nothing more comes; without it what `match` said last holds. */
  matchLast?(): number
}

/** Limits of a search for a pattern. */
export interface PatternLimits {
  readonly maxBytes: number
  readonly maxMatchBytes: number
}

/** How much of the buffer the first search looks at; it grows from step to step. */
const FIRST_LOOK_BYTES = 256
const LOOK_GROWTH = 4

/** Whatever there is, up to `maxBytes`. @throws RangeError for a size that is none */
export function someRequest(maxBytes: number): ReadRequest {
  sizeOption('maxBytes', maxBytes)
  return {
    what: 'a read',
    atEnd: 'rest',
    allowance: () => 1,
    match: (buffer) => (buffer.length > 0 ? Math.min(buffer.length, maxBytes) : -1),
  }
}

/**
 * `count` bytes; at the end fewer, or none.
 *
 * @throws RangeError for a count that is none, VIOOversize for one beyond `maxBytes`
 */
export function countRequest(count: number, atEnd: 'rest' | 'exact', maxBytes: number): ReadRequest {
  wholeOption('a count of bytes', count)
  if (count > maxBytes) throw new VIOOversize('a read', count, maxBytes)
  return {
    what: `a read of ${count} bytes`,
    atEnd,
    wantedBytes: count,
    allowance: () => count,
    match: (buffer) => (buffer.length >= count ? count : -1),
  }
}

/** All bytes up to the end. @throws RangeError for a size that is none */
export function allRequest(maxBytes: number): ReadRequest {
  sizeOption('maxBytes', maxBytes)
  return {
    what: 'all of the data',
    atEnd: 'all',
    // One byte more is what shows that there are too many.
    allowance: (held, step) => Math.min(maxBytes + 1, held + step),
    match: (buffer) => {
      if (buffer.length > maxBytes) throw new VIOOversize('all of the data', buffer.length, maxBytes)
      return -1
    },
  }
}

/** The bytes up to a delimiter and with it. @throws TypeError if the delimiter is empty or neither bytes nor text */
export function untilRequest(delimiter: Uint8Array | string, maxBytes: number): ReadRequest {
  // A copy, as the caller may write to what it gave while the read waits.
  const isBytes = typeof delimiter === 'string' || delimiter instanceof Uint8Array
  const wanted = isBytes ? Buffer.from(delimiter as Uint8Array) : undefined
  if (wanted === undefined || wanted.length === 0) {
    throw new TypeError(`a delimiter is at least one byte or character, got ${describeValue(delimiter)}`)
  }
  sizeOption('maxBytes', maxBytes)
  let from = 0
  return {
    what: 'a unit with a delimiter',
    atEnd: 'unit',
    allowance: (held, step) => Math.min(maxBytes, held + step),
    match: (buffer) => {
      const at = buffer.indexOf(wanted, from)
      const size = at === -1 ? buffer.length : at + wanted.length
      if (at !== -1 && size <= maxBytes) return size
      if (size >= maxBytes) throw new VIOOversize('a unit with a delimiter', size, maxBytes)
      from = Math.max(0, buffer.length - wanted.length + 1)
      return -1
    },
  }
}

/** The bytes up to the end of a match. @throws as `RegexScan`, RangeError for a size that is none */
export function patternRequest(pattern: RegExp | string, limits: PatternLimits): ReadRequest {
  const maxBytes = sizeOption('maxBytes', limits.maxBytes)
  const maxMatchBytes = wholeOption('maxMatchBytes', limits.maxMatchBytes)
  const scan = new RegexScan(pattern, maxMatchBytes)
  const checked = (size: number): number => {
    // Where no match begins within the size, none can end within it.
    const least = size === -1 ? scan.ruledOutBytes + 1 : size
    if (least > maxBytes) throw new VIOOversize('a unit with a pattern', least, maxBytes)
    return size
  }
  return {
    what: 'a unit with a pattern',
    atEnd: 'unit',
    // A match that ends within the size may have to see what follows it.
    allowance: (held, step) => Math.min(maxBytes + maxMatchBytes + 1, held + step),
    match: (buffer, fresh) => {
      if (fresh === null) return scanFront(scan, buffer, checked)
      return checked(scan.feed(fresh.map((piece) => piece.toString('latin1')).join('')))
    },
    matchLast: () => checked(scan.end()),
  }
}

/** Searches what is held, in growing steps: a short unit at the front does not cost the whole buffer. */
function scanFront(scan: RegexScan, buffer: VByteBuffer, checked: (size: number) => number): number {
  for (let look = FIRST_LOOK_BYTES; scan.fedBytes < buffer.length; look *= LOOK_GROWTH) {
    const found = checked(
      scan.feed(textBehind(buffer.peekList(Math.min(look, buffer.length)), scan.fedBytes)),
    )
    if (found !== -1) return found
  }
  return -1
}

/** `pieces` without their first `skip` bytes, as text in which a byte is a character. */
function textBehind(pieces: readonly Buffer[], skip: number): string {
  const parts: string[] = []
  let toSkip = skip
  for (const piece of pieces) {
    if (toSkip < piece.length) parts.push(piece.toString('latin1', toSkip))
    toSkip = Math.max(0, toSkip - piece.length)
  }
  return parts.join('')
}

/** A size in bytes; there may be no limit to it. */
function sizeOption(name: string, value: number): number {
  return value === Number.POSITIVE_INFINITY ? value : wholeOption(name, value)
}
