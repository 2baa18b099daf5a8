/**
 * Reassembly of one inbound stream.
 *
 * Decides which received bytes are new and which are in order, and gives these out in order. It does not decide how far
 * the peer may go (the stream checks its limit first) nor when to acknowledge. Bytes are copied once, to their place in
 * a slab; a large piece that comes in order with memory of its own becomes a slab itself, whose memory is free at once
 * when the reader gives it back. The first that wait lie in memory that all streams share: a slab for each, most of it
 * empty, would wait with every stream for what comes next, and is what the collector counts. Invariants: everything below
 * `nextOffset` was handed out or can be read, no byte is kept twice, memory is kept only between what was read and the
 * highest byte that came, and while nothing waits there is none, however much has passed.
 */
import { readMemory, releaseMemory } from '@vio/io'
import { RangeSet } from './range-set.js'

const EMPTY: Buffer = Buffer.alloc(0)
const FIRST_SLAB_BYTES = 4096
const SLAB_BYTES = 65_536
/** From this size on a copy costs more than an own slab does later. */
const ADOPTED_BYTES = 16_384
/** So much may be copied in a row before a stream has slabs of its own. What large pieces bring besides is little: their ends. */
const LITTLE_BYTES = 8192
/** As large as Node still takes out of its pool, whose memory nobody can take away from the others. */
const SHARED_BYTES = 4064

const RELEASE = (memory: ArrayBufferLike): void => releaseMemory(new Uint8Array(memory))

/** Where bytes wait; its memory is there when the first of them comes. */
interface Slab {
  readonly start: number
  end: number
  bytes: Buffer | null
  /** Where `start` is in `bytes`. */
  readonly from: number
  next: Slab | null
}

/** What streams take their first slabs of, one after the other, and how far that has come. */
let shared: Buffer = EMPTY
let sharedEnd = 0

