/**
 * What a native socket has read and nobody has taken yet.
 *
 * Decides into which memory is read: all sockets of a thread read into the same, one after the other, since a read is over
 * when it returns. What is large is handed on where it is, what is small is copied. Invariants: at most `capacityBytes`
 * and one read are held; a socket that is idle holds no memory for reading.
 */
import { VByteBuffer } from '@vio/io'
import type { VSocketLost } from './errno.js'
import type { VNativeSocket } from './native-socket.js'

/** What is read at once at most. */
const READ_BYTES = 65_536

/** A read that fills less than this is copied, so that a few bytes never hold on to a whole buffer. */
const COPY_BELOW_BYTES = 8192

/** Memory with less room than this is not read into any more. */
const LEAST_READ_BYTES = 16_384

/** No bytes. */
export const EMPTY: Buffer = Buffer.alloc(0)

let memory = EMPTY
let memoryUsed = 0

/** Room for a read of up to `mostBytes`. */
function roomFor(mostBytes: number): Buffer {
  if (memory.length - memoryUsed < Math.min(LEAST_READ_BYTES, mostBytes)) {
    memory = Buffer.allocUnsafeSlow(READ_BYTES)
    memoryUsed = 0
  }
  const left = memory.length - memoryUsed
  if (memoryUsed === 0 && left <= mostBytes) return memory
  return memory.subarray(memoryUsed, memoryUsed + Math.min(left, mostBytes))
}

/** The bytes that a read has put into `room`, to be kept. */
function keep(room: Buffer, sizeBytes: number): Buffer {
  if (sizeBytes < COPY_BELOW_BYTES) return Buffer.from(room.subarray(0, sizeBytes))
  memoryUsed += sizeBytes
  return sizeBytes === room.length ? room : room.subarray(0, sizeBytes)
}

/** Holds the bytes of one socket. */
export class NativeIntake {
  readonly #capacityBytes: number
  #held: VByteBuffer | null = null
  #discarding = false

  constructor(capacityBytes: number) {
    this.#capacityBytes = capacityBytes
  }

  /** Bytes that can be taken. */
  get heldBytes(): number {
    return this.#held === null ? 0 : this.#held.length
  }

  /** True if no more is to be read before something was taken. */
  get full(): boolean {
    return this.heldBytes >= this.#capacityBytes
  }

  /** Reads once. Returns how much, 0 at the end, `NOT_NOW`, or the error. */
  fill(socket: VNativeSocket): number | VSocketLost {
    const room = roomFor(Math.min(this.#capacityBytes, READ_BYTES))
    const result = socket.read(room)
    if (typeof result !== 'number' || result <= 0) return result
    if (this.#discarding) return result
    this.#held ??= new VByteBuffer()
    this.#held.append(keep(room, result))
    return result
  }

  /** Takes up to `maxBytes`, in the piece they came in. */
  take(maxBytes: number): Buffer {
    return this.#held === null ? EMPTY : this.#held.popChunk(maxBytes)
  }

  /** Drops what is held and what is read from now on. */
  discard(): void {
    this.#discarding = true
    this.#held = null
  }
}
