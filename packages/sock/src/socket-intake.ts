/**
 * What a socket has read and nobody has taken yet.
 *
 * Decides when the socket reads on and when it stops, and into which memory: a socket that is made here reads straight
 * into memory that is handed on as it is, one that was made by others (a server's) gives its own chunks. Who takes how
 * much is the device's affair. Invariants: the socket stops once `capacityBytes` are held, so that at most that and one
 * read are held, and one more read in the stream of a socket that others made; it reads again when all was taken, which
 * is how the end that follows the last byte is noticed.
 */
import { connect, type NetConnectOpts, type OnReadOpts, Socket } from 'node:net'
import { VByteBuffer } from '@vio/io'
import { expectMoreAfter } from './awake.js'
import { hear, ignoreData, type LinkedSocket, READER, type SocketReader } from './socket-links.js'

/**
 * A read that fills less than this part of its memory is copied, so that a few bytes never hold on to a whole buffer. Memory
 * that bytes were left in is not read into any more: what is left of it would cut each of the next chunks in two.
 */
const COPY_BELOW = 0.5

/** How much is read at first, and how much more at once after a read that filled its memory. */
const FIRST_READ_BYTES = 4096
const GROWTH = 8

/** No bytes. */
export const EMPTY: Buffer = Buffer.alloc(0)

/** Memory that is read into. */
class ReadRoom {
  /** What reads fill. */
  memory = EMPTY
  /** The bytes of the last read that were left in it, unless they were given back. */
  handed: Buffer | null = null
  /** How much the next memory has: little on a socket that is idle, all that is allowed on a busy one. */
  nextBytes: number

  constructor(nextBytes: number) {
    this.nextBytes = nextBytes
  }
}

/**
 * What every idle socket reads into. Its memory is never handed on, since what it can hold is copied; and a read is over
 * when it is told, but for a system that is given the memory before there is something to read: there is none then.
 */
const IDLE_ROOM = new ReadRoom(FIRST_READ_BYTES)
if (process.platform !== 'win32') IDLE_ROOM.memory = Buffer.allocUnsafeSlow(FIRST_READ_BYTES)

/** What an intake tells its owner of type `O`: functions for all owners, as closures for each cost more than the socket. */
export interface SocketEvents<O> {
  /** There is a connection. Told to whoever watches a socket that connects. */
  connected(owner: O): void
  /** Bytes have come; `fromLoop` unless somebody who took bytes made the socket give more. */
  arrived(owner: O, fromLoop: boolean): void
  /** The input has ended. */
  ended(owner: O): void
  /** The output has ended. */
  finished(owner: O): void
  failed(owner: O, error: unknown): void
  closed(owner: O): void
}

/** The states of an intake. The socket was made by others, and gives its bytes as a stream: */
const STREAMS = 1
const STOPPED = 2
const SINGLE = 4
/** The stream is read, and does not flow. */
const PULLS = 8
const DISCARDS = 16

/** Whom Node asks for memory next: the intake that connects just now, or the one that was given bytes last. */
let asked: SocketIntake | null = null

/** What every socket that is made here reads with. Node asks for memory right behind the callback that it was filled. */
export const ONREAD: OnReadOpts = {
  buffer: (): Buffer => asked?.nextMemory() ?? Buffer.allocUnsafeSlow(FIRST_READ_BYTES),
  callback(this: LinkedSocket, sizeBytes: number): boolean {
    return this[READER]?.filled(sizeBytes) ?? true
  },
}

/** Holds the bytes of one socket, and listens to it. */
export class SocketIntake implements SocketReader {
  readonly socket: Socket
  readonly #capacityBytes: number
  #held: VByteBuffer | null = null
  #states = 0
  #owner: unknown
  #events: SocketEvents<unknown> | undefined
  /** Into which memory it reads, where the socket was made here. */
  #room = IDLE_ROOM

  /** @param socket one that others made, or where to connect one that is made here, with `ONREAD` among it */
  constructor(capacityBytes: number, socket: Socket | NetConnectOpts) {
    this.#capacityBytes = capacityBytes
    if (IDLE_ROOM.memory === EMPTY || capacityBytes < FIRST_READ_BYTES)
      this.#room = new ReadRoom(Math.min(FIRST_READ_BYTES, capacityBytes))
    this.socket = socket instanceof Socket ? socket : this.#connectSocket(socket)
    const linked: LinkedSocket = this.socket
    linked[READER] = this
    hear(linked, 'error')
    if (this.socket !== socket) return
    this.#states = STREAMS
    hear(linked, 'data')
    linked.pause()
  }

  /** Bytes that can be taken. */
  get heldBytes(): number {
    return this.#held === null ? 0 : this.#held.length
  }

  /** Lets `owner` hear how an attempt to connect ends. */
  watch<O>(owner: O, events: SocketEvents<O>): void {
    this.#owner = owner
    this.#events = events as SocketEvents<unknown>
    hear(this.socket, 'connect')
    hear(this.socket, 'close')
  }

  /** Begins to read, or lets a connection begin as soon as it is there. */
  start<O>(owner: O, events: SocketEvents<O>): void {
    this.#owner = owner
    this.#events = events as SocketEvents<unknown>
    const { socket } = this
    hear(socket, 'close')
    hear(socket, 'end')
    hear(socket, 'finish')
    socket.resume()
  }

