/**
 * `StdioDevice`: a stream that is used and not owned, as a byte device.
 *
 * Decides what closing means for something that belongs to the process: the device lets go of it, and leaves it as it
 * was found. The stream is not ended, not destroyed, and gives what it still holds to whoever reads it next. Invariants:
 * errors of the stream have a listener from the first use to the end of the process, as a reader that goes away is an
 * end and no crash; after the release nothing of the device is left on the stream but that.
 */
import type { Readable, Writable } from 'node:stream'
import { type IVByteDevice, type VFailure, VFIOCompleted, VFIOLost, VIOLost } from '@vio/io'
import { VDescriptorError } from './errors.js'

/** What a stream whose high-water mark is 0 is given at once, when it has nothing left. */
const UNBUFFERED_WRITE_BYTES = 16_384

const EMPTY: Buffer = Buffer.alloc(0)
const NOTHING: VFailure = new VFIOCompleted()

/** Streams whose errors have a listener that stays. */
const guarded = new WeakSet<object>()

function guard(stream: Readable | Writable): void {
  if (guarded.has(stream)) return
  guarded.add(stream)
  stream.on('error', () => undefined)
}

/**
 * Stops a stream that nobody listens to any more, so that it does not keep the process alive. Later, because a stream
 * learns only on a later turn that it lost a listener, and by then it may have another.
 */
function stopSoon(input: Readable): void {
  setImmediate(() => {
    if (input.listenerCount('readable') + input.listenerCount('data') === 0) input.pause()
  })
}

/** Reads one stream, writes another, or either alone, and owns neither. */
export class StdioDevice implements IVByteDevice {
  readonly connected = true
  readonly peer = null
  readonly #input: Readable | null
  readonly #output: Writable | null
  #changed: () => void = () => undefined
  #inputEnd: VFailure | null
  #outputEnd: VFailure | null
  #inputClosed = false
  #outputClosed: VFailure | null = null
  #released: () => void = () => undefined
  readonly #onReadable = (): void => {
    // A paused stream tells its end only to one who asks.
    if (this.#input?.readableLength === 0) this.#input.read(0)
    this.#changed()
  }
  readonly #onEnd = (): void => this.#endInput(new VFIOCompleted())
  readonly #onInputError = (error: Error): void =>
    this.#endInput(new VFIOLost(VDescriptorError.of('reading the standard input', error)))
  readonly #onInputClose = (): void => this.#endInput(new VFIOLost(new VIOLost('the input was closed')))
  readonly #onDrain = (): void => this.#flushed()
  readonly #onOutputError = (error: Error): void =>
    this.#endOutput(new VFIOLost(VDescriptorError.of('writing a standard output', error)))
  readonly #onOutputClose = (): void => this.#endOutput(new VFIOLost(new VIOLost('the output was closed')))

  constructor(input: Readable | null, output: Writable | null) {
    this.#input = input
    this.#output = output
    this.#inputEnd = input === null || input.readableEnded ? NOTHING : null
    this.#outputEnd = output === null ? NOTHING : null
    if (this.#inputEnd === null && input?.destroyed === true)
      this.#inputEnd = new VFIOLost(new VIOLost('the input was closed before'))
    if (output !== null && !output.writable)
      this.#outputEnd = new VFIOLost(new VIOLost('the output was closed before'))
    if (input !== null) this.#listenInput(input)
    if (output !== null) this.#listenOutput(output)
  }

  get readable(): boolean {
    return !this.#inputClosed && (this.#input?.readableLength ?? 0) > 0
  }

  get inputEnd(): VFailure | null {
    return this.readable ? null : this.#inputEnd
  }

  get writable(): boolean {
    return this.#outputClosed === null && this.#outputEnd === null && this.#room > 0
  }

  get outputEnd(): VFailure | null {
    return this.#outputEnd
  }

  get unflushedBytes(): number {
    return this.#outputEnd === null ? (this.#output?.writableLength ?? 0) : 0
  }

  onReady(changed: () => void): void {
    this.#changed = changed
  }

  /** Names the function to call once when both directions were let go of. */
  onReleased(released: () => void): void {
    this.#released = released
  }

  readSome(maxBytes: number): Buffer {
    const input = this.#input
    if (input === null || !this.readable) return EMPTY
    const size = Math.min(maxBytes, input.readableLength)
    // Asked for more than its high-water mark, a stream would raise the mark for good.
    const bytes = (size === input.readableLength ? input.read() : input.read(size)) as Buffer | null
    if (input.readableLength === 0) input.read(0)
    return bytes ?? EMPTY
  }

  writeSome(data: Uint8Array): number {
    if (this.#output === null || !this.writable) return 0
    const count = Math.min(this.#room, data.length)
    if (count > 0) this.#output.write(count === data.length ? data : data.subarray(0, count))
    return count
  }

  closeInput(_reason: VFailure): void {
    if (this.#inputClosed) return
    this.#inputClosed = true
    const input = this.#input
    if (input !== null) {
      input.off('readable', this.#onReadable).off('end', this.#onEnd)
      input.off('error', this.#onInputError).off('close', this.#onInputClose)
      stopSoon(input)
    }
    this.#tellIfReleased()
  }

  closeOutput(reason: VFailure): void {
    if (this.#outputClosed !== null) return
    this.#outputClosed = reason
    this.#flushed()
  }

  close(reason: VFailure): void {
    this.closeInput(reason)
    this.closeOutput(reason)
  }

  get #room(): number {
    const output = this.#output
    if (output === null || !output.writable) return 0
    if (output.writableHighWaterMark > 0) return output.writableHighWaterMark - output.writableLength
    return output.writableLength === 0 && !output.writableNeedDrain ? UNBUFFERED_WRITE_BYTES : 0
  }

  #listenInput(input: Readable): void {
    guard(input)
    input.on('end', this.#onEnd).on('error', this.#onInputError).on('close', this.#onInputClose)
    input.on('readable', this.#onReadable)
  }

  #listenOutput(output: Writable): void {
    guard(output)
    output.on('drain', this.#onDrain).on('error', this.#onOutputError).on('close', this.#onOutputClose)
  }

  #endInput(end: VFailure): void {
    if (this.#inputEnd !== null) return
    this.#inputEnd = end
    this.#changed()
  }

  #endOutput(end: VFailure): void {
    if (this.#outputEnd === null) this.#outputEnd = end
    this.#letGoOfOutput()
    this.#changed()
  }

  /** What was written has left, or some of it: the end of the output counts once all has. */
  #flushed(): void {
    const closed = this.#outputClosed
    if (closed !== null && this.#outputEnd === null) {
      const isDone = !(closed instanceof VFIOCompleted) || (this.#output?.writableLength ?? 0) === 0
      if (isDone) this.#endOutput(closed instanceof VFIOCompleted ? new VFIOCompleted() : closed)
      else this.#output?.write('', () => this.#flushed())
      return
    }
    if (closed !== null) this.#letGoOfOutput()
    this.#changed()
  }

  #letGoOfOutput(): void {
    const output = this.#output
    if (output !== null) {
      output.off('drain', this.#onDrain).off('error', this.#onOutputError).off('close', this.#onOutputClose)
    }
    this.#tellIfReleased()
  }

  #tellIfReleased(): void {
    const isOver = this.#outputEnd !== null && this.#outputClosed !== null && this.#inputClosed
    if (!isOver) return
    const released = this.#released
    this.#released = () => undefined
    released()
  }
}
