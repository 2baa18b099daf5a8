/**
 * `VStream`: a chain end for code that waits.
 *
 * Joins the reading and the writing side to one object with promises; what a read gets stands in `ByteReader`, what is
 * written when in `StreamOutput`. Decides only what counts as the end of the whole. Invariants: the chain may bring no
 * more than `bufferBytes`, or what the first read in line needs; a read that fails has taken nothing; a promise that
 * nobody took is never an unhandled rejection.
 */
import { type IVReactor, VIOClosed } from '@vio/reactor'
import { VByteIOPair } from '../chain/pair.js'
import type { VWritable } from '../chain/write-queue.js'
import { emptyControl, tell, VIOControl } from '../control.js'
import { wholeOption } from '../filter/options.js'
import { describeValue } from '../limit.js'
import type { VFileTarget } from '../node/file-source.js'
import type { VPeer } from '../peer.js'
import { isByteConsumer, isByteProducer } from '../types.js'
import { ByteReader } from './byte-reader.js'
import { piecesOf, reactorOf } from './parts.js'
import {
  allRequest,
  countRequest,
  patternRequest,
  type ReadRequest,
  someRequest,
  untilRequest,
} from './read-request.js'
import { StreamOutput } from './stream-output.js'
import type { VWaitOptions } from './waiting.js'

/** The default of `bufferBytes` of facades. */
export const DEFAULT_BUFFER_BYTES = 65_536

/** The default of the sizes that a stream does not let a peer or a caller exceed: 16 MiB. */
export const DEFAULT_MAX_STREAM_BYTES: number = 16 * 1024 * 1024

/** The default of `maxMatchBytes`. */
export const DEFAULT_MATCH_BYTES = 1024

/** Options of `VStream`. */
export interface VStreamOptions {
  /** The most bytes that are held for reading while no read needs more. By default 65,536. */
  readonly bufferBytes?: number
  /** The most bytes that one read may come to, unless it says otherwise. By default 16 MiB. */
  readonly maxReadBytes?: number
  /** The most written bytes that may wait; `write` refuses more. By default 16 MiB. */
  readonly maxQueuedBytes?: number
  /** Takes the control messages that travel with the bytes. By default nobody does. */
  readonly control?: VIOControl
  /** Needed only for a pair that does not tell its reactor; vio's own do. */
  readonly reactor?: IVReactor
}

/** How a read waits and how large it may get. */
export interface VReadOptions extends VWaitOptions {
  /** The most bytes that the result may have, else `VIOOversize`. By default the stream's `maxReadBytes`. */
  readonly maxBytes?: number
}

/** How a search for a pattern waits and how large it may get. */
export interface VPatternReadOptions extends VReadOptions {
  /** The most bytes that the pattern has to look at before a match is decided. By default 1,024. */
  readonly maxMatchBytes?: number
}

/** Which part of a file is written, and how long that may take. */
export interface VWriteFileOptions extends VWaitOptions {
  /** Where to begin, in bytes from the start. By default where the file stands. */
  readonly offset?: number
  /** How many bytes; a file that has less is a failure. By default all there are. */
  readonly length?: number
}

/** How a stream ended. */
export interface VStreamEnd {
  /** True if both directions ended cleanly and everything was read. */
  readonly clean: boolean
  /** Why it is not clean. */
  readonly reason?: Error
  /** Bytes that came from the chain. */
  readonly bytesIn: number
  /** Bytes that the chain took. */
  readonly bytesOut: number
}

/**
 * Reads and writes a chain.
 *
 * ```ts
 * const stream = VStream.over(endpoint)
 * stream.write('PING\n')
 * const answer = await stream.readUntil('\n', { timeoutMs: 5000 })
 * ```
 *
 * Reads are served in the order they were made. When the data has ended, reads get what is left, then once an empty
 * result, then `VIOClosed`; after an end that is not clean, what is left and then the reason. Arguments that are wrong
 * throw at once; everything else rejects the promise.
 */
export class VStream implements AsyncDisposable, AsyncIterable<Buffer> {
  readonly reactor: IVReactor
  /** Settles when both directions are over, cleanly or not; never rejects. What was not read keeps it waiting until `close`. */
  readonly closed: Promise<VStreamEnd>
  readonly #maxReadBytes: number
  readonly #reader: ByteReader
  readonly #output: StreamOutput
  #peer: VPeer | null = null
  #settleClosed: (end: VStreamEnd) => void = () => undefined

