/**
 * Reassembly of the inbound stream, in whole segments.
 *
 * Decides which segments are new, in order, inside the window that was advertised, and in conflict with others. It does
 * not decide when to acknowledge, nor what a conflict means to the connection. Invariant: everything below `next` has
 * arrived, no two queued segments overlap, and no byte is held at or behind the advertised edge.
 */
import { ByteRing } from './byte-ring.js'

/** Sizes of a receive buffer. */
export interface RecvBufferOptions {
  /** How many bytes may be held unread. */
  readonly bufferBytes: number
  /** The advertised edges are multiples of `bufferBytes` divided by this. */
  readonly windowSteps: number
  /** The edge until `openWindow`. */
  readonly firstEdge: number
  /** The most segments that are queued out of order. */
  readonly maxQueuedSegments: number
}

/**
 * What became of a segment. `'in-order'`: taken, and perhaps queued ones with it. `'queued'`, `'repeated'`, `'old'`,
 * `'probe'`, `'dropped'`: an acknowledgement is due at once. The others are faults of the peer.
 */
export type InsertOutcome =
  | 'in-order'
  | 'queued'
  | 'repeated'
  | 'old'
  | 'probe'
  | 'dropped'
  | 'behind-window'
  | 'overlap'

/** Bytes on their way in. */
export class RecvBuffer08 {
  readonly #options: RecvBufferOptions
  readonly #step: number
  readonly #ring: ByteRing
  /** Bounds of the queued segments, in order, disjoint, all above `#next`. */
  readonly #starts: number[] = []
  readonly #ends: number[] = []
  #next = 0
  #readTo = 0
  #edge: number
  #opened = false
  #discarding = false

  constructor(options: RecvBufferOptions) {
    this.#options = options
    this.#step = Math.floor(options.bufferBytes / options.windowSteps)
    this.#ring = new ByteRing(options.bufferBytes)
    this.#edge = options.firstEdge
  }

  /** The position that is expected next: everything below has arrived. */
  get next(): number {
    return this.#next
  }

  /** The right edge of the window that is advertised. Never falls. */
  get edge(): number {
    return this.#edge
  }

  /** Bytes that can be read. */
  get readableBytes(): number {
    return this.#next - this.#readTo
  }

  /** Segments that are queued out of order. */
  get queuedCount(): number {
    return this.#starts.length
  }

  /** The position behind the last byte that was taken, in order or queued. */
  get highest(): number {
    return this.#ends.at(-1) ?? this.#next
  }

  /** How much memory is held, in bytes. */
  get memoryBytes(): number {
    return this.#ring.capacityBytes
  }

  /** Takes the segment at `seq` whose bytes lie in `source` from `start` to `end`; it is not empty. */
  insert(seq: number, source: Uint8Array, start: number, end: number): InsertOutcome {
    const stop = seq + (end - start)
    if (seq < this.#next) return 'old'
    if (seq === this.#edge && end - start === 1) return 'probe'
    if (stop > this.#edge) return 'behind-window'
    return seq === this.#next
      ? this.#takeInOrder(stop, source, start, end)
      : this.#queue(seq, stop, source, start)
  }

  /** Copies up to `maxBytes` out, which are then read. */
  read(maxBytes: number): Buffer {
    const size = Math.min(maxBytes, this.readableBytes)
    const bytes = Buffer.allocUnsafe(size)
    this.#ring.copy(this.#readTo, size, bytes, 0)
    this.#readTo += size
    return bytes
  }

  /** Counts `size` bytes as read without giving them out. */
  skip(size: number): void {
    this.#readTo += Math.min(size, this.readableBytes)
  }

  /** Drops what is held unread, and whatever arrives from now on as soon as it is in order. */
  discard(): void {
    this.#discarding = true
    this.#readTo = this.#next
  }

  /** Advertises the whole buffer from now on, no longer the first edge alone. */
  openWindow(): void {
    this.#opened = true
  }

  /** Moves the edge as far as what was read allows. Returns true if it moved. */
  advanceEdge(): boolean {
    if (!this.#opened) return false
    const reach = this.#readTo + this.#options.bufferBytes
    const edge = reach - (reach % this.#step)
    if (edge <= this.#edge) return false
    this.#edge = edge
    return true
  }

  /** Forgets what is queued and unread, and gives the memory back. */
  release(): void {
    this.#starts.length = 0
    this.#ends.length = 0
    this.#readTo = this.#next
    this.#ring.release()
  }

  #takeInOrder(stop: number, source: Uint8Array, start: number, end: number): InsertOutcome {
    const first = this.#starts[0]
    if (first !== undefined && first < stop) return 'overlap'
    this.#store(this.#next, source, start, end)
    this.#next = stop
    this.#joinQueued()
    if (this.#discarding) this.#readTo = this.#next
    return 'in-order'
  }

  /** Takes the queued segments that follow without a gap. */
  #joinQueued(): void {
    let joined = 0
    while (joined < this.#starts.length && this.#starts[joined] === this.#next) {
      this.#next = this.#ends[joined] ?? this.#next
      joined += 1
    }
    if (joined === 0) return
    this.#starts.splice(0, joined)
    this.#ends.splice(0, joined)
  }

  #queue(seq: number, stop: number, source: Uint8Array, start: number): InsertOutcome {
    const at = this.#placeOf(seq)
    if (this.#starts[at] === seq) {
      const same = this.#ends[at] === stop && this.#ring.holds(seq, source, start, start + stop - seq)
      return same ? 'repeated' : 'overlap'
    }
    const [before, after] = [this.#ends[at - 1] ?? 0, this.#starts[at] ?? Number.POSITIVE_INFINITY]
    if (before > seq || after < stop) return 'overlap'
    if (this.#starts.length >= this.#options.maxQueuedSegments) return 'dropped'
    this.#store(seq, source, start, start + stop - seq)
    this.#starts.splice(at, 0, seq)
    this.#ends.splice(at, 0, stop)
    return 'queued'
  }

  /** The index of the first queued segment that begins at or behind `seq`. */
  #placeOf(seq: number): number {
    let [low, high] = [0, this.#starts.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#starts[middle] ?? 0) < seq) low = middle + 1
      else high = middle
    }
    return low
  }

  #store(seq: number, source: Uint8Array, start: number, end: number): void {
    this.#ring.reserve(this.#readTo, this.highest, seq + (end - start))
    this.#ring.put(seq, source, start, end)
  }
}
