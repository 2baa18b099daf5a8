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
  readonly held = new VByteBuffer()
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

  override consume(data: VByteBuffer, clim?: number | null): number {
    const count = this.admit(data, clim)
    if (this.#observed) this.#hooks.passing(data, count)
    const out = this.out
    const next = out['peer']
    if (next === null || this.held.length > 0) return this.#hold(data, count)
    const above = this.attachment
    const below = out['attachment']
    const before = data.length
    const answer = next.consume(data, count)
    const moved = before - data.length
    const attached = below === out['attachment']
    if (attached) {
      out['movedUnits'] += moved
      out['limitUnits'] = typeof answer === 'number' && answer >= 0 ? answer : limitOf(answer)
    }
    if (above !== this.attachment) return this.limitUnits
    this.movedUnits += moved
    if (!attached && moved < count) return this.#hold(data, count - moved)
    const limit = attached ? out['limitUnits'] + this.#shift : this.movedUnits
    this.limitUnits = Math.min(limit, this.#allowance)
    return this.limitUnits
  }

  protected deliver(data: VByteBuffer, count: number): void {
    this.#hold(data, count)
  }

  #hold(data: VByteBuffer, count: number): number {
    this.movedUnits += data.moveTo(this.held, count)
    this.limitUnits = this.movedUnits
    return this.limitUnits
  }

  /** How much the tap lets through from now on, beyond what has passed. */
  allow(further: number): void {
    this.#allowance = this.movedUnits + further
    this.regrant()
  }

  /** An attachment began on either side: the counters no longer tell of the one before. */
  realign(): void {
    this.#shift = this.movedUnits - this.held.length - this.out['movedUnits']
  }

  /** Passes on to the producer what the consumer below allows by now. */
  regrant(): void {
    if (this.out['peer'] === null || this.held.length > 0) return
    this.grant(Math.min(this.out['limitUnits'] + this.#shift, this.#allowance))
  }

  /** Gives what waits, then an end that waits, to the consumer below. */
  flush(): void {
    const out = this.out
    if (this.held.length > 0 && out.credit > 0) {
      out.give(this.held)
      if (this.held.length === 0) this.regrant()
    }
    if (this.held.length === 0 && this.#end !== undefined) out.giveEnd(this.#end.clean, this.#end.reason)
  }

  get waits(): boolean {
    return this.held.length > 0 || this.#end !== undefined
  }

  protected handleEnd(clean: boolean, reason: Error | undefined): void {
    this.guard('the hook of an end', () => this.#hooks.ended(clean, reason))
    this.#end = { clean, reason }
    if (this.out['peer'] !== null) this.flush()
  }

  protected handleAborted(reason: Error | undefined): void {
    this.held.clear()
    this.out.abort(reason)
    this.#hooks.aborted(reason)
  }

  protected peerAttached(): void {
    this.#allowance = UNLIMITED
    this.realign()
    this.#hooks.attached()
    this.regrant()
  }

  protected peerDetached(): void {}
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

  get credit(): number {
    return this.limitUnits - this.movedUnits
  }

  give(data: VByteBuffer): void {
    this.send(data)
  }

  giveEnd(clean: boolean, reason: Error | undefined): void {
    this.sendEnd(clean, reason)
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
    this.#in.realign()
    this.trigger()
  }

  protected peerDetached(): void {}
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
