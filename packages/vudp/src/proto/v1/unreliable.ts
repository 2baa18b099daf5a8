/**
 * Datagrams of the application that may be lost (VUT 4, frame DATAGRAM).
 *
 * Decides how many wait and which are too large. Invariant: a bounded number waits; the oldest is dropped for a newer one.
 */
import { VUT1 } from '../profile.js'
import type { DatagramBuilder } from './builder.js'
import { Fifo } from './fifo.js'
import { FRAME, writeWithBytes } from './frames.js'
import { varintSize } from './varint.js'

/** The unreliable datagrams of one connection. */
export class UnreliableQueue {
  /** The largest that the peer takes; 0 for none. */
  peerMaxBytes = 0
  /** How many were dropped because others waited, or because they no longer fit. */
  dropped = 0
  readonly #waiting = new Fifo<Uint8Array>()

  /** True if one waits. */
  get hasWork(): boolean {
    return this.#waiting.length > 0
  }

  /** What the oldest one that waits takes in a datagram; 0 if none waits. */
  get nextBytes(): number {
    const { first } = this.#waiting
    return first === undefined ? 0 : frameSize(first)
  }

  /** Queues one. Returns false if it is larger than `roomBytes` or than the peer takes. */
  send(bytes: Uint8Array, roomBytes: number): boolean {
    const isOffered = this.peerMaxBytes > 0 && bytes.length <= this.peerMaxBytes
    if (!isOffered || frameSize(bytes) > roomBytes) return false
    if (this.#waiting.length >= VUT1.datagramQueue) {
      this.#waiting.shift()
      this.dropped += 1
    }
    this.#waiting.push(bytes)
    return true
  }

  /** Writes as many as fit. One that does not fit into an empty datagram, `isEmpty`, never will, and is dropped. */
  write(builder: DatagramBuilder, isEmpty: boolean): void {
    for (let bytes = this.#waiting.first; bytes !== undefined; bytes = this.#waiting.first) {
      if (frameSize(bytes) <= builder.room) {
        builder.wrote(writeWithBytes(builder.bytes, builder.at, [FRAME.datagram, bytes.length], bytes))
      } else if (!isEmpty || builder.isEliciting) return
      else this.dropped += 1
      this.#waiting.shift()
    }
  }

  /** Drops all. */
  clear(): void {
    this.#waiting.clear()
  }
}

function frameSize(bytes: Uint8Array): number {
  return 1 + varintSize(bytes.length) + bytes.length
}
