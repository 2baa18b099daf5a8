/**
 * Frames that end at a delimiter of any bytes.
 *
 * Decides where a frame ends: at the first place where the delimiter stands. What the bytes of a frame become is left
 * to `frameOf`, which lines use. Invariant: each byte is searched once, as `#scanned` remembers how far the search went.
 */
import type { VByteBuffer } from '../byte-buffer.js'
import { VIOMalformed } from '../errors.js'
import { describeValue } from '../limit.js'
import {
  ByteFrameDecoder,
  checkBytes,
  checkFrameSize,
  DEFAULT_MAX_FRAME_BYTES,
  FrameEncoder,
} from './frame-codec.js'
import { wholeOption } from './options.js'

/** Options of `VDelimiterDecoder`. */
export interface VDelimiterOptions {
  /** The largest frame, without its delimiter. By default 65,536. */
  readonly maxFrameBytes?: number
  /** True if the delimiter stays at the end of its frame. By default it is dropped. */
  readonly keepDelimiter?: boolean
  /** True if what stands behind the last delimiter is a frame too. By default it makes the end an unclean one. */
  readonly allowUnterminated?: boolean
}

/** A delimiter: bytes, text (as UTF-8), or one byte as a number. */
export type VDelimiter = Uint8Array | string | number

/** @throws TypeError if it is neither, RangeError if it is empty or no byte */
function delimiterOf(delimiter: VDelimiter): Buffer {
  if (typeof delimiter === 'number') return Buffer.of(wholeOption('a delimiter', delimiter, 0, 255))
  const isBytes = typeof delimiter === 'string' || delimiter instanceof Uint8Array
  if (!isBytes) {
    throw new TypeError(`a delimiter is bytes, text or one byte, got ${describeValue(delimiter)}`)
  }
  // A copy, as the caller may write to what it gave.
  const bytes = Buffer.from(delimiter as Uint8Array)
  wholeOption('the length of a delimiter', bytes.length)
  return bytes
}

/** What a delimited framing is made of. */
export interface DelimitedShape {
  readonly delimiter: Uint8Array
  readonly maxFrameBytes: number
  readonly keepDelimiter: boolean
  readonly allowUnterminated: boolean
  /** How many bytes `frameOf` may take off the end of a frame, which then do not count. */
  readonly slackBytes: number
}

/** Searches for the delimiter. */
export abstract class DelimitedDecoder<M> extends ByteFrameDecoder<M> {
  readonly maxUnit: number
  protected readonly shape: DelimitedShape
  /** In this many places from the front on no delimiter begins. */
  #scanned = 0

  constructor(shape: DelimitedShape) {
    super()
    this.shape = shape
    this.maxUnit = shape.maxFrameBytes + shape.slackBytes + shape.delimiter.length
  }

  /** Makes a frame of its bytes, with the delimiter if that is kept. `terminated` unless it is the rest at the end. */
  protected abstract frameOf(bytes: Buffer, terminated: boolean): M

  protected next(): M | undefined {
    const { delimiter, maxFrameBytes, slackBytes, keepDelimiter } = this.shape
    const found = this.bytes.indexOf(delimiter, this.#scanned)
    if (found === -1) {
      this.#scanned = Math.max(0, this.bytes.length - delimiter.length + 1)
      if (this.#scanned > maxFrameBytes + slackBytes) checkFrameSize(maxFrameBytes + 1, maxFrameBytes)
      return undefined
    }
    // What was found late would have been refused, had the bytes come one by one.
    if (found > maxFrameBytes + slackBytes) checkFrameSize(maxFrameBytes + 1, maxFrameBytes)
    this.#scanned = 0
    const bytes = this.bytes.pop(keepDelimiter ? found + delimiter.length : found)
    if (!keepDelimiter) this.bytes.remove(delimiter.length)
    return this.frameOf(bytes, true)
  }

  protected override last(): M | undefined {
    if (!this.shape.allowUnterminated || this.bytes.length === 0) return undefined
    const { maxFrameBytes } = this.shape
    if (this.bytes.length > maxFrameBytes) checkFrameSize(maxFrameBytes + 1, maxFrameBytes)
    return this.frameOf(this.bytes.pop(), false)
  }
}

/**
 * Reads frames that end at a delimiter.
 *
 * ```ts
 * new VByteDecoder(reactor, new VDelimiterDecoder('\r\n.\r\n', { maxFrameBytes: 1_000_000 }))
 * ```
 *
 * Refuses a longer frame with `VIOOversize`.
 */
export class VDelimiterDecoder extends DelimitedDecoder<Buffer> {
  /** @throws TypeError if the delimiter is none, RangeError if it is empty or the maximum is below 1 */
  constructor(delimiter: VDelimiter, options: VDelimiterOptions = {}) {
    super({
      delimiter: delimiterOf(delimiter),
      maxFrameBytes: wholeOption('maxFrameBytes', options.maxFrameBytes ?? DEFAULT_MAX_FRAME_BYTES),
      keepDelimiter: options.keepDelimiter ?? false,
      allowUnterminated: options.allowUnterminated ?? false,
      slackBytes: 0,
    })
  }

  protected frameOf(bytes: Buffer): Buffer {
    return bytes
  }
}

/**
 * Writes a delimiter behind each frame.
 *
 * Refuses a frame that a reader would cut elsewhere, because the delimiter stands in it, with `VIOMalformed`.
 */
export class VDelimiterEncoder extends FrameEncoder<Uint8Array> {
  readonly #delimiter: Buffer
  readonly #maxFrameBytes: number

  /** @throws TypeError if the delimiter is none, RangeError if it is empty or the maximum is below 1 */
  constructor(delimiter: VDelimiter, options: Pick<VDelimiterOptions, 'maxFrameBytes'> = {}) {
    super()
    this.#delimiter = delimiterOf(delimiter)
    this.#maxFrameBytes = wholeOption('maxFrameBytes', options.maxFrameBytes ?? DEFAULT_MAX_FRAME_BYTES)
  }

  protected encode(frame: Uint8Array, output: VByteBuffer): void {
    checkBytes(frame)
    checkFrameSize(frame.length, this.#maxFrameBytes)
    // The delimiter may also begin in the frame and end in the one that is written behind it.
    const whole = Buffer.concat([frame, this.#delimiter])
    const found = whole.indexOf(this.#delimiter)
    if (found < frame.length) {
      throw new VIOMalformed(`a frame of ${frame.length} bytes has its delimiter at byte ${found}`)
    }
    output.append(whole)
  }
}
