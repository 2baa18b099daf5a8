/**
 * A queue of bytes, held as the chunks that were put in.
 *
 * Decides nothing about limits: it takes whatever is appended. Chunks are not copied on the way in nor, where they
 * leave whole, on the way out, so whoever appends memory gives it away. Bytes are joined only by the calls whose
 * result is one piece (`pop`, `peek`) when that piece spans chunks. Invariant: `length` is the sum of what the ring
 * holds from `#offset` of its first chunk on, and no chunk in the ring is empty.
 */
import { describeValue } from './limit.js'

/** The global is an accessor; this is called for every chunk. */
const isBuffer: (value: unknown) => value is Buffer = Buffer.isBuffer
const EMPTY: Buffer = Buffer.alloc(0)
const MIN_SLOTS = 4

function asBuffer(bytes: Uint8Array): Buffer {
  if (isBuffer(bytes)) return bytes
  if (bytes instanceof Uint8Array) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  throw new TypeError(`bytes are a Uint8Array, got ${describeValue(bytes)}`)
}

/** FIFO of bytes. A count below zero means "all"; a count beyond the content means what is there. */
export class VByteBuffer {
  /** A ring of chunks; its length is a power of two. */
  #slots: Array<Buffer | undefined> = new Array<Buffer | undefined>(MIN_SLOTS).fill(undefined)
  #head = 0
  #count = 0
  /** How much of the first chunk has left. */
  #offset = 0
  #length = 0

  /** Starts with `chunks`, which are given away like those of `append`. */
  constructor(chunks?: Uint8Array | readonly Uint8Array[]) {
    if (chunks instanceof Uint8Array) this.append(chunks)
    else if (chunks !== undefined) this.appendList(chunks)
  }

  /** How many bytes are held. */
  get length(): number {
    return this.#length
  }

  /** In how many pieces they are held. */
  get chunkCount(): number {
    return this.#count
  }

