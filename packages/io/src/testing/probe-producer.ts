/**
 * A producer for tests: it gives what it was fed, in the portions of its script, and records all that reaches it.
 *
 * With a reactor it gives on later turns by itself, one portion a turn; without one only when the test calls `pump`. It
 * keeps the contract of a producer, so it is also the smallest example of one.
 */
import { type IVReactor, type IVTask, VIOError } from '@vio/reactor'
import type { VByteBuffer } from '../byte-buffer.js'
import { BYTES, type FlowKind, messagesOf, type PassingQueue } from '../chain/kind.js'
import { limitOf } from '../limit.js'
import type { VMessageQueue } from '../message-queue.js'
import type {
  IVByteConsumer,
  IVByteProducer,
  IVConsumer,
  IVMessageConsumer,
  IVMessageProducer,
  IVProducer,
} from '../types.js'
import { ProbeEnd, type VProbeEnd, type VProbeOptions } from './probe-end.js'
import { SizeScript, type VSizeScript } from './size-script.js'

/** The hooks of a producing probe. */
export type VProbeProducerHook = 'consumerAttached' | 'consumerDetached' | 'canProduce' | 'producerAborted'

/** Options of a producing probe. */
export interface VProbeProducerOptions extends VProbeOptions<VProbeProducerHook> {
  /** With it the probe gives by itself, one portion a turn, and logs what its consumer throws. */
  readonly reactor?: IVReactor
  /** How many units one `consume` is offered; by default all there are. */
  readonly portions?: VSizeScript
}

/** Gives units of one kind. Use `VProbeProducer` or `VProbeMessageProducer`. */
export class ProbeProducer<Q extends PassingQueue<Q>, P, C extends IVConsumer<Q, P>>
  extends ProbeEnd<P, C, VProbeProducerHook>
  implements IVProducer<C>, IVTask
{
  /** What was fed and not taken yet. */
  readonly queue: Q
  /** What a consumer threw, in order. Each such error aborted the chain. */
  readonly failures: unknown[] = []
  protected readonly notifyName = 'notifyProducerAttached'
  protected readonly attachedHook = 'consumerAttached'
  protected readonly detachedHook = 'consumerDetached'
  protected readonly abortedHook = 'producerAborted'
  readonly #kind: FlowKind<Q, C, P, unknown, never>
  readonly #reactor: IVReactor | undefined
  readonly #portions: SizeScript
  #end: VProbeEnd | null = null
  #told = false
  #posted = false

  constructor(kind: FlowKind<Q, C, P, unknown, never>, options: VProbeProducerOptions) {
    super('source', options)
    this.#kind = kind
    this.#reactor = options.reactor
    this.#portions = new SizeScript(options.portions)
    this.queue = kind.createQueue()
  }

  get consumer(): C | null {
    return this.neighbour
  }

  get reverse(): C {
    throw new VIOError(`${this.name} has one direction`)
  }

  /** Units given in the present attachment. */
  get produced(): number {
    return this.moved
  }

  get closed(): boolean {
    return this.#end !== null || this.aborted !== null
  }

  canProduce(limit: number | null): void {
    if (this.neighbour === null) throw new VIOError(`${this.name} has no consumer`)
    const offered = limitOf(limit)
    const raised = offered > this.limit
    if (raised) this.limit = offered
    this.hook('canProduce', String(offered))
    if (raised) this.#wake()
  }

  /** Queues units; they go on as far as the limit allows: by themselves with a reactor, else with the next `pump`. */
  feed(units: Q): void {
    if (this.closed) throw new VIOError(`${this.name} has ended and takes no more`)
    units.moveTo(this.queue)
    this.#wake()
  }

  /** Tells the end once the queue is empty: by itself with a reactor, else with the next `pump`. */
  end(clean = true, reason?: Error): void {
    if (this.closed) return
    this.#end = { clean, reason }
    this.#wake()
  }

  /** Gives all that the limit allows, then the end if it is due. Returns how many units moved. */
  pump(): number {
    let total = 0
    for (let moved = this.#portion(); moved > 0; moved = this.#portion()) total += moved
    this.#finish()
    return total
  }

  /** Calls `consume` as it is, whatever the limit says, and adopts the answer. What is not taken stays in `units`. */
  send(units: Q, clim?: number | null): number | null {
    const consumer = this.neighbour
    if (consumer === null) throw new VIOError(`${this.name} has no consumer`)
    const before = units.length
    const answer = consumer.consume(units, clim)
    if (this.neighbour !== consumer) return answer
    this.moved += before - units.length
    this.adopt(answer)
    return answer
  }

  /** Called by the reactor. */
  runTask(): void {
    this.#posted = false
    if (this.#portion() > 0) this.#wake()
    else this.#finish()
  }

  /** One `consume`, if there is something and it may go. */
  #portion(): number {
    if (this.neighbour === null || this.credit <= 0 || this.queue.length === 0) return 0
    const before = this.queue.length
    const size = this.#portions.next(Math.min(before, this.credit))
    if (size === 0) return 0
    try {
      this.send(this.queue, size)
    } catch (error) {
      this.failures.push(error)
      this.log.add(`${this.name}.failed`)
      this.#reactor?.log.error(`the consumer of ${this.name} failed`, error)
      this.abort(error instanceof Error ? error : new VIOError(String(error)))
      return 0
    }
    return before - this.queue.length
  }

  #finish(): void {
    const end = this.#end
    if (end === null || this.#told || this.queue.length > 0 || this.neighbour === null) return
    this.#told = true
    this.neighbour.endConsume(end.clean, end.reason)
  }

  #wake(): void {
    if (this.#reactor === undefined || this.#posted) return
    this.#posted = true
    this.#reactor.post(this)
  }

  protected override hook(name: VProbeProducerHook, detail = ''): void {
    super.hook(name, detail)
    if (name === 'consumerAttached') this.#wake()
  }

  protected fits(value: unknown): value is C {
    return this.#kind.isConsumer(value)
  }

  protected drop(): void {
    this.queue.clear()
  }
}

/** A probe that produces bytes. */
export class VProbeProducer extends ProbeProducer<VByteBuffer, IVByteProducer, IVByteConsumer> {
  constructor(options: VProbeProducerOptions = {}) {
    super(BYTES, options)
  }

  /** The probe itself: it can stand where an element is wanted. */
  get byteProduce(): IVByteProducer {
    return this
  }
}

/** A probe that produces messages. */
export class VProbeMessageProducer<M> extends ProbeProducer<
  VMessageQueue<M>,
  IVMessageProducer<M>,
  IVMessageConsumer<M>
> {
  constructor(options: VProbeProducerOptions = {}) {
    super(messagesOf<M>(), options)
  }

  /** The probe itself: it can stand where an element is wanted. */
  get messageProduce(): IVMessageProducer<M> {
    return this
  }
}
