/**
 * The memory that sockets which are made here read into: straight, and handed on as it is.
 *
 * Decides how much there is for a read, and what is read into next. Invariants: an idle socket has none of its own; memory
 * that was handed on is not read into again, unless it was given back.
 */
import type { OnReadOpts } from 'node:net'
import { type LinkedSocket, READER } from './socket-links.js'

/** How much is read at first, and how much more at once after a read that filled its memory. */
const FIRST_READ_BYTES = 4096
const GROWTH = 8

/**
 * A read that fills less than this part of its memory is copied, so that a few bytes never hold on to a whole buffer. Memory
 * that bytes were left in is not read into any more: what is left of it would cut each of the next chunks in two.
 */
const COPY_BELOW = 0.5

/** No bytes. */
export const EMPTY: Buffer = Buffer.alloc(0)

/** Memory that is read into. */
export class ReadRoom {
  /** What reads fill. */
  memory: Buffer = EMPTY
  /** The bytes of the last read that were left in it, unless they were given back. */
  handed: Buffer | null = null
  /** How much the next memory has: little on a socket that is idle, all that is allowed on a busy one. */
  readonly nextBytes: number

  constructor(nextBytes: number) {
    this.nextBytes = nextBytes
  }

  /** What the next read fills. */
  next(): Buffer {
    if (this.handed !== null || this.memory.length < this.nextBytes)
      this.memory = Buffer.allocUnsafeSlow(this.nextBytes)
    this.handed = null
    return this.memory
  }

  /** The bytes of a read. They are the taker's. */
  bytesOf(sizeBytes: number): Buffer {
    const bytes = this.memory.subarray(0, sizeBytes)
    if (this === IDLE_ROOM || sizeBytes < this.memory.length * COPY_BELOW) return Buffer.from(bytes)
    this.handed = bytes
    return bytes
  }

  /** The room of a socket that has filled its memory: more, up to `capacityBytes`. Other idle sockets go on with theirs. */
  grown(capacityBytes: number): ReadRoom {
    const nextBytes = Math.min(this.nextBytes * GROWTH, capacityBytes)
    if (nextBytes === this.nextBytes) return this
    return new ReadRoom(nextBytes)
  }
}

/**
 * What every idle socket reads into. Its memory is never handed on, since what it can hold is copied; and a read is over
 * when it is told, but for a system that is given the memory before there is something to read: there is none then.
 */
const IDLE_ROOM = new ReadRoom(FIRST_READ_BYTES)
if (process.platform !== 'win32') IDLE_ROOM.memory = Buffer.allocUnsafeSlow(FIRST_READ_BYTES)

/** What a socket reads into at first, of which at most `capacityBytes` are held. */
export function firstRoom(capacityBytes: number): ReadRoom {
  const isShared = IDLE_ROOM.memory !== EMPTY && capacityBytes >= FIRST_READ_BYTES
  return isShared ? IDLE_ROOM : new ReadRoom(Math.min(FIRST_READ_BYTES, capacityBytes))
}

/** Into what Node reads next: the room of the socket that connects just now, or that was given bytes last. */
let asked: ReadRoom | null = null

/** Says what Node is to be given when it asks for memory next. */
export function readNextInto(room: ReadRoom): void {
  asked = room
}

/** What every socket that is made here reads with. Node asks for memory right behind the callback that it was filled. */
export const ONREAD: OnReadOpts = {
  buffer: (): Buffer => asked?.next() ?? Buffer.allocUnsafeSlow(FIRST_READ_BYTES),
  callback(this: LinkedSocket, sizeBytes: number): boolean {
    return this[READER]?.filled(sizeBytes) ?? true
  },
}
