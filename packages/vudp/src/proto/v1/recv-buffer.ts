/**
 * Reassembly of one inbound stream.
 *
 * Decides which received bytes are new and which are in order, and gives these out in order. It does not decide how far
 * the peer may go (the stream checks its limit first) nor when to acknowledge. Bytes are copied once, to their place in
 * a slab; a large piece that comes in order with memory of its own becomes a slab itself, whose memory is free at once
 * when the reader gives it back. Invariants: everything below
 * `nextOffset` was handed out or can be read, no byte is kept twice, memory is kept only between what was read and the
 * highest byte that came, and while nothing waits it is little, however much has passed.
 */
import { readMemory, releaseMemory } from '@vio/io'
import { RangeSet } from './range-set.js'

const EMPTY: Buffer = Buffer.alloc(0)
const FIRST_SLAB_BYTES = 4096
const SLAB_BYTES = 65_536
/** From this size on a copy costs more than an own slab does later. */
const ADOPTED_BYTES = 16_384

const RELEASE = (memory: ArrayBufferLike): void => releaseMemory(new Uint8Array(memory))

/** Where bytes wait; made when the first of its bytes comes. */
interface Slab {
  readonly start: number
  end: number
  bytes: Buffer | null
}

/** The inbound bytes of one stream. */
export class RecvBuffer {
  #slabs: Slab[] = []
  /** Behind what is in order, what was received out of order. */
  readonly #held = new RangeSet()
  #next = 0
  #read = 0
  #slabBytes = FIRST_SLAB_BYTES

  /** Where the first byte is missing. */
  get nextOffset(): number {
    return this.#next
  }

  /** Where the application has read to. */
  get readOffset(): number {
    return this.#read
  }

  /** How many bytes can be read. */
  get readableBytes(): number {
    return this.#next - this.#read
  }

  /** In how many pieces out of order there is something; what bounds this is the caller's affair. */
  get gapCount(): number {
    return this.#held.count
  }

  /** Memory that is kept, in bytes. */
  get keptBytes(): number {
    return this.#slabs.reduce((sum, { bytes }) => sum + (bytes?.length ?? 0), 0)
  }

  /**
   * Takes the bytes of one frame, which begin at `offset`. `bytes` is copied where `isLent`, else it may be kept. Returns
   * how many of them were new.
   */
  insert(offset: number, bytes: Buffer, isLent: boolean): number {
    const end = offset + bytes.length
    if (end <= this.#next) return 0
    const start = Math.max(offset, this.#next)
    const fresh = start === offset ? bytes : bytes.subarray(start - offset)
    if (start > this.#next) {
      const added = this.#held.add(start, end)
      if (added > 0) this.#write(start, fresh)
      return added
    }
    if (!this.#held.isEmpty) return this.#fillGap(start, fresh)
    if (!isLent && fresh.length >= ADOPTED_BYTES) this.#adopt(fresh)
    else this.#write(start, fresh)
    this.#next = end
    return end - start
  }

  /** Takes up to `maxBytes` of what is in order. Empty if there is nothing. */
  readSome(maxBytes: number): Buffer {
    const slab = this.#slabs[0]
    const size = Math.min(maxBytes, this.#next - this.#read)
    if (slab === undefined || slab.bytes === null || size <= 0) return EMPTY
    const from = this.#read - slab.start
    const to = Math.min(from + size, slab.end - slab.start)
    this.#read += to - from
    if (this.#read === slab.end) this.#slabs.shift()
    if (this.#read === this.#next && this.#held.isEmpty) this.#rest()
    return from === 0 && to === slab.bytes.length ? slab.bytes : slab.bytes.subarray(from, to)
  }

  /** Drops what is out of order; what is in order can still be read. */
  dropHeld(): void {
    this.#held.clear()
    while (this.#slabs.length > 0 && (this.#slabs.at(-1) as Slab).start >= this.#next) this.#slabs.pop()
  }

  /** Drops everything, and counts what was in order as read. */
  drop(): void {
    this.#held.clear()
    this.#slabs = []
    this.#read = this.#next
  }

  /** Nothing waits: lets go of the rest of a large slab. What waits next decides anew how large they become. */
  #rest(): void {
    this.#slabBytes = FIRST_SLAB_BYTES
    const [slab] = this.#slabs
    if (slab !== undefined && slab.end - slab.start > FIRST_SLAB_BYTES) this.#slabs.length = 0
  }

  /** Bytes at the front, with others waiting behind: what is in order may reach further than this frame. */
  #fillGap(start: number, fresh: Buffer): number {
    const added = this.#held.add(start, start + fresh.length)
    this.#write(start, fresh)
    this.#next = this.#held.end(0)
    this.#held.removeFirst()
    return added
  }

  /** Copies bytes to their places. Bytes that were there already are written again, with the same content or not. */
  #write(start: number, bytes: Buffer): void {
    const end = start + bytes.length
    this.#reach(end)
    let at = start
    for (let index = this.#slabOf(start); at < end; index += 1) {
      const slab = this.#slabs[index] as Slab
      slab.bytes ??= Buffer.allocUnsafeSlow(slab.end - slab.start)
      const to = Math.min(end, slab.end)
      const whole = at === start && to === end
      slab.bytes.set(whole ? bytes : bytes.subarray(at - start, to - start), at - slab.start)
      at = to
    }
  }

  /** Has slabs up to `end`. They are only descriptions until something is written to them. */
  #reach(end: number): void {
    let last = this.#slabs.at(-1)?.end ?? this.#next
    while (last < end) {
      this.#slabs.push({ start: last, end: last + this.#slabBytes, bytes: null })
      last += this.#slabBytes
      this.#slabBytes = Math.min(2 * this.#slabBytes, SLAB_BYTES)
    }
  }

  #slabOf(offset: number): number {
    // Mostly the last one: bytes come in order or a little ahead.
    for (let index = this.#slabs.length - 1; index > 0; index -= 1) {
      if ((this.#slabs[index] as Slab).start <= offset) return index
    }
    return 0
  }

  /** Nothing is held behind `next`: the piece itself takes its place, and the slab before it ends here. */
  #adopt(bytes: Buffer): void {
    const next = this.#next
    while (this.#slabs.length > 0 && (this.#slabs.at(-1) as Slab).start >= next) this.#slabs.pop()
    const last = this.#slabs.at(-1)
    if (last !== undefined && last.end > next) last.end = next
    this.#slabs.push({ start: next, end: next + bytes.length, bytes })
    readMemory.lend(bytes, RELEASE)
  }
}
