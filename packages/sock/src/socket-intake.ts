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
import { expectMoreAfter } from './awake.js'

/** A read that fills less than this is copied, so that a few bytes never hold on to a whole buffer. */
const COPY_BELOW_BYTES = 8192

/** A buffer with less room than this is not read into any more. */
const LEAST_READ_BYTES = 16_384

/** How much is read at first, and how much more at once after a read that filled its memory. */
const FIRST_READ_BYTES = 4096
const GROWTH = 8

/** No bytes. */
export const EMPTY: Buffer = Buffer.alloc(0)

/**
 * What every idle socket reads into. It is never handed on, since what it can hold is copied; and a read is over when it is
 * told, but for a system that is given the memory before there is something to read.
 */
const sharedMemory = process.platform === 'win32' ? null : Buffer.allocUnsafeSlow(FIRST_READ_BYTES)

/** What an intake tells its owner of type `O`: functions for all owners, as closures for each cost more than the socket. */
export interface SocketEvents<O> {
  /** Bytes have come; `fromLoop` unless somebody who took bytes made the socket give more. */
  arrived(owner: O, fromLoop: boolean): void
  /** The input has ended. */
  ended(owner: O): void
  /** The output has ended. */
  finished(owner: O): void
  failed(owner: O, error: unknown): void
  closed(owner: O): void
}

/** Where a socket has its intake, for listeners that all sockets share. */
const INTAKE = Symbol('intake')

interface LinkedSocket extends Socket {
  [INTAKE]?: Told
}

/** An intake as the listeners see it. */
interface Told {
  streamed(chunk: Buffer): void
  tell(event: 'ended' | 'finished' | 'closed'): void
  tellFailed(error: unknown): void
}

function onData(this: LinkedSocket, chunk: Buffer): void {
  this[INTAKE]?.streamed(chunk)
}
function onEnd(this: LinkedSocket): void {
  this[INTAKE]?.tell('ended')
}
function onFinish(this: LinkedSocket): void {
  this[INTAKE]?.tell('finished')
}
function onClose(this: LinkedSocket): void {
  this[INTAKE]?.tell('closed')
}
function onError(this: LinkedSocket, error: unknown): void {
  this[INTAKE]?.tellFailed(error)
}

/** Holds the bytes of one socket, and listens to it. */
export class SocketIntake implements Told {
  readonly socket: Socket
  readonly #capacityBytes: number
  #held: VByteBuffer | null = null
  /** The socket was made by others, and gives its bytes as a stream. */
  readonly #streams: boolean
  #owner: unknown
  #events: SocketEvents<unknown> | undefined
  /** The memory that the next read fills, and from where on; only on a socket that was made here. */
  #memory = EMPTY
  #memoryUsed = 0
  /** How much memory the next one has: little on a socket that is idle, all that is allowed on a busy one. */
  #readBytes: number
  #stopped = false
  #single = false
  /** The stream is read, and does not flow. */
  #pulls = false
  #discarding = false

