/**
 * The output of an endpoint: a buffer of a fixed size before the device, and how it is ended.
 *
 * Decides when the device is written and in which order an output closes: what was taken is written first, then the
 * device is told, and the chain hears (by `abort`) that its end was carried out once the device says so. Whether the
 * input closes too is the endpoint's decision. Invariant: at most `bufferBytes` wait here.
 */
import { type IVReactor, type VFailure, VFIOCompleted, VFIOLost, VIOLost } from '@vio/reactor'
import type { IVByteDevice } from '../types.js'
import { EndpointConsumer, type EndpointOutput } from './endpoint-ends.js'
import { RecurringTask } from './task.js'

/** What the output needs of its endpoint. */
export interface OutputOwner {
  /** True if the device is or was connected, or will be. */
  mayWrite(): boolean
  /** Calls the overridable `doWrite`. */
  doWrite(): void
  /** The device was told to end its output: says what that means to the input. */
  outputFinished(reason: VFailure): void
  /** The device lost its output. */
  outputLost(reason: VFailure): void
}

/** The output side of a `VByteEndpoint`. */
export class EndpointOutputSide implements EndpointOutput {
  readonly end: EndpointConsumer
  readonly #owner: OutputOwner
  readonly #device: IVByteDevice
  readonly #bufferBytes: number
  readonly #maxWriteBytes: number
  readonly #task: RecurringTask
  #writing = false
  #closed: VFailure | null = null
  /** The device was told that no more comes. */
  #finished = false
  /** The chain itself announced the end, and waits to hear that it was carried out. */
  #announced = false
  /** The abort of the chain is this side's own doing. */
  #leaving = false

  constructor(
    reactor: IVReactor,
    device: IVByteDevice,
    owner: OutputOwner,
    sizes: { readonly bufferBytes: number; readonly maxWriteBytes: number },
  ) {
    this.#owner = owner
    this.#device = device
    this.#bufferBytes = sizes.bufferBytes
    this.#maxWriteBytes = sizes.maxWriteBytes
    this.end = new EndpointConsumer(reactor, this)
    this.#task = new RecurringTask(reactor, () => this.#turn())
  }

  /** Why no more is taken; null while the output is open. */
  get closed(): VFailure | null {
    return this.#closed
  }

  /** True once the device was told the end of the output. */
  get finished(): boolean {
    return this.#finished
  }

  startWriting(): void {
    if (this.#finished) return
    this.#writing = true
    this.wake()
  }

  stopWriting(): void {
    this.#writing = false
  }

  /** Asks for a turn if there is something to do in it. */
  wake(): void {
    const lost = this.#device.outputEnd !== null
    if (lost || (this.#writing && this.#device.connected && this.#device.writable)) this.#task.post()
  }

  #turn(): void {
    const end = this.#device.outputEnd
    if (end !== null) {
      this.#deviceEnded(end)
      return
    }
    if (!this.#writing || !this.#device.connected || !this.#device.writable) return
    this.#owner.doWrite()
    this.wake()
  }

  /** Writes up to `maxWriteBytes` of what waits, and grants the producer what fits again. */
  writeBuffered(): void {
    this.#flush()
    if (this.#closed === null) this.end.grantRoom(this.#room())
    else if (this.end.buffer.length === 0) this.#finish()
  }

  #flush(): void {
    const buffer = this.end.buffer
    let left = this.#maxWriteBytes
    while (buffer.length > 0 && left > 0 && this.#device.writable) {
      const chunk = buffer.peekChunk()
      const taken = this.#device.writeSome(chunk.length > left ? chunk.subarray(0, left) : chunk)
      if (taken <= 0) break
      buffer.remove(taken)
      left -= taken
    }
    if (buffer.length === 0) this.stopWriting()
  }

  #room(): number {
    return Math.max(0, this.#bufferBytes - this.end.buffer.length)
  }

  attached(): void {
    if (this.#closed === null) this.end.grantRoom(this.#room())
    else this.#abortLater()
  }

  /** Attaching to what has closed succeeds, and is taken down on a later turn. */
  #abortLater(): void {
    const reason = this.#closed
    this.end.reactor.schedule(0, () => this.#abortChain(reason))
  }

  queued(): number {
    // The plain case writes at once: a turn less for each chunk.
    if (this.#device.connected && this.#device.writable) this.#flush()
    if (this.end.buffer.length > 0) this.startWriting()
    return this.#closed === null ? this.#room() : 0
  }

  ended(clean: boolean, reason: Error | undefined): void {
    this.#announced = true
    this.close(
      clean
        ? new VFIOCompleted()
        : new VFIOLost(reason ?? new VIOLost('the output ended before all was there')),
    )
  }

  aborted(reason: Error | undefined): void {
    if (this.#leaving || this.#finished) return
    this.drop(new VFIOLost(reason ?? new VIOLost('the output was aborted')))
  }

  /** Takes no more, writes what waits, then ends the device's output. */
  close(reason: VFailure): void {
    if (this.#closed !== null) return
    this.#closed = reason
    if (!this.#announced) this.#abortChain(reason)
    if (this.end.buffer.length === 0 || !this.#owner.mayWrite() || this.#device.outputEnd !== null)
      this.#finish()
    else this.startWriting()
  }

  /** Takes no more, drops what waits, and ends the device's output. */
  drop(reason: VFailure): void {
    this.end.buffer.clear()
    if (this.#closed === null) this.close(reason)
    else if (!this.#finished) {
      // Bytes that were to be written are missing now, so the end is no clean one any more.
      this.#closed = reason
      this.#finish()
    }
  }

  #finish(): void {
    if (this.#finished || this.#closed === null) return
    this.#finished = true
    this.stopWriting()
    this.end.buffer.clear()
    const reason = this.#closed
    this.#device.closeOutput(reason)
    this.#owner.outputFinished(reason)
    this.wake()
  }

  #deviceEnded(reason: VFailure): void {
    if (!this.#finished) {
      // Either the output was open, or bytes waited that nobody will get: the device's reason is the one that counts.
      this.#closed = reason
      this.#finish()
      this.#owner.outputLost(reason)
    }
    this.#abortChain(errorOf(reason) === undefined ? this.#closed : reason)
  }

  /** Takes down the chain that is attached. A later one is taken down when it comes. */
  #abortChain(reason: VFailure | null): void {
    if (this.end.producer === null) return
    this.#leaving = true
    this.end.abort(errorOf(reason))
  }
}

/** The error that an abort carries for a failure: none for a clean end. */
export function errorOf(reason: VFailure | null): Error | undefined {
  return reason === null || reason instanceof VFIOCompleted ? undefined : reason.value
}