  /**
   * Puts bytes at the end, without a copy: the memory now belongs to the buffer and must not be written to.
   *
   * @throws TypeError if `bytes` is not a Uint8Array
   */
  append(bytes: Uint8Array): void {
    const chunk = asBuffer(bytes)
    const size = chunk.length
    if (size === 0) return
    if (this.#count === this.#slots.length) this.#grow()
    this.#slots[(this.#head + this.#count) & (this.#slots.length - 1)] = chunk
    this.#count += 1
    this.#length += size
  }

  /** Appends each of `list` in order. @throws TypeError if one is not a Uint8Array; then nothing was appended */
  appendList(list: readonly Uint8Array[]): void {
    const chunks = list.map(asBuffer)
    for (const chunk of chunks) this.append(chunk)
  }

  /** Takes `count` bytes off the front, as one piece. It is a copy only where the piece spans chunks. */
  pop(count = -1): Buffer {
    const size = this.#sizeOf(count)
    if (size === 0) return EMPTY
    const first = this.#firstChunkLength()
    if (size <= first) return this.popChunk(size)
    const joined = Buffer.allocUnsafe(size)
    this.#copyTo(joined)
    this.remove(size)
    return joined
  }

  /** Takes `count` bytes off the front, in the pieces they are held in. */
  popList(count = -1): Buffer[] {
    const list: Buffer[] = []
    let left = this.#sizeOf(count)
    while (left > 0) {
      const chunk = this.popChunk(left)
      left -= chunk.length
      list.push(chunk)
    }
    return list
  }

  /** Takes the first piece, or its first `maxBytes`, without a copy. Empty if nothing is held or asked for. */
  popChunk(maxBytes = -1): Buffer {
    const chunk = this.#slots[this.#head]
    if (chunk === undefined || maxBytes === 0) return EMPTY
    const available = chunk.length - this.#offset
    if (maxBytes < 0 || maxBytes >= available) {
      const whole = this.#offset === 0 ? chunk : chunk.subarray(this.#offset)
      this.#dropFirst(available)
      return whole
    }
    if (!Number.isInteger(maxBytes)) {
      throw new TypeError(`a count of bytes is a whole number, got ${describeValue(maxBytes)}`)
    }
    const end = this.#offset + maxBytes
    const part = chunk.subarray(this.#offset, end)
    this.#offset = end
    this.#length -= maxBytes
    return part
  }

  /** Shows `count` bytes of the front as one piece. They stay; do not write to them. */
  peek(count = -1): Buffer {
    const size = this.#sizeOf(count)
    if (size === 0) return EMPTY
    const first = this.peekChunk()
    if (size <= first.length) return size === first.length ? first : first.subarray(0, size)
    const joined = Buffer.allocUnsafe(size)
    this.#copyTo(joined)
    return joined
  }

  /** Shows `count` bytes of the front in the pieces they are held in. They stay; do not write to them. */
  peekList(count = -1): Buffer[] {
    const list: Buffer[] = []
    let left = this.#sizeOf(count)
    for (let at = 0; left > 0; at += 1) {
      const chunk = this.#chunkAt(at)
      const piece = chunk.length <= left ? chunk : chunk.subarray(0, left)
      left -= piece.length
      list.push(piece)
    }
    return list
  }

  /** Shows the first piece, empty if nothing is held. It stays; do not write to it. */
  peekChunk(): Buffer {
    const chunk = this.#slots[this.#head]
    if (chunk === undefined) return EMPTY
    return this.#offset === 0 ? chunk : chunk.subarray(this.#offset)
  }

  /** The byte at `index`, or undefined beyond the content. Cheap near the front. */
  byteAt(index: number): number | undefined {
    if (!Number.isInteger(index) || index < 0 || index >= this.#length) return undefined
    let skip = index + this.#offset
    for (let at = 0; ; at += 1) {
      const chunk = this.#slots[(this.#head + at) & (this.#slots.length - 1)] ?? EMPTY
      if (skip < chunk.length) return chunk[skip]
      skip -= chunk.length
    }
  }

  /** Drops `count` bytes off the front and returns how many it dropped. */
  remove(count = -1): number {
    const size = this.#sizeOf(count)
    let left = size
    while (left > 0) {
      const available = this.#firstChunkLength()
      if (left < available) {
        this.#offset += left
        this.#length -= left
        return size
      }
      left -= available
      this.#dropFirst(available)
    }
    return size
  }

  /** Drops everything. */
  clear(): void {
    if (this.#count === 0) return
    this.#slots = new Array<Buffer | undefined>(MIN_SLOTS).fill(undefined)
    this.#head = 0
    this.#count = 0
    this.#offset = 0
    this.#length = 0
  }

  /** Takes everything, piece by piece. What is appended meanwhile is taken too. */
  *drain(): Generator<Buffer, void, undefined> {
    while (this.#count > 0) yield this.popChunk()
  }

  /** Moves `count` bytes of the front to the end of `target`, without a copy. Returns how many moved. */
  moveTo(target: VByteBuffer, count = -1): number {
    const size = this.#sizeOf(count)
    if (size === this.#length && target.#count === 0 && target !== this) {
      this.#giveRing(target)
      return size
    }
    let left = size
    while (left > 0) {
      const chunk = this.popChunk(left)
      left -= chunk.length
      target.append(chunk)
    }
    return size
  }

  /** Changes rings with an empty buffer: everything moves at the cost of nothing. */
  #giveRing(target: VByteBuffer): void {
    const empty = target.#slots
    target.#slots = this.#slots
    target.#head = this.#head
    target.#count = this.#count
    target.#offset = this.#offset
    target.#length = this.#length
    this.#slots = empty
    this.#head = 0
    this.#count = 0
    this.#offset = 0
    this.#length = 0
  }

  /**
   * Where `pattern` first stands at or after `from`, or -1. Finds it across pieces, without joining them.
   *
   * `from` near the end is found from the end, so a search that goes on where the last one stopped costs what is new.
   *
   * @throws TypeError if the pattern is empty or not bytes, RangeError if `from` is not a whole number from 0 on
   */
  indexOf(pattern: Uint8Array | number, from = 0): number {
    const needle = needleOf(pattern)
    if (!Number.isInteger(from) || from < 0) {
      throw new RangeError(`a search starts at a whole number from 0 on, got ${describeValue(from)}`)
    }
    const lead = needle[0] ?? 0
    let { index, start } = this.#locate(from)
    let within = from - start
    while (index < this.#count) {
      const chunk = this.#chunkAt(index)
      for (let at = chunk.indexOf(lead, within); at !== -1; at = chunk.indexOf(lead, at + 1)) {
        const position = start + at
        if (position + needle.length > this.#length) return -1
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
    let chunk = this.#chunkAt(index)
    let within = at
    for (let position = 0; position < needle.length; position += 1) {
      if (within === chunk.length) {
        index += 1
        chunk = this.#chunkAt(index)
        within = 0
      }
      if (chunk[within] !== needle[position]) return false
      within += 1
    }
    return true
  }

  /** The piece that holds byte `from`, and the position of that piece's first byte. Walks from the nearer end. */
  #locate(from: number): { index: number; start: number } {
    if (from >= this.#length) return { index: this.#count, start: this.#length }
    if (from * 2 > this.#length) {
      let index = this.#count - 1
      let start = this.#length - this.#chunkLength(index)
      while (start > from) {
        index -= 1
        start -= this.#chunkLength(index)
      }
      return { index, start }
    }
    let index = 0
    let start = 0
    while (start + this.#chunkLength(index) <= from) {
      start += this.#chunkLength(index)
      index += 1
    }
    return { index, start }
  }

  #chunkAt(index: number): Buffer {
    const chunk = this.#slots[(this.#head + index) & (this.#slots.length - 1)] ?? EMPTY
    return index === 0 && this.#offset > 0 ? chunk.subarray(this.#offset) : chunk
  }

  #chunkLength(index: number): number {
    const size = this.#slots[(this.#head + index) & (this.#slots.length - 1)]?.length ?? 0
    return index === 0 ? size - this.#offset : size
  }

  #firstChunkLength(): number {
    return (this.#slots[this.#head]?.length ?? 0) - this.#offset
  }

  #sizeOf(count: number): number {
    if (count < 0 || count >= this.#length) return this.#length
    if (!Number.isInteger(count))
      throw new TypeError(`a count of bytes is a whole number, got ${describeValue(count)}`)
    return count
  }

  #dropFirst(available: number): void {
    this.#slots[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#slots.length - 1)
    this.#count -= 1
    this.#offset = 0
    this.#length -= available
  }

  #copyTo(target: Buffer): void {
    let at = 0
    for (let index = 0; at < target.length; index += 1) {
      at += this.#chunkAt(index).copy(target, at)
    }
  }

  #grow(): void {
    const size = this.#slots.length
    const slots = new Array<Buffer | undefined>(size * 2).fill(undefined)
    for (let at = 0; at < size; at += 1) slots[at] = this.#slots[(this.#head + at) & (size - 1)]
    this.#slots = slots
    this.#head = 0
  }
}

function needleOf(pattern: Uint8Array | number): Uint8Array {
  if (typeof pattern === 'number') {
    if (Number.isInteger(pattern) && pattern >= 0 && pattern <= 255) return Uint8Array.of(pattern)
    throw new TypeError(`a byte is a whole number from 0 to 255, got ${describeValue(pattern)}`)
  }
  if (!(pattern instanceof Uint8Array) || pattern.length === 0) {
    throw new TypeError(`a pattern is a Uint8Array of at least one byte, got ${describeValue(pattern)}`)
  }
  return pattern
}
