/**
 * `VNodeThrough`: a Node stream that turns bytes into bytes (a `Transform`, any `Duplex`) as an element of a chain.
 *
 * Decides how much is handed to the stream, when its output is taken, and how its end and its errors go on. What the
 * bytes become is the stream's affair. It works between turns, as Node's streams do, but chains hear of it only in
 * turns. Invariants: at most `capacity` bytes of input are here or in the stream and not worked off; nothing is read
 * from the stream without credit, so the stream holds no more than its high-water mark and a chunk.
 */
import type { Duplex } from 'node:stream'
import { type IVReactor, VIOError, VIOLost } from '@vio/reactor'
import { VByteBuffer } from '../byte-buffer.js'
import { VIOOversize } from '../errors.js'
import { DEFAULT_CAPACITY_BYTES, VFilter } from '../filter/filter.js'
import { describeValue, UNLIMITED } from '../limit.js'
import type { IVByteConsumer, IVByteConsuming, IVByteProducer, IVByteProducing } from '../types.js'
import { ThroughConsumer, type ThroughHooks, ThroughProducer } from './through-ends.js'

/** Options of `VNodeThrough`. */
export interface VThroughOptions {
  /** The most bytes of input that wait here and in the stream. By default 65,536. */
  readonly capacity?: number
  /** The most bytes that come out in all; one more takes the flow down with `VIOOversize`. By default there is no such limit. */
  readonly maxOutputBytes?: number
}

/** Why a stream broke off. */
export interface VThroughFailure {
  readonly reason: Error
  /** True if the input was cut off, which makes the end an unclean one; else the flow is taken down. */
  readonly cutOff: boolean
}

/** Passes bytes through a Node stream. The stream belongs to the element, which destroys it when it is done. */
export class VNodeThrough extends VFilter implements IVByteConsuming, IVByteProducing {
  readonly #stream: Duplex
  readonly #in: ThroughConsumer
  readonly #out: ThroughProducer
  readonly #capacity: number
  readonly #maxOutputBytes: number
  /** What may still come out. */
  #outputLeft: number
  /** What came and the stream has not been given. */
  readonly #input = new VByteBuffer()
  /** What came after a bypass and is not meant for the stream. */
  readonly #later = new VByteBuffer()
  /** What is on its way to the consumer. */
  readonly #output = new VByteBuffer()
  /** Bytes that the stream was given and has not worked off. */
  #inStream = 0
  #inputEnd: { readonly clean: boolean; readonly reason: Error | undefined } | undefined
  #streamEnded = false
  #bypassed = false
  /** The stream has no more to give than was taken out of it. */
  #outputOver = false
  #failure: VThroughFailure | undefined
  #isDown = false
  #whenDrained: (() => void) | undefined
  /** Bytes that the stream was given. */
  #givenBytes = 0

