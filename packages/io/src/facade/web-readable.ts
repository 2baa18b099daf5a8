/**
 * Chains and web `ReadableStream`s, both ways.
 *
 * Decides what the streams' own signals mean to a chain: room is credit, a cancellation is an abort, an error is an end
 * that is not clean. Invariants: towards the web at most the high-water mark is held; from the web one chunk.
 */
import {
  type ReadableByteStreamController,
  ReadableStream,
  type ReadableStreamDefaultReader,
} from 'node:stream/web'
import { type IVReactor, VIOLost } from '@vio/reactor'
import { VByteIntake } from '../chain/intake.js'
import type { VByteProducer } from '../chain/producer.js'
import { emptyControl } from '../control.js'
import { wholeOption } from '../filter/options.js'
import { describeValue } from '../limit.js'
import { AsyncSource } from '../node/async-source.js'
import { producerEndOf, reactorOf, reasonOf, type VByteSource } from './parts.js'

/** The default high-water mark of the adapters to web streams, in bytes. */
export const DEFAULT_WEB_BYTES = 16_384

/** Options of the adapters to web streams. */
export interface VWebStreamOptions {
  /** The most bytes that the stream holds, or takes before it asks to wait. By default 16,384. */
  readonly highWaterMark?: number
  /** Needed only for an end that does not tell its reactor; vio's own do. */
  readonly reactor?: IVReactor
}

/** What a byte stream calls, and what becomes of it. */
class WebReadSide {
  readonly intake: VByteIntake
  #controller: ReadableByteStreamController | undefined
  #pulled: (() => void) | undefined

  constructor(reactor: IVReactor) {
    this.intake = new VByteIntake(
      reactor,
      {
        attached: () => undefined,
        arrived: (pieces) => this.#enqueue(pieces),
        ended: () => this.#end(),
        aborted: (reason) => this.#fail(reason ?? new VIOLost('the chain was aborted')),
        control: emptyControl,
      },
      0,
    )
  }

  start(controller: ReadableByteStreamController): void {
    this.#controller = controller
  }

  /** The stream has room; it asks again when the promise is resolved. */
  pull(): Promise<void> {
    return new Promise((resolve) => {
      this.#pulled = resolve
      this.intake.allow(this.#room)
    })
  }

  cancel(reason: unknown): void {
    this.#controller = undefined
    this.intake.giveUp(reasonOf(reason, 'the stream was cancelled'))
  }

  /** A reader that brought its own memory may want more than the high-water mark. */
  get #room(): number {
    const controller = this.#controller
    return Math.max(controller?.desiredSize ?? 0, controller?.byobRequest?.view?.byteLength ?? 0)
  }

  #enqueue(pieces: readonly Buffer[]): void {
    this.intake.buffer.clear()
    // A byte stream takes the whole memory block over, of which a piece may be a small part.
    for (const piece of pieces) this.#controller?.enqueue(new Uint8Array(piece))
    this.intake.allow(this.#room)
    this.#settlePull()
  }

  #end(): void {
    const { end } = this.intake
    if (end?.clean !== true) {
      this.#fail(end?.reason ?? new VIOLost('the data ended before all of it was there'))
      this.intake.finish()
      return
    }
    const controller = this.#controller
    this.#controller = undefined
    controller?.close()
    // A read with memory of its own is answered only by this.
    controller?.byobRequest?.respond(0)
    this.#settlePull()
    this.intake.finish()
  }

  #fail(reason: Error): void {
    const controller = this.#controller
    this.#controller = undefined
    controller?.error(reason)
    this.#settlePull()
  }

  #settlePull(): void {
    const pulled = this.#pulled
    this.#pulled = undefined
    pulled?.()
  }
}

/**
 * Makes a web `ReadableStream` of bytes of a producer; readers may bring their own memory. The chain hears that its end
 * was carried out when the stream has it, with up to the high-water mark of bytes before it.
 *
 * @throws TypeError if it is no producer, RangeError for a mark below 1, VIOError if it is taken or has ended
 */
export function toWebReadable(
  source: VByteSource,
  options: VWebStreamOptions = {},
): ReadableStream<Uint8Array> {
  const end = producerEndOf(source)
  const highWaterMark = wholeOption('highWaterMark', options.highWaterMark ?? DEFAULT_WEB_BYTES)
  const side = new WebReadSide(reactorOf(options.reactor, end))
  side.intake.attach(end)
  return new ReadableStream(
    {
      type: 'bytes',
      start: (controller) => side.start(controller),
      pull: () => side.pull(),
      cancel: (reason) => side.cancel(reason),
    },
    { highWaterMark },
  )
}

class WebSource extends AsyncSource {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>

  constructor(reactor: IVReactor, stream: ReadableStream<Uint8Array>) {
    super(reactor)
    this.#reader = stream.getReader()
  }

  protected override async pull(): Promise<Uint8Array | null> {
    const result = await this.#reader.read()
    if (result.done) return null
    if (result.value instanceof Uint8Array) return result.value
    throw new TypeError(`a stream of bytes gives Uint8Arrays, got ${describeValue(result.value)}`)
  }

  protected override async release(reason: Error | undefined): Promise<void> {
    if (reason === undefined) this.#reader.releaseLock()
    // A stream that failed by itself refuses to be cancelled, with the error that is known already.
    else await this.#reader.cancel(reason).catch(() => undefined)
  }
}

/**
 * Makes a producer of a web `ReadableStream` of bytes, which is locked from then on. It is read when a consumer grants
 * something; an abort cancels it.
 *
 * @throws TypeError if it is none or locked
 */
export function fromWebReadable(reactor: IVReactor, stream: ReadableStream<Uint8Array>): VByteProducer {
  if (typeof stream?.getReader !== 'function')
    throw new TypeError(`bytes are read from a ReadableStream, got ${describeValue(stream)}`)
  return new WebSource(reactor, stream)
}
