/**
 * The output of an endpoint: the consuming end, a buffer of a fixed size before the device, and how it is ended.
 *
 * Decides when the device is written and in which order an output closes: what was taken is written first, then the
 * device is told, and the chain hears (by `abort`) that its end was carried out once the device says so. Whether the
 * input closes too is the endpoint's decision. Invariant: at most `bufferBytes` wait here.
 */
import { type IVTask, type VFailure, VFIOCompleted, VFIOLost, VIOClosed, VIOLost } from '@vio/reactor'
import { VByteBuffer } from '../byte-buffer.js'
import { emptyControl, type VIOControl } from '../control.js'
import type { IVByteConsumer, IVByteProducer } from '../types.js'
import { ConsumerEnd } from './consumer-end.js'
import type { EndpointCalls, EndpointParts } from './endpoint-ends.js'
import type { EndpointTerms } from './endpoint-terms.js'
import { FIRST_FREE } from './flow-end.js'

/** The task of the output is queued. */
const POSTED = FIRST_FREE
const WRITING = FIRST_FREE << 1
/** The device was told that no more comes. */
const FINISHED = FIRST_FREE << 2
/** The chain itself announced the end, and waits to hear that it was carried out. */
const ANNOUNCED = FIRST_FREE << 3
/** The abort of the chain is this side's own doing. */
const LEAVING = FIRST_FREE << 4

