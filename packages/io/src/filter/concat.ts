/**
 * `VByteConcat`: the bytes of several producers, one producer after another, to one consumer.
 *
 * Decides which part is the current one: each is attached only when those before it are through, so that a part which
 * waits does nothing yet. A part that ends unclean or cannot be attached ends the whole unclean; one that is aborted
 * aborts the whole. What the consumer allows goes to the current part; only bytes that were granted and come when the
 * consumer has left wait here.
 * Invariant: the bytes of a part leave before the next part is attached.
 */
import { type IVReactor, type IVReactorObject, VIOClosed, VIOError } from '@vio/reactor'
import type { VByteBuffer } from '../byte-buffer.js'
import { ConsumerEnd } from '../chain/consumer-end.js'
import { flowTermsOf } from '../chain/flow-terms.js'
import { BYTES } from '../chain/kind.js'
import { RecurringTask } from '../chain/task.js'
import { emptyControl, type VIOControl } from '../control.js'
import { describeValue } from '../limit.js'
import { type IVByteConsumer, type IVByteProducer, type IVByteProducing, isByteProducer } from '../types.js'
import { RelayProducer } from './relay.js'

/** A part of a concatenation: an element, a bare producer, or a function that makes either when its turn has come. */
export type VConcatPart = IVByteProducing | IVByteProducer | (() => IVByteProducing | IVByteProducer)

/**
 * Gives the bytes of its parts, in the order in which they were added, and then the end.
 *
 * Parts belong to it from when they are added: those that it does not come to are aborted.
 *
 * ```ts
 * const files = names.map((name) => () => new VFileSource(reactor, name))
 * chain(VByteConcat.of(reactor, files), sink)
 * ```
 */
export class VByteConcat implements IVByteProducing, IVReactorObject {
  readonly reactor: IVReactor
  readonly #core: ConcatCore

  /** Starts without parts: add them, then call `finish`. @throws TypeError without a reactor */
  constructor(reactor: IVReactor) {
    this.#core = new ConcatCore(reactor)
    this.reactor = reactor
  }

  /** A concatenation of these parts and no more. @throws as `add` does */
  static of(reactor: IVReactor, parts: Iterable<VConcatPart>): VByteConcat {
    const concat = new VByteConcat(reactor)
    for (const part of parts) concat.add(part)
    concat.finish()
    return concat
  }

  /** Where bytes go out. The same object on every access. */
  get byteProduce(): IVByteProducer {
    return this.#core.out
  }

  /** How many parts have not begun. */
  get waitingParts(): number {
    return this.#core.waiting.length
  }

  /** Bytes that wait for a consumer; 0 while one is attached. */
  get heldBytes(): number {
    return this.#core.out.held
  }

  /**
   * Puts a part behind those there are, also while they run.
   *
   * @throws TypeError if it is no producer of bytes nor a function, VIOError if it is attached, has ended or was added
   *   before, VIOClosed after `finish` or the end
   */
  add(part: VConcatPart): void {
    this.#core.add(part)
  }

  /** Says that no more parts come: after the last there is, the consumer is told the end. Idempotent. */
  finish(): void {
    this.#core.finish()
  }
}

/** What a concatenation knows, and the end that gives. */
class ConcatCore {
  readonly out: RelayProducer<VByteBuffer, IVByteProducer, IVByteConsumer>
  waiting: Array<IVByteProducer | (() => IVByteProducing | IVByteProducer)> = []
  readonly #known = new WeakSet<IVByteProducer>()
  readonly #reactor: IVReactor
  readonly #next: RecurringTask
  #current: PartConsumer | null = null
  #finished = false

