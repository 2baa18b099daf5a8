/**
 * `VByteTap`: an element that bytes pass one to one, in the same call.
 *
 * Decides how limits travel through: what the consumer below allows, less what a subclass withholds, is what the
 * producer above gets. It holds nothing while both sides are attached; bytes that were granted and come while the
 * consumer is detached wait in it, and no more are granted until they have left. Invariant: while nothing waits, the
 * units moved on both sides differ by `#shift`.
 */
import type { IVReactor, IVReactorObject } from '@vio/reactor'
import { VByteBuffer } from '../byte-buffer.js'
import { ConsumerEnd } from '../chain/consumer-end.js'
import { BYTES } from '../chain/kind.js'
import { ProducerEnd } from '../chain/producer-end.js'
import { emptyControl, type VIOControl } from '../control.js'
import { limitOf, UNLIMITED } from '../limit.js'
import type { IVByteConsumer, IVByteConsuming, IVByteProducer, IVByteProducing } from '../types.js'

/** What the ends of a tap ask of it. */
interface TapHooks {
  passing(data: VByteBuffer, count: number): void
  attached(): void
  ended(clean: boolean, reason?: Error): void
  aborted(reason?: Error): void
  consumerControl(): VIOControl
  producerControl(): VIOControl
}

class TapConsumer extends ConsumerEnd<VByteBuffer, IVByteConsumer, IVByteProducer> {
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
    const above = this.attachment
    const below = this.out.attachedAt
    const before = data.length
    this.#inside = true
    const answer = next.consume(data, clim)
    this.#inside = false
    const limit = typeof answer === 'number' && answer >= 0 ? answer : limitOf(answer)
    if (above !== this.attachment || below !== this.out.attachedAt) {
      return this.#settle(before - data.length, above === this.attachment, below === this.out.attachedAt)
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

  #consumeChecked(data: VByteBuffer, clim: number | null | undefined): number {
    const count = this.admit(data, clim)
    if (this.#observed) this.#hooks.passing(data, count)
    const next = this.out.consumer
    if (next === null || this.held.length > 0) return this.#hold(data, count)
    const above = this.attachment
    const below = this.out.attachedAt
    const before = data.length
    this.#inside = true
    const answer = next.consume(data, count)
    this.#inside = false
    const moved = before - data.length
    if (below !== this.out.attachedAt) {
      const limit = this.#settle(moved, above === this.attachment, false)
      // What was granted and not taken by a consumer that left waits for the next one.
      return moved < count && above === this.attachment ? this.#hold(data, count - moved) : limit
    }
    const limit = typeof answer === 'number' && answer >= 0 ? answer : limitOf(answer)
    this.out.passed(moved, limit)
    if (above !== this.attachment) return this.limitUnits
    this.movedUnits += moved
    this.limitUnits = Math.min(limit + this.#shift, this.#allowance)
    return this.limitUnits
  }

  /** Counts bytes that passed while an attachment changed. Returns the limit from here on. */
  #settle(moved: number, sameAbove: boolean, sameBelow: boolean): number {
    if (sameAbove) this.movedUnits += moved
    if (sameBelow) this.out.passed(moved, this.out.limit)
    this.#realign()
    if (sameAbove) {
      const attached = this.out.consumer !== null && this.held.length === 0
      this.limitUnits = attached ? Math.min(this.out.limit + this.#shift, this.#allowance) : this.movedUnits
    }
    return this.limitUnits
  }

  protected deliver(data: VByteBuffer, count: number): void {
    this.#hold(data, count)
  }

  #hold(data: VByteBuffer, count: number): number {
    this.movedUnits += data.moveTo(this.held, count)
    this.limitUnits = this.movedUnits
    this.#route()
    return this.limitUnits
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

class TapProducer extends ProducerEnd<VByteBuffer, IVByteProducer, IVByteConsumer> {
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

/**
 * Lets bytes pass, and lets a subclass look at them, count them or hold the producer back.
 *
 * As it is, it does nothing but pass: the measure of what an element costs.
 */
export class VByteTap implements IVByteConsuming, IVByteProducing, IVReactorObject {
  readonly reactor: IVReactor
  readonly #end: TapConsumer

  /** @throws TypeError without a reactor */
  constructor(reactor: IVReactor) {
    const observed = this.passing !== VByteTap.prototype.passing
    // The hooks are protected for the world; the ends call them on behalf of the chain.
    this.#end = new TapConsumer(reactor, this as unknown as TapHooks, observed)
    this.reactor = reactor
  }

  /** Where bytes come in. The same object on every access. */
  get byteConsume(): IVByteConsumer {
    return this.#end
  }

  /** Where the same bytes go out. The same object on every access. */
  get byteProduce(): IVByteProducer {
    return this.#end.out
  }

  /** Bytes that wait for a consumer to be attached; 0 while one is. */
  get heldBytes(): number {
    return this.#end.held.length
  }

  /** The first `count` bytes of `data` are about to pass. They may be looked at, not taken, kept or written to. */
  protected passing(_data: VByteBuffer, _count: number): void {}

  /** A producer was attached above; the place for a first `allowFurther`, as nothing is withheld otherwise. */
  protected attached(): void {}

  /** The end is about to pass. */
  protected ended(_clean: boolean, _reason?: Error): void {}

  /** The flow was taken down, after its end or by an abort. Called once. */
  protected aborted(_reason?: Error): void {}

  /** Lets `bytes` further bytes through, Infinity for any number. What was granted before still passes. */
  protected allowFurther(bytes: number): void {
    this.#end.allow(bytes)
  }

  /** Takes the flow down because of an error of the tap itself, and reports it. */
  protected fail(error: Error): void {
    this.reactor.log.error('a tap aborted its chain', error)
    this.#end.abort(error)
  }

  /** The control for messages travelling with the bytes: by default that of the consumer below. */
  protected consumerControl(): VIOControl {
    return this.#end.out.consumer?.control ?? emptyControl()
  }

  /** The control for messages travelling against the bytes: by default that of the producer above. */
  protected producerControl(): VIOControl {
    return this.#end.producer?.control ?? emptyControl()
  }
}
