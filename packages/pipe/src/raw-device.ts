/**
 * `RawDevice`: a non-blocking descriptor as a byte device, on plain reads and writes and a source of readiness.
 *
 * Decides when the system is asked: a read follows a report of readiness, a write is tried at once. Who reports, and by
 * which calls bytes move, it is told: native's poll and calls, or a timer and `node:fs`. Invariants: at most one chunk
 * is read ahead, and nothing further while some of it is held; the end is known only when all was handed out; the
 * descriptor is closed once, and never used afterwards.
 */
import { type VFailure, VFIOCompleted, VFIOLost } from '@vio/io'
import { VDescriptorError } from './errors.js'
import type { DeviceSpec, IVDescriptorDevice } from './types.js'

/** What a call answers that could do nothing now. */
export const WOULD_BLOCK = -1

/** The calls that move bytes. Each throws what the system says, except that it would have to wait. */
export interface RawCalls {
  /** Reads into `target`. Returns how many bytes, 0 at the end, or `WOULD_BLOCK`. */
  read(fd: number, target: Buffer): number
  /** Writes from the front of `data`. Returns how many bytes, or `WOULD_BLOCK`. */
  write(fd: number, data: Uint8Array): number
  /** Ends the output of a socket. */
  shutdown(fd: number): void
}

/** What is told when a descriptor is ready; `failed` if the system reports an error on it. */
export type ReadinessListener = (read: boolean, write: boolean, failed: boolean) => void

/** Reports when a descriptor is ready. */
export interface Readiness {
  /** Says what is waited for from now on; `gone`: also for the other side to go, where that can be told. */
  want(read: boolean, write: boolean, gone: boolean): void
  /** Ends the reports and closes the descriptor. Called once. */
  close(): void
}

/** Takes a descriptor over and starts to report on it; nothing is waited for at first, and nothing is told before it returns. */
export type ReadinessSource = (fd: number, listener: ReadinessListener) => Readiness

const EMPTY: Buffer = Buffer.alloc(0)

/** Shared by all devices of the thread: a read fills it, and what was read leaves it before the next one. */
let scratch: Buffer = EMPTY

/** Reads once. Returns the bytes in memory that nobody else has, or what else the call answered. */
function readChunk(calls: RawCalls, fd: number, chunkBytes: number): Buffer | number {
  if (scratch.length < chunkBytes) scratch = Buffer.allocUnsafeSlow(chunkBytes)
  const target = scratch.length === chunkBytes ? scratch : scratch.subarray(0, chunkBytes)
  const count = calls.read(fd, target)
  if (count <= 0) return count
  // Much of it is given away as it is; little would keep all of it alive.
  if (count * 2 < scratch.length) return Buffer.from(target.subarray(0, count))
  scratch = EMPTY
  return target.subarray(0, count)
}

/** A descriptor that never waits. */
export class RawDevice implements IVDescriptorDevice {
  readonly connected = true
  readonly peer = null
  readonly unflushedBytes = 0
  readonly #spec: DeviceSpec
  readonly #calls: RawCalls
  readonly #readiness: Readiness
  #fd: number
  #changed: () => void = () => undefined
  #released: () => void = () => undefined
  #held: Buffer = EMPTY
  /** The last read filled its chunk: there may be more, without a new report. */
  #mayHaveMore = false
  #full = false
  #inputEnd: VFailure | null
  #outputEnd: VFailure | null
  #inputClosed = false
  #outputClosed = false

  constructor(spec: DeviceSpec, calls: RawCalls, source: ReadinessSource) {
    this.#spec = spec
    this.#calls = calls
    this.#fd = spec.fd
    this.#inputEnd = spec.use === 'write' ? new VFIOCompleted() : null
    this.#outputEnd = spec.use === 'read' ? new VFIOCompleted() : null
    this.#readiness = source(spec.fd, (read, write, failed) => this.#ready(read, write, failed))
    this.#wait()
  }

  get fd(): number {
    return this.#fd
  }

  get readable(): boolean {
    return this.#held.length > 0
  }

  get inputEnd(): VFailure | null {
    return this.#inputEnd
  }

  get writable(): boolean {
    return !this.#outputClosed && this.#outputEnd === null && !this.#full
  }

  get outputEnd(): VFailure | null {
    return this.#outputEnd
  }

