/**
 * How bytes are handed to a socket: how many it may hold, and that small writes leave together.
 *
 * Decides when the socket is given what was written; when the output ends is the device's affair. Invariant: at most
 * `maxBytes` wait in the socket, and none of them longer than the burst of turns that wrote them.
 */
import type { Socket } from 'node:net'

/** A write below this waits for others of its burst, and leaves with them in one call of the system. */
const GATHER_BELOW_BYTES = 16_384

/** The writing side of one socket. */
export class SocketOutlet {
  readonly #socket: Socket
  readonly #maxBytes: number
  readonly #written: () => void
  #gathers = false
  readonly #flush = (): void => {
    if (!this.#gathers) return
    this.#gathers = false
    this.#socket.uncork()
  }

  /** @param written called after bytes have left */
  constructor(socket: Socket, maxBytes: number, written: () => void) {
    this.#socket = socket
    this.#maxBytes = maxBytes
    this.#written = written
  }

  /** How many more bytes fit. */
  get roomBytes(): number {
    return this.#maxBytes - this.#socket.writableLength
  }

  /** Takes what fits and returns how much that was. */
  write(data: Uint8Array): number {
    const count = Math.min(this.roomBytes, data.length)
    if (count < GATHER_BELOW_BYTES) this.#gather()
    this.#socket.write(count === data.length ? data : data.subarray(0, count), this.#written)
    if (this.roomBytes <= 0) this.#flush()
    return count
  }

  #gather(): void {
    if (this.#gathers) return
    this.#gathers = true
    this.#socket.cork()
    process.nextTick(this.#flush)
  }
}