  /** Takes up to `maxBytes`, in the piece they came in. */
  take(maxBytes: number): Buffer {
    const bytes = this.#held === null ? EMPTY : this.#held.popChunk(maxBytes)
    if (this.heldBytes === 0) this.#readOn()
    return bytes
  }

  /** Takes back what `take` gave, which nobody has any more: the next read fills it again, unless it has its memory by now. */
  reuse(bytes: Buffer): void {
    if (bytes === this.#room.handed) this.#room.handed = null
  }

  /** Drops what is held and what comes from now on. It is still read, so that the other side is not held up. */
  discard(): void {
    this.#states |= DISCARDS
    this.#held = null
    this.#readOn()
  }

  /**
   * From now on the socket stops after a read that did not fill its memory, until that was taken. A reset that came with
   * those bytes is then told by the next read, where going on would tell it as a clean end.
   */
  readSingly(): void {
    if (this.#is(SINGLE)) return
    this.#states |= SINGLE
    if (!this.#is(STREAMS) || this.socket.readableHighWaterMark > 1) return
    // A stream with a low mark stops after each chunk, as long as nothing makes it flow.
    this.#states |= PULLS
    ignoreData(this.socket)
    this.socket.on('readable', () => setImmediate(() => this.#readStream()))
  }

  #readOn(): void {
    if (!this.#is(STOPPED)) return
    this.#states &= ~STOPPED
    // Within the callback of a read it would be as if the socket had not stopped.
    if (this.#is(SINGLE)) setImmediate(() => this.#resume())
    else this.#resume()
  }

  #resume(): void {
    if (this.socket.destroyed) return
    if (this.#is(PULLS)) this.#readStream()
    else this.socket.resume()
  }

  #connectSocket(where: NetConnectOpts): Socket {
    asked = this
    return connect(where)
  }

  #is(state: number): boolean {
    return (this.#states & state) !== 0
  }

  /** What the next read fills. */
  nextMemory(): Buffer {
    const room = this.#room
    if (room.handed !== null || room.memory.length < room.nextBytes)
      room.memory = Buffer.allocUnsafeSlow(room.nextBytes)
    room.handed = null
    return room.memory
  }

  /** Called by Node, which asks for memory next. */
  filled(size: number): boolean {
    const goesOn = this.#filled(size)
    // Last, as whoever took the bytes may have made other sockets.
    asked = this
    return goesOn
  }

  #filled(size: number): boolean {
    const room = this.#room
    const isPart = size < room.memory.length
    if (!isPart) this.#readMoreAtOnce()
    if (this.#is(DISCARDS)) return this.#dropped(isPart)
    const bytes = room.memory.subarray(0, size)
    const isCopied = room === IDLE_ROOM || size < room.memory.length * COPY_BELOW
    if (!isCopied) room.handed = bytes
    return this.#arrived(isCopied ? Buffer.from(bytes) : bytes, isPart, true)
  }

  /** The memory was filled. Other idle sockets go on with theirs. */
  #readMoreAtOnce(): void {
    const nextBytes = Math.min(this.#room.nextBytes * GROWTH, this.#capacityBytes)
    if (nextBytes === this.#room.nextBytes) return
    if (this.#room === IDLE_ROOM) this.#room = new ReadRoom(nextBytes)
    else this.#room.nextBytes = nextBytes
  }

  /** Called by the listeners. */
  tell(event: 'connected' | 'ended' | 'finished' | 'closed'): void {
    this.#events?.[event](this.#owner)
  }

  /** Called by the listeners. */
  tellFailed(error: unknown): void {
    this.#events?.failed(this.#owner, error)
  }

  /** Called by the listeners. */
  streamed(chunk: Buffer): void {
    if (!this.#is(DISCARDS) && !this.#arrived(chunk, false, true)) this.socket.pause()
  }

  /** Takes what the stream holds, unless there is enough. */
  #readStream(): void {
    while (this.#is(DISCARDS) || this.heldBytes < this.#capacityBytes) {
      const chunk = this.socket.read() as Buffer | null
      if (chunk === null) return
      if (!this.#is(DISCARDS)) this.#arrived(chunk, false, false)
    }
    this.#states |= STOPPED
  }

  /** False if no more is to be read for now. */
  #dropped(isPart: boolean): boolean {
    if (!this.#is(SINGLE) || !isPart) return true
    this.#states |= STOPPED
    this.#readOn()
    return false
  }

  /** False if no more is to be read for now. */
  #arrived(bytes: Buffer, isPart: boolean, fromLoop: boolean): boolean {
    this.#held ??= new VByteBuffer()
    this.#held.append(bytes)
    expectMoreAfter(bytes.length)
    const stops = this.#held.length >= this.#capacityBytes || (this.#is(SINGLE) && isPart)
    this.#states = stops ? this.#states | STOPPED : this.#states & ~STOPPED
    this.#events?.arrived(this.#owner, fromLoop)
    return this.#is(SINGLE) ? !stops : !this.#is(STOPPED)
  }
}
