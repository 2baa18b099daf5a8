/**
 * The end of a tap that takes bytes, which go out of the other end in the same call.
 *
 * Decides how limits travel through: what the consumer below allows, less what the tap withholds, is what the
 * producer above gets. Nothing is held in between but what was granted and then finds no consumer that allows it, as
 * the one below has left or been replaced; it waits here, and no more is granted until it has left. Invariant: while
 * nothing waits, the units moved on both sides differ by `#shift`.
 */
import type { IVReactor } from '@vio/reactor'
import { VByteBuffer } from '../byte-buffer.js'
import { ConsumerEnd, tellCallFailed } from '../chain/consumer-end.js'
import { flowTermsOf } from '../chain/flow-terms.js'
import { BYTES } from '../chain/kind.js'
import type { VIOControl } from '../control.js'
import { limitOf, UNLIMITED } from '../limit.js'
import type { IVByteConsumer, IVByteProducer } from '../types.js'
import { TapProducer } from './tap-producer.js'

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

/** A consumer whose own counters tell how much went to it. */
type CountingConsumer = ConsumerEnd<VByteBuffer, IVByteConsumer, IVByteProducer>

/** The end of a tap that takes bytes, and the tap's state. */
export class TapConsumer extends ConsumerEnd<VByteBuffer, IVByteConsumer, IVByteProducer> {
  readonly #hooks: TapHooks
  readonly #observed: boolean
  readonly out: TapProducer
  /** Bytes that were granted and that no consumer allowed when they came. */
  readonly held: VByteBuffer = new VByteBuffer()
  /**
   * The consumer below, while bytes go there with nothing to do on the way; else null. While it is set, its counters
   * stand for those of both ends of the tap.
   */
  #direct: CountingConsumer | null = null
  /** Which attachments `#shift` belongs to; another object after each change. */
  #epoch: TapEpoch = { above: 0, below: 0 }
  /** Units moved above less units moved below and held. */
  #shift = 0
  /** The producer was granted more than the consumer of now allows: the one before it allowed more. */
  #owing = false
  /** The consumer below is at work: what it has taken is not counted yet. */
  #inside = false
  /** The cumulative number of bytes that the tap itself lets through in this attachment. */
  #allowance = UNLIMITED
  #end: { readonly clean: boolean; readonly reason: Error | undefined } | undefined

  constructor(reactor: IVReactor, hooks: TapHooks, observed: boolean) {
    super(flowTermsOf(reactor, BYTES))
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
    return this.#direct === null ? this.movedUnits : this.#direct.consumed + this.#shift
  }

  override get limit(): number {
    return this.#direct === null ? this.limitUnits : this.#direct.limit + this.#shift
  }

  /** The consumer that bytes go to directly, or null. */
  get direct(): CountingConsumer | null {
    return this.#direct
  }

  /** True while bytes or an end wait for the consumer below. */
  get waits(): boolean {
    return this.held.length > 0 || this.#end !== undefined
  }

  /**
   * Passes bytes on. The direct way leaves checks and counters to the consumer below, whose limit is this one's: what
   * it refuses has not changed anything here.
   */
  override consume(data: VByteBuffer, clim?: number | null): number {
    const next = this.#direct
    if (next === null) return this.#consumeCounted(data, clim)
    const epoch = this.#epoch
    const before = clim ? data.length : -1
    // A consumer that throws says so by `callFailed`: a guard here would cost each chunk a third more.
    this.#inside = true
    const limit = next.consume(data, clim)
    this.#inside = false
    if (epoch !== this.#epoch) return this.#settleDirect(data, before, clim, epoch)
    // Without a shift the very number goes up, so that large limits are not boxed anew at each element.
    return this.#shift === 0 ? limit : limit + this.#shift
  }

  /** An attachment changed while bytes went the direct way: the counters were taken over in the middle of it. */
  #settleDirect(data: VByteBuffer, before: number, clim: number | null | undefined, epoch: TapEpoch): number {
    if (epoch.below === this.out.attachedAt) this.out.recount()
    this.#route()
    if (epoch.above === this.attachment && epoch.below !== this.out.attachedAt) {
      // What was granted and not taken by a consumer that left waits for the next one.
      const capped = typeof clim === 'number' && clim > 0
      const offered = capped ? Math.min(clim, before) - (before - data.length) : data.length
      const rest = Math.min(offered, this.limitUnits - this.movedUnits)
      if (rest > 0) this.deliver(data, rest)
    }
    return this.#limitAfter(epoch)
  }

  /** The answer to the producer after a call in which an attachment changed. */
  #limitAfter(epoch: TapEpoch): number {
    if (epoch.above !== this.attachment) this.regrant()
    else if (this.#direct === null) {
      const open = this.out.consumer !== null && this.held.length === 0
      this.limitUnits = open ? Math.min(this.out.limit + this.#shift, this.#allowance) : this.movedUnits
    }
    return this.limit
  }

