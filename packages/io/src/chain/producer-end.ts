/**
 * The producing end of a flow, for bytes and for messages alike.
 *
 * Decides when production runs and what a consumer's answer means (the rules CR-21 to CR-38 that speak of
 * producers). Where the units come from is left to the subclass. Invariants: `consume` is called from a turn, from
 * within a `consume` further up the chain, or from the application's own write to a facade, never from `canProduce`; at
 * most one task of an end is queued.
 */
import { type IVTask, VIOError } from '@vio/reactor'
import type { VIOControl } from '../control.js'
import { describeValue, limitOf } from '../limit.js'
import type { IVConsumer, IVProducer } from '../types.js'
import { ENDED, FIRST_FREE, FlowEnd } from './flow-end.js'
import type { FlowTerms } from './flow-terms.js'
import type { FlowKind, PassingQueue } from './kind.js'

/** The task of the end is queued. */
const POSTED = FIRST_FREE
/** The first state that is free for a producer. */
export const PRODUCER_FREE: number = FIRST_FREE << 1

/** Base of everything that produces. `P` is the producer interface that `this` implements, `C` its consumers'. */
export abstract class ProducerEnd<
    Q extends PassingQueue<Q>,
    P,
    C extends IVConsumer<Q, P>,
    In = unknown,
    Out = unknown,
  >
  extends FlowEnd<P, C>
  implements IVProducer<C>, IVTask
{
  declare protected readonly terms: FlowTerms<FlowKind<Q, C, P, In, Out>>
  #reverse: C | null = null

  /** Bytes or messages; consumers of the other kind are refused. */
  get flowKind(): 'bytes' | 'messages' {
    return this.terms.kind.name
  }

  protected get takenMessage(): string {
    return 'a consumer is already attached'
  }

  protected get notifyName(): 'notifyProducerAttached' {
    return 'notifyProducerAttached'
  }

  abstract get control(): VIOControl

  get flows(): readonly C[] {
    return []
  }

  get twoway(): boolean {
    return this.#reverse !== null
  }

  get reverse(): C {
    if (this.#reverse === null)
      throw new VIOError('this producer belongs to an element with one direction only')
    return this.#reverse
  }

  /** Names the consumer of the other direction on the same side, which makes the element a two-way one. */
  joinReverse(reverse: C): void {
    this.#reverse = reverse
  }

  /** Produces once: at most one `send`, or the end. Runs in a turn of the reactor, with a consumer attached. */
  protected abstract produceTurn(): void
  /** Says whether a production turn would have anything to do. */
  protected abstract wantsTurn(): boolean

  protected isPeer(value: unknown): value is C {
    return this.terms.kind.isConsumer(value)
  }

  get consumer(): C | null {
    return this.peer
  }

  /** Units given since attachment. */
  get produced(): number {
    return this.movedUnits
  }

  canProduce(limit: number | null): void {
    if (this.peer === null) throw new VIOError('canProduce was called on a producer without a consumer')
    const offered = limitOf(limit)
    if (offered <= this.limitUnits) return
    this.limitUnits = offered
    this.limitRaised()
  }

  /** The limit rose. By default asks for a production turn. */
  protected limitRaised(): void {
    this.trigger()
  }

  /** Asks for a production turn, if there is anything it could do. Any number of calls make one turn. */
  trigger(): void {
    if ((this.states & POSTED) !== 0 || this.peer === null || !this.wantsTurn()) return
    this.states |= POSTED
    this.terms.reactor.post(this)
  }

  /** Called by the reactor. */
  runTask(): void {
    this.states &= ~POSTED
    if (this.peer === null) return
    try {
      this.produceTurn()
    } catch (error) {
      this.fail(error)
    }
  }

  /**
   * Lets the consumer take from `data`, within the credit, and adopts the limit it answers with.
   *
   * Returns true if the two are still attached to each other. Whatever the consumer throws is thrown on.
   */
  protected send(data: Q): boolean {
    const peer = this.peer
    if (peer === null) return false
    const attachment = this.attachment
    const before = data.length
    const credit = this.limitUnits - this.movedUnits
    const answer = peer.consume(data, credit < before ? credit : null)
    if (attachment !== this.attachment) return false
    this.movedUnits += before - data.length
    // The plain case first: limits are numbers from 0 on in nearly every answer.
    this.limitUnits = typeof answer === 'number' && answer >= 0 ? answer : limitOf(answer)
    return true
  }

  /** Gives the end to the consumer, which answers with `abort` once it is done with it. */
  protected sendEnd(clean: boolean, reason: Error | undefined): void {
    if (this.ended || this.peer === null) return
    this.states |= ENDED
    this.peer.endConsume(clean, reason)
  }

  /** Takes the chain down because of an error in a hook or in the consumer, and reports it. */
  protected fail(error: unknown): void {
    this.reactor.log.error('a chain was aborted', error)
    this.abort(error instanceof Error ? error : new VIOError(`a hook threw ${describeValue(error)}`))
  }
}
