/**
 * The end of a lane that gives its output, as its chain sees it.
 *
 * Decides nothing about what leaves or when: that is the lane's. Here stands what a limit, a turn or an abort of the
 * chain below means to it.
 */
import type { IVReactor } from '@vio/reactor'
import { flowTermsOf } from '../chain/flow-terms.js'
import type { FlowKind, PassingQueue } from '../chain/kind.js'
import { ProducerEnd } from '../chain/producer-end.js'
import type { VIOControl } from '../control.js'
import { limitOf } from '../limit.js'
import type { IVConsumer } from '../types.js'

/** A kind of flow, whatever its pieces are. */
export type AnyKind<Q extends PassingQueue<Q>, C, P> = FlowKind<Q, C, P, unknown, unknown>

/** What the ends of a lane ask of the element they belong to. */
export interface LaneHooks {
  aborted(reason?: Error): void
  consumerControl(): VIOControl
  producerControl(): VIOControl
}

/** The end of a lane that gives the output. */
export class LaneProducer<QO extends PassingQueue<QO>, PO, CO extends IVConsumer<QO, PO>> extends ProducerEnd<
  QO,
  PO,
  CO
> {
  readonly #hooks: LaneHooks
  readonly #lane: LaneState

  constructor(reactor: IVReactor, kind: AnyKind<QO, CO, PO>, hooks: LaneHooks, lane: LaneState) {
    super(flowTermsOf(reactor, kind))
    this.#hooks = hooks
    this.#lane = lane
  }

  get control(): VIOControl {
    return this.#hooks.producerControl()
  }

  override get flows(): readonly CO[] {
    return this.#lane.flowKind === this.flowKind ? [this.#lane as unknown as CO] : []
  }

  get credit(): number {
    return this.limitUnits - this.movedUnits
  }

  /** True if a consumer is attached that allows something. */
  get sendable(): boolean {
    return this.peer !== null && this.limitUnits > this.movedUnits
  }

  /** Passes on what the credit allows; returns how many units left. */
  give(data: QO): number {
    const peer = this.peer
    const credit = this.limitUnits - this.movedUnits
    if (peer === null || credit <= 0) return 0
    const attachment = this.attachment
    const before = data.length
    const answer = peer.consume(data, credit < before ? credit : null)
    const taken = before - data.length
    if (attachment === this.attachment) {
      this.movedUnits += taken
      this.limitUnits = answer !== null && answer >= 0 ? answer : limitOf(answer)
    }
    return taken
  }

  giveEnd(clean: boolean, reason: Error | undefined): void {
    this.sendEnd(clean, reason)
  }

  protected wantsTurn(): boolean {
    return this.#lane.waiting > 0 || this.#lane.closed
  }

  protected produceTurn(): void {
    this.#lane.runAndGrant()
  }

  protected handleAborted(reason: Error | undefined): void {
    this.#lane.abort(reason)
  }

  protected peerAttached(): void {
    this.trigger()
  }

  protected peerDetached(): void {}
}

/** What the giving end needs of the lane. */
interface LaneState {
  readonly flowKind: 'bytes' | 'messages'
  readonly waiting: number
  readonly closed: boolean
  runAndGrant(): void
  abort(reason?: Error): void
}
