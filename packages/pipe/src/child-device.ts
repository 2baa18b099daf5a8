/**
 * The device under a child process: its standard input is written, its standard output is read.
 *
 * Decides when the output of a child has ended, and how: with the end of its stream, or with that and the child's own
 * end, as the caller wants it; and that whoever breaks a direction off breaks off the child. How bytes pass is
 * `VStreamDevice`'s affair. Invariant: the end of the input is told once, and never before what was read.
 */
import type { Readable, Writable } from 'node:stream'
import { type IVByteDevice, type VFailure, VFIOCompleted, VFIOLost } from '@vio/io'
import { VStreamDevice } from '@vio/io/node'

const EMPTY: Buffer = Buffer.alloc(0)

/** What the device needs of the child. */
export interface ChildState {
  /** How the child ended, as an end of its output; null while it runs. */
  readonly verdict: VFailure | null
  /** True if the end of the output waits for the child's. */
  readonly waitsForExit: boolean
  /** Ends the child, as one of its directions was broken off. */
  breakOff(reason: Error): void
}

/** One stream of a child, or none, as one direction of a device. */
function streamOf(stream: Readable | Writable | null | undefined): VStreamDevice | null {
  return stream === null || stream === undefined ? null : new VStreamDevice(stream)
}

/** Reads the standard output of a child and writes its standard input. */
export class ChildDevice implements IVByteDevice {
  readonly connected = true
  readonly peer = null
  readonly #state: ChildState
  readonly #input: VStreamDevice | null
  readonly #output: VStreamDevice | null
  #changed: () => void = () => undefined
  #inputClosed = false
  #outputClosed = false

  constructor(state: ChildState, input: Readable | null, output: Writable | null) {
    this.#state = state
    this.#input = streamOf(input)
    this.#output = streamOf(output)
  }

  get readable(): boolean {
    return this.#input?.readable ?? false
  }

  get inputEnd(): VFailure | null {
    if (this.readable) return null
    const { verdict, waitsForExit } = this.#state
    const end = this.#input === null ? new VFIOCompleted() : this.#input.inputEnd
    if (end === null) return null
    // A child that failed is told as that, also where its stream looks as if all was well.
    if (verdict !== null && !(verdict instanceof VFIOCompleted)) return verdict
    return waitsForExit && verdict === null ? null : end
  }

  get writable(): boolean {
    return this.#output?.writable ?? false
  }

  get outputEnd(): VFailure | null {
    if (this.#output === null) return new VFIOCompleted()
    const end = this.#output.outputEnd
    const { verdict } = this.#state
    // Why nobody reads any more: the child says it better than a broken pipe does.
    const isLost = end instanceof VFIOLost && verdict !== null && !(verdict instanceof VFIOCompleted)
    return isLost ? verdict : end
  }

  get unflushedBytes(): number {
    return this.#output?.unflushedBytes ?? 0
  }

  /** The child has ended, or could not be started. */
  childChanged(): void {
    this.#changed()
  }

  onReady(changed: () => void): void {
    this.#changed = changed
    this.#input?.onReady(changed)
    this.#output?.onReady(changed)
  }

  readSome(maxBytes: number): Buffer {
    return this.#input?.readSome(maxBytes) ?? EMPTY
  }

  writeSome(data: Uint8Array): number {
    return this.#output?.writeSome(data) ?? 0
  }

  closeInput(reason: VFailure): void {
    if (this.#inputClosed) return
    const isOver = this.inputEnd !== null
    this.#inputClosed = true
    if (!isOver) this.#breakOff(reason)
    this.#input?.closeInput(reason)
  }

  closeOutput(reason: VFailure): void {
    if (this.#outputClosed) return
    // A child that reads no further has done nothing wrong: it may go on.
    const isOver = this.outputEnd !== null
    this.#outputClosed = true
    // The signal comes first: an end that it saw before it might take for the end of its input.
    if (!isOver) this.#breakOff(reason)
    this.#output?.closeOutput(reason)
  }

  close(reason: VFailure): void {
    this.closeOutput(reason)
    this.closeInput(reason)
    this.#output?.close(reason)
    this.#input?.close(reason)
  }

  /** The end of a pipe cannot say that bytes are missing; a child that is ended does not take it for a whole. */
  #breakOff(reason: VFailure): void {
    if (!(reason instanceof VFIOCompleted) && this.#state.verdict === null) this.#state.breakOff(reason.value)
  }
}
