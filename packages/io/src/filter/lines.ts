/**
 * Lines, as text or as bytes.
 *
 * Decides what ends a line: LF, CRLF, or (by default) LF with a CR before it or none. A line is given without what
 * ended it. Text behind the last newline makes the end an unclean one unless `allowUnterminated` says that it is a line
 * too: a file may end so, a protocol that was cut off must not look complete.
 */
import type { VByteBuffer } from '../byte-buffer.js'
import { VIOMalformed } from '../errors.js'
import { describeValue } from '../limit.js'
import { DelimitedDecoder, type DelimitedShape } from './delimiter.js'
import { checkFrameSize, DEFAULT_MAX_FRAME_BYTES, FrameEncoder } from './frame-codec.js'
import { choiceOption, wholeOption } from './options.js'

/** What ends a line: LF alone (a CR before it is text), CRLF alone (a lone LF is text), or either. */
export type VNewline = 'any' | 'lf' | 'crlf'

/** Options of `VLineDecoder` and `VByteLineDecoder`. */
export interface VLineOptions {
  /** What ends a line. By default 'any'. */
  readonly newline?: VNewline
  /** The longest line, without its newline. By default 65,536. */
  readonly maxLineBytes?: number
  /** True if what stands behind the last newline is a line too. By default it makes the end an unclean one. */
  readonly allowUnterminated?: boolean
}

/** How text is written in bytes. */
export type VTextEncoding = 'utf8' | 'latin1'

/** Options of `VLineDecoder`. */
export interface VTextLineOptions extends VLineOptions {
  /** How the text is written. By default 'utf8'. */
  readonly encoding?: VTextEncoding
  /** True if bytes that are no text are refused with `VIOMalformed`. By default each shows as U+FFFD. */
  readonly strict?: boolean
}

const NEWLINES = ['any', 'lf', 'crlf'] as const
const ENCODINGS = ['utf8', 'latin1'] as const
const LF = 0x0a
const CR = 0x0d

function shapeOf(options: VLineOptions): DelimitedShape {
  const newline = choiceOption('newline', options.newline ?? 'any', NEWLINES)
  return {
    delimiter: newline === 'crlf' ? Buffer.of(CR, LF) : Buffer.of(LF),
    maxFrameBytes: wholeOption('maxLineBytes', options.maxLineBytes ?? DEFAULT_MAX_FRAME_BYTES),
    keepDelimiter: false,
    allowUnterminated: options.allowUnterminated ?? false,
    slackBytes: newline === 'any' ? 1 : 0,
  }
}

abstract class LineDecoder<M> extends DelimitedDecoder<M> {
  constructor(options: VLineOptions) {
    super(shapeOf(options))
  }

  protected abstract lineOf(bytes: Buffer): M

  protected frameOf(bytes: Buffer, terminated: boolean): M {
    const { slackBytes, maxFrameBytes } = this.shape
    const endsInCr = bytes[bytes.length - 1] === CR
    const line = terminated && slackBytes === 1 && endsInCr ? bytes.subarray(0, -1) : bytes
    checkFrameSize(line.length, maxFrameBytes)
    return this.lineOf(line)
  }
}

/** Reads lines as bytes. Refuses a longer line with `VIOOversize`. */
export class VByteLineDecoder extends LineDecoder<Buffer> {
  /** @throws TypeError for an unknown newline, RangeError if the maximum is below 1 */
  constructor(options: VLineOptions = {}) {
    super(options)
  }

  protected lineOf(bytes: Buffer): Buffer {
    return bytes
  }
}

/**
 * Reads lines as text. Refuses a longer line with `VIOOversize`.
 *
 * ```ts
 * new VByteDecoder(reactor, new VLineDecoder({ maxLineBytes: 1_000 }))
 * ```
 */
export class VLineDecoder extends LineDecoder<string> {
  readonly #encoding: VTextEncoding
  readonly #strict: boolean

  /** @throws TypeError for an unknown newline or encoding, RangeError if the maximum is below 1 */
  constructor(options: VTextLineOptions = {}) {
    super(options)
    this.#encoding = choiceOption('encoding', options.encoding ?? 'utf8', ENCODINGS)
    this.#strict = options.strict ?? false
  }

  protected lineOf(bytes: Buffer): string {
    if (!this.#strict || this.#encoding === 'latin1') return bytes.toString(this.#encoding)
    const text = strictUtf8(bytes)
    if (text === undefined) throw new VIOMalformed(`a line of ${bytes.length} bytes is not UTF-8`)
    return text
  }
}

/** The text of bytes; undefined if they are not UTF-8. */
export function strictUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** Options of `VLineEncoder`. */
export interface VLineEncoderOptions {
  /** What a reader takes for the end of a line. By default 'any', for which LF is written. */
  readonly newline?: VNewline
  /** The longest line, without its newline. By default 65,536. */
  readonly maxLineBytes?: number
  /** How text is written. By default 'utf8'. */
  readonly encoding?: VTextEncoding
}

/**
 * Writes text or bytes as lines.
 *
 * Refuses a longer line with `VIOOversize`, and with `VIOMalformed` what a reader of the same `newline` would not get
 * back: a newline within the line, a character that the encoding does not have.
 */
export class VLineEncoder extends FrameEncoder<string | Uint8Array> {
  readonly #newline: VNewline
  readonly #maxLineBytes: number
  readonly #encoding: VTextEncoding

  /** @throws TypeError for an unknown newline or encoding, RangeError if the maximum is below 1 */
  constructor(options: VLineEncoderOptions = {}) {
    super()
    this.#newline = choiceOption('newline', options.newline ?? 'any', NEWLINES)
    this.#maxLineBytes = wholeOption('maxLineBytes', options.maxLineBytes ?? DEFAULT_MAX_FRAME_BYTES)
    this.#encoding = choiceOption('encoding', options.encoding ?? 'utf8', ENCODINGS)
  }

  protected encode(line: string | Uint8Array, output: VByteBuffer): void {
    const bytes = this.#bytesOf(line)
    checkFrameSize(bytes.length, this.#maxLineBytes)
    const newline = this.#newline === 'crlf' ? '\r\n' : '\n'
    const hasNewline = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(newline)
    if (hasNewline || (this.#newline === 'any' && bytes[bytes.length - 1] === CR)) {
      throw new VIOMalformed(`a line of ${bytes.length} bytes has a newline in it or a CR at its end`)
    }
    output.append(bytes)
    output.append(Buffer.from(newline))
  }

  #bytesOf(line: string | Uint8Array): Uint8Array {
    if (line instanceof Uint8Array) return line
    if (typeof line !== 'string')
      throw new VIOMalformed(`a line is text or bytes, got ${describeValue(line)}`)
    const bytes = Buffer.from(line, this.#encoding)
    // What the encoding does not have would come back as something else: a lone surrogate, a character above U+00FF.
    if (bytes.toString(this.#encoding) !== line)
      throw new VIOMalformed(`a line has characters that ${this.#encoding} has not`)
    return bytes
  }
}
