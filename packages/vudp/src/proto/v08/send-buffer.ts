/**
 * The outbound stream: what waits, and what is in flight in segments whose bounds never change.
 *
 * Decides which acknowledgements fit. When a segment is sent, or sent again, is for the recovery and the connection.
 * Invariant: bytes are kept until acknowledged, and a segment is the same from its first sending to its last.
 */
import { ByteRing } from './byte-ring.js'
import { SegmentQueue } from './segments.js'

/** What an acknowledgement did. `'unaligned'`: it fits no segment in flight. */
export type AckOutcome = 'new' | 'same' | 'old' | 'unaligned'

/** Bytes on their way out. */
export class SendBuffer08 {
  /** The segments in flight. */
  readonly segments: SegmentQueue = new SegmentQueue()
  readonly #ring: ByteRing
  readonly #bufferBytes: number
  /** The position behind the last byte that was written. */
  #tail = 0
  /** Bytes that were in flight and dropped: sent, never acknowledged. */
  droppedBytes = 0

  constructor(bufferBytes: number) {
    this.#bufferBytes = bufferBytes
    this.#ring = new ByteRing(bufferBytes)
  }

  /** Everything below has been acknowledged. */
  get ackedTo(): number {
    return this.segments.start
  }

  /** The position of the next byte never sent. */
  get nextSeq(): number {
    return this.segments.end
  }

  /** The position behind the last byte that was written. */
  get tail(): number {
    return this.#tail
  }

  /** Bytes that were never sent. */
  get waitingBytes(): number {
    return this.#tail - this.segments.end
  }

  /** Bytes that are kept: waiting and in flight. */
  get heldBytes(): number {
    return this.#tail - this.segments.start
  }

  /** How many bytes `write` takes. */
  get roomBytes(): number {
    return this.#bufferBytes - this.heldBytes
  }

  /** How much memory is held, in bytes. */
  get memoryBytes(): number {
    return this.#ring.capacityBytes
  }

  /** Takes bytes from the front of `data`, as many as there is room for, and returns how many. */
  write(data: Uint8Array): number {
    const size = Math.min(data.length, this.roomBytes)
    if (size === 0) return 0
    this.#ring.reserve(this.segments.start, this.#tail, this.#tail + size)
    this.#ring.put(this.#tail, data, 0, size)
    this.#tail += size
    return size
  }

  /** Makes the next `size` waiting bytes a segment in flight; it is the youngest one. */
  openSegment(size: number, now: number): void {
    this.segments.push(this.segments.end + size, now)
  }

  /** Copies the bytes from a position on to where a datagram takes them. */
  copy(position: number, size: number, target: Uint8Array, at: number): void {
    this.#ring.copy(position, size, target, at)
  }

  /** Tells what an acknowledgement means, and changes nothing. */
  judge(ack: number): AckOutcome {
    const { segments } = this
    if (ack <= segments.start) return ack === segments.start ? 'same' : 'old'
    // Ends rise: the segment is found by halving, whatever their number.
    let [low, high] = [0, segments.count]
    while (low < high) {
      const middle = (low + high) >> 1
      if (segments.endOf(middle) < ack) low = middle + 1
      else high = middle
    }
    return low < segments.count && segments.endOf(low) === ack ? 'new' : 'unaligned'
  }

  /** Drops everything. The next position stays what it was. */
  dropAll(): void {
    this.droppedBytes += this.segments.end - this.segments.start
    this.segments.clear()
    this.#tail = this.segments.end
    this.#ring.release()
  }
}
