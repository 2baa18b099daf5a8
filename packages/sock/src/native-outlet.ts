/**
 * How bytes are handed to a native socket: at once, but for small writes, which leave together at the end of their burst.
 *
 * Decides what is written when and how much waits; what a failure means is the device's affair. Invariant: bytes leave in
 * the order in which they were taken, and what was taken either leaves or is dropped by `clear`.
 */
import type { VSocketLost } from './errno.js'
import type { VNativeSocket } from './native-socket.js'
import { type GatherOwner, WriteGather } from './write-gather.js'

/** Told what comes of writing. */
export interface OutletOwner {
  /** The system took less than it was given: it is to be asked when it takes more. */
  outputFull(): void
  /** The system refused. */
  outputBroken(error: VSocketLost): void
}

/** The writing side of one socket. */
export class NativeOutlet implements GatherOwner {
  readonly #socket: VNativeSocket
  readonly #owner: OutletOwner
  readonly #gather: WriteGather
  /** The system took no more. */
  full = false

  /** @param socket a connected one; when it is closed, `clear` is called first */
  constructor(socket: VNativeSocket, owner: OutletOwner) {
    this.#socket = socket
    this.#owner = owner
    this.#gather = new WriteGather(this)
  }

  /** How many bytes have not been given to the system. */
  get pendingBytes(): number {
    return this.#gather.length
  }

  /** Takes up to `mostBytes` from the front of `data`, and returns how much. */
  write(data: Uint8Array, mostBytes: number): number {
    const size = Math.min(mostBytes - this.#gather.length, data.length)
    const bytes = size === data.length ? data : data.subarray(0, size)
    if (!this.#gather.add(bytes)) {
      if (!this.flush()) return 0
      if (!this.#gather.add(bytes)) return Math.max(0, this.#send(bytes))
    }
    if (this.#gather.length >= mostBytes) this.flush()
    return size
  }

  /** Called at the end of the burst that wrote what was gathered. */
  sendGathered(): void {
    this.#gather.asked()
    if (!this.full) this.flush()
  }

  /** Gives the system what was gathered. Returns true if nothing of it waits any more. */
  flush(): boolean {
    const size = this.#gather.length
    if (size === 0) return true
    const sent = this.#send(this.#gather.bytes)
    if (sent > 0) this.#gather.remove(sent)
    return sent === size
  }

  /** Drops what waits. */
  clear(): void {
    this.full = false
    this.#gather.remove(this.#gather.length)
  }

  /** Writes. Returns how much was taken, less than 0 if the output is broken. */
  #send(bytes: Uint8Array): number {
    const result = this.#socket.write(bytes)
    if (typeof result !== 'number') {
      this.#owner.outputBroken(result)
      return -1
    }
    if (result < bytes.length) {
      this.full = true
      this.#owner.outputFull()
    }
    return Math.max(0, result)
  }
}
