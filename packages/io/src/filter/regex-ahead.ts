/**
 * Tells, of a regular expression and a text that may go on, whether a match could still change.
 *
 * JavaScript's engine does not say whether it looked past the end of the text. So the pattern is rewritten: each part
 * that looks at a character may instead "see the end", which it does only at the end of the text and which leaves a mark
 * (an empty capture). The engine tries its ways in the same order as with the pattern itself. If the first way that
 * succeeds has no mark, it is the match whatever follows, as all ways before it failed for good; if it has one, more
 * text has to come, and no match begins before it. Marks may be left where none was needed, which only makes one wait;
 * one may never be missing.
 *
 * Constructs for which that cannot be told are refused: back references, lookbehind, a lookahead that is repeated or
 * lies in a negative one.
 */

/** A pattern in both forms. */
export interface AheadPattern {
  /** The rewritten pattern; always matches. Any capture that is set is a mark. Set `lastIndex`. */
  readonly ahead: RegExp
  /** The pattern as it is, for text that is known to be all. Set `lastIndex`. */
  readonly whole: RegExp
}

/**
 * Sees the end, and marks it. With the flag m `$` alone would see lines too; with the flag u the engine takes the middle
 * of a pair of halves for a place where no character follows, which is not what `$` sees.
 */
const END = '$(?![^])()'

/** How many optional repetitions are written out; beyond that one may wait for a character more than needed. */
const MAX_WRITTEN_OUT = 64

/** A rewritten pattern may be this long; writing out repetitions within repetitions makes it grow. */
const MAX_SOURCE_CHARS = 20_000

/** A part of a rewritten pattern. */
interface Piece {
  readonly source: string
  /** True if the part can match without a character. */
  readonly empty: boolean
  /** True if a lookahead is in it: its mark is not at the end of what was matched. */
  readonly looksAhead: boolean
}

const NOTHING: Piece = { source: '', empty: true, looksAhead: false }

/** Escapes of one character, in patterns with the flag u: a pair of halves, a code point, a property. */
const UNICODE_ESCAPE = /\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|u\{[^}]*\}|[pP]\{[^}]*\})/y
/** The rest, and all there are without the flag. What the engine took is well-formed. */
const ESCAPE = /\\(?:u[\da-fA-F]{4}|x[\da-fA-F]{2}|c[A-Za-z]|.)/sy
const CLASS = /\[(?:\\.|[^\]\\])*\]/sy
const QUANTIFIER = /(?:([*+?])|\{(\d+)(,(\d*))?\})(\??)/y
const GROUP = /\((?:\?(?:(:)|<([^=!][^>]*)>|([=!])))?/y

/** How often a part is repeated. */
interface Repeat {
  readonly least: number
  readonly most: number
  readonly lazy: boolean
}

/** Reads a pattern from left to right and rewrites it. */
class AheadWriter {
  readonly #source: string
  readonly #unicode: boolean
  #at = 0

  constructor(source: string, unicode: boolean) {
    this.#source = source
    this.#unicode = unicode
  }

  /** Alternatives, up to the end or a closing bracket. */
  alternatives(): Piece {
    const pieces = [this.#sequence()]
    while (this.#source[this.#at] === '|') {
      this.#at += 1
      pieces.push(this.#sequence())
    }
    return {
      source: pieces.map((piece) => piece.source).join('|'),
      empty: pieces.some((piece) => piece.empty),
      looksAhead: pieces.some((piece) => piece.looksAhead),
    }
  }

  #sequence(): Piece {
    let whole = NOTHING
    while (this.#at < this.#source.length && !'|)'.includes(this.#source.charAt(this.#at))) {
      const piece = this.#term()
      whole = {
        source: whole.source + piece.source,
        empty: whole.empty && piece.empty,
        looksAhead: whole.looksAhead || piece.looksAhead,
      }
      if (whole.source.length > MAX_SOURCE_CHARS) throw new TypeError('its repetitions make it too large')
    }
    return whole
  }

  #term(): Piece {
    const first = this.#source.charAt(this.#at)
    if (first === '(') return this.#repeated(this.#group())
    if (first === '^' || first === '$') return assertion(this.#take(1))
    if (first === '\\') return this.#escape()
    if (first === '[') return this.#repeated(character(this.#match(CLASS)))
    const size = this.#unicode && (this.#source.codePointAt(this.#at) ?? 0) > 0xffff ? 2 : 1
    return this.#repeated(character(this.#take(size)))
  }

  #escape(): Piece {
    UNICODE_ESCAPE.lastIndex = this.#at
    const isUnicode = this.#unicode && UNICODE_ESCAPE.test(this.#source)
    const token = this.#match(isUnicode ? UNICODE_ESCAPE : ESCAPE)
    const kind = token.charAt(1)
    if (kind === 'b' || kind === 'B') return assertion(token)
    const digitFollows = /\d/.test(this.#source.charAt(this.#at))
    if (/[1-9k]/.test(kind) || (kind === '0' && digitFollows) || token === '\\c') {
      throw new TypeError(`it has the back reference or outdated escape ${token}`)
    }
    return this.#repeated(character(token))
  }

  #group(): Piece {
    const start = this.#at
    const opening = this.#match(GROUP)
    const look = opening.endsWith('=') || opening.endsWith('!') ? opening.slice(-1) : undefined
    if (opening === '(' && this.#source.charAt(this.#at) === '?') {
      throw new TypeError(`it has the group ${this.#source.slice(start, start + 4)}, which is not supported`)
    }
    const inner = this.alternatives()
    this.#take(1)
    if (look === undefined) return { ...inner, source: `(?:${inner.source})` }
    return look === '=' ? lookahead(inner) : negativeLookahead(inner)
  }

  #repeated(piece: Piece): Piece {
    QUANTIFIER.lastIndex = this.#at
    const found = QUANTIFIER.exec(this.#source)
    if (found === null) return piece
    this.#at = QUANTIFIER.lastIndex
    return repeat(piece, repeatOf(found))
  }

  #match(token: RegExp): string {
    token.lastIndex = this.#at
    const found = token.exec(this.#source)
    // The engine took the pattern, so this is a construct that came after this code was written.
    if (found === null)
      throw new TypeError(`it has ${this.#source.slice(this.#at, this.#at + 4)}, which is not supported`)
    return this.#take(found[0].length)
  }

  #take(size: number): string {
    this.#at += size
    return this.#source.slice(this.#at - size, this.#at)
  }
}