  /**
   * Attaches to a pair.
   *
   * @throws TypeError if it is none, RangeError for a size that is none, VIOError if the pair is taken or has ended
   */
  constructor(pair: VByteIOPair, options: VStreamOptions = {}) {
    if (!isByteConsumer(pair?.consumer) || !isByteProducer(pair?.producer))
      throw new TypeError(`a stream needs a pair to attach to, got ${describeValue(pair)}`)
    this.reactor = reactorOf(options.reactor, pair.consumer, pair.producer)
    this.#maxReadBytes = wholeOption('maxReadBytes', options.maxReadBytes ?? DEFAULT_MAX_STREAM_BYTES)
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve
    })
    const control = this.#control(options.control ?? emptyControl())
    this.#reader = new ByteReader(this.reactor, {
      capacityBytes: wholeOption('bufferBytes', options.bufferBytes ?? DEFAULT_BUFFER_BYTES),
      tellsEndOnce: true,
      onOver: () => this.#checkOver(),
      onAttached: () => this.#askState(),
      control: () => control,
    })
    this.#output = new StreamOutput(this.reactor, {
      maxQueuedBytes: wholeOption('maxQueuedBytes', options.maxQueuedBytes ?? DEFAULT_MAX_STREAM_BYTES),
      onOver: () => this.#checkOver(),
    })
    const { intake } = this.#reader
    const { outlet } = this.#output
    intake.joinReverse(outlet)
    outlet.joinReverse(intake)
    new VByteIOPair(intake, outlet).attach(pair)
  }

  /** Makes a stream over an endpoint, or anything else with a `byteIO`. @throws as the constructor */
  static over(
    endpoint: { readonly byteIO: VByteIOPair; readonly reactor: IVReactor },
    options: VStreamOptions = {},
  ): VStream {
    return new VStream(endpoint.byteIO, { reactor: endpoint.reactor, ...options })
  }

  /** The other side, once the chain has told it. */
  get peer(): VPeer | null {
    return this.#peer
  }

  /** Bytes that came and were not read. */
  get bufferedBytes(): number {
    return this.#reader.intake.buffer.length
  }

  /** Bytes that were written and that the chain has not taken. */
  get queuedBytes(): number {
    return this.#output.queuedBytes
  }

  /** Reads what there is, at least one byte, up to `maxBytes`; without a number all that is held. */
  readSome(maxBytes: number = Number.POSITIVE_INFINITY, options: VWaitOptions = {}): Promise<Buffer> {
    return this.#read(someRequest(maxBytes), options)
  }

  /** Reads `count` bytes; fewer only at the end of the data, and none after that. @throws RangeError, VIOOversize */
  readBytes(count: number, options: VWaitOptions = {}): Promise<Buffer> {
    return this.#read(countRequest(count, 'rest', this.#maxReadBytes), options)
  }

  /** Reads `count` bytes, or rejects with `VIOIncomplete` if the data ends before. @throws RangeError, VIOOversize */
  readExactly(count: number, options: VWaitOptions = {}): Promise<Buffer> {
    return this.#read(countRequest(count, 'exact', this.#maxReadBytes), options)
  }

  /** Reads up to a delimiter and with it; empty if the data ends without one. @throws TypeError if it is empty or none */
  readUntil(delimiter: Uint8Array | string, options: VReadOptions = {}): Promise<Buffer> {
    return this.#read(untilRequest(delimiter, options.maxBytes ?? this.#maxReadBytes), options)
  }

  /**
   * Reads up to the end of the first match; empty if the data ends without one. The pattern sees each byte as the
   * character of its number, and the match is the one that it would find in all of the data: `/\r?\n/` is known at once,
   * `/\n+/` when something else follows.
   *
   * @throws SyntaxError for text that is no pattern, TypeError for a pattern that matches the empty string or cannot be
   *   searched for in a stream (back reference, lookbehind, flags y and v)
   */
  readUntilRegex(pattern: RegExp | string, options: VPatternReadOptions = {}): Promise<Buffer> {
    const maxBytes = options.maxBytes ?? this.#maxReadBytes
    const maxMatchBytes = options.maxMatchBytes ?? DEFAULT_MATCH_BYTES
    return this.#read(patternRequest(pattern, { maxBytes, maxMatchBytes }), options)
  }

  /** Reads everything up to the end, `maxBytes` at most. Rejects with `VIOIncomplete` if the end is not clean. */
  readAll(maxBytes: number = this.#maxReadBytes, options: VWaitOptions = {}): Promise<Buffer> {
    return this.#read(allRequest(maxBytes), options)
  }

  /**
   * Queues bytes, whose memory is given away; text is written as UTF-8. Returns true if the chain took all there is at
   * once, false if some waits: `drained` tells when that is gone.
   *
   * @throws TypeError for anything else, VIOClosed after `end`, `close` or a loss, VIOOversize over `maxQueuedBytes`
   */
  write(data: VWritable): boolean {
    return this.#output.write(piecesOf(data))
  }

  /**
   * Queues a file, or a part of one; what is written meanwhile comes behind it. Resolves with how many bytes it was when
   * the chain has taken the last one. A failure before the first byte leaves the output as it was; a later one, a signal
   * and a time-out included, takes it down.
   *
   * @throws TypeError if it is no file, RangeError for an offset or length that is none
   */
  writeFile(file: VFileTarget, options: VWriteFileOptions = {}): Promise<number> {
    const { offset, length } = options
    const part = {
      ...(offset === undefined ? {} : { position: offset }),
      ...(length === undefined ? {} : { length }),
    }
    return this.#output.writeFile(file, part, options)
  }

  /** Resolves when nothing waits to be taken by the chain. Rejects when the output is lost or closed before. */
  drained(options: VWaitOptions = {}): Promise<void> {
    return this.#output.drained(options)
  }

  /** The same as `drained`, by its other usual name. */
  flush(options: VWaitOptions = {}): Promise<void> {
    return this.drained(options)
  }

  /** Ends the output after what is queued; `data` is written before. Reading goes on. Only the first call counts. */
  end(data?: VWritable): void {
    if (data !== undefined) this.write(data)
    this.#output.end()
  }

  /** Ends the output and resolves when the other end of the chain has carried that out. Reading goes on. */
  shutdown(options: VWaitOptions = {}): Promise<void> {
    this.#output.end()
    return this.#output.carriedOut(options)
  }

  /**
   * Closes at once: drops what is buffered in both directions and takes the chain down, as far as it has not ended. Reads
   * that wait are rejected. Idempotent.
   */
  close(reason: Error = new VIOClosed('the stream is closed')): void {
    if (!(reason instanceof Error))
      throw new TypeError(`the reason of a close is an Error, got ${describeValue(reason)}`)
    this.#output.close(reason)
    this.#reader.close(reason)
  }

  /** Closes at once, and waits until that is done. What has to arrive is ended with `shutdown` before. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
    await this.closed
  }

  /** Reads piece by piece up to the end; throws if it is not clean. Leaving the loop leaves the stream as it is. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    while (!this.#reader.over || this.#reader.failure !== undefined) {
      const piece = await this.readSome()
      if (piece.length === 0) return
      yield piece
    }
  }

  #read(request: ReadRequest, options: VWaitOptions): Promise<Buffer> {
    return this.#reader.read(request, options)
  }

  #control(next: VIOControl): VIOControl {
    return new VIOControl(
      {
        connected: (peer) => {
          this.#peer = peer
          tell(next, 'connected', peer)
        },
      },
      () => next,
    )
  }

  /** A chain that was connected before this stream came is asked to tell it again. */
  #askState(): void {
    this.reactor.schedule(0, () => {
      const { intake } = this.#reader
      if (intake.producer !== null && this.#peer === null)
        tell(intake.producer.control, 'reqProducerState', intake)
    })
  }

  #checkOver(): void {
    if (!this.#output.over || !this.#reader.over) return
    const reason = this.#reader.failure ?? this.#output.failure
    this.#settleClosed({
      clean: reason === undefined,
      ...(reason === undefined ? {} : { reason }),
      bytesIn: this.#reader.intake.totalBytes,
      bytesOut: this.#output.outlet.totalBytes,
    })
  }
}
