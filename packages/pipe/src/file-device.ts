/**
 * `FileDevice`: a descriptor of `node:fs` as a byte device, for files and for devices that never make a reader wait.
 *
 * Decides that one read and one write are on their way at most, and that one chunk is read ahead. Where a file begins
 * and ends for the reader, and where the writer begins, it is told. Invariants: the descriptor is not closed while the
 * system works on it, and is closed once; a write that took less goes on where it stopped; what the system refused ends
 * the direction as lost.
 */
import { close, fstat, fsync, read, write } from 'node:fs'
import { type VFailure, VFIOCompleted, VFIOLost, VIOLost } from '@vio/io'
import { VDescriptorError } from './errors.js'
import type { DeviceSpec, IVDescriptorDevice } from './types.js'

const EMPTY: Buffer = Buffer.alloc(0)

/** Which part of a file is read, and where it is written. */
export interface FilePlaces {
  /** Where reading begins, in bytes; undefined: where the descriptor stands. */
  readonly start?: number | undefined
  /** Where reading ends, in bytes from the start of the file; undefined: at the end of the file. */
  readonly end?: number | undefined
  /** Where writing begins, in bytes; undefined: where the descriptor stands, or the end if it appends. */
  readonly writeAt?: number | undefined
  /** True to have everything put on the disk before the end of the output counts. */
  readonly sync?: boolean | undefined
  /** The size that the file had; an end before it, in a file that is smaller now, is a loss. Undefined: not looked at. */
  readonly sizeBytes?: number | undefined
}

/** A descriptor whose reads and writes run in Node's thread pool. */
export class FileDevice implements IVDescriptorDevice {
  readonly connected = true
  readonly peer = null
  readonly #spec: DeviceSpec
  readonly #places: FilePlaces
  #fd: number
  #changed: () => void = () => undefined
  #released: () => void = () => undefined
  #held: Buffer = EMPTY
  #readAt: number | undefined
  #readBytes = 0
  #writeAt: number | undefined
  #reading = false
  #writing: Uint8Array | null = null
  #syncing = false
  #inputEnd: VFailure | null
  #outputEnd: VFailure | null
  #inputClosed = false
  #outputClosed: VFailure | null = null
  #closing = false

  constructor(spec: DeviceSpec, places: FilePlaces = {}) {
    this.#spec = spec
    this.#places = places
    this.#fd = spec.fd
    this.#readAt = places.start
    this.#writeAt = places.writeAt
    this.#inputEnd = spec.use === 'write' ? new VFIOCompleted() : null
    this.#outputEnd = spec.use === 'read' ? new VFIOCompleted() : null
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
    return this.#outputClosed === null && this.#outputEnd === null && this.#writing === null
  }

  get outputEnd(): VFailure | null {
    return this.#outputEnd
  }

  get unflushedBytes(): number {
    return this.#writing?.length ?? 0
  }

  onReady(changed: () => void): void {
    this.#changed = changed
    this.#read()
  }

  onReleased(released: () => void): void {
    this.#released = released
  }

  readSome(maxBytes: number): Buffer {
    const piece = this.#held.subarray(0, maxBytes)
    this.#held = this.#held.subarray(piece.length)
    this.#read()
    return piece
  }

  writeSome(data: Uint8Array): number {
    if (!this.writable || data.length === 0) return 0
    this.#writing = data.length <= this.#spec.chunkBytes ? data : data.subarray(0, this.#spec.chunkBytes)
    const taken = this.#writing.length
    this.#write()
    return taken
  }

