/**
 * `VFileSource`: the bytes of a file as a producer.
 *
 * Decides how much is read at a time: what the consumer allows, up to `highWaterBytes`. One read is on its way at most,
 * and nothing is read ahead of the credit. A file that the source opened is closed before the end is told; one that was
 * given open stays open.
 */
import { type FileHandle, open } from 'node:fs/promises'
import { type IVReactor, VIOLost } from '@vio/reactor'
import { wholeOption } from '../filter/options.js'
import { describeValue } from '../limit.js'
import { AsyncSource } from './async-source.js'

/** A file as adapters take it: its path, or what it was opened as, which stays open. */
export type VFileTarget = string | URL | FileHandle

/** The default of `highWaterBytes` and of `capacityBytes` of files. */
export const DEFAULT_FILE_BYTES = 65_536

/** Options of `VFileSource`. */
export interface VFileSourceOptions {
  /** Where to begin, in bytes from the start. By default where the file stands, which is the start of one opened here. */
  readonly position?: number
  /** How many bytes to give. A file that has less ends unclean. By default all there are. */
  readonly length?: number
  /** The most bytes that are read at once. By default 65,536. */
  readonly highWaterBytes?: number
}

/**
 * Gives the bytes of a file.
 *
 * ```ts
 * new VFileSource(reactor, 'in.bin').byteProduce.attach(new VFileSink(reactor, 'out.bin').byteConsume)
 * ```
 */
export class VFileSource extends AsyncSource {
  readonly #target: VFileTarget
  readonly #highWaterBytes: number
  readonly #length: number
  #position: number | null
  #readBytes = 0
  #handle: Promise<FileHandle> | undefined

  /** @throws TypeError if `target` is no file, RangeError for a position, length or size that is none */
  constructor(reactor: IVReactor, target: VFileTarget, options: VFileSourceOptions = {}) {
    super(reactor)
    this.#target = checkFile(target)
    this.#position = options.position === undefined ? null : wholeOption('position', options.position, 0)
    this.#length =
      options.length === undefined ? Number.POSITIVE_INFINITY : wholeOption('length', options.length, 0)
    this.#highWaterBytes = wholeOption('highWaterBytes', options.highWaterBytes ?? DEFAULT_FILE_BYTES)
  }

  /** Bytes read so far. */
  get readBytes(): number {
    return this.#readBytes
  }

  protected override async pull(maxBytes: number): Promise<Uint8Array | null> {
    const left = this.#length - this.#readBytes
    const handle = await this.#open()
    if (left === 0) return null
    const size = Math.min(maxBytes, this.#highWaterBytes, left)
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(size), 0, size, this.#position)
    this.#readBytes += bytesRead
    if (this.#position !== null) this.#position += bytesRead
    if (bytesRead > 0) return buffer.subarray(0, bytesRead)
    if (this.#length === Number.POSITIVE_INFINITY) return null
    throw new VIOLost(`the file ended after ${this.#readBytes} of the ${this.#length} bytes asked for`)
  }

  protected override async release(): Promise<void> {
    if (isHandle(this.#target) || this.#handle === undefined) return
    // A file that could not be opened was told as such; there is nothing to close.
    const handle = await this.#handle.catch(() => undefined)
    await handle?.close()
  }

  #open(): Promise<FileHandle> {
    if (isHandle(this.#target)) return Promise.resolve(this.#target)
    this.#handle ??= open(this.#target, 'r')
    return this.#handle
  }
}

/** Reads what was given as a file. @throws TypeError if it is none */
export function checkFile(target: unknown): VFileTarget {
  if (typeof target === 'string' || target instanceof URL || isHandle(target)) return target
  throw new TypeError(`a file is a path, a file URL or a FileHandle, got ${describeValue(target)}`)
}

/** True for what `fs.promises.open` gives. */
export function isHandle(target: unknown): target is FileHandle {
  if (typeof target !== 'object' || target === null) return false
  const handle = target as Partial<FileHandle>
  return typeof handle.read === 'function' && typeof handle.writev === 'function'
}