  onReady(changed: () => void): void {
    this.#changed = changed
  }

  onReleased(released: () => void): void {
    this.#released = released
  }

  readSome(maxBytes: number): Buffer {
    const held = this.#held
    if (held.length === 0) return EMPTY
    const piece = held.length <= maxBytes ? held : held.subarray(0, maxBytes)
    this.#held = held.length === piece.length ? EMPTY : held.subarray(piece.length)
    if (this.#held.length === 0) {
      if (this.#mayHaveMore) this.#fill()
      this.#wait()
      if (this.#inputEnd !== null) this.#changed()
    }
    return piece
  }

  writeSome(data: Uint8Array): number {
    if (!this.writable || data.length === 0) return 0
    const { chunkBytes } = this.#spec
    const piece = data.length <= chunkBytes ? data : data.subarray(0, chunkBytes)
    let count: number
    try {
      count = this.#calls.write(this.#fd, piece)
    } catch (cause) {
      this.#outputLost(VDescriptorError.of(`writing to descriptor ${this.#fd}`, cause))
      return 0
    }
    if (count < piece.length) {
      this.#full = true
      this.#wait()
    }
    return Math.max(count, 0)
  }

  closeInput(_reason: VFailure): void {
    if (this.#inputClosed) return
    this.#inputClosed = true
    this.#held = EMPTY
    if (this.#spec.use === 'read') this.#release()
    // What still comes is dropped, so that the other side is not held up.
    else this.#wait()
  }

  closeOutput(reason: VFailure): void {
    if (this.#outputClosed) return
    this.#outputClosed = true
    if (this.#outputEnd === null && reason instanceof VFIOCompleted) this.#endOutput()
    if (this.#spec.use === 'write') this.#release()
    this.#changed()
  }

  close(reason: VFailure): void {
    this.closeInput(reason)
    this.closeOutput(reason)
    this.#release()
  }

  #endOutput(): void {
    try {
      if (this.#spec.kind === 'socket') this.#calls.shutdown(this.#fd)
      this.#outputEnd = new VFIOCompleted()
    } catch (cause) {
      this.#outputEnd = new VFIOLost(VDescriptorError.of(`ending descriptor ${this.#fd}`, cause))
    }
  }

  #release(): void {
    if (this.#fd === -1) return
    this.#fd = -1
    this.#readiness.close()
    this.#released()
  }

  #ready(read: boolean, write: boolean, failed: boolean): void {
    if (this.#fd === -1) return
    if (failed && this.#spec.use === 'write') {
      this.#outputLost(new VDescriptorError('nobody reads the other end any more', 'EPIPE'))
      return
    }
    if ((read || failed) && this.#held.length === 0 && this.#inputEnd === null) this.#fill()
    if (write || failed) this.#full = false
    this.#wait()
    this.#changed()
  }

  #fill(): void {
    let got: Buffer | number
    try {
      got = readChunk(this.#calls, this.#fd, this.#spec.chunkBytes)
    } catch (cause) {
      this.#inputEnd = this.#endFor(cause)
      return
    }
    this.#mayHaveMore = typeof got !== 'number' && got.length === this.#spec.chunkBytes
    if (got === 0) this.#inputEnd = new VFIOCompleted()
    else if (typeof got !== 'number' && !this.#inputClosed) this.#held = got
  }

  /** The system gives a master whose terminal nobody has open any more an error in the place of an end. */
  #endFor(cause: unknown): VFailure {
    const error = VDescriptorError.of(`reading descriptor ${this.#fd}`, cause)
    if (this.#spec.isMaster && error.systemCode === 'EIO') return new VFIOCompleted()
    if (this.#outputEnd === null && error.systemCode === 'ECONNRESET') this.#outputEnd = new VFIOLost(error)
    return new VFIOLost(error)
  }

  #outputLost(error: Error): void {
    this.#outputEnd ??= new VFIOLost(error)
    this.#wait()
    this.#changed()
  }

  #wait(): void {
    if (this.#fd === -1) return
    const read = this.#held.length === 0 && this.#inputEnd === null
    const write = this.#full && !this.#outputClosed && this.#outputEnd === null
    const gone = this.#spec.use === 'write' && this.#outputEnd === null
    this.#readiness.want(read, write, gone)
  }
}
