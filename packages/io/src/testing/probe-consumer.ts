/**
 * A consumer for tests: it takes what its script allows and records all that reaches it.
 *
 * What it grants and when is the test's affair; by itself it grants nothing. It keeps the contract of a consumer, so it
 * is also the smallest example of one.
 */
import { VIOError } from '@vio/reactor'
import type { VByteBuffer } from '../byte-buffer.js'
import { BYTES, type FlowKind, messagesOf, type PassingQueue } from '../chain/kind.js'
import { VIOLimitExceeded } from '../errors.js'
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

/** The hooks of a consuming probe. */
export type VProbeConsumerHook =
  | 'producerAttached'
  | 'producerDetached'
  | 'received'
  | 'dataEnded'
  | 'consumerAborted'

/** Options of a consuming probe. */
export interface VProbeConsumerOptions extends VProbeOptions<VProbeConsumerHook> {
  /** The cumulative limit that is granted on attachment: null for none, by default 0. */
  readonly grantAtAttach?: number | null
  /** True if it does not abort behind an end by itself, as what has yet to carry the end out. By default false. */
  readonly holdEnd?: boolean
  /** The cumulative limit from here on, which is what `consume` answers; by default the one there is. */
  readonly answer?: (state: { readonly consumed: number; readonly limit: number }) => number | null
}

/** Takes units of one kind. Use `VProbeConsumer` or `VProbeMessageConsumer`. */
export class ProbeConsumer<Q extends PassingQueue<Q>, C, P extends IVProducer<C>>
  extends ProbeEnd<C, P, VProbeConsumerHook>
  implements IVConsumer<Q, P>
{
  /** What was taken and not been looked at yet: take it out at will. */
  readonly received: Q
  /** How the end came, or null. */
  ended: VProbeEnd | null = null
  protected readonly notifyName = 'notifyConsumerAttached'
  protected readonly attachedHook = 'producerAttached'
  protected readonly detachedHook = 'producerDetached'
  protected readonly abortedHook = 'consumerAborted'
  readonly #kind: FlowKind<Q, C, P, unknown, never>
  readonly #options: VProbeConsumerOptions

  constructor(kind: FlowKind<Q, C, P, unknown, never>, options: VProbeConsumerOptions) {
    super('sink', options)
    this.#kind = kind
    this.#options = options
    this.received = kind.createQueue()
  }

  get producer(): P | null {
    return this.neighbour
  }

  get reverse(): P {
    throw new VIOError(`${this.name} has one direction`)
  }

  /** Units taken in the present attachment. */
  get consumed(): number {
    return this.moved
  }

  get closed(): boolean {
    return this.ended !== null || this.aborted !== null
  }

  /** Raises the cumulative limit; null for none. A limit that is not higher changes nothing. */
  grant(limit: number | null): void {
    const producer = this.neighbour
    if (producer === null) throw new VIOError(`${this.name} has no producer to grant to`)
    const cumulative = limitOf(limit)
    if (cumulative <= this.limit) return
    this.limit = cumulative
    const name = `${this.name}.grant`
    this.log.call(name, undefined, () => producer.canProduce(limit === null ? null : cumulative))
  }

  /** Grants `units` beyond what was taken. */
  grantMore(units: number): void {
    this.grant(this.moved + units)
  }

  consume(data: Q, clim?: number | null): number | null {
    if (!this.#kind.isQueue(data)) throw new TypeError(`${this.name} takes a queue of its kind`)
    if (this.closed) throw new VIOError(`${this.name} has ended and takes no more`)
    if (this.neighbour === null) throw new VIOError(`${this.name} has no producer`)
    if (data.length === 0) throw new VIOError(`${this.name} was given nothing`)
    if (this.credit <= 0) throw new VIOLimitExceeded(this.limit, this.moved, data.length)
    let count = Math.min(data.length, this.credit)
    if (typeof clim === 'number' && clim > 0) count = Math.min(count, clim)
    return this.log.call(`${this.name}.consume`, String(count), () => this.#take(data, count))
  }

  #take(data: Q, count: number): number | null {
    const producer = this.neighbour
    this.moved += data.moveTo(this.received, count)
    this.hook('received', String(count))
    if (this.neighbour !== producer || producer === null) return this.limit
    const answer = this.#options.answer?.({ consumed: this.moved, limit: this.limit })
    if (answer !== undefined) this.adopt(answer)
    return this.limit === Number.POSITIVE_INFINITY ? null : this.limit
  }

  endConsume(clean: boolean, reason?: Error): void {
    this.log.add(`${this.name}.endConsume(${Boolean(clean)})`)
    if (this.closed) return
    this.ended = { clean: Boolean(clean), reason }
    this.hook('dataEnded', String(Boolean(clean)))
    if (this.#options.holdEnd !== true) this.abort(clean ? undefined : reason)
  }

  protected override hook(name: VProbeConsumerHook, detail = ''): void {
    if (name === 'producerAttached' && this.#options.grantAtAttach !== undefined) {
      super.hook(name, detail)
      this.grant(this.#options.grantAtAttach)
    } else super.hook(name, detail)
  }

  protected fits(value: unknown): value is P {
    return this.#kind.isProducer(value)
  }

  protected drop(): void {}
}

/** A probe that consumes bytes. */
export class VProbeConsumer extends ProbeConsumer<VByteBuffer, IVByteConsumer, IVByteProducer> {
  constructor(options: VProbeConsumerOptions = {}) {
    super(BYTES, options)
  }

  /** The probe itself: it can stand where an element is wanted. */
  get byteConsume(): IVByteConsumer {
    return this
  }
}

/** A probe that consumes messages. */
export class VProbeMessageConsumer<M> extends ProbeConsumer<
  VMessageQueue<M>,
  IVMessageConsumer<M>,
  IVMessageProducer<M>
> {
  constructor(options: VProbeConsumerOptions = {}) {
    super(messagesOf<M>(), options)
  }

  /** The probe itself: it can stand where an element is wanted. */
  get messageConsume(): IVMessageConsumer<M> {
    return this
  }
}
