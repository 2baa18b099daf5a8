/**
 * The two ends of a tap: bytes that come into the one go out of the other in the same call.
 *
 * Decides how limits travel through: what the consumer below allows, less what the tap withholds, is what the
 * producer above gets. Nothing is held while both sides are attached; bytes that were granted and come while the
 * consumer is detached wait here, and no more are granted until they have left. Invariant: while nothing waits, the
 * units moved on both sides differ by `#shift`.
 */
import type { IVReactor } from '@vio/reactor'
import { VByteBuffer } from '../byte-buffer.js'
import { ConsumerEnd } from '../chain/consumer-end.js'
import { BYTES } from '../chain/kind.js'
import { ProducerEnd } from '../chain/producer-end.js'
import type { VIOControl } from '../control.js'
import { limitOf, UNLIMITED } from '../limit.js'
import type { IVByteConsumer, IVByteProducer } from '../types.js'

/** What the ends of a tap ask of it. */
export interface TapHooks {
  passing(data: VByteBuffer, count: number): void
  attached(): void
  ended(clean: boolean, reason?: Error): void
  aborted(reason?: Error): void
  consumerControl(): VIOControl
  producerControl(): VIOControl
}

/** The attachments of both ends at one time. */
interface TapEpoch {
  readonly above: number
  readonly below: number
}

/** One call of the consumer below: what it was offered, what it may take, and what it answered. */
interface PassedOn {
  readonly before: number
  readonly count: number
  readonly answer: number | null
  readonly epoch: TapEpoch
}

/** The end of a tap that takes bytes, and the tap's state. */
export class TapConsumer extends ConsumerEnd<VByteBuffer, IVByteConsumer, IVByteProducer> {
  readonly #hooks: TapHooks
  readonly #observed: boolean
  readonly out: TapProducer
  /** Bytes that came while no consumer was attached. */
  readonly held: VByteBuffer = new VByteBuffer()
  /** The consumer below, while bytes can go there with nothing to do on the way; else null. */
  #direct: IVByteConsumer | null = null
  /** Bytes that went the direct way and are not in the counters of the two ends yet. */
  #passed = 0
  /** The consumer below is at work: what it has taken is not counted yet. */
  #inside = false
  /** Which attachments the counters belong to; another object after each change. */
  #epoch: TapEpoch = { above: 0, below: 0 }
  /** Units moved above less units moved below and held. Constant while both attachments last. */
  #shift = 0
  /** The cumulative number of bytes that the tap itself lets through in this attachment. */
  #allowance = UNLIMITED
  #end: { readonly clean: boolean; readonly reason: Error | undefined } | undefined

  constructor(reactor: IVReactor, hooks: TapHooks, observed: boolean) {
    super(reactor, BYTES)
    this.#hooks = hooks
    this.#observed = observed
    this.out = new TapProducer(reactor, hooks, this)
  }

  get control(): VIOControl {
    return this.#hooks.consumerControl()
  }

  override get flows(): readonly IVByteProducer[] {
    return [this.out]
  }

  override get consumed(): number {
    return this.movedUnits + this.#passed
  }

  /**
   * Passes bytes on. The direct way leaves every check to the consumer below, whose limit is this one's: what it
   * refuses has not changed anything here.
   */
  override consume(data: VByteBuffer, clim?: number | null): number {
    const next = this.#direct
    if (next === null) return this.#consumeChecked(data, clim)
    const epoch = this.#epoch
    const before = data.length
    this.#inside = true
    const limit = next.consume(data, clim)
    this.#inside = false
    if (epoch !== this.#epoch || limit === null || limit < 0) {
      const count = typeof clim === 'number' && clim > 0 && clim < before ? clim : before
      return this.#settle(data, { before, count, answer: limit, epoch })
    }
    this.#passed += before - data.length
    // Without a shift the very number goes up, so that large limits are not boxed anew at each element.
    if (this.#shift === 0) {
      this.limitUnits = limit
      return limit
    }
    this.limitUnits = limit + this.#shift
    return this.limitUnits
  }

  /** Passes bytes on where something is to be done on the way: watched, withheld, or kept for want of a consumer. */
  #consumeChecked(data: VByteBuffer, clim: number | null | undefined): number {
    const count = this.admit(data, clim)
    if (this.#observed) this.#hooks.passing(data, count)
    const next = this.out.consumer
    if (next === null || this.held.length > 0) {
      this.deliver(data, count)
      return this.limitUnits
    }
    const epoch = this.#epoch
    const before = data.length
    this.#inside = true
    const answer = next.consume(data, count)
    this.#inside = false
    return this.#settle(data, { before, count, answer, epoch })
  }

