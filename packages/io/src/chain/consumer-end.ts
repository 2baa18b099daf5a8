/**
 * The consuming end of a flow, for bytes and for messages alike.
 *
 * Decides how much may be taken and what a grant means (the rules CR-14 to CR-36 that speak of consumers). What
 * happens to the units, and which hooks an element offers to its users, is left to the subclass. Invariant: a grant
 * made through `canProduce` stays good; only the value that `consume` returns is ever lower.
 */
import { VIOError } from '@vio/reactor'
import type { VIOControl } from '../control.js'
import { VIOLimitExceeded } from '../errors.js'
import { describeValue, UNLIMITED } from '../limit.js'
import type { IVConsumer, IVProducer } from '../types.js'
import { ENDED, FlowEnd } from './flow-end.js'
import type { FlowTerms } from './flow-terms.js'
import type { FlowKind, PassingQueue } from './kind.js'

/** Base of everything that consumes. `C` is the consumer interface that `this` implements, `P` its producers'. */
export abstract class ConsumerEnd<
    Q extends PassingQueue<Q>,
    C,
    P extends IVProducer<C>,
    In = unknown,
    Out = unknown,
  >
  extends FlowEnd<C, P>
  implements IVConsumer<Q, P>
{
  declare protected readonly terms: FlowTerms<FlowKind<Q, C, P, In, Out>>
  #reverse: P | null = null

  /** Bytes or messages; producers of the other kind are refused. */
  get flowKind(): 'bytes' | 'messages' {
    return this.terms.kind.name
  }

  protected get takenMessage(): string {
    return 'a producer is already connected'
  }

  protected get notifyName(): 'notifyConsumerAttached' {
    return 'notifyConsumerAttached'
  }

  abstract get control(): VIOControl

  get flows(): readonly P[] {
    return []
  }

  get twoway(): boolean {
    return this.#reverse !== null
  }

  get reverse(): P {
    if (this.#reverse === null)
      throw new VIOError('this consumer belongs to an element with one direction only')
    return this.#reverse
  }

  /** Names the producer of the other direction on the same side, which makes the element a two-way one. */
  joinReverse(reverse: P): void {
    this.#reverse = reverse
  }

  /** Takes exactly `count` units, which the limit allows, off the front of `data`, and counts them. */
  protected abstract deliver(data: Q, count: number): void
  /** The end arrived. The subclass calls `abort` when it is done with it. */
  protected abstract handleEnd(clean: boolean, reason: Error | undefined): void

  /** The error for input after the end. */
  protected endedError(): Error {
    return new VIOError('this consumer was told the end of its data, or was aborted, and takes no more')
  }

  protected isPeer(value: unknown): value is P {
    return this.terms.kind.isProducer(value)
  }

  get producer(): P | null {
    return this.peer
  }

  /** Units taken since attachment. */
  get consumed(): number {
    return this.movedUnits
  }

  consume(data: Q, clim?: number | null): number {
    const count = this.admit(data, clim)
    try {
      this.deliver(data, count)
    } catch (error) {
      tellCallFailed(this.peer)
      throw error
    }
    return this.limitUnits
  }

  /**
   * How many units of `data` are to be taken now. Throws, without a change, where none may be.
   *
   * Every chunk comes here at every element, so what is not the plain case stands apart.
   */
  protected admit(data: Q, clim: number | null | undefined): number {
    let count = this.limitUnits - this.movedUnits
    const offered = data?.length ?? 0
    // Without a producer, and after the end, the limit allows nothing either.
    if (!(count > 0) || !(offered > 0) || !this.terms.kind.isQueue(data))
      throw ConsumerEnd.#refusal(this, data)
    if (offered < count) count = offered
    return typeof clim === 'number' && clim > 0 && clim < count ? clim : count
  }

  /** Why nothing can be taken; the caller is told by what throws it. */
  static #refusal<Q extends PassingQueue<Q>, C, P extends IVProducer<C>, In, Out>(
    end: ConsumerEnd<Q, C, P, In, Out>,
    data: Q,
  ): Error {
    tellCallFailed(end.peer)
    if (!end.terms.kind.isQueue(data)) {
      const wanted = end.flowKind === 'bytes' ? 'VByteBuffer' : 'VMessageQueue'
      return new TypeError(`consume takes a ${wanted}, got ${describeValue(data)}`)
    }
    if (end.closed) return end.endedError()
    if (end.peer === null)
      return new VIOError('consume was called on a consumer without a producer; attach one first')
    const offered = (data as Q).length
    if (offered === 0) return new VIOError('consume was called without data; call it only when there is some')
    return new VIOLimitExceeded(end.limitUnits, end.movedUnits, offered)
  }

  endConsume(clean: boolean, reason?: Error): void {
    if (this.ended || this.aborted) return
    this.states |= ENDED
    this.limitUnits = this.movedUnits
    this.handleEnd(Boolean(clean), reason)
  }

  /** Sets the cumulative limit to a higher value and tells the producer. A limit that is not higher changes nothing. */
  protected grant(limit: number): void {
    if (limit <= this.limitUnits || this.peer === null || this.closed) return
    this.limitUnits = limit
    this.peer.canProduce(limit)
  }

  /** Grants `units` further units; null and negative stand for any number. */
  protected grantFurther(units: number | null): void {
    if (this.peer === null) throw new VIOError('a receive limit needs an attached producer')
    const valid = units === null || Number.isSafeInteger(units) || units === UNLIMITED || units === -UNLIMITED
    if (!valid) {
      throw new TypeError(
        `a receive limit is a whole number, negative or null for none, got ${describeValue(units)}`,
      )
    }
    this.grant(units === null || units < 0 ? UNLIMITED : this.movedUnits + units)
  }
}

/** Tells a producer that passes calls straight on that the one it is in ends with an error. Others need not know. */
export function tellCallFailed(producer: unknown): void {
  const passing = producer as { callFailed?: () => void } | null
  passing?.callFailed?.()
}
