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

/**
 * A read of less than this is copied, so that a few bytes never hold on to a whole buffer. Memory that bytes were left in is
 * not read into any more: what is left of it would cut each of the next chunks in two.
 */
const COPY_BELOW_BYTES = READ_BYTES / 2

/** No bytes. */
export const EMPTY: Buffer = Buffer.alloc(0)

let memory = EMPTY
/** The bytes of the last read that were left in it, unless they were given back. */
let handed: Buffer | null = null

/** How much the last read could have filled. */
export let askedBytes = 0

/** Room for a read of up to `mostBytes`. */
function roomFor(mostBytes: number): Buffer {
  if (handed !== null || memory === EMPTY) memory = Buffer.allocUnsafeSlow(READ_BYTES)
  handed = null
  return mostBytes < READ_BYTES ? memory.subarray(0, mostBytes) : memory
}

/** The bytes that a read has put into `room`, to be kept. */
function keep(room: Buffer, sizeBytes: number): Buffer {
  if (sizeBytes < COPY_BELOW_BYTES) return Buffer.from(room.subarray(0, sizeBytes))
  handed = sizeBytes === room.length ? room : room.subarray(0, sizeBytes)
  return handed
}

/** Takes back what `readOnce` gave last, if nothing was read since: nobody has it any more, so the next read fills it again. */
export function reuse(bytes: Buffer): void {
  if (bytes === handed) handed = null
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
