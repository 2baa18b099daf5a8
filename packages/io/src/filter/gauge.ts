/**
 * What a chain puts behind its source and before its sink: elements that pass everything on, count it, and tell how
 * the flow ended there.
 *
 * A gauge decides nothing, and holds nothing while both sides are attached. What was granted and comes while the
 * element below is detached waits in it, so that elements beside it can be taken off and put on again, as a splice does.
 */
import type { IVReactor } from '@vio/reactor'
import type { VByteBuffer } from '../byte-buffer.js'
import { ConsumerEnd } from '../chain/consumer-end.js'
import { FlowEnd } from '../chain/flow-end.js'
import { flowTermsOf } from '../chain/flow-terms.js'
import { messagesOf } from '../chain/kind.js'
import { emptyControl, type VIOControl } from '../control.js'
import type { VMessageQueue } from '../message-queue.js'
import type { IVByteConsumer, IVByteProducer, IVMessageConsumer, IVMessageProducer } from '../types.js'
import { RelayProducer } from './relay.js'
import { VByteTap } from './tap.js'

/** How a flow ended at a gauge: the flag and the reason that came with the end. */
export interface GaugeEnd {
  readonly clean: boolean
  readonly reason: Error | undefined
}

/** What a chain knows of a gauge, whatever it counts. */
export interface Gauge {
  /** Where units come in. */
  readonly input: IVByteConsumer | IVMessageConsumer<unknown>
  /** Where units go out. */
  readonly output: IVByteProducer | IVMessageProducer<unknown>
  /** Units that have passed. */
  readonly passed: number
  /** The end that has passed; undefined before. */
  readonly end: GaugeEnd | undefined
  /** True from the moment at which the flow begins to be taken down here. */
  readonly goingDown: boolean
  /** Names the function that is told, once, that the flow was taken down. */
  onDown(listener: (reason: Error | undefined) => void): void
}

type DownListener = (reason: Error | undefined) => void

/** Counts bytes. */
export class ByteGauge extends VByteTap implements Gauge {
  passed = 0
  end: GaugeEnd | undefined
  #listener: DownListener | undefined

  get input(): IVByteConsumer {
    return this.byteConsume
  }

  get output(): IVByteProducer {
    return this.byteProduce
  }

  get goingDown(): boolean {
    return isGoingDown(this.byteConsume)
  }

  onDown(listener: DownListener): void {
    this.#listener = listener
  }

  protected override passing(_data: VByteBuffer, count: number): void {
    this.passed += count
  }

  protected override ended(clean: boolean, reason?: Error): void {
    this.end = { clean, reason }
  }

  protected override aborted(reason?: Error): void {
    this.#listener?.(reason)
  }
}

/** Counts messages. */
export class MessageGauge
  extends ConsumerEnd<VMessageQueue<unknown>, IVMessageConsumer<unknown>, IVMessageProducer<unknown>>
  implements Gauge
{
  readonly output: RelayProducer<
    VMessageQueue<unknown>,
    IVMessageProducer<unknown>,
    IVMessageConsumer<unknown>
  >
  passed = 0
  end: GaugeEnd | undefined
  #listener: DownListener | undefined

  constructor(reactor: IVReactor) {
    super(flowTermsOf(reactor, messagesOf<unknown>()))
    this.output = new RelayProducer(reactor, messagesOf<unknown>(), {
      producerControl: () => this.producer?.control ?? emptyControl(),
      producerFlows: () => [this],
      roomChanged: () => this.#regrant(),
      relayAborted: (reason) => this.abort(reason),
    })
  }

  get input(): IVMessageConsumer<unknown> {
    return this
  }

  get control(): VIOControl {
    return this.output.consumer?.control ?? emptyControl()
  }

  override get flows(): readonly IVMessageProducer<unknown>[] {
    return [this.output]
  }

  get goingDown(): boolean {
    return this.aborted
  }

  onDown(listener: DownListener): void {
    this.#listener = listener
  }

  #regrant(): void {
    this.grant(this.movedUnits + this.output.room)
  }

  protected deliver(data: VMessageQueue<unknown>, count: number): void {
    const attachment = this.attachment
    this.movedUnits += count
    this.passed += count
    data.moveTo(this.output.intake, count)
    this.output.flush()
    if (attachment === this.attachment) this.limitUnits = this.movedUnits + this.output.room
    else this.#regrant()
  }

  protected handleEnd(clean: boolean, reason: Error | undefined): void {
    this.end = { clean, reason }
    this.output.finish(clean, reason)
    this.output.flush()
  }

  protected handleAborted(reason: Error | undefined): void {
    this.output.abort(reason)
    this.#listener?.(reason)
  }

  protected peerAttached(): void {
    this.#regrant()
  }

  protected peerDetached(): void {}
}

function isGoingDown(end: unknown): boolean {
  return end instanceof FlowEnd && end['aborted']
}
