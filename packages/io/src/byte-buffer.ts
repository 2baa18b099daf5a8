/**
 * A queue of bytes, held as the chunks that were put in.
 *
 * Decides nothing about limits: it takes whatever is appended. Chunks are not copied on the way in nor, where they
 * leave whole, on the way out, so whoever appends memory gives it away. Bytes are joined only by the calls whose
 * result is one piece (`pop`, `peek`) when that piece spans chunks. Where the chunks are kept and searched is the
 * ring's affair.
 */
import { ChunkRing } from './chunk-ring.js'
import { describeValue } from './limit.js'

/** The global is an accessor; this is called for every chunk. */
const isBuffer: (value: unknown) => value is Buffer = Buffer.isBuffer
const EMPTY: Buffer = Buffer.alloc(0)

/** The ring of every buffer that holds nothing and has no ring of its own. Nothing is put into it. */
const NO_RING = new ChunkRing()

function asBuffer(bytes: Uint8Array): Buffer {
  if (isBuffer(bytes)) return bytes
  if (bytes instanceof Uint8Array) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  throw new TypeError(`bytes are a Uint8Array, got ${describeValue(bytes)}`)
}

/** FIFO of bytes. A count below zero means "all"; a count beyond the content means what is there. */
export class VByteBuffer {
  #ring = NO_RING

  /** Starts with `chunks`, which are given away like those of `append`. */
  constructor(chunks?: Uint8Array | readonly Uint8Array[]) {
    if (chunks instanceof Uint8Array) this.append(chunks)
    else if (chunks !== undefined) this.appendList(chunks)
  }

  /** How many bytes are held. */
  get length(): number {
    return this.#ring.length
  }

  /** In how many pieces they are held. */
  get chunkCount(): number {
    return this.#ring.count
  }

  /**
   * Puts bytes at the end, without a copy: the memory now belongs to the buffer and must not be written to.
   *
   * @throws TypeError if `bytes` is not a Uint8Array
   */
  append(bytes: Uint8Array): void {
    const chunk = asBuffer(bytes)
    if (chunk.length === 0) return
    if (this.#ring === NO_RING) this.#ring = new ChunkRing()
    this.#ring.append(chunk)
  }

  /** Appends each of `list` in order. @throws TypeError if one is not a Uint8Array; then nothing was appended */
  appendList(list: readonly Uint8Array[]): void {
    const chunks = list.map(asBuffer)
    for (const chunk of chunks) this.append(chunk)
  }

  /** Takes `count` bytes off the front, as one piece. It is a copy only where the piece spans chunks. */
  pop(count = -1): Buffer {
    const size = this.#sizeOf(count)
    if (size <= this.#ring.lengthAt(0)) return this.popChunk(size)
    const joined = this.#join(size)
    this.#ring.remove(size)
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
    const ring = this.#ring
    if (ring.count === 0 || maxBytes === 0) return EMPTY
    if (!(maxBytes < 0 || maxBytes >= ring.length || Number.isInteger(maxBytes))) throw wrongCount(maxBytes)
    return ring.take(maxBytes)
  }

  /** Shows `count` bytes of the front as one piece. They stay; do not write to them. */
  peek(count = -1): Buffer {
    const size = this.#sizeOf(count)
    if (size === 0) return EMPTY
    const first = this.#ring.at(0)
    if (size === first.length) return first
    return size < first.length ? first.subarray(0, size) : this.#join(size)
  }

  /** Shows `count` bytes of the front in the pieces they are held in. They stay; do not write to them. */
  peekList(count = -1): Buffer[] {
    const list: Buffer[] = []
    let left = this.#sizeOf(count)
    for (let at = 0; left > 0; at += 1) {
      const chunk = this.#ring.at(at)
      const piece = chunk.length <= left ? chunk : chunk.subarray(0, left)
      left -= piece.length
      list.push(piece)
    }
    return list
  }

  /** Shows the first piece, empty if nothing is held. It stays; do not write to it. */
  peekChunk(): Buffer {
    return this.#ring.at(0)
  }

  /** The byte at `index`, or undefined beyond the content. Cheap near either end. */
  byteAt(index: number): number | undefined {
    if (!Number.isInteger(index) || index < 0 || index >= this.#ring.length) return undefined
    const place = this.#ring.locate(index)
    return this.#ring.at(place.index)[index - place.start]
  }

  /** Drops `count` bytes off the front and returns how many it dropped. */
  remove(count = -1): number {
    const size = this.#sizeOf(count)
    this.#ring.remove(size)
    return size
  }

  /** Drops everything. */
  clear(): void {
    if (this.#ring.count > 0) this.#ring = NO_RING
  }

  /** Takes everything, piece by piece. What is appended meanwhile is taken too. */
  *drain(): Generator<Buffer, void, undefined> {
    while (this.#ring.count > 0) yield this.popChunk()
  }

  /** Moves `count` bytes of the front to the end of `target`, without a copy. Returns how many moved. */
  moveTo(target: VByteBuffer, count = -1): number {
    const ring = this.#ring
    const size = ring.length
    // All of it into an empty buffer: the two change rings, whatever is in them.
    if (target.#ring.count > 0 || !(count < 0 || count >= size)) return this.#moveChunks(target, count)
    this.#ring = target.#ring
    target.#ring = ring
    return size
  }

  #moveChunks(target: VByteBuffer, count: number): number {
    const size = this.#sizeOf(count)
    for (let left = size; left > 0; ) {
      const chunk = this.#ring.take(left)
      left -= chunk.length
      if (target.#ring === NO_RING) target.#ring = new ChunkRing()
      target.#ring.append(chunk)
    }
    return size
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
    return this.#ring.indexOf(needle, from)
  }

  #join(size: number): Buffer {
    const joined = Buffer.allocUnsafe(size)
    this.#ring.copyTo(joined)
    return joined
  }

  #sizeOf(count: number): number {
    const { length } = this.#ring
    if (count < 0 || count >= length) return length
    if (!Number.isInteger(count)) throw wrongCount(count)
    return count
  }
}

function wrongCount(count: unknown): TypeError {
  return new TypeError(`a count of bytes is a whole number, got ${describeValue(count)}`)
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