function repeatOf(found: RegExpExecArray): Repeat {
  const [, sign, least, comma, most, lazy] = found
  const isLazy = lazy === '?'
  if (sign !== undefined) {
    return { least: sign === '+' ? 1 : 0, most: sign === '?' ? 1 : Number.POSITIVE_INFINITY, lazy: isLazy }
  }
  if (comma === undefined) return { least: Number(least), most: Number(least), lazy: isLazy }
  return {
    least: Number(least),
    most: most === '' ? Number.POSITIVE_INFINITY : Number(most),
    lazy: isLazy,
  }
}

function character(source: string): Piece {
  return { source: `(?:${source}|${END})`, empty: false, looksAhead: false }
}

/** The end comes first: an assertion that holds there must not hide that more may follow. */
function assertion(source: string): Piece {
  return { source: `(?:${END}|${source})`, empty: true, looksAhead: false }
}

function lookahead(inner: Piece): Piece {
  return { source: `(?=${inner.source})`, empty: true, looksAhead: true }
}

/** If what must not follow can reach the end, it is not known yet whether it follows. */
function negativeLookahead(inner: Piece): Piece {
  if (inner.looksAhead) throw new TypeError('it has a lookahead within a negative lookahead')
  const reaches = `(?=(?:${inner.source})${END})`
  return { source: `(?:(?!${inner.source})|${reaches})`, empty: true, looksAhead: true }
}

function repeat(piece: Piece, times: Repeat): Piece {
  const { least, most, lazy } = times
  const empty = piece.empty || least === 0
  const options = most - least
  // A repetition that matches nothing does not count for the engine, which only a repetition of its own can tell.
  const canWriteOut = options <= MAX_WRITTEN_OUT && !piece.empty
  if (canWriteOut && least <= 1) {
    const needed = least === 1 ? piece.source : ''
    return { source: needed + optional(piece.source, options, lazy), empty, looksAhead: piece.looksAhead }
  }
  if (piece.looksAhead) throw new TypeError('it has a lookahead that is repeated')
  if (canWriteOut) {
    const exact = `(?:${piece.source}){${least}}`
    return { source: exact + optional(piece.source, options, lazy), empty, looksAhead: false }
  }
  // Marks within a repetition are forgotten when it starts anew, and one that is empty does not count: so the end is
  // looked for once more where the repetition stops.
  const count = most === Number.POSITIVE_INFINITY ? `{${least},}` : `{${least},${most}}`
  const stop = lazy ? `(?:|${END})` : `(?:${END}|)`
  return { source: `(?:${piece.source})${count}${lazy ? '?' : ''}${stop}`, empty, looksAhead: false }
}

/** A part that may stand up to `times` times, written out one inside the other. */
function optional(source: string, times: number, lazy: boolean): string {
  let whole = ''
  for (let time = 0; time < times; time += 1) {
    whole = lazy ? `(?:|${source}${whole})` : `(?:${source}${whole}|)`
    if (whole.length > MAX_SOURCE_CHARS) throw new TypeError('its repetitions make it too large')
  }
  return whole
}

/**
 * Rewrites a pattern.
 *
 * @throws TypeError if it can match without a character, is sticky, or has a construct that is not supported
 */
export function readAhead(pattern: RegExp): AheadPattern {
  const flags = pattern.flags.replace(/[gd]/g, '')
  try {
    if (/[yv]/.test(flags)) throw new TypeError(`it has the flag ${flags.includes('y') ? 'y' : 'v'}`)
    const piece = new AheadWriter(pattern.source, flags.includes('u')).alternatives()
    if (piece.empty) throw new TypeError('it can match without a character')
    return { ahead: new RegExp(piece.source, `${flags}g`), whole: new RegExp(pattern.source, `${flags}g`) }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new TypeError(`${String(pattern)} cannot separate frames: ${why}`)
  }
}
