/**
 * The end of a tap that gives bytes.
 *
 * Decides nothing: the tap's state is with the end that takes them. Invariant: while bytes go past it directly, the
 * counters of the consumer below stand for its own.
 */

import type { IVReactor } from '@vio/reactor'
import type { VByteBuffer } from '../byte-buffer.js'
import { ConsumerEnd } from '../chain/consumer-end.js'
import { flowTermsOf } from '../chain/flow-terms.js'
import { BYTES } from '../chain/kind.js'
import { ProducerEnd } from '../chain/producer-end.js'
import type { VIOControl } from '../control.js'
import { limitOf } from '../limit.js'
import type { IVByteConsumer, IVByteProducer } from '../types.js'
import type { TapConsumer, TapHooks } from './tap-ends.js'

/** The end of a tap that gives bytes. */
export class TapProducer extends ProducerEnd<VByteBuffer, IVByteProducer, IVByteConsumer> {
  readonly #hooks: TapHooks
  readonly #in: TapConsumer

  constructor(reactor: IVReactor, hooks: TapHooks, from: TapConsumer) {
    super(flowTermsOf(reactor, BYTES))
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
    return this.#in.direct === null ? this.movedUnits : this.#in.direct.consumed
  }

  override get limit(): number {
    return this.#in.direct === null ? this.limitUnits : this.#in.direct.limit
  }

  get credit(): number {
    return this.limit - this.produced
  }

  /** Which attachment this is. */
  get attachedAt(): number {
    return this.attachment
  }

  /** Bytes went from the consuming end straight to the consumer, which answered with `limit`. */
  count(bytes: number, limit: number): void {
    this.movedUnits += bytes
    this.limitUnits = limit
  }

  /** Takes over what the consumer counted while bytes went there directly. */
  setCounters(produced: number, limit: number): void {
    this.movedUnits = produced
    this.limitUnits = limit
  }

  /** Takes the counters from the consumer that is attached, which counts for itself. */
  recount(): void {
    const next: unknown = this.peer
    if (next instanceof ConsumerEnd) this.setCounters(next.consumed, next.limit)
  }

  give(data: VByteBuffer): void {
    this.send(data)
  }

  giveEnd(clean: boolean, reason: Error | undefined): void {
    this.sendEnd(clean, reason)
  }

  override canProduce(limit: number | null): void {
    if (this.#in.direct === null) super.canProduce(limit)
    else if (limitOf(limit) >= this.limit) this.#in.regrant()
  }

  /** The consumer throws out of the call that it was given through the tap. */
  callFailed(): void {
    this.#in.callFailed()
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

  protected override unlinking(): void {
    this.#in.leaveDirect()
  }

  protected handleAborted(reason: Error | undefined): void {
    this.#in.abort(reason)
  }

  protected peerAttached(): void {
    this.#in.changedBelow()
  }

  protected peerDetached(): void {
    this.#in.changedBelow()
  }
}
