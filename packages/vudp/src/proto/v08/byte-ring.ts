/**
 * Bytes by their position in a stream, in one piece of memory that is used round and round.
 *
 * Decides where a position lies in memory, and grows up to what it may hold. Which positions are of use is the business
 * of the buffers for sending and receiving. Invariant: positions that are less than the capacity apart never meet.
 */

const FIRST_CAPACITY = 256

/** A window of a stream, addressed by stream position. */
export class ByteRing {
  readonly #maxBytes: number
  #bytes: Uint8Array = new Uint8Array(0)

  /** @param maxBytes how far apart two positions in use may be at most */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** How much memory it holds, in bytes. */
  get capacityBytes(): number {
    return this.#bytes.length
  }

  /**
   * Makes room for positions from `low` up to `top`, of which those up to `high` are in use and keep their bytes.
   *
   * @throws RangeError if they are further apart than the ring may hold
   */
  reserve(low: number, high: number, top: number): void {
    const needed = top - low
    if (needed <= this.#bytes.length) return
    if (needed > this.#maxBytes) {
      throw new RangeError(`${needed} bytes in a ring of at most ${this.#maxBytes}`)
    }
    const doubled = Math.max(needed, FIRST_CAPACITY, this.#bytes.length * 2)
    const grown = new Uint8Array(Math.min(doubled, this.#maxBytes))
    for (let at = low; at < high; ) {
      const [from, to] = [at % this.#bytes.length, at % grown.length]
      const size = Math.min(high - at, this.#bytes.length - from, grown.length - to)
      grown.set(this.#bytes.subarray(from, from + size), to)
      at += size
    }
    this.#bytes = grown
  }

  /** Puts the bytes of `source` from `start` to `end` at a position that was reserved. */
  put(position: number, source: Uint8Array, start: number, end: number): void {
    const at = position % this.#bytes.length
    const first = Math.min(end - start, this.#bytes.length - at)
    this.#bytes.set(source.subarray(start, start + first), at)
    if (start + first < end) this.#bytes.set(source.subarray(start + first, end), 0)
  }

  /** Copies `size` bytes from a position on into `target` at `at`. */
  copy(position: number, size: number, target: Uint8Array, at: number): void {
    if (size === 0) return
    const from = position % this.#bytes.length
    const first = Math.min(size, this.#bytes.length - from)
    target.set(this.#bytes.subarray(from, from + first), at)
    if (first < size) target.set(this.#bytes.subarray(0, size - first), at + first)
  }

  /** True if the bytes at a position are those of `source` from `start` to `end`. */
  holds(position: number, source: Uint8Array, start: number, end: number): boolean {
    for (let index = start; index < end; index += 1) {
      if (this.#bytes[(position + index - start) % this.#bytes.length] !== source[index]) return false
    }
    return true
  }

  /** Gives the memory back; nothing is held any more. */
  release(): void {
    this.#bytes = new Uint8Array(0)
  }
}
