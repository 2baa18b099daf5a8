/**
 * Frames of one size, with nothing between them.
 *
 * Decides nothing but where a frame ends. Input that stops inside a frame makes the end an unclean one, unless the last
 * frame may be a short one.
 */
import type { VByteBuffer } from '../byte-buffer.js'
import { VIOMalformed } from '../errors.js'
import { ByteFrameDecoder, checkBytes, FrameEncoder } from './frame-codec.js'
import { wholeOption } from './options.js'

/** Options of `VFixedSizeDecoder` and `VFixedSizeEncoder`. */
export interface VFixedSizeOptions {
  /** True if the last frame may be shorter. By default an end inside a frame is an unclean one. */
  readonly allowShortLast?: boolean
}

/** Reads frames of `frameBytes` bytes. */
export class VFixedSizeDecoder extends ByteFrameDecoder<Buffer> {
  readonly maxUnit: number
  readonly #allowShortLast: boolean

  /** @throws RangeError if the size is not a whole number from 1 on */
  constructor(frameBytes: number, options: VFixedSizeOptions = {}) {
    super()
    this.maxUnit = wholeOption('frameBytes', frameBytes)
    this.#allowShortLast = options.allowShortLast ?? false
  }

  protected next(): Buffer | undefined {
    return this.bytes.length < this.maxUnit ? undefined : this.bytes.pop(this.maxUnit)
  }

  protected override last(): Buffer | undefined {
    return this.#allowShortLast && this.bytes.length > 0 ? this.bytes.pop() : undefined
  }
}

/** Writes frames of `frameBytes` bytes as they are. Refuses a frame of any other size with `VIOMalformed`. */
export class VFixedSizeEncoder extends FrameEncoder<Uint8Array> {
  readonly #frameBytes: number
  readonly #allowShortLast: boolean
  #hadShort = false

  /** @throws RangeError if the size is not a whole number from 1 on */
  constructor(frameBytes: number, options: VFixedSizeOptions = {}) {
    super()
    this.#frameBytes = wholeOption('frameBytes', frameBytes)
    this.#allowShortLast = options.allowShortLast ?? false
  }

  protected encode(frame: Uint8Array, output: VByteBuffer): void {
    checkBytes(frame)
    const isShort = frame.length > 0 && frame.length < this.#frameBytes
    const fits = frame.length === this.#frameBytes || (this.#allowShortLast && isShort)
    if (!fits) {
      throw new VIOMalformed(`a frame of ${frame.length} bytes where each has ${this.#frameBytes}`)
    }
    if (this.#hadShort) throw new VIOMalformed('a frame follows a shorter one, which has to be the last')
    this.#hadShort = isShort
    output.append(frame)
  }
}
