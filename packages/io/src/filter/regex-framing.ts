/**
 * Frames that stand between matches of a regular expression.
 *
 * Decides where frames end: the first match in the text behind the frame before, as if all of the text had been there
 * at once. A match counts as soon as nothing that follows could change it (see `regex-ahead`): `/\r?\n/` at once,
 * `/\n+/` when another character has come or the input is over. So frames are the same however the bytes are cut. The
 * pattern is tried on windows of at most `maxSeparatorChars` and one more character from the first place on that is not
 * ruled out. Invariants: before `#from` no separator begins; what is held is at most the longest frame and one window.
 */
import type { VByteBuffer } from '../byte-buffer.js'
import { VIOMalformed, VIOOversize } from '../errors.js'
import { describeValue } from '../limit.js'
import { checkFrameSize, DEFAULT_MAX_FRAME_BYTES, FrameDecoder } from './frame-codec.js'
import type { VTextEncoding } from './lines.js'
import { choiceOption, wholeOption } from './options.js'
import { type AheadPattern, readAhead } from './regex-ahead.js'
import { Utf8Reader } from './utf8-reader.js'

/** Options of `VByteRegexDecoder`. */
export interface VRegexOptions {
  /** The largest frame, without its separator. By default 65,536. */
  readonly maxFrameBytes?: number
  /**
   * The most characters that the pattern may have to look at before it is known whether a separator begins at a place:
   * those of the separator and, with a lookahead, those behind it. By default 256.
   */
  readonly maxSeparatorChars?: number
  /** True if the separator stays at the end of its frame. By default it is dropped. */
  readonly keepSeparator?: boolean
  /** True if what stands behind the last separator is a frame too. By default it makes the end an unclean one. */
  readonly allowUnterminated?: boolean
}

/** Options of `VRegexDecoder`. */
export interface VTextRegexOptions extends VRegexOptions {
  /** How the text is written. By default 'utf8'; bytes that are not are refused with `VIOMalformed`. */
  readonly encoding?: VTextEncoding
}

const ENCODINGS = ['utf8', 'latin1'] as const
/** No character takes more bytes of UTF-8 for each of its units of UTF-16. */
const UTF8_BYTES_PER_UNIT = 3

abstract class RegexDecoder<M> extends FrameDecoder<M> {
  readonly maxUnit: number
  readonly #pattern: AheadPattern
  readonly #maxFrameBytes: number
  readonly #windowChars: number
  readonly #keepSeparator: boolean
  readonly #allowUnterminated: boolean
  readonly #utf8: Utf8Reader | undefined
  /** The parts of the present frame in which no separator begins. */
  #settled: string[] = []
  #settledBytes = 0
  /** What comes behind them, with the last character of them in front of it: assertions look back at it. */
  #text = ''
  /** Where in `#text` the search goes on: 1 with such a character, else 0. */
  #from = 0
  #held = 0

  constructor(pattern: RegExp, options: VRegexOptions, encoding: VTextEncoding) {
    super()
    this.#pattern = readAhead(patternFor(pattern, encoding))
    this.#maxFrameBytes = wholeOption('maxFrameBytes', options.maxFrameBytes ?? DEFAULT_MAX_FRAME_BYTES)
    const maxSeparatorChars = wholeOption('maxSeparatorChars', options.maxSeparatorChars ?? 256)
    this.#windowChars = maxSeparatorChars + 1
    this.#keepSeparator = options.keepSeparator ?? false
    this.#allowUnterminated = options.allowUnterminated ?? false
    this.#utf8 = encoding === 'utf8' ? new Utf8Reader() : undefined
    const unit = encoding === 'utf8' ? UTF8_BYTES_PER_UNIT : 1
    this.maxUnit = this.#maxFrameBytes + unit * (this.#windowChars + 2)
  }

  /** Makes a frame of its text. */
  protected abstract frameOf(text: string): M

  get held(): number {
    return this.#held
  }

  protected take(input: VByteBuffer): void {
    this.#held += input.length
    for (const chunk of input.drain()) this.#text += this.#utf8?.read(chunk) ?? chunk.toString('latin1')
  }

