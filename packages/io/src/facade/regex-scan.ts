/**
 * Searches a stream for a regular expression.
 *
 * Decides where a unit ends: behind the first match, as if all of the data had been there at once. A match counts as
 * soon as nothing that follows could change it, which `regex-ahead` can tell: `/\r?\n/` at once, `/\n+/` when another
 * byte has come or the data is over. So the answer is the same however the bytes are cut. Bytes count as the characters
 * of the same number (Latin-1). Invariants: before the place where the search goes on no match begins; a byte is looked
 * at again only by matches that may begin before it, at most `maxMatchBytes` away.
 */
import { VIOOversize } from '../errors.js'
import { type AheadPattern, readAhead } from '../filter/regex-ahead.js'
import { describeValue } from '../limit.js'

/** Looks for the end of one unit. */
export class RegexScan {
  readonly #pattern: AheadPattern
  readonly #windowBytes: number
  /** What is not ruled out yet, with the character before it: assertions look back at it. */
  #text = ''
  /** Where in `#text` the search goes on: 1 with such a character, else 0. */
  #from = 0
  #ruledOut = 0

  /** @throws SyntaxError for source text that is none, TypeError for a pattern that cannot be searched for in a stream */
  constructor(pattern: RegExp | string, maxMatchBytes: number) {
    const given = typeof pattern === 'string' ? new RegExp(pattern) : pattern
    if (!(given instanceof RegExp))
      throw new TypeError(`a pattern is a RegExp or its source, got ${describeValue(given)}`)
    this.#pattern = preparedOf(given)
    this.#windowBytes = maxMatchBytes + 1
  }

  /** How many bytes were fed. */
  get fedBytes(): number {
    return this.#ruledOut + this.#text.length - this.#from
  }

  /** In how many places from the front on no match begins. */
  get ruledOutBytes(): number {
    return this.#ruledOut
  }

  /**
   * Looks at the next bytes. Returns how long the unit is, or -1 if that is not known yet.
   *
   * @throws VIOOversize if a match cannot be decided within its size
   */
  feed(text: string): number {
    this.#text += text
    while (this.#from < this.#text.length) {
      const before = this.#text.length - this.#from
      const end = Math.min(this.#from + this.#windowBytes, this.#text.length)
      const isAll = end === this.#text.length
      const match = this.#search(this.#pattern.ahead, isAll ? this.#text : this.#text.slice(0, end))
      if (match !== null && match.index < end && !isMarked(match)) return this.#unit(match)
      this.#ruleOut(match?.index ?? end)
      const open = this.#text.length - this.#from
      // A whole window that ruled nothing out cannot be decided within its size.
      const isStuck = isAll ? open >= this.#windowBytes : open === before
      if (isStuck) throw new VIOOversize('a match', this.#windowBytes, this.#windowBytes - 1)
      if (isAll) break
    }
    return -1
  }

  /** Nothing more comes. Returns how long the unit is, or -1 if there is none. */
  end(): number {
    const match = this.#from < this.#text.length ? this.#search(this.#pattern.whole, this.#text) : null
    return match === null ? -1 : this.#unit(match)
  }

  #search(pattern: RegExp, text: string): RegExpExecArray | null {
    pattern.lastIndex = this.#from
    return pattern.exec(text)
  }

  #unit(match: RegExpExecArray): number {
    return this.#ruledOut + match.index - this.#from + match[0].length
  }

  #ruleOut(index: number): void {
    if (index <= this.#from) return
    this.#ruledOut += index - this.#from
    this.#text = this.#text.slice(index - 1)
    this.#from = 1
  }
}

/**
 * Preparing a pattern costs more than finding a short unit, and a pattern that is written where it is used is a new object
 * each time. So what was prepared is kept by its source, for some.
 */
const prepared: Map<string, AheadPattern> = new Map()
const MAX_PREPARED = 64

function preparedOf(pattern: RegExp): AheadPattern {
  const key = `${pattern.flags}/${pattern.source}`
  const known = prepared.get(key)
  if (known !== undefined) return known
  const made = readAhead(pattern)
  if (prepared.size >= MAX_PREPARED) prepared.clear()
  prepared.set(key, made)
  return made
}

/** A mark says that the end of the text was looked at. */
function isMarked(match: RegExpExecArray): boolean {
  for (let at = 1; at < match.length; at += 1) if (match[at] !== undefined) return true
  return false
}
