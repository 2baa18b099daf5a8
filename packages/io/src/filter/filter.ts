/**
 * The public filters: one transform, one direction, between bytes and bytes or bytes and messages.
 *
 * Decides what a filter is made of and refuses what cannot work; the lane does the work. A protocol with two
 * directions is two of these, joined by `VByteDuplexFilter`.
 */
import type { IVReactor, IVReactorObject } from '@vio/reactor'
import type { VByteBuffer } from '../byte-buffer.js'
import { BYTES, messagesOf } from '../chain/kind.js'
import { emptyControl, type VIOControl } from '../control.js'
import { describeValue } from '../limit.js'
import type { VMessageQueue } from '../message-queue.js'
import type {
  IVByteConsumer,
  IVByteConsuming,
  IVByteProducer,
  IVByteProducing,
  IVMessageConsumer,
  IVMessageProducer,
  IVTransform,
} from '../types.js'
import { LaneConsumer } from './lane.js'
import type { LaneHooks } from './lane-output.js'

/** How much a filter of bytes holds by default, in bytes. */
export const DEFAULT_CAPACITY_BYTES = 65_536

/** How many messages a filter that takes messages holds by default. */
export const DEFAULT_CAPACITY_MESSAGES = 64

/** Options of the filters. */
export interface VFilterOptions {
  /**
   * The most units of input that the filter holds: bytes (by default 65,536), or messages where it takes messages
   * (by default 64). Output that one run of the transform makes comes on top.
   */
  readonly capacity?: number
}

/** The control of the next element on the other side of a filter. */
interface Neighbour {
  readonly control: VIOControl
}

/** What all filters share: routing of control messages, and the hooks of a lane. */
export abstract class VFilter implements IVReactorObject {
  readonly reactor: IVReactor

  /** @throws TypeError without a reactor */
  constructor(reactor: IVReactor) {
    this.reactor = reactor
  }

  /** Units that are held, in the unit of the input. */
  abstract get held(): number

  /** The element that messages travelling with the flow go to next, or null. */
  protected abstract get nextConsumer(): Neighbour | null
  /** The element that messages travelling against the flow go to next, or null. */
  protected abstract get nextProducer(): Neighbour | null

  /** The flow was taken down, after its end or by an abort. Called once. */
  protected aborted(_reason?: Error): void {}

  /** The control for messages travelling with the flow: by default that of the consumer below. */
  protected consumerControl(): VIOControl {
    return this.nextConsumer?.control ?? emptyControl()
  }

  /** The control for messages travelling against the flow: by default that of the producer above. */
  protected producerControl(): VIOControl {
    return this.nextProducer?.control ?? emptyControl()
  }
}

/** Reads the capacity and holds it against the transform's largest unit. */
function capacityOf(
  options: VFilterOptions,
  fallback: number,
  transform: { readonly maxUnit?: number },
): number {
  const capacity = options.capacity ?? fallback
  if (!Number.isSafeInteger(capacity) || capacity < 1) {
    throw new RangeError(
      `the capacity of a filter is a whole number from 1 on, got ${describeValue(capacity)}`,
    )
  }
  const unit = transform.maxUnit ?? 1
  if (capacity < unit) {
    throw new RangeError(
      `a capacity of ${capacity} cannot hold the transform's largest unit of ${unit}; raise the one or lower the other`,
    )
  }
  return capacity
}

function checkTransform(transform: unknown): void {
  if (typeof (transform as { push?: unknown } | null)?.push !== 'function') {
    throw new TypeError(`a filter needs a transform with a method 'push', got ${describeValue(transform)}`)
  }
}

type ByteLane = LaneConsumer<
  VByteBuffer,
  IVByteConsumer,
  IVByteProducer,
  VByteBuffer,
  IVByteConsumer,
  IVByteProducer
>

/**
 * Turns bytes into other bytes.
 *
 * ```ts
 * chain(source, new VByteFilter(reactor, new CrlfToLf()), sink)
 * ```
 */
export class VByteFilter extends VFilter implements IVByteConsuming, IVByteProducing {
  readonly #lane: ByteLane

