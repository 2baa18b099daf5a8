/**
 * Chains and web `WritableStream`s, both ways.
 *
 * Decides what the streams' own signals mean to a chain: a write is done when it was taken, a close when the end was
 * carried out, an abort or an error takes the other side down. Invariant: towards the chain the stream holds what it was
 * told to, and one chunk; from the chain the capacity is held at most.
 */
import { WritableStream, type WritableStreamDefaultController } from 'node:stream/web'
import { type IVReactor, VIOLost } from '@vio/reactor'
import { VByteOutlet } from '../chain/outlet.js'
import { emptyControl } from '../control.js'
import { wholeOption } from '../filter/options.js'
import { describeValue } from '../limit.js'
import { AsyncSink } from '../node/async-sink.js'
import type { IVByteConsuming } from '../types.js'
import { consumerEndOf, piecesOf, reactorOf, reasonOf, type VByteTarget } from './parts.js'
import { DEFAULT_BUFFER_BYTES } from './stream.js'
import { Waiter } from './waiting.js'
import { DEFAULT_WEB_BYTES, type VWebStreamOptions } from './web-readable.js'

/** The controller as it is: the types leave its signal out. */
type StoppableController = WritableStreamDefaultController & { readonly signal: AbortSignal }

/** What a writable stream calls, and what becomes of it. */
class WebWriteSide {
  readonly outlet: VByteOutlet
  #controller: WritableStreamDefaultController | undefined
  #step: Waiter<void> | undefined

  constructor(reactor: IVReactor) {
    this.outlet = new VByteOutlet(reactor, {
      attached: () => undefined,
      moved: () => {
        if (this.outlet.queuedBytes === 0 && !this.outlet.ending) this.#step?.resolve()
      },
      aborted: (reason, afterEnd) => this.#aborted(reason, afterEnd),
      control: emptyControl,
    })
  }

  start(controller: WritableStreamDefaultController): void {
    this.#controller = controller
    // The stream's own `abort` waits for a write that is under way, which may wait for the chain.
    const { signal } = controller as StoppableController
    signal.addEventListener('abort', () => this.abort(signal.reason), { once: true })
  }

  write(chunk: Uint8Array): Promise<void> {
    const step = new Waiter<void>()
    this.#step = step
    try {
      if (this.outlet.write(piecesOf(chunk))) step.resolve()
    } catch (error) {
      // The stream is of no more use; the chain has to hear of it.
      step.reject(error)
      this.outlet.abort(reasonOf(error, 'the stream was given something else than bytes'))
    }
    return step.promise
  }

  close(): Promise<void> {
    const step = new Waiter<void>()
    this.#step = step
    this.outlet.finish(true)
    return step.promise
  }

  abort(reason: unknown): void {
    this.#controller = undefined
    this.outlet.abort(reasonOf(reason, 'the stream was aborted'))
  }

  #aborted(reason: Error | undefined, afterEnd: boolean): void {
    if (afterEnd && reason === undefined) {
      this.#step?.resolve()
      return
    }
    const error = reason ?? new VIOLost('the chain takes no more data')
    this.#step?.reject(error)
    this.#controller?.error(error)
  }
}

/**
 * Makes a web `WritableStream` of bytes for a consumer. The memory of what is written is given away; a write is done when
 * the chain has taken it, and closing when the end was carried out.
 *
 * @throws TypeError if it is no consumer, RangeError for a mark below 1, VIOError if it is taken or has ended
 */
export function toWebWritable(
  target: VByteTarget,
  options: VWebStreamOptions = {},
): WritableStream<Uint8Array> {
  const end = consumerEndOf(target)
  const highWaterMark = wholeOption('highWaterMark', options.highWaterMark ?? DEFAULT_WEB_BYTES)
  const side = new WebWriteSide(reactorOf(options.reactor, end))
  side.outlet.attach(end)
  return new WritableStream<Uint8Array>(
    {
      start: (controller) => side.start(controller),
      write: (chunk) => side.write(chunk),
      close: () => side.close(),
    },
    // What is no bytes has no size either; `write` says what is wrong with it.
    { highWaterMark, size: (chunk) => (chunk instanceof Uint8Array ? chunk.byteLength : 1) },
  )
}

class WebSink extends AsyncSink {
  readonly #writer: ReturnType<WritableStream<Uint8Array>['getWriter']>

  constructor(reactor: IVReactor, stream: WritableStream<Uint8Array>, capacityBytes: number) {
    super(reactor, capacityBytes)
    this.#writer = stream.getWriter()
    this.#writer.closed.catch((error: unknown) => this.fail(reasonOf(error, 'the stream was closed')))
    // Both promises of a writer tell of a failure; one is enough.
    this.#writer.ready.catch(() => undefined)
  }

  protected override async open(): Promise<void> {
    await this.#writer.ready
  }

  protected override async write(pieces: readonly Buffer[]): Promise<void> {
    for (const piece of pieces) await this.#writer.write(piece)
  }

  protected override async finish(reason: Error | undefined): Promise<void> {
    if (reason === undefined) await this.#writer.close()
    else await this.#writer.abort(reason)
  }

  protected override async discard(reason: Error): Promise<void> {
    await this.#writer.abort(reason)
  }
}

/**
 * Makes a consumer of a web `WritableStream` of bytes, which is locked from then on. An end that is not clean, and an
 * abort, abort it. At most `capacityBytes` (65,536) are held, those being written included.
 *
 * @throws TypeError if it is none or locked, RangeError for a capacity that is none
 */
export function fromWebWritable(
  reactor: IVReactor,
  stream: WritableStream<Uint8Array>,
  options: { readonly capacityBytes?: number } = {},
): IVByteConsuming {
  if (typeof stream?.getWriter !== 'function')
    throw new TypeError(`bytes are written to a WritableStream, got ${describeValue(stream)}`)
  const capacityBytes = wholeOption('capacityBytes', options.capacityBytes ?? DEFAULT_BUFFER_BYTES)
  return new WebSink(reactor, stream, capacityBytes)
}