  constructor(reactor: IVReactor) {
    this.out = new RelayProducer(reactor, BYTES, {
      producerControl: () => this.#current?.producer?.control ?? emptyControl(),
      producerFlows: () => (this.#current === null ? [] : [this.#current]),
      roomChanged: () => this.#roomChanged(),
      relayAborted: (reason) => this.#abortParts(reason),
    })
    this.#reactor = reactor
    // On a turn of its own, so that a row of empty parts is not a tower of calls.
    this.#next = new RecurringTask(reactor, () => this.#begin())
  }

  add(part: VConcatPart): void {
    if (this.#finished || this.out.closed) throw new VIOClosed('the concatenation takes no more parts')
    if (typeof part === 'function') this.waiting.push(part)
    else this.#addProducer(producerOf(part))
    this.#next.post()
  }

  #addProducer(producer: IVByteProducer): void {
    if (producer.consumer !== null)
      throw new VIOError('a consumer is already attached to the part; detach it first')
    if (this.#known.has(producer) || (producer as { readonly closed?: unknown }).closed === true)
      throw new VIOError('the part was added before or has ended; build a new one')
    this.#known.add(producer)
    this.waiting.push(producer)
  }

  finish(): void {
    this.#finished = true
    this.#next.post()
  }

  /** The consumer allows more, or what waited has left. */
  #roomChanged(): void {
    if (this.#current === null) this.#next.post()
    else if (this.#current.over) this.partEnded(this.#current)
    else this.#current.regrant()
  }

  /** Attaches the next part, or ends if there is none to come. A part begins only when somebody is there to take it. */
  #begin(): void {
    if (this.#current !== null || this.out.consumer === null) return
    const part = this.waiting.shift()
    if (part === undefined) {
      if (!this.#finished) return
      this.out.finish(true, undefined)
      this.out.flush()
      return
    }
    try {
      const producer = typeof part === 'function' ? producerOf(part()) : part
      this.#current = new PartConsumer(this.#reactor, this)
      this.#current.attach(producer)
    } catch (error) {
      this.#current = null
      this.#reactor.log.error('a part of a concatenation could not be attached', error)
      this.endUnclean(error instanceof Error ? error : new VIOError(`a part could not be made: ${error}`))
    }
  }

  /** The current part was told to be over; all it gave leaves first. */
  partEnded(part: PartConsumer): void {
    if (this.out.held === 0) this.#partOver(part)
  }

  #partOver(part: PartConsumer): void {
    this.#current = null
    part.abort()
    if (part.clean) this.#next.post()
    else this.endUnclean(part.reason)
  }

  /** The current part was aborted before its end. */
  partAborted(part: PartConsumer, reason: Error | undefined): void {
    // After its end it has no say any more: what it gave is here.
    if (this.#current !== part || part.over) return
    this.#current = null
    this.out.abort(reason)
  }

  /** Ends the whole, and gives up the parts that wait. */
  endUnclean(reason: Error | undefined): void {
    this.#finished = true
    this.#abortParts(reason)
    this.out.finish(false, reason)
    this.out.flush()
  }

  #abortParts(reason: Error | undefined): void {
    const parts = this.waiting
    this.waiting = []
    const current = this.#current
    this.#current = null
    current?.abort(reason)
    for (const part of parts) if (typeof part !== 'function') part.abort(reason)
  }
}

/** The end that takes the bytes of one part. */
class PartConsumer extends ConsumerEnd<VByteBuffer, IVByteConsumer, IVByteProducer> {
  /** The end of the part was told. */
  over = false
  clean = true
  reason: Error | undefined
  readonly #core: ConcatCore

  constructor(reactor: IVReactor, core: ConcatCore) {
    super(flowTermsOf(reactor, BYTES))
    this.#core = core
  }

  get control(): VIOControl {
    return this.#core.out.consumer?.control ?? emptyControl()
  }

  override get flows(): readonly IVByteProducer[] {
    return [this.#core.out]
  }

  regrant(): void {
    this.grant(this.movedUnits + this.#core.out.room)
  }

  protected deliver(data: VByteBuffer, count: number): void {
    const attachment = this.attachment
    this.movedUnits += count
    data.moveTo(this.#core.out.intake, count)
    this.#core.out.flush()
    if (attachment === this.attachment) this.limitUnits = this.movedUnits + this.#core.out.room
    else this.regrant()
  }

  protected handleEnd(clean: boolean, reason: Error | undefined): void {
    this.over = true
    this.clean = clean
    this.reason = reason
    this.#core.partEnded(this)
  }

  protected handleAborted(reason: Error | undefined): void {
    this.#core.partAborted(this, reason)
  }

  protected peerAttached(): void {
    this.regrant()
  }

  protected peerDetached(): void {}
}

function producerOf(part: IVByteProducing | IVByteProducer): IVByteProducer {
  const offered = (part as Partial<IVByteProducing> | null | undefined)?.byteProduce
  if (isByteProducer(offered)) return offered
  if (isByteProducer(part)) return part
  throw new TypeError(`a part of a concatenation is a producer of bytes, got ${describeValue(part)}`)
}