  /** Passes bytes on where something is to be done on the way: watched, withheld, or kept for want of a consumer. */
  #consumeCounted(data: VByteBuffer, clim: number | null | undefined): number {
    const count = this.admit(data, clim)
    if (this.#observed) this.#hooks.passing(data, count)
    const next = this.out.consumer
    if (next === null || this.held.length > 0 || this.out.credit <= 0) {
      this.deliver(data, count)
      return this.limitUnits
    }
    const epoch = this.#epoch
    const before = data.length
    this.#inside = true
    let answer: number | null
    try {
      answer = next.consume(data, count)
    } finally {
      this.#inside = false
    }
    const moved = before - data.length
    if (epoch.above === this.attachment) this.movedUnits += moved
    if (epoch.below === this.out.attachedAt) this.out.count(moved, limitOf(answer))
    if (epoch === this.#epoch) {
      this.limitUnits = Math.min(this.out.limit + this.#shift, this.#allowance)
      if (moved < count) this.deliver(data, count - moved)
      else if (this.#owing) this.#route()
      return this.limit
    }
    this.#route()
    if (epoch.above === this.attachment && moved < count) this.deliver(data, count - moved)
    return this.#limitAfter(epoch)
  }

  /** Keeps bytes until a consumer is there to take them; no more are allowed before they have left. */
  protected deliver(data: VByteBuffer, count: number): void {
    this.movedUnits += data.moveTo(this.held, count)
    this.limitUnits = this.movedUnits
    this.#route()
    this.out.trigger()
  }

  /** Ends the direct way: the tap counts for itself from here on. */
  leaveDirect(): void {
    const next = this.#direct
    if (next === null) return
    this.#direct = null
    // A consumer that has just been detached by its own side keeps the counters of the attachment before.
    const gone = next.producer !== this.out
    const consumed = gone ? next['lastMovedUnits'] : next.consumed
    const limit = gone ? next['lastLimitUnits'] : next.limit
    this.out.setCounters(consumed, limit)
    this.movedUnits = consumed + this.#shift
    this.limitUnits = limit + this.#shift
  }

  /** Finds out, after any change, how bytes go from here on. */
  #route(): void {
    this.leaveDirect()
    this.#epoch = { above: this.attachment, below: this.out.attachedAt }
    this.#shift = this.movedUnits - this.held.length - this.out.produced
    const next: unknown = this.out.consumer
    const plain = !this.#observed && this.#allowance === UNLIMITED && this.held.length === 0
    this.#owing = this.limitUnits > this.out.limit + this.#shift
    const open = plain && !this.#owing && !this.#inside && this.peer !== null && !this.closed
    if (open && next instanceof ConsumerEnd) this.#direct = next
  }

  /** How much the tap lets through from now on, beyond what has passed. */
  allow(further: number): void {
    this.#allowance = this.consumed + further
    this.#route()
    this.regrant()
  }

  /** The call of the consumer below ends with an error. */
  callFailed(): void {
    this.#inside = false
    tellCallFailed(this.peer)
  }

  /** Passes on to the producer what the consumer below allows by now. */
  regrant(): void {
    if (this.peer === null || this.out.consumer === null || this.held.length > 0 || this.#inside) return
    if (this.#owing) this.#route()
    if (this.#direct === null) this.grant(Math.min(this.out.limit + this.#shift, this.#allowance))
    else this.peer.canProduce(this.limit)
  }

  /** Gives what waits, then an end that waits, to the consumer below. */
  flush(): void {
    if (this.held.length > 0 && this.out.credit > 0) {
      this.#inside = true
      try {
        this.out.give(this.held)
      } finally {
        this.#inside = false
      }
      this.#route()
      this.regrant()
      // The answer may have allowed more.
      if (this.held.length > 0 && this.out.credit > 0) this.out.trigger()
    }
    if (this.held.length === 0 && this.#end !== undefined) this.out.giveEnd(this.#end.clean, this.#end.reason)
  }

  /** A consumer was attached below, or has left. */
  changedBelow(): void {
    this.#route()
    if (this.waits) this.out.trigger()
  }

  protected handleEnd(clean: boolean, reason: Error | undefined): void {
    this.leaveDirect()
    this.limitUnits = this.movedUnits
    this.guard('the hook of an end', () => this.#hooks.ended(clean, reason))
    this.#end = { clean, reason }
    if (this.out.consumer !== null) this.flush()
  }

  protected handleAborted(reason: Error | undefined): void {
    this.held.clear()
    this.out.abort(reason)
    this.#hooks.aborted(reason)
  }

  protected override unlinking(): void {
    this.leaveDirect()
  }

  protected peerAttached(): void {
    this.#allowance = UNLIMITED
    // First what the tap itself withholds: nothing beyond that has been granted yet.
    this.#hooks.attached()
    this.#route()
    this.regrant()
  }

  protected peerDetached(): void {
    this.#route()
  }
}
