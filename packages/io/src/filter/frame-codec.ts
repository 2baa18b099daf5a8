/**
 * What every framing shares: taking frames one after another, and when an error may come out.
 *
 * Decides that an error waits until the frames before it have left, so that what a reader gets does not depend on how
 * the bytes were cut into chunks. What a frame is, the subclass decides. Invariant: once an error was met, nothing
 * more is decoded or encoded.
 */
import { VByteBuffer } from '../byte-buffer.js'
import { VIOMalformed, VIOOversize } from '../errors.js'
import { describeValue } from '../limit.js'
import type { VMessageQueue } from '../message-queue.js'
import type { IVTransform } from '../types.js'

/** How large a frame may be unless a framing is told otherwise, in bytes. */
export const DEFAULT_MAX_FRAME_BYTES = 65_536

/** An error that waits for its turn. Any value can be thrown, `undefined` too. */
interface Failure {
  readonly error: unknown
}

/** Bytes to frames. */
export abstract class FrameDecoder<M> implements IVTransform<VByteBuffer, VMessageQueue<M>> {
  #failure: Failure | undefined

  /** The most bytes that may be needed at once to go on. */
  abstract readonly maxUnit: number
  /** Bytes that came and belong to no frame yet. */
  abstract readonly held: number

  /** An error waits until the frames before it have left. */
  get pending(): boolean {
    return this.#failure !== undefined
  }

  /** Takes all of `input`. */
  protected abstract take(input: VByteBuffer): void
  /** The next frame that is complete, or undefined. */
  protected abstract next(): M | undefined
  /** The input is over: the next frame that this makes complete, or undefined. Called until it is undefined. */
  protected abstract last(): M | undefined

  push(input: VByteBuffer, output: VMessageQueue<M>): void {
    if (this.#failure !== undefined) throw this.#failure.error
    const before = output.length
    try {
      this.take(input)
      for (let frame = this.next(); frame !== undefined; frame = this.next()) output.append(frame)
    } catch (error) {
      this.#failure = { error }
      if (output.length === before) throw error
    }
  }

  end(output: VMessageQueue<M>): boolean {
    if (this.#failure !== undefined) throw this.#failure.error
    for (let frame = this.last(); frame !== undefined; frame = this.last()) output.append(frame)
    return this.held === 0
  }
}

/** Bytes to frames, where what is held is kept as bytes. */
export abstract class ByteFrameDecoder<M> extends FrameDecoder<M> {
  /** What came and belongs to no frame yet. */
  protected readonly bytes: VByteBuffer = new VByteBuffer()

  get held(): number {
    return this.bytes.length
  }

  protected take(input: VByteBuffer): void {
    input.moveTo(this.bytes)
  }

  protected last(): M | undefined {
    return undefined
  }
}

/** Frames to bytes. */
export abstract class FrameEncoder<M> implements IVTransform<VMessageQueue<M>, VByteBuffer> {
  #failure: Failure | undefined

  /** An error waits until the bytes before it have left. */
  get pending(): boolean {
    return this.#failure !== undefined
  }

  /** Appends the bytes of one frame. Nothing is appended if it throws. */
  protected abstract encode(frame: M, output: VByteBuffer): void

  push(input: VMessageQueue<M>, output: VByteBuffer): void {
    if (this.#failure !== undefined) throw this.#failure.error
    const before = output.length
    try {
      while (input.length > 0) this.encode(input.shift() as M, output)
    } catch (error) {
      this.#failure = { error }
      if (output.length === before) throw error
    }
  }

  end(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
}

/** @throws VIOOversize if a frame of `sizeBytes` is too large */
export function checkFrameSize(sizeBytes: number, maxBytes: number): void {
  if (sizeBytes > maxBytes) throw new VIOOversize('a frame', sizeBytes, maxBytes)
}

/** @throws VIOMalformed if `frame` is not bytes */
export function checkBytes(frame: unknown): asserts frame is Uint8Array {
  if (!(frame instanceof Uint8Array)) {
    throw new VIOMalformed(`this framing writes frames of bytes, got ${describeValue(frame)}`)
  }
}