  /** Counts what the consumer below took, and finds the limit from here on, also if an attachment changed meanwhile. */
  #settle(data: VByteBuffer, call: PassedOn): number {
    const moved = call.before - data.length
    const sameAbove = call.epoch.above === this.attachment
    const sameBelow = call.epoch.below === this.out.attachedAt
    if (call.epoch === this.#epoch) this.sync()
    if (sameAbove) this.movedUnits += moved
    if (sameBelow) this.out.passed(moved, limitOf(call.answer))
    if (call.epoch !== this.#epoch) this.#realign()
    if (!sameAbove) return this.limitUnits
    // What was granted and not taken by a consumer that left waits for the next one.
    if (!sameBelow && moved < call.count) {
      this.deliver(data, call.count - moved)
      return this.limitUnits
    }
    const open = this.out.consumer !== null && this.held.length === 0
    this.limitUnits = open ? Math.min(this.out.limit + this.#shift, this.#allowance) : this.movedUnits
    return this.limitUnits
  }

  /** Keeps bytes until a consumer is attached; no more are allowed before they have left. */
  protected deliver(data: VByteBuffer, count: number): void {
    this.movedUnits += data.moveTo(this.held, count)
    this.limitUnits = this.movedUnits
    this.#route()
  }

  /** Brings the counters of both ends up to date. */
  sync(): void {
    const passed = this.#passed
    if (passed === 0) return
    this.#passed = 0
    this.movedUnits += passed
    this.out.passed(passed, this.limitUnits - this.#shift)
  }

  /** Finds out whether bytes can go the direct way from here on. */
  #route(): void {
    const plain = !this.#observed && this.#allowance === UNLIMITED && this.held.length === 0
    this.#direct = plain && this.peer !== null && !this.closed ? this.out.consumer : null
  }

  /** How much the tap lets through from now on, beyond what has passed. */
  allow(further: number): void {
    this.sync()
    this.#allowance = this.movedUnits + further
    this.#route()
    this.regrant()
  }

  /** The end below was attached or detached: its counters start anew. */
  changedBelow(): void {
    this.movedUnits += this.#passed
    this.#passed = 0
    this.#realign()
  }

  #realign(): void {
    this.#epoch = { above: this.attachment, below: this.out.attachedAt }
    this.#shift = this.movedUnits - this.held.length - this.out.produced
    this.#route()
  }

  /** Passes on to the producer what the consumer below allows by now. */
  regrant(): void {
    if (this.out.consumer === null || this.held.length > 0) return
    this.grant(Math.min(this.out.limit + this.#shift, this.#allowance))
  }

  /** Gives what waits, then an end that waits, to the consumer below. */
  flush(): void {
    if (this.held.length > 0 && this.out.credit > 0) {
      this.out.give(this.held)
      this.#route()
      if (this.held.length === 0) this.regrant()
    }
    if (this.held.length === 0 && this.#end !== undefined) this.out.giveEnd(this.#end.clean, this.#end.reason)
  }

  get waits(): boolean {
    return this.held.length > 0 || this.#end !== undefined
  }

  protected handleEnd(clean: boolean, reason: Error | undefined): void {
    this.sync()
    this.#route()
    this.guard('the hook of an end', () => this.#hooks.ended(clean, reason))
    this.#end = { clean, reason }
    if (this.out.consumer !== null) this.flush()
  }

  protected handleAborted(reason: Error | undefined): void {
    this.#direct = null
    this.held.clear()
    this.out.abort(reason)
    this.#hooks.aborted(reason)
  }

  protected peerAttached(): void {
    this.#allowance = UNLIMITED
    this.#realign()
    this.#hooks.attached()
    // In the middle of a call below, what may be granted is known only when the call is over.
    if (this.#inside) this.reactor.schedule(0, () => this.regrant())
    else this.regrant()
  }

  protected peerDetached(): void {
    // The counter above has started anew; what passed is still to be counted below.
    this.out.passed(this.#passed, this.out.limit)
    this.#passed = 0
    this.#realign()
  }
}

/** The end of a tap that gives bytes. */
export class TapProducer extends ProducerEnd<VByteBuffer, IVByteProducer, IVByteConsumer> {
  readonly #hooks: TapHooks
  readonly #in: TapConsumer

  constructor(reactor: IVReactor, hooks: TapHooks, from: TapConsumer) {
    super(reactor, BYTES)
    this.#hooks = hooks
    this.#in = from
  }

  get control(): VIOControl {
    return this.#hooks.producerControl()
  }

  override get flows(): readonly IVByteConsumer[] {
    return [this.#in]
  }

  override get produced(): number {
    this.#in.sync()
    return this.movedUnits
  }

  override get limit(): number {
    this.#in.sync()
    return this.limitUnits
  }

  get credit(): number {
    return this.limit - this.movedUnits
  }

  /** Which attachment this is. */
  get attachedAt(): number {
    return this.attachment
  }

  /** Bytes went from the consuming end straight to the consumer, which answered with `limit`. */
  passed(bytes: number, limit: number): void {
    this.movedUnits += bytes
    this.limitUnits = limit
  }

  give(data: VByteBuffer): void {
    this.send(data)
  }

  giveEnd(clean: boolean, reason: Error | undefined): void {
    this.sendEnd(clean, reason)
  }

  override canProduce(limit: number | null): void {
    this.#in.sync()
    super.canProduce(limit)
  }

  protected override limitRaised(): void {
    if (this.#in.waits) this.trigger()
    else this.#in.regrant()
  }

  protected wantsTurn(): boolean {
    return this.#in.waits
  }

  protected produceTurn(): void {
    this.#in.flush()
  }

  protected handleAborted(reason: Error | undefined): void {
    this.#in.abort(reason)
  }

  protected peerAttached(): void {
    this.#in.changedBelow()
    this.trigger()
  }

  protected peerDetached(): void {
    this.#in.changedBelow()
  }
}
