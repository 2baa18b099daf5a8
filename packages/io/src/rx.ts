/**
 * Chains as rxjs observables, and observables as producers.
 *
 * Decides when a chain begins to flow (when somebody subscribes) and what becomes of an observable that gives more than
 * a chain takes: rxjs has no way to slow a source down. Invariants: what a chain brings is passed on in the same turn,
 * nothing is held; what an observable brings is held up to `maxQueuedBytes`, and beyond that the chosen policy acts.
 */
import { type IVReactor, type IVReactorObject, VIOClosed, VIOError, VIOLost } from '@vio/reactor'
import { Observable, Subject, type Subscriber, takeUntil } from 'rxjs'
import { VByteConsumer } from './chain/consumer.js'
import type { VReceiveAnswer } from './chain/kind.js'
import { VMessageConsumer } from './chain/message.js'
import { VByteProducer } from './chain/producer.js'
import type { VWritable } from './chain/write-queue.js'
import { emptyControl, type VControlHandlers, VIOControl } from './control.js'
import { ItemQueue, type ItemQueueOptions } from './facade/item-queue.js'
import { piecesOf, producerEndOf, reactorOf, type VByteSource } from './facade/parts.js'
import { describeValue } from './limit.js'
import type { IVMessageProducer } from './types.js'

export type { VOverflowPolicy } from './facade/item-queue.js'

/** A control message that reached an end. */
export interface VControlEvent {
  readonly name: string
  readonly args: readonly unknown[]
}

/** Options of the elements that are observed. */
export interface VRxOptions {
  /** Answers the control messages that are observed. By default nobody does. */
  readonly control?: VIOControl
}

/** Who observes a flow, and how it ended if that was before. */
class RxInput<T> {
  readonly values: Observable<T>
  readonly events = new Subject<VControlEvent>()
  readonly control: VIOControl
  #subscriber: Subscriber<T> | undefined
  #subscribed = false
  #over: { readonly error: Error | undefined } | undefined

