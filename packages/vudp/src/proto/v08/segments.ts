/**
 * The segments in flight, oldest first: where each ends, when it was sent, whether it was sent again.
 *
 * Only bookkeeping in columns, without an object for each; what becomes of a segment is for the send buffer. Invariant:
 * ends rise, and a segment begins where the one before it ends.
 */

const FIRST_CAPACITY = 16

/** A queue of segments. Index 0 is the oldest one. */
export class SegmentQueue {
  #ends: Float64Array = new Float64Array(FIRST_CAPACITY)
  #sentAt: Float64Array = new Float64Array(FIRST_CAPACITY)
  #resent: Uint8Array = new Uint8Array(FIRST_CAPACITY)
  #head = 0
  #count = 0
  /** Where the oldest segment begins. */
  #start = 0

  /** How many segments there are. */
  get count(): number {
    return this.#count
  }

  /** Where the oldest segment begins, or the next one will where there is none. */
  get start(): number {
    return this.#start
  }

  /** Where the youngest segment ends, or the next one will begin where there is none. */
  get end(): number {
    return this.#count === 0 ? this.#start : this.endOf(this.#count - 1)
  }

  /** Where a segment begins. */
  startOf(index: number): number {
    return index === 0 ? this.#start : this.endOf(index - 1)
  }

  /** Where a segment ends. */
  endOf(index: number): number {
    return this.#ends[this.#slot(index)] ?? 0
  }

  /** When a segment was sent last. */
  sentAt(index: number): number {
    return this.#sentAt[this.#slot(index)] ?? 0
  }

  /** True if a segment was sent more than once. */
  wasResent(index: number): boolean {
    return this.#resent[this.#slot(index)] === 1
  }

  /** Adds a segment behind the youngest one. */
  push(end: number, now: number): void {
    if (this.#count === this.#ends.length) this.#grow()
    const slot = this.#slot(this.#count)
    this.#ends[slot] = end
    this.#sentAt[slot] = now
    this.#resent[slot] = 0
    this.#count += 1
  }

  /** Notes that a segment was sent again. */
  markResent(index: number, now: number): void {
    const slot = this.#slot(index)
    this.#sentAt[slot] = now
    this.#resent[slot] = 1
  }

  /** Removes the oldest segment. */
  shift(): void {
    this.#start = this.endOf(0)
    this.#head = this.#slot(1)
    this.#count -= 1
  }

  /** Forgets all segments; the next one begins where the youngest ended. */
  clear(): void {
    this.#start = this.end
    this.#count = 0
  }

  #slot(index: number): number {
    return (this.#head + index) % this.#ends.length
  }

  #grow(): void {
    const count = this.#count
    const ends = new Float64Array(count * 2)
    const sentAt = new Float64Array(count * 2)
    const resent = new Uint8Array(count * 2)
    for (let index = 0; index < count; index += 1) {
      ends[index] = this.endOf(index)
      sentAt[index] = this.sentAt(index)
      resent[index] = this.wasResent(index) ? 1 : 0
    }
    this.#ends = ends
    this.#sentAt = sentAt
    this.#resent = resent
    this.#head = 0
  }
}
