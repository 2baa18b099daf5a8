/**
 * The producing end of an endpoint, as its chain sees it, and what both ends ask of their endpoint.
 *
 * It decides nothing by itself: reading and closing are the endpoint's. Here stands only what a limit or an abort of the
 * chain means to the endpoint. An endpoint offers functions that are the same for all endpoints, since closures for each
 * would be most of what an idle connection costs.
 */
import type { VFailure } from '@vio/reactor'
import { VByteBuffer } from '../byte-buffer.js'
import type { VIOControl } from '../control.js'
import type { IVByteConsumer, IVByteDevice, IVByteProducer, IVDeviceOwner } from '../types.js'
import { EndpointOutput } from './endpoint-output.js'
import type { EndpointTerms } from './endpoint-terms.js'
import { ProducerEnd } from './producer-end.js'

/** What an output needs to see of its endpoint. */
export interface EndpointParts {
  readonly device: IVByteDevice
}

/** What the ends ask of an endpoint of type `E`. */
export interface EndpointCalls<E> {
  /** The limit of the consumer rose. */
  wanted(endpoint: E): void
  /** A consumer was attached. */
  attached(endpoint: E): void
  /** The consumer was detached. */
  detached(endpoint: E): void
  /** The chain of the input was taken down. */
  aborted(endpoint: E, reason: Error | undefined): void
  /** The device has changed. */
  changed(endpoint: E, fromLoop: boolean): void
  /** The control of the producing end. */
  control(endpoint: E): VIOControl
  /** The consuming end of the other direction. */
  output(endpoint: E): IVByteConsumer
  /** The turn that was posted has come. */
  turn(endpoint: E): void
  /** True if the device is or was connected, or will be. */
  mayWrite(endpoint: E): boolean
  /** Calls the overridable `doWrite`. */
  write(endpoint: E): void
  /** The device was told to end its output: says what that means to the input. */
  outputFinished(endpoint: E, reason: VFailure): void
  /** The device lost its output. */
  outputLost(endpoint: E, reason: VFailure): void
}

/** Gives the consumer what the device reads. As a task it is the endpoint's turn. */
export class EndpointProducer<E>
  extends ProducerEnd<VByteBuffer, IVByteProducer, IVByteConsumer>
  implements IVDeviceOwner
{
  /** The terms of the endpoint, which has none itself. */
  declare terms: EndpointTerms<EndpointCalls<E>>
  readonly #endpoint: E
  /** What was read and not taken, because the consumer left in the middle of it. Made when it is needed. */
  #pending: VByteBuffer | null = null

  constructor(endpoint: E, terms: EndpointTerms<EndpointCalls<E>>) {
    super(terms)
    this.#endpoint = endpoint
  }

  get control(): VIOControl {
    return this.terms.calls.control(this.#endpoint)
  }

  override get twoway(): boolean {
    return true
  }

  override get reverse(): IVByteConsumer {
    return this.terms.calls.output(this.#endpoint)
  }

  /** The control of an endpoint answers `reqProducerState` alone. */
  get hearsAttachment(): boolean {
    return false
  }

  /** What the consumer allows now. */
  get credit(): number {
    return this.peer === null ? 0 : this.limitUnits - this.movedUnits
  }

  /** Bytes that were read and not taken. */
  get pendingBytes(): number {
    return this.#pending === null ? 0 : this.#pending.length
  }

  /** Called by the device. */
  deviceChanged(fromLoop = false): void {
    this.terms.calls.changed(this.#endpoint, fromLoop)
  }

  /** Passes bytes on, within the credit. What the consumer throws takes the input down. */
  give(data: Buffer): void {
    this.#pending ??= new VByteBuffer()
    this.#pending.append(data)
    this.givePending()
  }

  /** True if what was given has left through another device, and nobody has the memory any more. */
  get wroteThrough(): boolean {
    return this.pendingBytes === 0 && this.peer instanceof EndpointOutput && this.peer.wroteThrough
  }

  /** Passes on what waits. */
  givePending(): void {
    const pending = this.#pending
    if (pending === null || pending.length === 0 || this.credit <= 0) return
    try {
      this.send(pending)
    } catch (error) {
      this.fail(error)
    }
  }

  giveEnd(clean: boolean, reason: Error | undefined): void {
    this.sendEnd(clean, reason)
  }

  /** The endpoint has its own turns, as it reads also without a chain. */
  override runTask(): void {
    this.terms.calls.turn(this.#endpoint)
  }

  protected override limitRaised(): void {
    this.terms.calls.wanted(this.#endpoint)
  }

  protected wantsTurn(): boolean {
    return false
  }

  protected produceTurn(): void {}

  protected handleAborted(reason: Error | undefined): void {
    this.#pending?.clear()
    this.terms.calls.aborted(this.#endpoint, reason)
  }

  protected peerAttached(): void {
    this.terms.calls.attached(this.#endpoint)
  }

  protected peerDetached(): void {
    this.terms.calls.detached(this.#endpoint)
  }
}
