/**
 * The two ends of an endpoint, as its chains see them.
 *
 * They decide nothing by themselves: reading, writing and closing are the endpoint's. Here stands only what a limit,
 * an end or an abort of the chain means to the endpoint.
 */
import { type IVReactor, VIOClosed } from '@vio/reactor'
import { VByteBuffer } from '../byte-buffer.js'
import { emptyControl, type VIOControl } from '../control.js'
import type { IVByteConsumer, IVByteProducer } from '../types.js'
import { ConsumerEnd } from './consumer-end.js'
import { BYTES } from './kind.js'
import { ProducerEnd } from './producer-end.js'

/** What the producing end asks of its endpoint. */
export interface EndpointInput {
  /** The limit of the consumer rose. */
  wanted(): void
  attached(): void
  detached(): void
  aborted(reason: Error | undefined): void
  control(): VIOControl
}

/** What the consuming end asks of its endpoint. */
export interface EndpointOutput {
  attached(): void
  /** Bytes were put into the buffer. Returns how many more fit. */
  queued(): number
  ended(clean: boolean, reason: Error | undefined): void
  aborted(reason: Error | undefined): void
}

/** Gives the consumer what the device reads. */
export class EndpointProducer extends ProducerEnd<VByteBuffer, IVByteProducer, IVByteConsumer> {
  readonly #input: EndpointInput
  /** What was read and not taken, because the consumer left in the middle of it. */
  readonly pending: VByteBuffer = new VByteBuffer()

  constructor(reactor: IVReactor, input: EndpointInput) {
    super(reactor, BYTES)
    this.#input = input
  }

  get control(): VIOControl {
    return this.#input.control()
  }

  /** What the consumer allows now. */
  get credit(): number {
    return this.peer === null ? 0 : this.limitUnits - this.movedUnits
  }

  /** Passes bytes on, within the credit. What the consumer throws takes the input down. */
  give(data: Buffer): void {
    this.pending.append(data)
    this.givePending()
  }

  /** Passes on what waits. */
  givePending(): void {
    if (this.pending.length === 0 || this.credit <= 0) return
    try {
      this.send(this.pending)
    } catch (error) {
      this.fail(error)
    }
  }

  giveEnd(clean: boolean, reason: Error | undefined): void {
    this.sendEnd(clean, reason)
  }

  protected override limitRaised(): void {
    this.#input.wanted()
  }

  /** The endpoint has its own turns, as it reads also without a chain. */
  protected wantsTurn(): boolean {
    return false
  }

  protected produceTurn(): void {}

  protected handleAborted(reason: Error | undefined): void {
    this.pending.clear()
    this.#input.aborted(reason)
  }

  protected peerAttached(): void {
    this.#input.attached()
  }

  protected peerDetached(): void {
    this.#input.detached()
  }
}

/** Takes what the device is to write, up to the size of the output buffer. */
export class EndpointConsumer extends ConsumerEnd<VByteBuffer, IVByteConsumer, IVByteProducer> {
  readonly #output: EndpointOutput
  /** What was taken and not written yet. */
  readonly buffer: VByteBuffer = new VByteBuffer()

  constructor(reactor: IVReactor, output: EndpointOutput) {
    super(reactor, BYTES)
    this.#output = output
  }

  get control(): VIOControl {
    return emptyControl()
  }

  /** Grants what fits into `room` further bytes. */
  grantRoom(room: number): void {
    this.grant(this.movedUnits + room)
  }

  protected deliver(data: VByteBuffer, count: number): void {
    const attachment = this.attachment
    this.movedUnits += data.moveTo(this.buffer, count)
    const room = this.#output.queued()
    if (attachment === this.attachment) this.limitUnits = this.movedUnits + room
  }

  protected handleEnd(clean: boolean, reason: Error | undefined): void {
    this.#output.ended(clean, reason)
  }

  protected handleAborted(reason: Error | undefined): void {
    this.#output.aborted(reason)
  }

  protected peerAttached(): void {
    this.#output.attached()
  }

  protected peerDetached(): void {}

  protected override endedError(): Error {
    return new VIOClosed('this output was closed and takes no more data')
  }
}