/** The inbound bytes of one stream. */
export class RecvBuffer {
  #first: Slab | null = null
  #last: Slab | null = null
  /** Behind what is in order, what was received out of order. */
  readonly #held = new RangeSet()
  #next = 0
  #read = 0
  #slabBytes = FIRST_SLAB_BYTES
  /** Since something was adopted, or nothing waited. */
  #sharedBytes = 0

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
    let sum = 0
    for (let slab = this.#first; slab !== null; slab = slab.next) {
      if (slab.bytes !== null) sum += slab.end - slab.start
    }
    return sum
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
    else this.#append(start, fresh)
    this.#next = end
    return end - start
  }

  /** Takes up to `maxBytes` of what is in order. Empty if there is nothing. */
  readSome(maxBytes: number): Buffer {
    const slab = this.#first
    const size = Math.min(maxBytes, this.#next - this.#read)
    if (slab === null || slab.bytes === null || size <= 0) return EMPTY
    const { bytes } = slab
    const from = slab.from + this.#read - slab.start
    const to = Math.min(from + size, slab.from + slab.end - slab.start)
    this.#read += to - from
    if (this.#read === slab.end) {
      this.#first = slab.next
      if (slab.next === null) this.#last = null
    }
    if (this.#read === this.#next && this.#held.isEmpty) this.#forget()
    return from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to)
  }

  /** Drops what is out of order; what is in order can still be read. */
  dropHeld(): void {
    this.#held.clear()
    if (this.#read === this.#next) this.#forget()
    else this.#cut()
  }

  /** Drops everything, and counts what was in order as read. */
  drop(): void {
    this.#held.clear()
    this.#forget()
    this.#read = this.#next
  }

  /** Nothing waits: lets go of what is left of the last slab. What waits next decides anew how large they become. */
  #forget(): void {
    this.#first = null
    this.#last = null
    this.#slabBytes = FIRST_SLAB_BYTES
    this.#sharedBytes = 0
  }

  /** Lets go of the slabs that begin at `next` or behind it. */
  #cut(): void {
    let last: Slab | null = null
    for (let slab = this.#first; slab !== null && slab.start < this.#next; slab = slab.next) last = slab
    if (last === null) this.#first = null
    else last.next = null
    this.#last = last
  }

  /** Bytes at the front, with others waiting behind: what is in order may reach further than this frame. */
  #fillGap(start: number, fresh: Buffer): number {
    const added = this.#held.add(start, start + fresh.length)
    this.#write(start, fresh)
    this.#next = this.#held.end(0)
    this.#held.removeFirst()
    return added
  }

  /** Copies bytes behind all others, where none are out of order. */
  #append(start: number, bytes: Buffer): void {
    let at = 0
    while (at < bytes.length) {
      const place = start + at
      const last = this.#last
      const slab = last === null || last.end <= place ? this.#more(place, bytes.length - at) : last
      at += put(slab, place, at === 0 ? bytes : bytes.subarray(at))
    }
  }

  /** Has room from `place` on, where the slabs end, for some of `sizeBytes`. */
  #more(place: number, sizeBytes: number): Slab {
    if (this.#sharedBytes >= LITTLE_BYTES) {
      this.#slabBytes = Math.max(this.#slabBytes, 2 * LITTLE_BYTES)
      this.#reach(place + 1)
      return this.#last as Slab
    }
    if (sharedEnd === shared.length) {
      shared = Buffer.allocUnsafe(SHARED_BYTES)
      sharedEnd = 0
    }
    const from = sharedEnd
    const size = Math.min(sizeBytes, shared.length - from)
    sharedEnd += size
    this.#sharedBytes += size
    const last = this.#last
    // Nobody else has taken of it since: it goes on.
    if (last !== null && last.bytes === shared && last.from + last.end - last.start === from) last.end += size
    else this.#add({ start: place, end: place + size, bytes: shared, from, next: null })
    return this.#last as Slab
  }

  /** Copies bytes to their places. Bytes that were there already are written again, with the same content or not. */
  #write(start: number, bytes: Buffer): void {
    const end = start + bytes.length
    this.#reach(end)
    let slab: Slab | null = this.#slabOf(start)
    for (let at = 0; at < bytes.length && slab !== null; slab = slab.next) {
      at += put(slab, start + at, at === 0 ? bytes : bytes.subarray(at))
    }
  }

  /** Has slabs up to `end`. They are only descriptions until something is written to them. */
  #reach(end: number): void {
    let last = this.#last?.end ?? this.#next
    while (last < end) {
      this.#add({ start: last, end: last + this.#slabBytes, bytes: null, from: 0, next: null })
      last += this.#slabBytes
      this.#slabBytes = Math.min(2 * this.#slabBytes, SLAB_BYTES)
    }
  }

  #add(slab: Slab): void {
    if (this.#last === null) this.#first = slab
    else this.#last.next = slab
    this.#last = slab
  }

  #slabOf(offset: number): Slab | null {
    // Mostly the last one: bytes come in order or a little ahead.
    if (this.#last !== null && this.#last.start <= offset) return this.#last
    let slab = this.#first
    while (slab?.next != null && slab.next.start <= offset) slab = slab.next
    return slab
  }

  /** Nothing is held behind `next`: the piece itself takes its place, and the slab before it ends here. */
  #adopt(bytes: Buffer): void {
    const next = this.#next
    if (this.#last !== null && this.#last.end > next) {
      this.#cut()
      // What is left begins before `next`.
      if (this.#last !== null) this.#last.end = Math.min(this.#last.end, next)
    }
    this.#add({ start: next, end: next + bytes.length, bytes, from: 0, next: null })
    this.#sharedBytes = 0
    readMemory.lend(bytes, RELEASE)
  }
}

/** Copies as much of `bytes` as fits between `place` and the end of a slab. Returns how much. */
function put(slab: Slab, place: number, bytes: Buffer): number {
  const size = Math.min(bytes.length, slab.end - place)
  slab.bytes ??= Buffer.allocUnsafeSlow(slab.end - slab.start)
  slab.bytes.set(size === bytes.length ? bytes : bytes.subarray(0, size), slab.from + place - slab.start)
  return size
}
