/**
 * `VStreamDevice`: a Node stream as a byte device.
 *
 * Decides how much passes: reads take what the stream holds, writes what its high-water mark has room for, so that the
 * stream never holds more than it declares. When anything is read or written is the endpoint's affair. Invariants: the
 * stream stays paused, so that bytes leave it by `readSome` only; its errors always have a listener; each direction has
 * one end, which is told after its last byte.
 */
import type { Readable, Writable } from 'node:stream'
import { type VFailure, VFIOCompleted, VFIOLost, VIOLost } from '@vio/reactor'
import { describeValue } from '../limit.js'
import type { VPeer } from '../peer.js'
import type { IVByteDevice } from '../types.js'
import { asError } from './async-source.js'

/** What a writable stream whose high-water mark is 0 is given at once, when it has nothing left. */
const UNBUFFERED_WRITE_BYTES = 16_384

const EMPTY: Buffer = Buffer.alloc(0)

/** Options of `VStreamDevice`. */
export interface VStreamDeviceOptions {
  /** Where the output goes, if that is another stream than the one that is read: a process has stdin and stdout. */
  readonly output?: Writable
  /** The other side. By default null: none that has an address. */
  readonly peer?: VPeer | null
}

/**
 * Reads and writes a Node stream: a `Readable`, a `Writable` or a `Duplex`.
 *
 * ```ts
 * const endpoint = new VByteEndpoint(reactor, new VStreamDevice(process.stdin, { output: process.stdout }))
 * ```
 *
 * A direction that the stream has not got has ended cleanly from the start. The output of a `Duplex` cannot be aborted
 * alone: that destroys the stream, as an orderly end would tell the other side that nothing is missing.
 */
export class VStreamDevice implements IVByteDevice {
  readonly connected = true
  readonly peer: VPeer | null
  readonly #input: Readable | null
  readonly #output: Writable | null
  readonly #onReadable: () => void
  #changed: () => void = () => undefined
  #inputEnd: VFailure | null = null
  #outputEnd: VFailure | null = null
  #inputClosed = false
  #outputClosed = false
  #released = false

