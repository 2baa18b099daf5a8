/**
 * Chains as async iterables, and iterables as producers.
 *
 * Decides what an iterator's methods mean to a chain: `next` takes what is there, `return` takes the chain down, an end
 * that is not clean throws. The other way round an abort calls the iterator's `return`. Invariants: an iterator that is
 * not asked holds its buffer at most; an iterable is asked for one item at a time, and only while there is credit.
 */
import { type IVReactor, VIOClosed } from '@vio/reactor'
import type { VByteProducer } from '../chain/producer.js'
import type { VWritable } from '../chain/write-queue.js'
import { wholeOption } from '../filter/options.js'
import { describeValue } from '../limit.js'
import { AsyncSource } from '../node/async-source.js'
import { ByteReader } from './byte-reader.js'
import { piecesOf, producerEndOf, reactorOf, type VByteSource } from './parts.js'
import { someRequest } from './read-request.js'
import { DEFAULT_BUFFER_BYTES } from './stream.js'

/** Options of `bytesOf`. */
export interface VBytesOptions {
  /** The most bytes that are held while nobody asks. By default 65,536. */
  readonly bufferBytes?: number
  /** Needed only for an end that does not tell its reactor; vio's own do. */
  readonly reactor?: IVReactor
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined }

const noop = (): void => undefined

class ByteIterator implements AsyncIterableIterator<Buffer>, AsyncDisposable {
  readonly reader: ByteReader
  #done = false

  constructor(reactor: IVReactor, capacityBytes: number) {
    this.reader = new ByteReader(reactor, { capacityBytes, tellsEndOnce: false })
  }

  next(): Promise<IteratorResult<Buffer, undefined>> {
    const result = this.#next()
    // Who asks hears of the failure; if nobody does, the chain was told anyway.
    result.catch(noop)
    return result
  }

  async #next(): Promise<IteratorResult<Buffer, undefined>> {
    if (this.#done) return DONE
    try {
      const value = await this.reader.read(someRequest(Number.POSITIVE_INFINITY), {})
      if (value.length > 0) return { done: false, value }
    } catch (error) {
      // Asked again after a failure, an iterator has ended; a `return` that came meanwhile is no failure.
      if (this.#done) return DONE
      this.#done = true
      throw error
    }
    this.#done = true
    return DONE
  }

  async return(): Promise<IteratorResult<Buffer, undefined>> {
    this.#close(new VIOClosed('the iteration was left'))
    return DONE
  }

  async throw(error: unknown): Promise<IteratorResult<Buffer, undefined>> {
    this.#close(error instanceof Error ? error : new VIOClosed('the iteration was left'))
    throw error
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #close(reason: Error): void {
    this.#done = true
    this.reader.close(reason)
  }
}

/**
 * Iterates over the bytes of a producer, in pieces of any size.
 *
 * ```ts
 * for await (const piece of bytesOf(endpoint)) size += piece.length
 * ```
 *
 * Leaving the loop takes the chain down; an end that is not clean throws out of it.
 *
 * @throws TypeError if it is no producer, VIOError if it is taken or has ended
 */
export function bytesOf(
  source: VByteSource,
  options: VBytesOptions = {},
): AsyncIterableIterator<Buffer> & AsyncDisposable {
  const end = producerEndOf(source)
  const capacityBytes = wholeOption('bufferBytes', options.bufferBytes ?? DEFAULT_BUFFER_BYTES)
  const iterator = new ByteIterator(reactorOf(options.reactor, end), capacityBytes)
  iterator.reader.intake.attach(end)
  return iterator
}

/** Anything that can be iterated over, with or without waiting, and gives bytes or text. */
export type VBytesIterable = AsyncIterable<VWritable> | Iterable<VWritable>

class IterableSource extends AsyncSource {
  readonly #iterable: VBytesIterable
  #iterator: AsyncIterator<VWritable> | Iterator<VWritable> | undefined

  constructor(reactor: IVReactor, iterable: VBytesIterable) {
    super(reactor)
    this.#iterable = iterable
  }

  protected override async pull(): Promise<Uint8Array | null> {
    this.#iterator ??= iteratorOf(this.#iterable)
    const result = await this.#iterator.next()
    if (result.done === true) return null
    const pieces = piecesOf(result.value)
    const first = pieces[0]
    return pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces)
  }

  protected override async release(reason: Error | undefined): Promise<void> {
    if (reason !== undefined) await this.#iterator?.return?.()
  }
}

/**
 * Makes a producer of an iterable. Iteration begins when a consumer grants something; an abort calls the iterator's
 * `return`. The memory of the items is given away. An iterable that throws, or gives something else than bytes and text,
 * ends the flow unclean.
 *
 * @throws TypeError if it cannot be iterated over
 */
export function producerOf(reactor: IVReactor, iterable: VBytesIterable): VByteProducer {
  const given = iterable as Partial<AsyncIterable<unknown> & Iterable<unknown>> | null | undefined
  const isIterable =
    typeof given === 'object' &&
    (typeof given?.[Symbol.asyncIterator] === 'function' || typeof given?.[Symbol.iterator] === 'function')
  // Bytes themselves are an iterable too, of numbers; so is text, of characters.
  if (!isIterable || iterable instanceof Uint8Array)
    throw new TypeError(`a producer is made of an iterable of bytes, got ${describeValue(iterable)}`)
  return new IterableSource(reactor, iterable)
}

function iteratorOf(iterable: VBytesIterable): AsyncIterator<VWritable> | Iterator<VWritable> {
  const asynchronous = (iterable as Partial<AsyncIterable<VWritable>>)[Symbol.asyncIterator]
  if (asynchronous !== undefined) return asynchronous.call(iterable)
  return (iterable as Iterable<VWritable>)[Symbol.iterator]()
}