  /**
   * @throws TypeError without a reactor, or if the stream is none, or one of objects or text; RangeError for a size
   *   below 1
   */
  constructor(reactor: IVReactor, stream: Duplex, options: VThroughOptions = {}) {
    super(reactor)
    this.#stream = checkStream(stream)
    this.#capacity = sizeOf('capacity', options.capacity ?? DEFAULT_CAPACITY_BYTES)
    const most = options.maxOutputBytes ?? UNLIMITED
    this.#maxOutputBytes = most === UNLIMITED ? most : sizeOf('maxOutputBytes', most)
    this.#outputLeft = this.#maxOutputBytes
    // The hooks are protected for the world; the ends call them on behalf of the chain.
    const hooks = this as unknown as ThroughHooks
    this.#in = new ThroughConsumer(reactor, hooks, {
      put: (data, count) => this.#put(data, count),
      room: () => this.#room(),
      ended: (clean, reason) => this.#endInput(clean, reason),
      aborted: (reason) => this.#abort(reason),
    })
    this.#out = new ThroughProducer(reactor, hooks, {
      wantsTurn: (credit) => this.#wantsTurn(credit),
      turn: (credit) => this.#give(credit),
      aborted: (reason) => this.#abort(reason),
      opposite: this.#in,
    })
    this.#in.opposite = this.#out
    stream.on('readable', () => this.#readable())
    stream.on('end', () => this.#over(undefined))
    stream.on('error', (error) => this.#over(this.failureOf(error)))
    stream.on('close', () => this.#over({ reason: new VIOLost('the stream was closed'), cutOff: true }))
  }

  /** Where bytes come in. The same object on every access. */
  get byteConsume(): IVByteConsumer {
    return this.#in
  }

  /** Where what became of them goes out. The same object on every access. */
  get byteProduce(): IVByteProducer {
    return this.#out
  }

  /** Bytes of input and output that are here and in the stream, as far as it tells. */
  get held(): number {
    if (this.#isDown) return 0
    const out = this.#output.length + this.#stream.readableLength
    return this.#input.length + this.#inStream + this.#later.length + out
  }

  /** Bytes that the stream was given. */
  protected get givenBytes(): number {
    return this.#givenBytes
  }

  /** What an error of the stream means. By default it takes the flow down. */
  protected failureOf(error: Error): VThroughFailure {
    return { reason: error, cutOff: false }
  }

  /** The output is over: says whether that is a failure. By default a stream may end when it likes. */
  protected checkEnd(): VThroughFailure | undefined {
    return undefined
  }

  /**
   * Ends the stream; what comes later passes on unchanged behind its output. A stream that is ended inside a unit may
   * fail, and takes the flow down then.
   *
   * @param drained told once nothing is held any more, which may be at once; the last one given counts
   */
  bypass(drained?: () => void): void {
    if (drained !== undefined) this.#whenDrained = drained
    this.#bypassed = true
    this.#feed()
    if (this.#ready === 0 && this.#outputOver) this.#tellDrained()
  }

  protected get nextConsumer(): IVByteConsumer | null {
    return this.#out.consumer
  }

  protected get nextProducer(): IVByteProducer | null {
    return this.#in.producer
  }

  #room(): number {
    if (this.#failure !== undefined) return 0
    return Math.max(0, this.#capacity - this.#input.length - this.#inStream - this.#later.length)
  }

  #put(data: VByteBuffer, count: number): void {
    data.moveTo(this.#bypassed ? this.#later : this.#input, count)
    this.#feed()
    this.#out.trigger()
  }

  /** Gives the stream all that waits in one piece, once it has worked off the one before; then its end. */
  #feed(): void {
    if (this.#inStream > 0 || this.#streamEnded || this.#outputOver) return
    if (this.#input.length > 0) {
      const chunk = this.#input.pop()
      this.#inStream = chunk.length
      this.#givenBytes += chunk.length
      this.#stream.write(chunk, () => this.#workedOff())
    } else if (this.#inputEnd !== undefined || this.#bypassed) {
      this.#streamEnded = true
      this.#stream.end()
    }
  }

  #workedOff(): void {
    this.#inStream = 0
    this.#feed()
    this.#in.grantRoom()
  }

  #endInput(clean: boolean, reason: Error | undefined): void {
    this.#inputEnd = { clean, reason }
    this.#feed()
    this.#out.trigger()
  }

  /** Output waits in the stream, or its end does, which it tells only to one who tries to read. */
  #readable(): void {
    if (this.#stream.readableLength === 0) this.#stream.read(0)
    this.#out.trigger()
  }

  #over(failure: VThroughFailure | undefined): void {
    if (this.#outputOver) return
    this.#outputOver = true
    this.#failure = failure ?? this.checkEnd()
    this.#inStream = 0
    this.#input.clear()
    if (this.#failure !== undefined) this.#later.clear()
    this.#in.grantRoom()
    this.#out.trigger()
  }

  /** Bytes that could leave now, if they were allowed to. A stream that has failed still has what it gave before. */
  get #ready(): number {
    const fromStream = this.#output.length + this.#stream.readableLength
    return this.#outputOver ? fromStream + this.#later.length : fromStream
  }

  #wantsTurn(credit: number): boolean {
    return this.#ready > 0 ? credit > 0 : this.#outputOver
  }

  #give(credit: number): void {
    if (this.#ready === 0) {
      if (!this.#outputOver) return
      this.#finish()
      this.#tellDrained()
      return
    }
    if (credit <= 0) return
    if (this.#output.length === 0) this.#take(credit)
    if (this.#output.length === 0) return
    this.#out.give(this.#output)
    if (this.#ready === 0 && this.#outputOver && this.#bypassed) this.#tellDrained()
    // Room comes of itself as the stream works, but not once it is out of the way.
    if (this.#outputOver) this.#in.grantRoom()
    this.#out.trigger()
  }

  /** Makes ready what may leave: of the stream, or what passes it by. */
  #take(credit: number): void {
    if (this.#outputLeft === 0) {
      this.#fail(new VIOOversize('the output', this.#maxOutputBytes + 1, this.#maxOutputBytes))
      return
    }
    const most = Math.min(credit, this.#outputLeft)
    const inStream = this.#stream.readableLength
    if (inStream > 0) this.#output.append(this.#stream.read(Math.min(most, inStream)) ?? EMPTY)
    else this.#later.moveTo(this.#output, most)
    this.#outputLeft -= this.#output.length
    // Unless asked, a stream that was read to its end does not tell it.
    if (inStream > 0 && this.#stream.readableLength === 0) this.#stream.read(0)
  }

  #finish(): void {
    const failure = this.#failure
    const end = this.#inputEnd
    if (end?.clean === false) this.#out.giveEnd(false, end.reason)
    else if (failure !== undefined && !failure.cutOff) this.#fail(failure.reason)
    else if (failure !== undefined) this.#out.giveEnd(false, failure.reason)
    else if (end !== undefined || !this.#bypassed) this.#out.giveEnd(true, undefined)
  }

  #tellDrained(): void {
    const tell = this.#whenDrained
    this.#whenDrained = undefined
    if (this.#failure === undefined && !this.#isDown) tell?.()
  }

  #fail(error: Error): void {
    this.reactor.log.error('a stream in a chain aborted it', error)
    this.#out.abort(error)
  }

  #abort(reason: Error | undefined): void {
    if (this.#isDown) return
    this.#isDown = true
    this.#outputOver = true
    for (const queue of [this.#input, this.#later, this.#output]) queue.clear()
    this.#stream.destroy()
    this.#in.abort(reason)
    this.#out.abort(reason)
    this.aborted(reason)
  }
}

const EMPTY: Buffer = Buffer.alloc(0)

function checkStream(stream: Duplex): Duplex {
  const isDuplex = typeof stream?.write === 'function' && typeof stream.read === 'function'
  if (!isDuplex) throw new TypeError(`a through element needs a Duplex, got ${describeValue(stream)}`)
  if (stream.readableObjectMode || stream.writableObjectMode || stream.readableEncoding !== null) {
    throw new TypeError('a through element needs a stream of bytes, got one of objects or text')
  }
  if (stream.destroyed || stream.writableEnded) throw new VIOError('the stream has ended; make a new one')
  return stream
}

function sizeOf(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new RangeError(`${name} is a whole number from 1 on, got ${describeValue(value)}`)
}