  /** @throws TypeError for anything but a stream of bytes */
  constructor(stream: Readable | Writable, options: VStreamDeviceOptions = {}) {
    const input = isReadable(stream) ? stream : null
    const output = options.output ?? (isWritable(stream) ? stream : null)
    const isStream = input !== null || (output !== null && output === stream)
    if (!isStream || (output !== null && !isWritable(output))) {
      const got = `${describeValue(stream)} and ${describeValue(options.output)}`
      throw new TypeError(`a stream device needs a readable or a writable stream, got ${got}`)
    }
    checkBytes(input, output)
    this.peer = options.peer ?? null
    this.#input = input
    this.#output = output
    this.#inputEnd = input === null ? new VFIOCompleted() : readEndOf(input)
    this.#outputEnd = output === null ? new VFIOCompleted() : writeEndOf(output)
    this.#onReadable = () => {
      if (input?.readableLength === 0) input.read(0)
      this.#changed()
    }
    if (input !== null) this.#listenInput(input)
    if (output !== null) this.#listenOutput(output)
  }

  get readable(): boolean {
    return !this.#inputClosed && (this.#input?.readableLength ?? 0) > 0
  }

  get inputEnd(): VFailure | null {
    return this.#inputEnd
  }

  get writable(): boolean {
    return !this.#outputClosed && this.#outputEnd === null && this.#room > 0
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

  readSome(maxBytes: number): Buffer {
    const input = this.#input
    if (input === null || !this.readable) return EMPTY
    const bytes = takeFrom(input, maxBytes)
    if (bytes === null) {
      // It holds bytes and does not give them: a stream that was destroyed may do so.
      this.#inputClosed = true
      this.#inputLost(new VIOLost('the stream was destroyed before its bytes were read'))
      return EMPTY
    }
    // A paused stream tells its end only to one who asks again.
    if (input.readableLength === 0) input.read(0)
    return bytes
  }

  writeSome(data: Uint8Array): number {
    if (this.#output === null || !this.writable) return 0
    const count = Math.min(this.#room, data.length)
    if (count > 0) this.#output.write(count === data.length ? data : data.subarray(0, count))
    return count
  }

  closeInput(reason: VFailure): void {
    if (this.#inputClosed) return
    this.#inputClosed = true
    const input = this.#input
    if (input === null || this.#inputEnd !== null) return
    // A stream with this listener would not flow.
    input.off('readable', this.#onReadable)
    // What still comes is dropped, so that the other side is not held up; a stream that only reads needs not go on.
    if (this.#shared) input.resume()
    else input.destroy(reason instanceof VFIOCompleted ? undefined : reason.value)
  }

  closeOutput(reason: VFailure): void {
    if (this.#outputClosed) return
    this.#outputClosed = true
    const output = this.#output
    if (output === null || this.#outputEnd !== null) return
    if (reason instanceof VFIOCompleted) output.end()
    else output.destroy(reason.value)
  }

  close(reason: VFailure): void {
    if (this.#released) return
    this.#released = true
    this.closeInput(reason)
    this.closeOutput(reason)
    if (reason instanceof VFIOCompleted) this.#destroyIfDone()
    else this.#destroy(reason.value)
  }

  /** True if one stream serves both directions. */
  get #shared(): boolean {
    return (this.#input as unknown) === this.#output
  }

  get #room(): number {
    const output = this.#output
    if (output === null || !output.writable) return 0
    if (output.writableHighWaterMark > 0) return output.writableHighWaterMark - output.writableLength
    return output.writableLength === 0 && !output.writableNeedDrain ? UNBUFFERED_WRITE_BYTES : 0
  }

  #listenInput(input: Readable): void {
    input.on('error', (error: unknown) => this.#inputLost(asError(error)))
    input.on('close', () => this.#inputLost(new VIOLost('the stream was closed before its end')))
    input.on('end', () => {
      this.#inputEnd ??= new VFIOCompleted()
      this.#changed()
    })
    input.on('readable', this.#onReadable)
  }

  #listenOutput(output: Writable): void {
    output.on('error', (error: unknown) => this.#outputLost(asError(error)))
    output.on('close', () => this.#outputLost(new VIOLost('the stream was closed before all was written')))
    output.on('finish', () => {
      this.#outputEnd ??= new VFIOCompleted()
      this.#destroyIfDone()
      this.#changed()
    })
    output.on('drain', () => this.#changed())
  }

  #inputLost(reason: Error): void {
    if (this.#inputEnd !== null) return
    this.#inputEnd = new VFIOLost(reason)
    this.#changed()
  }

  #outputLost(reason: Error): void {
    if (this.#outputEnd !== null) return
    this.#outputEnd = new VFIOLost(reason)
    this.#changed()
  }

  /** After a clean close: what was taken goes out first. */
  #destroyIfDone(): void {
    if (this.#released && this.#outputEnd !== null) this.#destroy(undefined)
  }

  #destroy(reason: Error | undefined): void {
    for (const stream of [this.#input, this.#output]) {
      if (stream !== null && !stream.destroyed) stream.destroy(reason)
    }
  }
}

function isReadable(value: unknown): value is Readable {
  const stream = value as Partial<Readable> | null
  return typeof stream?.read === 'function' && typeof stream.on === 'function'
}

function isWritable(value: unknown): value is Writable {
  const stream = value as Partial<Writable> | null
  return typeof stream?.write === 'function' && typeof stream.on === 'function'
}

function checkBytes(input: Readable | null, output: Writable | null): void {
  if (input?.readableObjectMode === true || output?.writableObjectMode === true) {
    throw new TypeError('a stream device needs a stream of bytes, got one in object mode')
  }
  if (input !== null && input.readableEncoding !== null) {
    const encoding = String(input.readableEncoding)
    throw new TypeError(`a stream device needs a stream of bytes, got one with the encoding ${encoding}`)
  }
}

/** Why a stream gives nothing from the start. */
function readEndOf(input: Readable): VFailure | null {
  if (input.errored !== null && input.errored !== undefined) return new VFIOLost(asError(input.errored))
  if (input.readableEnded) return new VFIOCompleted()
  if (input.destroyed) return new VFIOLost(new VIOLost('the stream was destroyed'))
  // A duplex stream can be made without one of its directions.
  return input.readable ? null : new VFIOCompleted()
}

/** Why a stream takes nothing from the start. */
function writeEndOf(output: Writable): VFailure | null {
  if (output.errored !== null && output.errored !== undefined) return new VFIOLost(asError(output.errored))
  if (output.writableFinished) return new VFIOCompleted()
  if (output.destroyed) return new VFIOLost(new VIOLost('the stream was destroyed'))
  return output.writable || output.writableEnded ? null : new VFIOCompleted()
}

/**
 * Takes up to `maxBytes` of what the stream holds. Asked for a number above its high-water mark, a stream would raise the
 * mark for good and hold more from then on.
 */
function takeFrom(input: Readable, maxBytes: number): Buffer | null {
  const held = input.readableLength
  const highWater = input.readableHighWaterMark
  const size = Math.min(maxBytes, held)
  if (size <= highWater) return input.read(size) as Buffer | null
  if (size === held || highWater === 0) return takeAll(input, maxBytes)
  const pieces: Buffer[] = []
  for (let left = size; left > 0; ) {
    const piece = input.read(Math.min(left, highWater)) as Buffer | null
    if (piece === null) break
    pieces.push(piece)
    left -= piece.length
  }
  return pieces.length === 0 ? null : Buffer.concat(pieces)
}

/** Takes all there is and gives back what is over: the stream may have got some more in the meantime. */
function takeAll(input: Readable, maxBytes: number): Buffer | null {
  const all = input.read() as Buffer | null
  if (all === null || all.length <= maxBytes) return all
  input.unshift(all.subarray(maxBytes))
  return all.subarray(0, maxBytes)
}
