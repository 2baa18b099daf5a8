/**
 * A producing end with a queue: what tees, concatenations and gauges give their units through.
 *
 * Decides when what was put into the queue leaves it: at once as far as the consumer allows, the rest on the turn after
 * it allows more. How much may be put in is the owner's affair; it asks for `room`. Invariants: units leave in the
 * order they were put in, and the end after the last of them.
 */
import { type IVReactor, VIOError } from '@vio/reactor'
import { flowTermsOf } from '../chain/flow-terms.js'
import type { FlowKind, PassingQueue } from '../chain/kind.js'
import { ProducerEnd } from '../chain/producer-end.js'
import type { VIOControl } from '../control.js'
import type { IVConsumer } from '../types.js'

/** What a relay asks of the element that it belongs to. */
export interface RelayOwner<C> {
  /** The control for messages travelling against the flow. */
  producerControl(): VIOControl
  /** The consumers, within the element, that feed the relay. */
  producerFlows(): readonly C[]
  /** A consumer was attached, or allows more and nothing waits, or what waited has been given as far as it allowed. */
  roomChanged(): void
  /** The flow below was taken down; `afterEnd` if its end had been told, which then is carried out. */
  relayAborted(reason: Error | undefined, afterEnd: boolean): void
}

/** Gives what its owner puts into `intake`. */
export class RelayProducer<Q extends PassingQueue<Q>, P, C extends IVConsumer<Q, P>> extends ProducerEnd<
  Q,
  P,
  C
> {
  readonly #queue: Q
  /** What is put in while the consumer is at work on the queue, which must not change under its hands. */
  readonly #later: Q
  readonly #owner: RelayOwner<C>
  #end: { readonly clean: boolean; readonly reason: Error | undefined } | undefined
  #flushing = false

  constructor(reactor: IVReactor, kind: FlowKind<Q, C, P, unknown, unknown>, owner: RelayOwner<C>) {
    super(flowTermsOf(reactor, kind))
    this.#queue = kind.createQueue()
    this.#later = kind.createQueue()
    this.#owner = owner
  }

  get control(): VIOControl {
    return this.#owner.producerControl()
  }

  override get flows(): readonly C[] {
    return this.#owner.producerFlows()
  }

  /** Where the owner puts units in; it calls `flush` then. Another queue at another time. */
  get intake(): Q {
    return this.#flushing ? this.#later : this.#queue
  }

  /** How many units wait for the consumer. */
  get held(): number {
    return this.#queue.length + this.#later.length
  }

  /**
   * How many units may be put in that would leave at once. None while the consumer is at work: what it takes is not
   * counted yet. The owner asks again when `flush` returns.
   */
  get room(): number {
    if (this.peer === null || this.closed || this.#flushing) return 0
    return Math.max(0, this.limitUnits - this.movedUnits - this.held)
  }

  /** Gives what waits as far as the consumer allows, then an end that is due. What the consumer throws takes it down. */
  flush(): void {
    // The consumer may ask for more while it is given some: what it gets then, it gets when it is done.
    if (this.#flushing) return
    this.#flushing = true
    try {
      this.#giveHeld()
      if (this.#end !== undefined && this.held === 0) this.sendEnd(this.#end.clean, this.#end.reason)
    } catch (error) {
      this.fail(error)
    }
    this.#flushing = false
    this.#later.moveTo(this.#queue)
  }

  #giveHeld(): void {
    const queue = this.#queue
    while (queue.length > 0 && this.peer !== null && this.limitUnits > this.movedUnits) {
      const before = queue.length
      const allowed = this.limitUnits - this.movedUnits
      if (this.send(queue) && queue.length === before) {
        throw new VIOError(`consume error: the consumer allowed ${allowed} and took nothing`)
      }
      this.#later.moveTo(queue)
    }
  }

  /** Registers the end; the next `flush` or turn tells it once nothing waits. Only the first call counts. */
  finish(clean: boolean, reason: Error | undefined): void {
    this.#end ??= { clean, reason }
  }

  protected override limitRaised(): void {
    if (this.wantsTurn()) this.trigger()
    else this.#owner.roomChanged()
  }

  protected wantsTurn(): boolean {
    return this.held > 0 || this.#end !== undefined
  }

  protected produceTurn(): void {
    this.flush()
    if (!this.closed) this.#owner.roomChanged()
  }

  protected handleAborted(reason: Error | undefined): void {
    this.#queue.clear()
    this.#later.clear()
    this.#owner.relayAborted(reason, this.ended)
  }

  protected peerAttached(): void {
    this.trigger()
    this.#owner.roomChanged()
  }

  protected peerDetached(): void {}
}
