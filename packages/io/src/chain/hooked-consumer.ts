/**
 * The consuming end of elements that take part in a chain through overridable hooks.
 *
 * Decides how a hook's answer is read (CR-31) and which hooks run at an end (CR-34, CR-35). The hooks are methods of
 * the element that owns the end; what the units mean is its affair.
 */
import {
  type IVReactor,
  type VFailure,
  VFIOCompleted,
  VFIOLost,
  VIOClosed,
  VIOError,
  VIOLost,
} from '@vio/reactor'
import type { VIOControl } from '../control.js'
import { describeValue, UNLIMITED } from '../limit.js'
import type { IVProducer } from '../types.js'
import { ConsumerEnd } from './consumer-end.js'
import { FIRST_FREE } from './flow-end.js'
import { flowTermsOf } from './flow-terms.js'
import type { FlowKind, PassingQueue, VReceiveAnswer } from './kind.js'

/** The hooks that the owner of a consuming end has, besides the one that takes a piece, whose name is the kind's. */
export interface ConsumerHooks {
  dataEnded(clean: boolean, reason?: Error): void
  producerAttached(): void
  producerDetached(): void
  consumerControl(): VIOControl
  consumerAborted(reason?: Error): void
  consumerClosed(reason: VFailure, wasAborted: boolean): void
}

/** The end that came was a clean one. */
const CLEAN = FIRST_FREE

/** A consuming end with an owner. */
export class HookedConsumerEnd<
  Q extends PassingQueue<Q>,
  C,
  P extends IVProducer<C>,
  In,
  Out,
> extends ConsumerEnd<Q, C, P, In, Out> {
  readonly #hooks: ConsumerHooks

  constructor(reactor: IVReactor, kind: FlowKind<Q, C, P, In, Out>, hooks: ConsumerHooks) {
    super(flowTermsOf(reactor, kind))
    this.#hooks = hooks
  }

  get control(): VIOControl {
    return this.#hooks.consumerControl()
  }

  /** For the owner: grants `units` further units; null and negative for any number. */
  grantMore(units: number | null): void {
    this.grantFurther(units)
  }

  protected deliver(data: Q, count: number): void {
    const attachment = this.attachment
    const { kind } = this.terms
    let answer: VReceiveAnswer
    let left = count
    do {
      const piece = kind.take(data, left)
      const size = kind.sizeOf(piece)
      left -= size
      this.movedUnits += size
      answer = kind.receive(this.#hooks, piece)
      // The hook may have taken the chain apart; what is left in `data` is still the producer's.
      if (attachment !== this.attachment) return
    } while (left > 0)
    this.adopt(answer)
  }

  /** Makes what the hook answered the limit. */
  protected adopt(answer: VReceiveAnswer): void {
    if (answer === undefined || answer === null) this.limitUnits = UNLIMITED
    else if (Number.isSafeInteger(answer)) this.limitUnits = answer < 0 ? UNLIMITED : this.movedUnits + answer
    else if (answer === UNLIMITED || answer === -UNLIMITED) this.limitUnits = UNLIMITED
    else
      throw new VIOError(
        `the receiving hook answers with a whole number or nothing, got ${describeValue(answer)}`,
      )
  }

  protected handleEnd(clean: boolean, reason: Error | undefined): void {
    if (clean) this.states |= CLEAN
    this.endReason = reason
    this.guard('the hook dataEnded', () => this.#hooks.dataEnded(clean, reason))
    this.abort(clean ? undefined : reason)
  }

  protected handleAborted(reason: Error | undefined): void {
    this.guard('the hook consumerAborted', () => this.#hooks.consumerAborted(reason))
    const wasClean = (this.states & CLEAN) !== 0
    const why = wasClean ? new VFIOCompleted() : lostFor(this.endReason ?? reason)
    this.#hooks.consumerClosed(why, !this.ended)
  }

  protected peerAttached(): void {
    this.#hooks.producerAttached()
  }

  protected peerDetached(): void {
    this.#hooks.producerDetached()
  }

  protected override endedError(): Error {
    return this.twoway ? new VIOClosed('this end was closed and takes no more data') : super.endedError()
  }
}

function lostFor(why: Error | undefined): VFIOLost {
  return new VFIOLost(why ?? new VIOLost('the chain ended before all of its data had passed'))
}
