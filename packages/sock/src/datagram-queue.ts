/**
 * What has arrived at a datagram socket and was not taken: a ring with a bound.
 *
 * Node hands over every datagram that the system gives it and cannot be told to wait, so what comes when the queue is full
 * is dropped here and counted, as the system does with its own. Invariant: the held datagrams never cost more than
 * `maxBytes`, each charged with its bytes and an overhead; only a single one may.
 */
import type { VIPSocketPeer } from '@vio/io'

/** What a held datagram costs besides its bytes. Empty ones must not be for nothing. */
const OVERHEAD_BYTES = 256
const FIRST_SLOTS = 16

/** Held datagrams, first in, first out. */
export class DatagramQueue {
  readonly #maxBytes: number
  #bytes: Array<Buffer | undefined> = new Array<undefined>(FIRST_SLOTS).fill(undefined)
  #peers: Array<VIPSocketPeer | undefined> = new Array<undefined>(FIRST_SLOTS).fill(undefined)
  #head = 0
  #length = 0
  #charged = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get length(): number {
    return this.#length
  }

  /** The sender of the first datagram. Undefined if there is none. */
  get firstPeer(): VIPSocketPeer | undefined {
    return this.#peers[this.#head]
  }

  /** Puts one at the end. Returns false if there is no room for it; with nothing held there is. */
  push(bytes: Buffer, peer: VIPSocketPeer): boolean {
    const charge = bytes.length + OVERHEAD_BYTES
    if (this.#length > 0 && this.#charged + charge > this.#maxBytes) return false
    if (this.#length === this.#bytes.length) this.#grow()
    const at = (this.#head + this.#length) & (this.#bytes.length - 1)
    this.#bytes[at] = bytes
    this.#peers[at] = peer
    this.#length += 1
    this.#charged += charge
    return true
  }

  /** Takes the first one. Undefined if there is none. */
  shift(): Buffer | undefined {
    const at = this.#head
    const bytes = this.#bytes[at]
    if (bytes === undefined) return undefined
    this.#bytes[at] = undefined
    this.#peers[at] = undefined
    this.#head = (at + 1) & (this.#bytes.length - 1)
    this.#length -= 1
    this.#charged -= bytes.length + OVERHEAD_BYTES
    return bytes
  }

  /** Drops everything. */
  clear(): void {
    while (this.shift() !== undefined);
  }

  #grow(): void {
    // The size stays a power of two, so that a slot is found by a mask.
    const more = new Array<undefined>(this.#bytes.length).fill(undefined)
    const turned = <T>(ring: T[]): Array<T | undefined> => [
      ...ring.slice(this.#head),
      ...ring.slice(0, this.#head),
      ...more,
    ]
    this.#bytes = turned(this.#bytes)
    this.#peers = turned(this.#peers)
    this.#head = 0
  }
}
