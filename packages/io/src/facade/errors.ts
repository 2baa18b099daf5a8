/**
 * The error that facades have beyond those of chains.
 */
import { VIOLost } from '../errors.js'

/** The data ended inside a unit that was asked for as a whole. Nothing was consumed. */
export class VIOIncomplete extends VIOLost {
  override readonly code = 'V_IO_INCOMPLETE'
  /** What was there of the unit. It stays in the stream, for a read that can do with less; do not write to it. */
  readonly partial: Buffer
  /** How many bytes were asked for; undefined where that was not said in bytes. */
  readonly wantedBytes: number | undefined

  constructor(
    what: string,
    partial: Buffer,
    options: { readonly wantedBytes?: number; readonly cause?: Error | undefined } = {},
  ) {
    const of = options.wantedBytes === undefined ? '' : ` of ${options.wantedBytes}`
    const why = options.cause === undefined ? '' : `: ${options.cause.message}`
    const cause = options.cause === undefined ? {} : { cause: options.cause }
    super(`the data ended after ${partial.length}${of} bytes of ${what}${why}`, cause)
    this.partial = partial
    this.wantedBytes = options.wantedBytes
  }
}
