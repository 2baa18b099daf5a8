/**
 * What is remembered of each datagram that is in flight, and the lists it is remembered in.
 *
 * Decides nothing; recovery does. Records are used again and again, so a datagram costs no memory of its own. Invariants:
 * a record is in one list at most, and a list is in the order of the numbers.
 */
import type { IVSentRecord } from '../congestion/controller.js'
import type { Path } from './path.js'
import type { Stream } from './stream.js'

/** A frame that has to arrive and is not of a stream's bytes: what to do when it does, or does not. */
export interface SentControl {
  /** The number of the frame. */
  readonly type: number
  /** The stream that it is about, or null. */
  readonly stream: Stream | null
  /** A value that the frame carried: a limit, a sequence. */
  readonly value: number
}

/** Bytes of a stream inside a datagram. */
export interface SentBytes {
  stream: Stream
  offset: number
  length: number
  final: boolean
}

/** One datagram. */
export class SentPacket implements IVSentRecord {
  number = 0
  sizeBytes = 0
  sentAt = 0
  deliveredBytes = 0
  deliveredAt = 0
  firstSentAt = 0
  lostBytes = 0
  inFlightBytes = 0
  isAppLimited = false
  /** The path that it left on. */
  path: Path | null = null
  /** True if it probes for a larger size. */
  isProbe = false
  /** The highest number that its ACK covered; -1 without one. */
  ackLargest = -1
  /** The bytes of the first stream; of further ones in `more`. */
  stream: Stream | null = null
  offset = 0
  length = 0
  final = false
  more: SentBytes[] | null = null
  controls: SentControl[] | null = null
  prev: SentPacket | null = null
  next: SentPacket | null = null

  /** Notes bytes of a stream. */
  addBytes(stream: Stream, offset: number, length: number, final: boolean): void {
    if (this.stream === null) {
      this.stream = stream
      this.offset = offset
      this.length = length
      this.final = final
      return
    }
    this.more ??= []
    this.more.push({ stream, offset, length, final })
  }

  /** Notes a frame. */
  addControl(type: number, stream: Stream | null, value: number): void {
    this.controls ??= []
    this.controls.push({ type, stream, value })
  }
}

/** The most records that wait; those of a transfer at high speed over a long road are let go in the end. */
const MOST_KEPT = 16_384

/** Records that wait to be used. */
export class SentPool {
  #free: SentPacket | null = null
  #count = 0

  /** How many wait. */
  get count(): number {
    return this.#count
  }

  /** A record with the fields of its frames empty. */
  take(): SentPacket {
    const packet = this.#free
    if (packet === null) return new SentPacket()
    this.#free = packet.next
    this.#count -= 1
    packet.next = null
    return packet
  }

  /** Takes a record back; nobody may look at it any more. */
  give(packet: SentPacket): void {
    if (this.#count >= MOST_KEPT) return
    packet.path = null
    packet.isProbe = false
    packet.ackLargest = -1
    packet.stream = null
    packet.more = null
    packet.controls = null
    packet.prev = null
    packet.next = this.#free
    this.#free = packet
    this.#count += 1
  }
}

/** The records of all connections: thousands of idle ones would hold some each, and those used last are still in the caches. */
export const SENT_RECORDS: SentPool = new SentPool()

/** Records in the order of their numbers. */
export class SentList {
  head: SentPacket | null = null
  tail: SentPacket | null = null
  count = 0

  /** Puts a record with the highest number at the end. */
  append(packet: SentPacket): void {
    packet.prev = this.tail
    packet.next = null
    if (this.tail === null) this.head = packet
    else this.tail.next = packet
    this.tail = packet
    this.count += 1
  }

  /** Takes a record out. */
  remove(packet: SentPacket): void {
    if (packet.prev === null) this.head = packet.next
    else packet.prev.next = packet.next
    if (packet.next === null) this.tail = packet.prev
    else packet.next.prev = packet.prev
    packet.prev = null
    packet.next = null
    this.count -= 1
  }
}
