/**
 * How bytes are handed to a socket of Node: how many may wait, and that small writes leave together.
 *
 * Decides when the socket is given what was written; when the output ends is the device's affair. Invariant: at most
 * `maxBytes` wait, and none of them outside the socket for longer than the burst of turns that wrote them.
 */
import type { Socket } from 'node:net'
import { type GatherOwner, recycle, WriteGather } from './write-gather.js'

/** The writing side of one socket. */
export class SocketOutlet implements GatherOwner {
  readonly #socket: Socket
  readonly #maxBytes: number
  readonly #written: () => void
  /** Small writes of this burst; made with the first of them. */
  #gather: WriteGather | null = null

  /** @param written called after bytes have left */
  constructor(socket: Socket, maxBytes: number, written: () => void) {
    this.#socket = socket
    this.#maxBytes = maxBytes
    this.#written = written
  }

  /** How many bytes have not left yet. */
  get pendingBytes(): number {
    return this.#socket.writableLength + (this.#gather?.length ?? 0)
  }

  /** Takes what fits and returns how much that was. */
  write(data: Uint8Array): number {
    const room = this.#maxBytes - this.pendingBytes
    const bytes = data.length <= room ? data : data.subarray(0, room)
    this.#gather ??= new WriteGather(this)
    if (!this.#gather.add(bytes)) {
      this.#send(this.#gather)
      if (!this.#gather.add(bytes)) this.#socket.write(bytes, this.#written)
    }
    if (bytes.length === room) this.#send(this.#gather)
    return bytes.length
  }

  /** Called at the end of the burst that wrote what was gathered. */
  sendGathered(): void {
    const gather = this.#gather
    gather?.asked()
    if (gather === null) return
    if (this.#socket.destroyed) gather.remove(gather.length)
    else this.#send(gather)
  }

  /** The memory is the socket's until the write is over. */
  #send(gather: WriteGather): void {
    if (gather.length === 0) return
    const { bytes } = gather
    const slab = gather.detach()
    this.#socket.write(bytes, () => {
      if (slab !== null) recycle(slab)
      this.#written()
    })
  }
}
