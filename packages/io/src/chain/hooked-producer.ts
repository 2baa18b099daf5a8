/**
 * The producing end of elements that take part in a chain through overridable hooks.
 *
 * Decides when the hook `produce` is asked and how its answer is read (CR-25 to CR-27), and when a registered end is
 * due (CR-36). Where the units come from is the owner's affair. Invariant: what `produce` gave and no consumer has
 * taken yet is in `#out`, and goes before anything else.
 */
import { type IVReactor, VIOError } from '@vio/reactor'
import type { VIOControl } from '../control.js'
import { UNLIMITED } from '../limit.js'
import type { IVConsumer } from '../types.js'
import type { FlowKind, PassingQueue } from './kind.js'
import { ProducerEnd } from './producer-end.js'

/** The hooks that the owner of a producing end has. */
export interface ProducerHooks<Out> {
  produce(max: number): Out | null | undefined
  hasPending(): boolean
  consumerAttached(): void
  consumerDetached(): void
  producerControl(): VIOControl
  producerAborted(reason?: Error): void
}

/** A producing end with an owner. */
export class HookedProducerEnd<
  Q extends PassingQueue<Q>,
  P,
  C extends IVConsumer<Q, P>,
  In,
  Out,
> extends ProducerEnd<Q, P, C, In, Out> {
  readonly #hooks: ProducerHooks<Out>
  /** Made when it is needed: an element that is idle holds none. */
  #out: Q | null = null
  #ending = false
  #endClean = true
  #endReason: Error | undefined
  /** `produce` is being asked. */
  #asking = false
  /** `produce` gave nothing when it was last asked, and the owner has not said that there is more since. */
  #drained = false
  #mayHaveMore = true

  constructor(reactor: IVReactor, kind: FlowKind<Q, C, P, In, Out>, hooks: ProducerHooks<Out>) {
    super(reactor, kind)
    this.#hooks = hooks
  }

  get control(): VIOControl {
    return this.#hooks.producerControl()
  }

  /** An end that is registered and not told yet refuses a new consumer as well (CR-05). */
  override get closed(): boolean {
    return super.closed || this.#ending
  }

  /** True if `produce` may hold units although the end is registered: nobody has said that there are none. */
  get mayHaveMore(): boolean {
    return this.#mayHaveMore
  }

  /** For the owner: registers the end. Only the first call counts. */
  registerEnd(clean: boolean, reason: Error | undefined): void {
    if (this.closed) return
    this.#ending = true
    this.#endClean = clean
    this.#endReason = reason
    // Registered from `produce`, what it gives now is the last; else only an empty answer shows that nothing is left.
    this.#mayHaveMore = !this.#asking && !this.#drained
    this.trigger()
  }

  /** For the owner: there is something to give. */
  moreToGive(): void {
    this.#drained = false
    this.trigger()
  }

  protected wantsTurn(): boolean {
    return !this.ended && (this.#ending || this.limitUnits > this.movedUnits)
  }

  protected produceTurn(): void {
    const credit = this.limitUnits - this.movedUnits
    if (credit <= 0) {
      const isEmpty = this.#out === null || this.#out.length === 0
      if (this.#ending && isEmpty && !this.#hooks.hasPending()) this.#finish()
      return
    }
    let excess = 0
    if (this.#out === null || this.#out.length === 0) {
      this.#ask(credit)
      if (this.#out !== null) excess = this.#out.length - credit
    }
    // The hook may have taken the chain apart; what it gave waits for the next consumer.
    if (this.peer === null) return
    const out = this.#out
    const waiting = out === null ? 0 : out.length
    if (out === null || waiting === 0) {
      if (this.#ending) this.#finish()
      return
    }
    // A consumer that was attached meanwhile may allow less than was asked for.
    if (this.limitUnits <= this.movedUnits || !this.send(out)) return
    if (excess > 0) throw new VIOError(`consume error: ${excess} were produced over the ${credit} asked for`)
    if (out.length === waiting) throw new VIOError(`consume error: none of ${waiting} were taken`)
    this.trigger()
  }

  #ask(credit: number): void {
    const wasEnding = this.#ending
    this.#asking = true
    this.#drained = false
    try {
      const piece = this.#hooks.produce(credit === UNLIMITED ? -1 : credit)
      if (piece !== null && piece !== undefined && !this.aborted) {
        this.#out ??= this.kind.createQueue()
        this.kind.put(this.#out, piece)
      }
    } finally {
      this.#asking = false
    }
    this.#drained = this.#out === null || this.#out.length === 0
    if (wasEnding) this.#mayHaveMore = !this.#drained
  }

  #finish(): void {
    this.sendEnd(this.#endClean, this.#endReason)
  }

  protected handleAborted(reason: Error | undefined): void {
    this.#out?.clear()
    this.#hooks.producerAborted(reason)
  }

  protected peerAttached(): void {
    this.#hooks.consumerAttached()
  }

  protected peerDetached(): void {
    this.#hooks.consumerDetached()
  }
}
