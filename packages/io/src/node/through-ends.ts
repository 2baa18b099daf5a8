/**
 * The two ends of an element around a Node stream, as its chains see them.
 *
 * They decide nothing by themselves: here stands only what a limit, an end or an abort of the chain means to the
 * element.
 */
import type { IVReactor } from '@vio/reactor'
import type { VByteBuffer } from '../byte-buffer.js'
import { ConsumerEnd } from '../chain/consumer-end.js'
import { flowTermsOf } from '../chain/flow-terms.js'
import { BYTES } from '../chain/kind.js'
import { ProducerEnd } from '../chain/producer-end.js'
import type { VIOControl } from '../control.js'
import type { IVByteConsumer, IVByteProducer } from '../types.js'

/** Where control messages go on. */
export interface ThroughHooks {
  consumerControl(): VIOControl
  producerControl(): VIOControl
}

/** What the consuming end asks of its element. */
export interface ThroughInput {
  put(data: VByteBuffer, count: number): void
  /** Bytes for which there is room. */
  room(): number
  ended(clean: boolean, reason: Error | undefined): void
  aborted(reason: Error | undefined): void
}

/** What the producing end asks of its element. */
export interface ThroughOutput {
  wantsTurn(credit: number): boolean
  turn(credit: number): void
  aborted(reason: Error | undefined): void
  readonly opposite: IVByteConsumer
}

/** Takes what is to go into the stream. */
export class ThroughConsumer extends ConsumerEnd<VByteBuffer, IVByteConsumer, IVByteProducer> {
  readonly #hooks: ThroughHooks
  readonly #input: ThroughInput
  /** The producer of what becomes of it. Set once both ends are there. */
  opposite: IVByteProducer | undefined

  constructor(reactor: IVReactor, hooks: ThroughHooks, input: ThroughInput) {
    super(flowTermsOf(reactor, BYTES))
    this.#hooks = hooks
    this.#input = input
  }

  get control(): VIOControl {
    return this.#hooks.consumerControl()
  }

  override get flows(): readonly IVByteProducer[] {
    return this.opposite === undefined ? [] : [this.opposite]
  }

  /** Grants what there is room for. */
  grantRoom(): void {
    if (!this.closed) this.grant(this.movedUnits + this.#input.room())
  }

  protected deliver(data: VByteBuffer, count: number): void {
    const attachment = this.attachment
    this.movedUnits += count
    this.#input.put(data, count)
    if (attachment === this.attachment) this.limitUnits = this.movedUnits + this.#input.room()
  }

  protected handleEnd(clean: boolean, reason: Error | undefined): void {
    this.#input.ended(clean, reason)
  }

  protected handleAborted(reason: Error | undefined): void {
    this.#input.aborted(reason)
  }

  protected peerAttached(): void {
    this.grantRoom()
  }

  protected peerDetached(): void {}
}

/** Gives what comes out of the stream. */
export class ThroughProducer extends ProducerEnd<VByteBuffer, IVByteProducer, IVByteConsumer> {
  readonly #hooks: ThroughHooks
  readonly #output: ThroughOutput

  constructor(reactor: IVReactor, hooks: ThroughHooks, output: ThroughOutput) {
    super(flowTermsOf(reactor, BYTES))
    this.#hooks = hooks
    this.#output = output
  }

  get control(): VIOControl {
    return this.#hooks.producerControl()
  }

  override get flows(): readonly IVByteConsumer[] {
    return [this.#output.opposite]
  }

  give(data: VByteBuffer): void {
    this.send(data)
  }

  giveEnd(clean: boolean, reason: Error | undefined): void {
    this.sendEnd(clean, reason)
  }

  protected wantsTurn(): boolean {
    return this.#output.wantsTurn(this.limitUnits - this.movedUnits)
  }

  protected produceTurn(): void {
    this.#output.turn(this.limitUnits - this.movedUnits)
  }

  protected handleAborted(reason: Error | undefined): void {
    this.#output.aborted(reason)
  }

  protected peerAttached(): void {
    this.trigger()
  }

  protected peerDetached(): void {}
}
