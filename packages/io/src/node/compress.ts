/**
 * `VCompress` and `VDecompress`: gzip, deflate and brotli, by node:zlib.
 *
 * Decides what an error of the library means to a chain: input that was cut off makes the end an unclean one, input that
 * is not of the format, or goes on behind its end, takes the flow down. The work is done on Node's thread pool.
 * Invariant: besides `capacity` bytes of input, each holds at most `COMPRESS_OUTPUT_BYTES` of output. What the library
 * itself keeps to find repetitions comes on top: to pack, less than 1 MiB; to unpack what others packed, the window of
 * the format, 32 KiB or for brotli up to 16 MiB.
 */
import type { Duplex } from 'node:stream'
import {
  constants,
  createBrotliCompress,
  createBrotliDecompress,
  createDeflate,
  createDeflateRaw,
  createGunzip,
  createGzip,
  createInflate,
  createInflateRaw,
  type Zlib,
} from 'node:zlib'
import { type IVReactor, VIOLost } from '@vio/reactor'
import { VIOMalformed } from '../errors.js'
import { choiceOption } from '../filter/options.js'
import { VNodeThrough, type VThroughFailure, type VThroughOptions } from './through.js'

/** A format: gzip (RFC 1952), deflate with the header of zlib (RFC 1950) or without (RFC 1951), brotli (RFC 7932). */
export type VCompressFormat = 'gzip' | 'deflate' | 'deflate-raw' | 'brotli'

/** The most bytes of output that wait in a compressor or decompressor: what it is asked to keep, and one chunk more. */
export const COMPRESS_OUTPUT_BYTES = 32_768

const CHUNK_BYTES: number = COMPRESS_OUTPUT_BYTES / 2

/** The library holds input of up to twice the window before it gives anything. */
const BROTLI_WINDOW_BITS = 18

/** Options of `VCompress`. */
export interface VCompressOptions extends VThroughOptions {
  /** How hard to try: 0 to 9, by default 6; for brotli 0 to 11, by default 5. */
  readonly level?: number
  /**
   * True if the reader gets all of what came with each chunk, at some cost in size: for conversations. By default output
   * comes when there is a block of it.
   */
  readonly flushEach?: boolean
}

const FORMATS: readonly VCompressFormat[] = ['gzip', 'deflate', 'deflate-raw', 'brotli']

function compressor(format: VCompressFormat, options: VCompressOptions): Duplex & Zlib {
  const sizes = { chunkSize: CHUNK_BYTES, highWaterMark: CHUNK_BYTES }
  const each = options.flushEach === true
  if (format === 'brotli') {
    const params = {
      [constants.BROTLI_PARAM_QUALITY]: levelOf(options.level ?? 5, 11),
      [constants.BROTLI_PARAM_LGWIN]: BROTLI_WINDOW_BITS,
    }
    const flush = each ? constants.BROTLI_OPERATION_FLUSH : constants.BROTLI_OPERATION_PROCESS
    return createBrotliCompress({ ...sizes, params, flush })
  }
  const flush = each ? constants.Z_SYNC_FLUSH : constants.Z_NO_FLUSH
  const settings = { ...sizes, level: levelOf(options.level ?? 6, 9), flush }
  if (format === 'gzip') return createGzip(settings)
  return format === 'deflate' ? createDeflate(settings) : createDeflateRaw(settings)
}

function levelOf(level: number, most: number): number {
  if (Number.isInteger(level) && level >= 0 && level <= most) return level
  throw new RangeError(`a level is a whole number from 0 to ${most}, got ${String(level)}`)
}

function decompressor(format: VCompressFormat): Duplex & Zlib {
  const sizes = { chunkSize: CHUNK_BYTES, highWaterMark: CHUNK_BYTES }
  if (format === 'brotli') return createBrotliDecompress(sizes)
  if (format === 'gzip') return createGunzip(sizes)
  return format === 'deflate' ? createInflate(sizes) : createInflateRaw(sizes)
}

/**
 * Compresses what passes.
 *
 * ```ts
 * chain(file, new VCompress(reactor, 'gzip'), socket)
 * ```
 */
export class VCompress extends VNodeThrough {
  /** @throws TypeError without a reactor or for an unknown format, RangeError for a level or size that is none */
  constructor(reactor: IVReactor, format: VCompressFormat, options: VCompressOptions = {}) {
    super(reactor, compressor(choiceOption('format', format, FORMATS), options), options)
  }
}

/**
 * Decompresses what passes. Give it `maxOutputBytes` where the input comes from others: a kilobyte can become a
 * megabyte.
 *
 * Input that was cut off makes the end an unclean one; what came of it is passed on before. Input that is malformed, or
 * goes on behind the end of its format, takes the flow down with `VIOMalformed`; of the piece of input in which the
 * fault lies nothing comes out. Several members of gzip one behind the other count as one.
 */
export class VDecompress extends VNodeThrough {
  readonly #engine: Zlib

  /** @throws TypeError without a reactor or for an unknown format, RangeError for a size that is none */
  constructor(reactor: IVReactor, format: VCompressFormat, options: VThroughOptions = {}) {
    const engine = decompressor(choiceOption('format', format, FORMATS))
    super(reactor, engine, options)
    this.#engine = engine
  }

  protected override failureOf(error: Error & { readonly code?: string }): VThroughFailure {
    if (error.code === 'Z_BUF_ERROR') {
      return { reason: new VIOLost('the data ended inside compressed data', { cause: error }), cutOff: true }
    }
    return {
      reason: new VIOMalformed(`compressed data is malformed: ${error.message}`, { cause: error }),
      cutOff: false,
    }
  }

  protected override checkEnd(): VThroughFailure | undefined {
    // The library stops reading at the end of its format, and tells no error if there is more.
    const left = this.givenBytes - this.#engine.bytesWritten
    if (left === 0) return undefined
    return {
      reason: new VIOMalformed(`${left} bytes or more follow the end of compressed data`),
      cutOff: false,
    }
  }
}