/** Takes what the device of a `VByteEndpoint` is to write, up to the size of the output buffer. */
export class EndpointOutput<E extends EndpointParts>
  extends ConsumerEnd<VByteBuffer, IVByteConsumer, IVByteProducer>
  implements IVTask
{
  declare protected readonly terms: EndpointTerms<EndpointCalls<E>>
  readonly #endpoint: E
  /** What was taken and not written yet. Made when it is needed. */
  #buffer: VByteBuffer | null = null
  #closedBy: VFailure | null = null

  constructor(endpoint: E, terms: EndpointTerms<EndpointCalls<E>>) {
    super(terms)
    this.#endpoint = endpoint
  }

  get control(): VIOControl {
    return emptyControl()
  }

  /** Why no more is taken; null while the output is open. */
  get closedBy(): VFailure | null {
    return this.#closedBy
  }

  /** True once the device was told the end of the output. */
  get finished(): boolean {
    return (this.states & FINISHED) !== 0
  }

  /** Bytes that wait to be written. */
  get bufferedBytes(): number {
    return this.#buffer === null ? 0 : this.#buffer.length
  }

  /** True if all that was taken is written, and its memory is not needed any more. */
  get wroteThrough(): boolean {
    const { device } = this.#endpoint
    return device.writesThrough === true && this.bufferedBytes === 0 && device.unflushedBytes === 0
  }

  startWriting(): void {
    if (this.finished) return
    this.states |= WRITING
    this.wake()
  }

  stopWriting(): void {
    this.states &= ~WRITING
  }

  /** Asks for a turn if there is something to do in it. */
  wake(): void {
    if ((this.states & POSTED) !== 0) return
    const { device } = this.#endpoint
    const lost = device.outputEnd !== null
    if (!lost && !((this.states & WRITING) !== 0 && device.connected && device.writable)) return
    this.states |= POSTED
    this.terms.reactor.post(this)
  }

  /** Called by the reactor. */
  runTask(): void {
    this.states &= ~POSTED
    const { device } = this.#endpoint
    const end = device.outputEnd
    if (end !== null) {
      EndpointOutput.#deviceEnded(this, end)
      return
    }
    if ((this.states & WRITING) === 0 || !device.connected || !device.writable) return
    this.terms.calls.write(this.#endpoint)
    this.wake()
  }

  /** Writes up to `maxWriteBytes` of what waits, and grants the producer what fits again. */
  writeBuffered(): void {
    EndpointOutput.#flush(this)
    if (this.#closedBy === null) this.grant(this.movedUnits + EndpointOutput.#room(this))
    else if (this.bufferedBytes === 0) EndpointOutput.#finish(this)
  }

  /** Takes no more, writes what waits, then ends the device's output. */
  close(reason: VFailure): void {
    if (this.#closedBy !== null) return
    this.#closedBy = reason
    if ((this.states & ANNOUNCED) === 0) EndpointOutput.#abortChain(this, reason)
    const { device } = this.#endpoint
    if (this.bufferedBytes === 0 || !this.terms.calls.mayWrite(this.#endpoint) || device.outputEnd !== null)
      EndpointOutput.#finish(this)
    else this.startWriting()
  }

  /** Takes no more, drops what waits, and ends the device's output. */
  drop(reason: VFailure): void {
    this.#buffer?.clear()
    if (this.#closedBy === null) this.close(reason)
    else if (!this.finished) {
      // Bytes that were to be written are missing now, so the end is no clean one any more.
      this.#closedBy = reason
      EndpointOutput.#finish(this)
    }
  }

  protected deliver(data: VByteBuffer, count: number): void {
    const attachment = this.attachment
    this.#buffer ??= new VByteBuffer()
    this.movedUnits += data.moveTo(this.#buffer, count)
    const room = EndpointOutput.#queued(this)
    if (attachment === this.attachment) this.limitUnits = this.movedUnits + room
  }

  protected handleEnd(clean: boolean, reason: Error | undefined): void {
    this.states |= ANNOUNCED
    this.close(
      clean
        ? new VFIOCompleted()
        : new VFIOLost(reason ?? new VIOLost('the output ended before all was there')),
    )
  }

  protected handleAborted(reason: Error | undefined): void {
    if ((this.states & (LEAVING | FINISHED)) !== 0) return
    this.drop(new VFIOLost(reason ?? new VIOLost('the output was aborted')))
  }

  protected peerAttached(): void {
    if (this.#closedBy === null) this.grant(this.movedUnits + EndpointOutput.#room(this))
    else EndpointOutput.#abortLater(this)
  }

  protected peerDetached(): void {}

  protected override endedError(): Error {
    return new VIOClosed('this output was closed and takes no more data')
  }

  static #flush<E extends EndpointParts>(output: EndpointOutput<E>): void {
    const buffer = output.#buffer
    const { device } = output.#endpoint
    let left = output.terms.maxWriteBytes
    while (buffer !== null && buffer.length > 0 && left > 0 && device.writable) {
      const chunk = buffer.peekChunk()
      const taken = device.writeSome(chunk.length > left ? chunk.subarray(0, left) : chunk)
      if (taken <= 0) break
      buffer.remove(taken)
      left -= taken
    }
    if (output.bufferedBytes === 0) output.stopWriting()
  }

  static #room<E extends EndpointParts>(output: EndpointOutput<E>): number {
    return Math.max(0, output.terms.bufferBytes - output.bufferedBytes)
  }

  /** Bytes were put into the buffer. Returns how many more fit. */
  static #queued<E extends EndpointParts>(output: EndpointOutput<E>): number {
    const { device } = output.#endpoint
    // The plain case writes at once: a turn less for each chunk.
    if (device.connected && device.writable) EndpointOutput.#flush(output)
    if (output.bufferedBytes > 0) output.startWriting()
    return output.#closedBy === null ? EndpointOutput.#room(output) : 0
  }

  /** Attaching to what has closed succeeds, and is taken down on a later turn. */
  static #abortLater<E extends EndpointParts>(output: EndpointOutput<E>): void {
    const reason = output.#closedBy
    output.reactor.schedule(0, () => EndpointOutput.#abortChain(output, reason))
  }

  static #finish<E extends EndpointParts>(output: EndpointOutput<E>): void {
    if (output.finished || output.#closedBy === null) return
    output.states |= FINISHED
    output.stopWriting()
    output.#buffer?.clear()
    const reason = output.#closedBy
    output.#endpoint.device.closeOutput(reason)
    output.terms.calls.outputFinished(output.#endpoint, reason)
    output.wake()
  }

  static #deviceEnded<E extends EndpointParts>(output: EndpointOutput<E>, reason: VFailure): void {
    if (!output.finished) {
      // Either the output was open, or bytes waited that nobody will get: the device's reason is the one that counts.
      output.#closedBy = reason
      EndpointOutput.#finish(output)
      output.terms.calls.outputLost(output.#endpoint, reason)
    }
    EndpointOutput.#abortChain(output, errorOf(reason) === undefined ? output.#closedBy : reason)
  }

  /** Takes down the chain that is attached. A later one is taken down when it comes. */
  static #abortChain<E extends EndpointParts>(output: EndpointOutput<E>, reason: VFailure | null): void {
    if (output.producer === null) return
    output.states |= LEAVING
    output.abort(errorOf(reason))
  }
}

/** The error that an abort carries for a failure: none for a clean end. */
export function errorOf(reason: VFailure | null): Error | undefined {
  return reason === null || reason instanceof VFIOCompleted ? undefined : reason.value
}
