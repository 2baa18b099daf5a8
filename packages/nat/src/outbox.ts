/**
 * What waits to leave a machine: datagrams and events, first in, first out, and never more than a bound.
 *
 * Decides nothing but what happens when the bound is reached: the oldest is dropped, and counted. Invariant: a datagram
 * that was handed to a batch is gone from here.
 */
import type { VIPSocketPeer, VTransmitBatch } from '@vio/io'

const DEFAULT_WAITING = 1_024
/** Below this many empty places at the front nothing is moved. */
const MIN_SHIFT = 64

/** A bounded queue that is cheap at both ends. */
export class BoundedQueue<T> {
  /** How many were dropped because too many waited. */
  dropped = 0
  #items: T[] = []
  #head = 0
  readonly #max: number

  constructor(max: number = DEFAULT_WAITING) {
    this.#max = max
  }

  /** How many wait. */
  get length(): number {
    return this.#items.length - this.#head
  }

  /** The oldest one. */
  get first(): T | undefined {
    return this.#items[this.#head]
  }

  /** Adds one; the oldest makes room. */
  push(item: T): void {
    if (this.length >= this.#max) {
      this.dropped += 1
      this.shift()
    }
    this.#items.push(item)
  }

  /** Takes the oldest one. */
  shift(): T | undefined {
    if (this.length === 0) return undefined
    const item = this.#items[this.#head]
    this.#head += 1
    if (this.#head >= MIN_SHIFT && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  /** Drops all. */
  clear(): void {
    this.#items = []
    this.#head = 0
  }
}

interface Waiting {
  readonly peer: VIPSocketPeer
  readonly bytes: Buffer
}

/** Datagrams that wait to leave. */
export class Outbox {
  readonly #queue: BoundedQueue<Waiting>

  constructor(max?: number) {
    this.#queue = new BoundedQueue(max)
  }

  /** How many were dropped because too many waited. */
  get dropped(): number {
    return this.#queue.dropped
  }

  /** True if nothing waits. */
  get isEmpty(): boolean {
    return this.#queue.length === 0
  }

  /** Adds a datagram, whose memory is the outbox's from now on. */
  push(peer: VIPSocketPeer, bytes: Buffer): void {
    this.#queue.push({ peer, bytes })
  }

  /** Drops all. */
  clear(): void {
    this.#queue.clear()
  }

  /** Puts what goes to one peer, and into segments of one size, into `batch`; false if nothing waits. */
  poll(batch: VTransmitBatch): boolean {
    const first = this.#queue.first
    if (first === undefined) return false
    batch.begin(first.peer)
    for (let next: Waiting | undefined = first; next !== undefined; next = this.#queue.first) {
      if (next.peer !== first.peer || !batch.open || next.bytes.length > batch.room) break
      next.bytes.copy(batch.buffer, batch.end)
      batch.commit(next.bytes.length)
      this.#queue.shift()
    }
    if (batch.count > 0) return true
    // It does not fit into an empty batch: nobody could ever send it.
    this.#queue.shift()
    return this.poll(batch)
  }
}
