/**
 * The outbound bytes of one stream, from the application's write to the peer's acknowledgement.
 *
 * Decides which bytes are to be sent next: lost ones first, then fresh ones. How far the peer allows and when a datagram
 * leaves is decided by others. Writes are kept as they came, without a copy, and are given back once all before their end is
 * acknowledged. Invariants: `base <= next <= end`; every byte between base and next is in flight, lost or acknowledged.
 */
import { writtenMemory } from '@vio/io'
import { RangeSet } from './range-set.js'

const EMPTY: Uint8Array = new Uint8Array(0)
/** What buffers that nothing was written to have in common. Nothing is ever put into it. */
const NONE: never[] = []
/** Where emptied places at the front are given back. */
const COMPACT_CHUNKS = 64

/** The outbound bytes of one stream. */
export class SendBuffer {
  #chunks: Uint8Array[] = NONE
  #starts: number[] = NONE
  #head = 0
  /** The chunk that the last copy ended in: the next one mostly begins there. */
  #cursor = 0
  #base = 0
  #next = 0
  #end = 0
  readonly #acked = new RangeSet()
  readonly #lost = new RangeSet()

  /** Everything below is acknowledged. */
  get baseOffset(): number {
    return this.#base
  }

  /** Where the bytes begin that were never sent. */
  get nextOffset(): number {
    return this.#next
  }

  /** Where the last write ends. */
  get endOffset(): number {
    return this.#end
  }

  /** Bytes that were written and never sent. */
  get unsentBytes(): number {
    return this.#end - this.#next
  }

  /** Bytes that were written and are not acknowledged. */
  get heldBytes(): number {
    return this.#end - this.#base
  }

  /** True if bytes have to be sent again. */
  get hasLost(): boolean {
    return !this.#lost.isEmpty
  }

  /** Takes bytes; they belong to the buffer until they are acknowledged. */
  write(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    if (this.#chunks === NONE) {
      this.#chunks = [bytes]
      this.#starts = [this.#end]
    } else {
      this.#chunks.push(bytes)
      this.#starts.push(this.#end)
    }
    this.#end += bytes.length
  }

  /** Where the lowest lost bytes begin; look at `hasLost` first. */
  get lostOffset(): number {
    return this.#lost.start(0)
  }

  /** How many lost bytes there are from `lostOffset` on, up to `maxBytes`. */
  lostBytes(maxBytes: number): number {
    return Math.min(maxBytes, this.#lost.end(0) - this.#lost.start(0))
  }

  /** Bytes were put into a datagram: the front of the lost ones, or the next fresh ones. */
  onSent(offset: number, sizeBytes: number): void {
    if (offset >= this.#next) this.#next = offset + sizeBytes
    else this.#lost.remove(offset, offset + sizeBytes)
  }

  /** Bytes that were sent have arrived. Returns how many of them were not known to have. */
  onAcked(offset: number, sizeBytes: number): number {
    const end = offset + sizeBytes
    if (end <= this.#base) return 0
    this.#lost.remove(offset, end)
    if (offset > this.#base || !this.#acked.isEmpty) return this.#ackAhead(Math.max(offset, this.#base), end)
    const added = end - this.#base
    this.#advance(end)
    return added
  }

  /** Bytes that were sent are to be sent again, unless they are acknowledged. Returns how many. */
  onLost(offset: number, sizeBytes: number): number {
    const end = offset + sizeBytes
    const start = Math.max(offset, this.#base)
    if (start >= end) return 0
    let added = this.#lost.add(start, end)
    const { count } = this.#acked
    for (
      let index = this.#acked.indexAfter(start);
      index < count && this.#acked.start(index) < end;
      index += 1
    ) {
      added -= this.#lost.remove(this.#acked.start(index), this.#acked.end(index))
    }
    return Math.max(0, added)
  }

  /** Copies bytes that are held to `at` of `target`. */
  copy(offset: number, sizeBytes: number, target: Buffer, at: number): void {
    let index = this.#chunkOf(offset)
    let from = offset - (this.#starts[index] as number)
    let place = at
    for (let left = sizeBytes; left > 0; index += 1) {
      const chunk = this.#chunks[index] as Uint8Array
      const size = Math.min(left, chunk.length - from)
      target.set(size === chunk.length ? chunk : chunk.subarray(from, from + size), place)
      this.#cursor = index
      place += size
      left -= size
      from = 0
    }
  }

  /** Drops everything; nothing more is sent. Returns how many bytes were not acknowledged. */
  drop(): number {
    let dropped = this.heldBytes
    for (let index = 0; index < this.#acked.count; index += 1) {
      dropped -= this.#acked.end(index) - this.#acked.start(index)
    }
    this.#forget()
    this.#base = this.#end
    this.#next = this.#end
    this.#acked.clear()
    this.#lost.clear()
    return dropped
  }

  #ackAhead(start: number, end: number): number {
    const added = this.#acked.add(start, end)
    if (this.#acked.start(0) === this.#base) {
      this.#advance(this.#acked.end(0))
      this.#acked.removeFirst()
    }
    return added
  }

  /** Gives the chunks back that end at or below `base`. */
  #advance(base: number): void {
    this.#base = base
    const chunks = this.#chunks
    while (this.#head < chunks.length) {
      const chunk = chunks[this.#head] as Uint8Array
      if ((this.#starts[this.#head] as number) + chunk.length > base) break
      chunks[this.#head] = EMPTY
      writtenMemory.giveBack(chunk)
      this.#head += 1
    }
    // A stream that waits holds none, and not the places of all that it has sent.
    if (this.#head === chunks.length) this.#forget()
    if (this.#head < COMPACT_CHUNKS || 2 * this.#head < chunks.length) return
    this.#chunks.splice(0, this.#head)
    this.#starts.splice(0, this.#head)
    this.#cursor = Math.max(0, this.#cursor - this.#head)
    this.#head = 0
  }

  #forget(): void {
    this.#chunks = NONE
    this.#starts = NONE
    this.#head = 0
    this.#cursor = 0
  }

  #chunkOf(offset: number): number {
    const starts = this.#starts
    for (let index = Math.max(this.#cursor, this.#head); index <= this.#cursor + 1; index += 1) {
      if (index >= starts.length) break
      const [start, size] = [starts[index] as number, (this.#chunks[index] as Uint8Array).length]
      if (offset >= start && offset < start + size) return index
    }
    let low = this.#head
    let high = starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((starts[middle] as number) <= offset) low = middle
      else high = middle - 1
    }
    return low
  }
}
