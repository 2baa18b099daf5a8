/**
 * The chunks of a byte buffer: a ring of pieces, and where to look in them.
 *
 * An object of its own, so that everything a buffer holds can change hands in one move. It trusts its caller: counts
 * are whole, and within what is held. Invariants: the number of slots is a power of two; `offset` is how much of the
 * first chunk has left; no chunk is empty; `length` is what all of them hold together.
 */

const EMPTY: Buffer = Buffer.alloc(0)
const MIN_SLOTS = 4

/** Chunks in order, with the bytes that are left of the first. */
export class ChunkRing {
  length = 0
  count = 0
  #slots: Array<Buffer | undefined> = new Array<Buffer | undefined>(MIN_SLOTS).fill(undefined)
  #head = 0
  #offset = 0

  append(chunk: Buffer): void {
    if (this.count === this.#slots.length) this.#grow()
    this.#slots[(this.#head + this.count) & (this.#slots.length - 1)] = chunk
    this.count += 1
    this.length += chunk.length
  }

  /** Takes the first chunk, or its first `maxBytes` if there are more; negative for the whole. There must be one. */
  take(maxBytes: number): Buffer {
    const chunk = this.#slots[this.#head] ?? EMPTY
    const offset = this.#offset
    const available = chunk.length - offset
    if (maxBytes >= 0 && maxBytes < available) {
      this.#offset = offset + maxBytes
      this.length -= maxBytes
      return chunk.subarray(offset, offset + maxBytes)
    }
    this.#dropFirst(available)
    return offset === 0 ? chunk : chunk.subarray(offset)
  }

  /** Drops `size` bytes off the front. */
  remove(size: number): void {
    let left = size
    while (left > 0) {
      const available = this.lengthAt(0)
      if (left < available) {
        this.#offset += left
        this.length -= left
        return
      }
      left -= available
      this.#dropFirst(available)
    }
  }

  /** The chunk at `index`, without what has left of it. */
  at(index: number): Buffer {
    const chunk = this.#slots[(this.#head + index) & (this.#slots.length - 1)] ?? EMPTY
    return index === 0 && this.#offset > 0 ? chunk.subarray(this.#offset) : chunk
  }

  /** The size of the chunk at `index`; 0 beyond the last. */
  lengthAt(index: number): number {
    if (index >= this.count) return 0
    const size = this.#slots[(this.#head + index) & (this.#slots.length - 1)]?.length ?? 0
    return index === 0 ? size - this.#offset : size
  }

  /** The first bytes as one copy, as many as `target` holds. */
  copyTo(target: Buffer): void {
    let at = 0
    for (let index = 0; at < target.length; index += 1) at += this.at(index).copy(target, at)
  }

  /** The chunk that holds byte `from`, and the position of that chunk's first byte. Walks from the nearer end. */
  locate(from: number): { index: number; start: number } {
    if (from >= this.length) return { index: this.count, start: this.length }
    return from * 2 > this.length ? this.#locateFromEnd(from) : this.#locateFromFront(from)
  }

  #locateFromEnd(from: number): { index: number; start: number } {
    let index = this.count - 1
    let start = this.length - this.lengthAt(index)
    while (start > from) {
      index -= 1
      start -= this.lengthAt(index)
    }
    return { index, start }
  }

  #locateFromFront(from: number): { index: number; start: number } {
    let index = 0
    let start = 0
    while (start + this.lengthAt(index) <= from) {
      start += this.lengthAt(index)
      index += 1
    }
    return { index, start }
  }

  /** Where `needle` first stands at or after `from`, or -1. */
  indexOf(needle: Uint8Array, from: number): number {
    const lead = needle[0] ?? 0
    let { index, start } = this.locate(from)
    let within = from - start
    while (index < this.count) {
      const chunk = this.at(index)
      for (let at = chunk.indexOf(lead, within); at !== -1; at = chunk.indexOf(lead, at + 1)) {
        const position = start + at
        if (position + needle.length > this.length) return -1
        if (this.#matches(needle, index, at)) return position
      }
      start += chunk.length
      within = 0
      index += 1
    }
    return -1
  }

  #matches(needle: Uint8Array, chunkIndex: number, at: number): boolean {
    let index = chunkIndex
    let chunk = this.at(index)
    let within = at
    for (const byte of needle) {
      if (within === chunk.length) {
        index += 1
        chunk = this.at(index)
        within = 0
      }
      if (chunk[within] !== byte) return false
      within += 1
    }
    return true
  }

  #dropFirst(available: number): void {
    this.#slots[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#slots.length - 1)
    this.count -= 1
    this.#offset = 0
    this.length -= available
  }

  #grow(): void {
    const size = this.#slots.length
    const slots = new Array<Buffer | undefined>(size * 2).fill(undefined)
    for (let at = 0; at < size; at += 1) slots[at] = this.#slots[(this.#head + at) & (size - 1)]
    this.#slots = slots
    this.#head = 0
  }
}
