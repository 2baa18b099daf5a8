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
import { flowTermsOf } from './flow-terms.js'
import { type FlowKind, NO_BYTES, type PassingQueue } from './kind.js'
import { PRODUCER_FREE, ProducerEnd } from './producer-end.js'

/** The hooks that the owner of a producing end has. */
export interface ProducerHooks<Out> {
  produce(max: number): Out | null | undefined
  hasPending(): boolean
  consumerAttached(): void
  consumerDetached(): void
  producerControl(): VIOControl
  producerAborted(reason?: Error): void
}

/** The end is registered, cleanly. */
const ENDING = PRODUCER_FREE
const CLEAN = PRODUCER_FREE << 1
/** `produce` is being asked. */
const ASKING = PRODUCER_FREE << 2
/** `produce` gave nothing when it was last asked, and the owner has not said that there is more since. */
const DRAINED = PRODUCER_FREE << 3
/** `produce` holds nothing, although nobody has said so. */
const NO_MORE = PRODUCER_FREE << 4

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

  constructor(reactor: IVReactor, kind: FlowKind<Q, C, P, In, Out>, hooks: ProducerHooks<Out>) {
    super(flowTermsOf(reactor, kind))
    this.#hooks = hooks
  }

  get control(): VIOControl {
    return this.#hooks.producerControl()
  }

  /** An end that is registered and not told yet refuses a new consumer as well (CR-05). */
  override get closed(): boolean {
    return super.closed || (this.states & ENDING) !== 0
  }

  /** True if `produce` may hold units although the end is registered: nobody has said that there are none. */
  get mayHaveMore(): boolean {
    return (this.states & NO_MORE) === 0
  }

  /** For the owner: registers the end. Only the first call counts. */
  registerEnd(clean: boolean, reason: Error | undefined): void {
    if (this.closed) return
    // Registered from `produce`, what it gives now is the last; else only an empty answer shows that nothing is left.
    const noMore = (this.states & (ASKING | DRAINED)) !== 0
    this.states |= ENDING | (clean ? CLEAN : 0) | (noMore ? NO_MORE : 0)
    this.endReason = reason
    this.trigger()
  }

  /** For the owner: there is something to give. */
  moreToGive(): void {
    this.states &= ~DRAINED
    this.trigger()
  }

  protected wantsTurn(): boolean {
    if (this.ended) return false
    return this.limitUnits > this.movedUnits || (this.states & ENDING) !== 0
  }

  protected produceTurn(): void {
    const credit = this.limitUnits - this.movedUnits
    if (credit <= 0) {
      const isEmpty = this.#out === null || this.#out.length === 0
      if ((this.states & ENDING) !== 0 && isEmpty && !this.#hooks.hasPending()) this.finish()
      return
    }
    let excess = 0
    if (this.#out === null || this.#out.length === 0) {
      this.ask(credit)
      if (this.#out !== null) excess = this.#out.length - credit
    }
    // The hook may have taken the chain apart; what it gave waits for the next consumer.
    if (this.peer === null) return
    const out = this.#out
    const waiting = out === null ? 0 : out.length
    if (out === null || waiting === 0) {
      if ((this.states & ENDING) !== 0) this.finish()
      return
    }
    // A consumer that was attached meanwhile may allow less than was asked for.
    if (this.limitUnits <= this.movedUnits || !this.send(out)) return
    if (excess > 0) throw new VIOError(`consume error: ${excess} were produced over the ${credit} asked for`)
    if (out.length === waiting) throw new VIOError(`consume error: none of ${waiting} were taken`)
    this.trigger()
  }

  /** Asks the hook for up to `credit` units. */
  protected ask(credit: number): void {
    const wasEnding = (this.states & ENDING) !== 0
    this.states = (this.states | ASKING) & ~DRAINED
    try {
      const piece = this.#hooks.produce(credit === UNLIMITED ? -1 : credit)
      const isSome = piece !== null && piece !== undefined && piece !== (NO_BYTES as unknown)
      if (isSome && !this.aborted) {
        this.#out ??= this.terms.kind.createQueue()
        this.terms.kind.put(this.#out, piece)
      }
    } finally {
      this.states &= ~ASKING
    }
    const isDrained = this.#out === null || this.#out.length === 0
    if (isDrained) this.states |= DRAINED
    if (wasEnding) this.states = isDrained ? this.states | NO_MORE : this.states & ~NO_MORE
  }

  /** Tells the end that is registered. */
  protected finish(): void {
    this.sendEnd((this.states & CLEAN) !== 0, this.endReason)
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