  protected next(): M | undefined {
    while (this.#from < this.#text.length) {
      const before = this.#text.length - this.#from
      const end = this.#windowEnd()
      const isAll = end === this.#text.length
      const match = this.#search(this.#pattern.ahead, isAll ? this.#text : this.#text.slice(0, end))
      if (match === null || match.index >= end || isMarked(match)) {
        this.#settle(match?.index ?? end)
        if (isAll) break
        // A whole window that ruled nothing out cannot be decided within its size.
        const isStuck = this.#text.length - this.#from === before
        if (isStuck) throw new VIOOversize('a separator', this.#windowChars, this.#windowChars - 1)
      } else return this.#cut(match)
    }
    if (this.#utf8?.malformed === true) throw new VIOMalformed('the text is not UTF-8')
    return undefined
  }

  protected last(): M | undefined {
    if (this.#from < this.#text.length) {
      const match = this.#search(this.#pattern.whole, this.#text)
      if (match !== null) return this.#cut(match)
    }
    this.#settle(this.#text.length)
    // Half a character at the end is an end inside a unit, whatever may stand there.
    if (!this.#allowUnterminated || this.#held === 0 || this.#held > this.#settledBytes) return undefined
    const frame = this.#settled.join('')
    this.#restart(this.#text.length, this.#settledBytes)
    return this.frameOf(frame)
  }

  #search(pattern: RegExp, text: string): RegExpExecArray | null {
    pattern.lastIndex = this.#from
    return pattern.exec(text)
  }

  /** Where the window ends: not between the halves of a character. */
  #windowEnd(): number {
    const end = this.#from + this.#windowChars
    if (end >= this.#text.length) return this.#text.length
    const unit = this.#text.charCodeAt(end - 1)
    return unit >= 0xd800 && unit < 0xdc00 ? end + 1 : end
  }

  /** No separator begins before `index`: what is there belongs to the frame. */
  #settle(index: number): void {
    if (index > this.#from) {
      const part = this.#text.slice(this.#from, index)
      this.#settled.push(part)
      this.#settledBytes += this.#sizeOf(part)
      this.#text = this.#text.slice(index - 1)
      this.#from = 1
    }
    if (this.#settledBytes > this.#maxFrameBytes) checkFrameSize(this.#maxFrameBytes + 1, this.#maxFrameBytes)
  }

  #cut(match: RegExpExecArray): M {
    const [separator] = match
    const offset = match.index - this.#from
    this.#settle(match.index)
    // Settling moved the text; the match now stands where the search would go on.
    const end = (offset > 0 ? 1 : this.#from) + separator.length
    if (this.#keepSeparator) this.#settled.push(separator)
    const frame = this.#settled.join('')
    this.#restart(end, this.#settledBytes + this.#sizeOf(separator))
    return this.frameOf(frame)
  }

  /** A frame and its separator, of `bytes` in all, end at `end`: what follows is searched as a text of its own. */
  #restart(end: number, bytes: number): void {
    this.#held -= bytes
    this.#text = this.#text.slice(end)
    this.#from = 0
    this.#settled = []
    this.#settledBytes = 0
  }

  #sizeOf(text: string): number {
    return this.#utf8 === undefined ? text.length : Buffer.byteLength(text)
  }
}

/** A mark says that the end of the text was looked at. */
function isMarked(match: RegExpExecArray): boolean {
  for (let at = 1; at < match.length; at += 1) if (match[at] !== undefined) return true
  return false
}

function patternFor(pattern: RegExp, encoding: VTextEncoding): RegExp {
  if (!(pattern instanceof RegExp))
    throw new TypeError(`a separator is a RegExp, got ${describeValue(pattern)}`)
  if (encoding === 'latin1' || pattern.unicode || pattern.flags.includes('v')) return pattern
  try {
    // Without the flag a match could end within a character.
    return new RegExp(pattern.source, `${pattern.flags}u`)
  } catch (error) {
    throw new TypeError(`${String(pattern)} is no pattern with the flag u, which UTF-8 needs`, {
      cause: error,
    })
  }
}

/**
 * Reads text between matches of a regular expression.
 *
 * ```ts
 * new VByteDecoder(reactor, new VRegexDecoder(/\n{2,}/)) // paragraphs
 * ```
 *
 * Each match is searched in the text behind the one before: there `^` matches at the start, and `$` at the end of the
 * input. Refuses a longer frame, and a separator that cannot be decided within `maxSeparatorChars`, with `VIOOversize`.
 */
export class VRegexDecoder extends RegexDecoder<string> {
  /**
   * @throws TypeError if the pattern can match without a character, has a back reference, a lookbehind or the flag y or
   *   v; RangeError if a maximum is below 1
   */
  constructor(pattern: RegExp, options: VTextRegexOptions = {}) {
    super(pattern, options, choiceOption('encoding', options.encoding ?? 'utf8', ENCODINGS))
  }

  protected frameOf(text: string): string {
    return text
  }
}

/** Reads bytes between matches of a regular expression, which sees each byte as the character of its number. */
export class VByteRegexDecoder extends RegexDecoder<Buffer> {
  /** @throws as `VRegexDecoder` */
  constructor(pattern: RegExp, options: VRegexOptions = {}) {
    super(pattern, options, 'latin1')
  }

  protected frameOf(text: string): Buffer {
    return Buffer.from(text, 'latin1')
  }
}