  constructor(options: VRxOptions, onSubscribed: () => void, onLeft: () => void) {
    this.control = observed(options.control ?? emptyControl(), this.events)
    this.values = new Observable<T>((subscriber) => {
      if (this.#subscribed) {
        subscriber.error(new VIOError('a flow is observed once; share the observable for more'))
        return
      }
      this.#subscribed = true
      this.#subscriber = subscriber
      if (this.#over !== undefined) this.#tellOver()
      else onSubscribed()
      return () => {
        if (this.#over === undefined) onLeft()
      }
    })
  }

  get subscribed(): boolean {
    return this.#subscribed
  }

  next(value: T): void {
    this.#subscriber?.next(value)
  }

  /** The flow is over. Only the first call counts. */
  over(error: Error | undefined): void {
    if (this.#over !== undefined) return
    this.#over = { error }
    this.events.complete()
    this.#tellOver()
  }

  #tellOver(): void {
    if (this.#over?.error === undefined) this.#subscriber?.complete()
    else this.#subscriber?.error(this.#over.error)
  }
}

/** How an observable ends for a flow that ended. */
function endError(clean: boolean, reason: Error | undefined): Error | undefined {
  return clean ? undefined : (reason ?? new VIOLost('the data ended before all of it was there'))
}

/** A control that tells of each message before it passes it on. */
function observed(next: VIOControl, events: Subject<VControlEvent>): VIOControl {
  const handlers = new Proxy(
    {},
    {
      get: (_, name) =>
        typeof name !== 'string'
          ? undefined
          : (...args: readonly unknown[]): unknown => {
              events.next({ name, args })
              const message = (next as unknown as Record<string, (...args: unknown[]) => unknown>)[name]
              return message?.(...args)
            },
    },
  )
  return new VIOControl(handlers as VControlHandlers)
}

/**
 * The end of a chain as an observable of its bytes.
 *
 * ```ts
 * const sink = new VRxConsumer(reactor)
 * chain(source, sink)
 * sink.bytes.subscribe((piece) => count(piece.length))
 * ```
 */
export class VRxConsumer extends VByteConsumer {
  readonly #input: RxInput<Buffer>

  /** @throws TypeError without a reactor */
  constructor(reactor: IVReactor, options: VRxOptions = {}) {
    super(reactor)
    this.#input = new RxInput<Buffer>(
      options,
      () => {
        if (this.byteConsume.producer !== null) this.setReceiveLimit(null)
      },
      () => this.byteConsume.abort(new VIOClosed('nobody observes the data any more')),
    )
  }

  /** The bytes. For one subscriber: the chain flows while it is there, and is aborted when it leaves before the end. */
  get bytes(): Observable<Buffer> {
    return this.#input.values
  }

  /** The control messages that travel with the bytes, from now on and for any number of subscribers. */
  get controlEvents(): Observable<VControlEvent> {
    return this.#input.events
  }

  protected override producerAttached(): void {
    if (this.#input.subscribed) this.setReceiveLimit(null)
  }

  protected override dataReceived(data: Buffer): VReceiveAnswer {
    this.#input.next(data)
  }

  protected override dataEnded(clean: boolean, reason?: Error): void {
    this.#input.over(endError(clean, reason))
  }

  protected override consumerAborted(reason?: Error): void {
    this.#input.over(reason ?? new VIOLost('the chain was aborted'))
  }

  protected override consumerControl(): VIOControl {
    return this.#input.control
  }
}

/** The end of a message chain as an observable, as `VRxConsumer` is for bytes. */
export class VRxMessageConsumer<M> extends VMessageConsumer<M> {
  readonly #input: RxInput<M>

  /** @throws TypeError without a reactor */
  constructor(reactor: IVReactor, options: VRxOptions = {}) {
    super(reactor)
    this.#input = new RxInput<M>(
      options,
      () => {
        if (this.messageConsume.producer !== null) this.setReceiveLimit(null)
      },
      () => this.messageConsume.abort(new VIOClosed('nobody observes the messages any more')),
    )
  }

  /** The messages. For one subscriber, as `VRxConsumer.bytes`. */
  get messages(): Observable<M> {
    return this.#input.values
  }

  /** The control messages that travel with the messages. */
  get controlEvents(): Observable<VControlEvent> {
    return this.#input.events
  }

  protected override producerAttached(): void {
    if (this.#input.subscribed) this.setReceiveLimit(null)
  }

  protected override messageReceived(message: M): VReceiveAnswer {
    this.#input.next(message)
  }

  protected override dataEnded(clean: boolean, reason?: Error): void {
    this.#input.over(endError(clean, reason))
  }

  protected override consumerAborted(reason?: Error): void {
    this.#input.over(reason ?? new VIOLost('the chain was aborted'))
  }

  protected override consumerControl(): VIOControl {
    return this.#input.control
  }
}

/** Needed only for a producer that does not tell its reactor; vio's own do. */
export interface VObserveOptions extends VRxOptions {
  readonly reactor?: IVReactor
}

/** The bytes of a producer, which is attached now and flows when somebody subscribes. @throws as `attach` */
export function observeBytes(source: VByteSource, options: VObserveOptions = {}): Observable<Buffer> {
  const end = producerEndOf(source)
  const consumer = new VRxConsumer(reactorOf(options.reactor, end), options)
  consumer.byteConsume.attach(end)
  return consumer.bytes
}

/** The messages of a producer, which is attached now and flows when somebody subscribes. @throws as `attach` */
export function observeMessages<M>(
  source: IVMessageProducer<M> | { readonly messageProduce: IVMessageProducer<M> },
  options: VObserveOptions = {},
): Observable<M> {
  const end = 'messageProduce' in source ? source.messageProduce : source
  const consumer = new VRxMessageConsumer<M>(reactorOf(options.reactor, end), options)
  consumer.messageConsume.attach(end)
  return consumer.messages
}

/** Options of `writeFrom`: how much may wait, and what to do with more. */
export type VWriteFromOptions = ItemQueueOptions

/** Gives what an observable emits. Made by `writeFrom`. */
export class VRxProducer extends VByteProducer implements IVReactorObject {
  readonly #source: Observable<VWritable>
  readonly #queue: ItemQueue
  readonly #stop = new Subject<void>()
  #subscribed = false
  #over: { readonly error: Error | undefined } | undefined

  /** @throws TypeError if it is no observable or the policy none, RangeError for a size that is none */
  constructor(reactor: IVReactor, source: Observable<VWritable>, options: VWriteFromOptions = {}) {
    super(reactor)
    if (typeof source?.subscribe !== 'function')
      throw new TypeError(`a producer is made of an observable of bytes, got ${describeValue(source)}`)
    this.#source = source
    this.#queue = new ItemQueue(options)
  }

  /** Bytes that wait. */
  get queuedBytes(): number {
    return this.#queue.queuedBytes
  }

  /** Items that were left out because there was no room. */
  get droppedItems(): number {
    return this.#queue.droppedItems
  }

  protected override produce(maxBytes: number): Uint8Array | null {
    const piece = this.#queue.take(maxBytes)
    this.#endIfEmpty()
    return piece
  }

  protected override hasPending(): boolean {
    return this.#queue.queuedBytes > 0
  }

  protected override consumerAttached(): void {
    this.triggerProduction()
    if (this.#subscribed) return
    this.#subscribed = true
    // A source that emits in this very call has to be stopped from inside of it too.
    this.#source.pipe(takeUntil(this.#stop)).subscribe({
      next: (value) => this.#emitted(value),
      error: (error: unknown) => this.#finish(error instanceof Error ? error : new VIOError(String(error))),
      complete: () => this.#finish(undefined),
    })
  }

  protected override producerAborted(reason?: Error): void {
    this.#over ??= { error: reason ?? new VIOLost('the chain was aborted') }
    this.#queue.clear()
    this.#stop.next()
  }

  #emitted(value: VWritable): void {
    if (this.#over !== undefined) return
    try {
      this.#queue.push(joined(piecesOf(value)))
      this.triggerProduction()
    } catch (error) {
      this.#finish(error as Error)
      this.#stop.next()
    }
  }

  #finish(error: Error | undefined): void {
    if (this.#over !== undefined) return
    this.#over = { error }
    this.#endIfEmpty()
    this.triggerProduction()
  }

  /** The end is registered behind the last item: until then another consumer may still be attached. */
  #endIfEmpty(): void {
    if (this.#over === undefined || this.#queue.queuedBytes > 0 || this.byteProduce.consumer === null) return
    this.endProduce(this.#over.error === undefined, this.#over.error)
  }
}

/**
 * Makes a producer of an observable of bytes, which is subscribed to when a consumer is attached, and left when the chain
 * is aborted. Completion is a clean end, an error an unclean one.
 */
export function writeFrom(
  reactor: IVReactor,
  source: Observable<VWritable>,
  options: VWriteFromOptions = {},
): VRxProducer {
  return new VRxProducer(reactor, source, options)
}

function joined(pieces: readonly Uint8Array[]): Buffer {
  const [first] = pieces
  if (pieces.length !== 1 || first === undefined) return Buffer.concat(pieces)
  return Buffer.isBuffer(first) ? first : Buffer.from(first.buffer, first.byteOffset, first.byteLength)
}
