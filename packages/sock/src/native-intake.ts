/**
 * How native sockets are read.
 *
 * Decides into which memory is read: all sockets of a thread read into the same, one after the other, since a read is over
 * when it returns. What is large is handed on where it is, what is small is copied. Invariant: a socket that is idle holds
 * no memory for reading.
 */
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

/** How much the last read could have filled. */
export let askedBytes = 0

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

/** Takes back what `readOnce` gave last, if nothing was read since: nobody has it any more, so the next read fills it again. */
export function reuse(bytes: Buffer): void {
  const endsAt = bytes.byteOffset + bytes.length
  if (bytes.buffer === memory.buffer && endsAt === memory.byteOffset + memoryUsed) memoryUsed -= bytes.length
}

/**
 * Reads once, up to `mostBytes`. Returns the bytes, which are the caller's, 0 at the end, `NOT_NOW`, or the error. With
 * `drops` the bytes are not kept, and how many there were is returned.
 */
export function readOnce(
  socket: VNativeSocket,
  mostBytes: number,
  drops: boolean,
): Buffer | number | VSocketLost {
  const room = roomFor(Math.min(mostBytes, READ_BYTES))
  askedBytes = room.length
  const result = socket.read(room)
  return typeof result !== 'number' || result <= 0 || drops ? result : keep(room, result)
}
