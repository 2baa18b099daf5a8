/**
 * What a socket has read and nobody has taken yet.
 *
 * Decides when the socket reads on and when it stops, and into which memory: a socket that is made here reads straight
 * into memory that is handed on as it is, one that was made by others (a server's) gives its own chunks. Who takes how
 * much is the device's affair. Invariants: the socket stops once `capacityBytes` are held, so that at most that and one
 * read are held, and one more read in the stream of a socket that others made; it reads again when all was taken, which
 * is how the end that follows the last byte is noticed.
 */
import { connect, type NetConnectOpts, Socket } from 'node:net'
import { VByteBuffer } from '@vio/io'

/** A read that fills less than this is copied, so that a few bytes never hold on to a whole buffer. */
const COPY_BELOW_BYTES = 8192

/** A buffer with less room than this is not read into any more. */
const LEAST_READ_BYTES = 16_384

const EMPTY: Buffer = Buffer.alloc(0)

/** What an intake tells. */
export interface SocketIntakeOwner {
  /** Bytes have come. */
  arrived(): void
}

/** Holds the bytes of one socket. */
export class SocketIntake {
  readonly socket: Socket
  readonly #capacityBytes: number
  readonly #held = new VByteBuffer()
  #owner: SocketIntakeOwner | undefined
  /** The memory that the next read fills, and from where on; only on a socket that was made here. */
  #memory = EMPTY
  #memoryUsed = 0
  #stopped = false
  #discarding = false

  /** @param socket one that others made, or where to connect one that is made here */
  constructor(capacityBytes: number, socket: Socket | NetConnectOpts) {
    this.#capacityBytes = capacityBytes
    this.socket = socket instanceof Socket ? socket : this.#connectSocket(socket)
    this.socket.on('error', () => undefined)
    if (this.socket === socket) socket.on('data', (chunk: Buffer) => this.#streamed(chunk)).pause()
  }

  /** Bytes that can be taken. */
  get heldBytes(): number {
    return this.#held.length
  }

  /** Begins to read, or lets a connection begin as soon as it is there. */
  start(owner: SocketIntakeOwner): void {
    this.#owner = owner
    this.socket.resume()
  }

  /** Takes up to `maxBytes`, in the piece they came in. */
  take(maxBytes: number): Buffer {
    const bytes = this.#held.popChunk(maxBytes)
    if (this.#held.length === 0) this.#readOn()
    return bytes
  }

  /** Drops what is held and what comes from now on. It is still read, so that the other side is not held up. */
  discard(): void {
    this.#discarding = true
    this.#held.clear()
    this.#readOn()
  }

  #readOn(): void {
    if (!this.#stopped) return
    this.#stopped = false
    if (!this.socket.destroyed) this.socket.resume()
  }

  #connectSocket(where: NetConnectOpts): Socket {
    const onread = {
      buffer: () => this.#nextMemory(),
      callback: (size: number) => this.#filled(size),
    }
    return connect({ ...where, allowHalfOpen: true, onread })
  }

  #nextMemory(): Buffer {
    if (this.#memory.length - this.#memoryUsed < Math.min(LEAST_READ_BYTES, this.#capacityBytes)) {
      this.#memory = Buffer.allocUnsafeSlow(this.#capacityBytes)
      this.#memoryUsed = 0
    }
    return this.#memoryUsed === 0 ? this.#memory : this.#memory.subarray(this.#memoryUsed)
  }

  #filled(size: number): boolean {
    if (this.#discarding) return true
    const bytes = this.#memory.subarray(this.#memoryUsed, this.#memoryUsed + size)
    if (size < COPY_BELOW_BYTES) return this.#arrived(Buffer.from(bytes))
    this.#memoryUsed += size
    return this.#arrived(bytes)
  }

  #streamed(chunk: Buffer): void {
    if (this.#discarding || this.#arrived(chunk)) return
    this.socket.pause()
  }

  /** False if no more is to be read for now. */
  #arrived(bytes: Buffer): boolean {
    this.#held.append(bytes)
    this.#stopped = this.#held.length >= this.#capacityBytes
    this.#owner?.arrived()
    return !this.#stopped
  }
}