  /** @throws TypeError without a reactor or a transform, RangeError if the capacity is below the transform's largest unit */
  constructor(reactor: IVReactor, transform: IVTransform, options: VFilterOptions = {}) {
    super(reactor)
    checkTransform(transform)
    const capacity = capacityOf(options, Math.max(DEFAULT_CAPACITY_BYTES, transform.maxUnit ?? 1), transform)
    // The hooks are protected for the world; the lane calls them on behalf of the chain.
    const hooks = this as unknown as LaneHooks
    this.#lane = new LaneConsumer(reactor, { from: BYTES, to: BYTES, transform, capacity, hooks })
  }

  /** Where bytes come in. The same object on every access. */
  get byteConsume(): IVByteConsumer {
    return this.#lane
  }

  /** Where bytes go out. The same object on every access. */
  get byteProduce(): IVByteProducer {
    return this.#lane.out
  }

  get held(): number {
    return this.#lane.held
  }

  /**
   * Ends the transform, passes on what it left of the input as it is, and passes all later input unchanged: this is how
   * a filter gets out of the way, and with `unsplice` out of its chain. What the transform keeps inside of a unit that is
   * not whole takes the flow down, as it could not be passed on.
   *
   * @param drained told once the filter holds nothing any more, which may be at once
   */
  bypass(drained?: () => void): void {
    this.#lane.bypass(drained)
  }

  protected get nextConsumer(): IVByteConsumer | null {
    return this.#lane.out.consumer
  }

  protected get nextProducer(): IVByteProducer | null {
    return this.#lane.producer
  }
}

/** Turns bytes into messages: framing, seen from the reader. */
export class VByteDecoder<M> extends VFilter implements IVByteConsuming {
  readonly #lane: LaneConsumer<
    VByteBuffer,
    IVByteConsumer,
    IVByteProducer,
    VMessageQueue<M>,
    IVMessageConsumer<M>,
    IVMessageProducer<M>
  >

  /** @throws TypeError without a reactor or a transform, RangeError if the capacity is below the transform's largest unit */
  constructor(
    reactor: IVReactor,
    transform: IVTransform<VByteBuffer, VMessageQueue<M>>,
    options: VFilterOptions = {},
  ) {
    super(reactor)
    checkTransform(transform)
    const capacity = capacityOf(options, Math.max(DEFAULT_CAPACITY_BYTES, transform.maxUnit ?? 1), transform)
    const hooks = this as unknown as LaneHooks
    this.#lane = new LaneConsumer(reactor, { from: BYTES, to: messagesOf<M>(), transform, capacity, hooks })
  }

  /** Where bytes come in. The same object on every access. */
  get byteConsume(): IVByteConsumer {
    return this.#lane
  }

  /** Where messages go out. The same object on every access. */
  get messageProduce(): IVMessageProducer<M> {
    return this.#lane.out
  }

  get held(): number {
    return this.#lane.held
  }

  protected get nextConsumer(): IVMessageConsumer<M> | null {
    return this.#lane.out.consumer
  }

  protected get nextProducer(): IVByteProducer | null {
    return this.#lane.producer
  }
}

/** Turns messages into bytes: framing, seen from the writer. */
export class VByteEncoder<M> extends VFilter implements IVByteProducing {
  readonly #lane: LaneConsumer<
    VMessageQueue<M>,
    IVMessageConsumer<M>,
    IVMessageProducer<M>,
    VByteBuffer,
    IVByteConsumer,
    IVByteProducer
  >

  /** @throws TypeError without a reactor or a transform, RangeError if the capacity is below the transform's largest unit */
  constructor(
    reactor: IVReactor,
    transform: IVTransform<VMessageQueue<M>, VByteBuffer>,
    options: VFilterOptions = {},
  ) {
    super(reactor)
    checkTransform(transform)
    const capacity = capacityOf(options, DEFAULT_CAPACITY_MESSAGES, transform)
    const hooks = this as unknown as LaneHooks
    this.#lane = new LaneConsumer(reactor, { from: messagesOf<M>(), to: BYTES, transform, capacity, hooks })
  }

  /** Where messages come in. The same object on every access. */
  get messageConsume(): IVMessageConsumer<M> {
    return this.#lane
  }

  /** Where bytes go out. The same object on every access. */
  get byteProduce(): IVByteProducer {
    return this.#lane.out
  }

  get held(): number {
    return this.#lane.held
  }

  protected get nextConsumer(): IVByteConsumer | null {
    return this.#lane.out.consumer
  }

  protected get nextProducer(): IVMessageProducer<M> | null {
    return this.#lane.producer
  }
}