  /** @param socket one that others made, or where to connect one that is made here */
  constructor(capacityBytes: number, socket: Socket | NetConnectOpts) {
    this.#capacityBytes = capacityBytes
    this.#readBytes = Math.min(FIRST_READ_BYTES, capacityBytes)
    this.socket = socket instanceof Socket ? socket : this.#connectSocket(socket)
    ;(this.socket as LinkedSocket)[INTAKE] = this
    this.socket.on('error', onError)
    this.#streams = this.socket === socket
    if (this.#streams) this.socket.on('data', onData).pause()
  }

  /** Bytes that can be taken. */
  get heldBytes(): number {
    return this.#held === null ? 0 : this.#held.length
  }

  /** Begins to read, or lets a connection begin as soon as it is there. */
  start<O>(owner: O, events: SocketEvents<O>): void {
    this.#owner = owner
    this.#events = events as SocketEvents<unknown>
    this.socket.on('close', onClose).on('end', onEnd).on('finish', onFinish)
    this.socket.resume()
  }

  /** Takes up to `maxBytes`, in the piece they came in. */
  take(maxBytes: number): Buffer {
    const bytes = this.#held === null ? EMPTY : this.#held.popChunk(maxBytes)
    if (this.heldBytes === 0) this.#readOn()
    return bytes
  }

  /** Drops what is held and what comes from now on. It is still read, so that the other side is not held up. */
  discard(): void {
    this.#discarding = true
    this.#held = null
    this.#readOn()
  }

  /**
   * From now on the socket stops after a read that did not fill its memory, until that was taken. A reset that came with
   * those bytes is then told by the next read, where going on would tell it as a clean end.
   */
  readSingly(): void {
    if (this.#single) return
    this.#single = true
    if (!this.#streams || this.socket.readableHighWaterMark > 1) return
    // A stream with a low mark stops after each chunk, as long as nothing makes it flow.
    this.#pulls = true
    this.socket.off('data', onData)
    this.socket.on('readable', () => setImmediate(() => this.#readStream()))
  }

  #readOn(): void {
    if (!this.#stopped) return
    this.#stopped = false
    // Within the callback of a read it would be as if the socket had not stopped.
    if (this.#single) setImmediate(() => this.#resume())
    else this.#resume()
  }

  #resume(): void {
    if (this.socket.destroyed) return
    if (this.#pulls) this.#readStream()
    else this.socket.resume()
  }

  #connectSocket(where: NetConnectOpts): Socket {
    const onread = {
      buffer: () => this.#nextMemory(),
      callback: (size: number) => this.#filled(size),
    }
    return connect({ ...where, allowHalfOpen: true, onread })
  }

  #nextMemory(): Buffer {
    const isShort = this.#memoryUsed > 0 && this.#memory.length - this.#memoryUsed < LEAST_READ_BYTES
    const isSmall = this.#memoryUsed === 0 && this.#memory.length < this.#readBytes
    if (isShort || isSmall) {
      this.#memory = this.#newMemory()
      this.#memoryUsed = 0
    }
    return this.#memoryUsed === 0 ? this.#memory : this.#memory.subarray(this.#memoryUsed)
  }

  /** Memory of its own, unless it is idle. */
  #newMemory(): Buffer {
    const isIdle = this.#readBytes === FIRST_READ_BYTES
    return isIdle && sharedMemory !== null ? sharedMemory : Buffer.allocUnsafeSlow(this.#readBytes)
  }

  #filled(size: number): boolean {
    const isPart = this.#memoryUsed + size < this.#memory.length
    if (!isPart) this.#readBytes = Math.min(this.#readBytes * GROWTH, this.#capacityBytes)
    if (this.#discarding) return this.#dropped(isPart)
    const bytes = this.#memory.subarray(this.#memoryUsed, this.#memoryUsed + size)
    if (size >= COPY_BELOW_BYTES) this.#memoryUsed += size
    return this.#arrived(size >= COPY_BELOW_BYTES ? bytes : Buffer.from(bytes), isPart, true)
  }

  /** Called by the listeners. */
  tell(event: 'ended' | 'finished' | 'closed'): void {
    this.#events?.[event](this.#owner)
  }

  /** Called by the listeners. */
  tellFailed(error: unknown): void {
    this.#events?.failed(this.#owner, error)
  }

  /** Called by the listeners. */
  streamed(chunk: Buffer): void {
    if (!this.#discarding && !this.#arrived(chunk, false, true)) this.socket.pause()
  }

  /** Takes what the stream holds, unless there is enough. */
  #readStream(): void {
    while (this.#discarding || this.heldBytes < this.#capacityBytes) {
      const chunk = this.socket.read() as Buffer | null
      if (chunk === null) return
      if (!this.#discarding) this.#arrived(chunk, false, false)
    }
    this.#stopped = true
  }

  /** False if no more is to be read for now. */
  #dropped(isPart: boolean): boolean {
    if (!this.#single || !isPart) return true
    this.#stopped = true
    this.#readOn()
    return false
  }

  /** False if no more is to be read for now. */
  #arrived(bytes: Buffer, isPart: boolean, fromLoop: boolean): boolean {
    this.#held ??= new VByteBuffer()
    this.#held.append(bytes)
    expectMoreAfter(bytes.length)
    const stops = this.#held.length >= this.#capacityBytes || (this.#single && isPart)
    this.#stopped = stops
    this.#events?.arrived(this.#owner, fromLoop)
    return this.#single ? !stops : !this.#stopped
  }
}