  closeInput(_reason: VFailure): void {
    if (this.#inputClosed) return
    this.#inputClosed = true
    this.#held = EMPTY
    if (this.#spec.use === 'read') this.#close()
  }

  closeOutput(reason: VFailure): void {
    if (this.#outputClosed !== null) return
    this.#outputClosed = reason
    this.#finishOutput()
  }

  close(reason: VFailure): void {
    this.closeInput(reason)
    this.closeOutput(reason)
    this.#close()
  }

  /** Starts the next read, if nothing is held and none is on its way. */
  #read(): void {
    if (this.#reading || this.#held.length > 0 || this.#inputEnd !== null || this.#inputClosed) return
    const { chunkBytes } = this.#spec
    const left = (this.#places.end ?? Number.POSITIVE_INFINITY) - (this.#places.start ?? 0) - this.#readBytes
    if (left <= 0) {
      this.#endInput(new VFIOCompleted())
      return
    }
    this.#reading = true
    const target = Buffer.allocUnsafeSlow(Math.min(chunkBytes, left))
    read(this.#fd, target, 0, target.length, this.#readAt ?? null, (error, count) => {
      this.#reading = false
      if (error !== null) this.#endInput(this.#lost('reading', error))
      else if (count === 0) this.#atEnd()
      else this.#arrived(target.subarray(0, count))
      this.#closeIfIdle()
    })
  }

  #arrived(bytes: Buffer): void {
    this.#readBytes += bytes.length
    if (this.#readAt !== undefined) this.#readAt += bytes.length
    if (this.#inputClosed) return
    this.#held = bytes
    this.#changed()
  }

  /** The file has no more: an end, unless a part that is asked for, or that was there, is missing. */
  #atEnd(): void {
    const { end, sizeBytes } = this.#places
    if (end !== undefined) {
      const at = (this.#places.start ?? 0) + this.#readBytes
      this.#endInput(
        new VFIOLost(new VIOLost(`the file ends at byte ${at}, before byte ${end} that was asked for`)),
      )
      return
    }
    if (sizeBytes === undefined) {
      this.#endInput(new VFIOCompleted())
      return
    }
    this.#reading = true
    fstat(this.#fd, (error, stats) => {
      this.#reading = false
      if (error !== null) this.#endInput(this.#lost('reading', error))
      else if (stats.size >= sizeBytes) this.#endInput(new VFIOCompleted())
      else {
        const text = `the file was cut from ${sizeBytes} to ${stats.size} bytes while it was read`
        this.#endInput(new VFIOLost(new VIOLost(text)))
      }
      this.#closeIfIdle()
    })
  }

  #endInput(end: VFailure): void {
    this.#inputEnd ??= end
    this.#changed()
  }

  #write(): void {
    const data = this.#writing
    if (data === null) return
    write(this.#fd, data, 0, data.length, this.#writeAt ?? null, (error, count) => {
      this.#written(data, error ?? (count === 0 ? new VIOLost('the file takes no more bytes') : null), count)
    })
  }

  #written(data: Uint8Array, error: Error | null, count: number): void {
    if (error !== null) {
      this.#writing = null
      this.#outputEnd = this.#lost('writing', error)
    } else {
      if (this.#writeAt !== undefined) this.#writeAt += count
      this.#writing = count === data.length ? null : data.subarray(count)
      // A write that took less is gone on with, so that the system says why: a disk that is full, most of the time.
      if (this.#writing !== null && !this.#dropsRest) {
        this.#write()
        return
      }
      this.#writing = null
    }
    this.#finishOutput()
    this.#changed()
    this.#closeIfIdle()
  }

  get #dropsRest(): boolean {
    return this.#outputClosed !== null && !(this.#outputClosed instanceof VFIOCompleted)
  }

  /** Ends the output once it was told to and all is written. */
  #finishOutput(): void {
    if (this.#outputClosed === null || this.#writing !== null || this.#syncing) return
    if (this.#outputEnd === null && this.#outputClosed instanceof VFIOCompleted) {
      if (this.#places.sync === true) {
        this.#sync()
        return
      }
      this.#outputEnd = new VFIOCompleted()
      this.#changed()
    }
    if (this.#spec.use === 'write') this.#close()
  }

  #sync(): void {
    this.#syncing = true
    fsync(this.#fd, (error) => {
      this.#syncing = false
      this.#outputEnd = error === null ? new VFIOCompleted() : this.#lost('syncing', error)
      this.#finishOutput()
      this.#changed()
      this.#closeIfIdle()
    })
  }

  #lost(what: string, error: Error): VFIOLost {
    return new VFIOLost(VDescriptorError.of(`${what} descriptor ${this.#fd}`, error))
  }

  #close(): void {
    this.#closing = true
    this.#closeIfIdle()
  }

  #closeIfIdle(): void {
    if (!this.#closing || this.#fd === -1 || this.#reading || this.#writing !== null || this.#syncing) return
    const fd = this.#fd
    this.#fd = -1
    close(fd, () => this.#released())
  }
}
