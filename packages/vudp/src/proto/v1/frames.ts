/**
 * The frames inside a DATA datagram (VUT 4).
 *
 * Decides layouts, both ways. What a frame means is decided by whoever reads it. The reader is one object that is used
 * again for each datagram and leaves the fields of a frame in itself. Invariant: a reader that says true has read a whole
 * frame; malformed bytes end it with `fault`, which says what is wrong.
 */
import { VUT1 } from '../profile.js'
import type { DatagramBuilder } from './builder.js'
import type { RangeSet } from './range-set.js'
import { varintSize, WireReader, writeVarint, writeVarint2 } from './varint.js'

/** The numbers of the frames. */
export interface FrameTypes {
  readonly padding: number
  readonly ping: number
  readonly ack: number
  /** Bit 0: final, bit 1: has a length. */
  readonly stream: number
  readonly streamLimit: number
  readonly totalLimit: number
  readonly streams: number
  readonly blocked: number
  readonly resetStream: number
  readonly stopSending: number
  readonly pathChallenge: number
  readonly pathResponse: number
  readonly newId: number
  readonly retireId: number
  readonly close: number
  readonly datagram: number
  /** This and above may be skipped. */
  readonly firstUnknown: number
}

/** The frames by name. */
export const FRAME: FrameTypes = Object.freeze({
  padding: 0x00,
  ping: 0x01,
  ack: 0x02,
  stream: 0x08,
  streamLimit: 0x10,
  totalLimit: 0x11,
  streams: 0x12,
  blocked: 0x13,
  resetStream: 0x18,
  stopSending: 0x19,
  pathChallenge: 0x1a,
  pathResponse: 0x1b,
  newId: 0x1c,
  retireId: 0x1d,
  close: 0x1e,
  datagram: 0x30,
  firstUnknown: 0x40,
})

const FINAL = 1
const HAS_LENGTH = 2
const CHALLENGE_BYTES = 8
const EMPTY: Buffer = Buffer.alloc(0)

/** Reads the frames of one datagram after the other. What the fields mean depends on `type`. */
export class FrameReader {
  /** The frame's number; those of STREAM are all `FRAME.stream`. */
  type = 0
  /** STREAM, STREAM_LIMIT, BLOCKED, RESET_STREAM, STOP_SENDING: which one. NEW_ID, RETIRE_ID: the sequence. */
  stream = 0
  /** STREAM, BLOCKED, RESET_STREAM: an offset. Limits: the limit. ACK: the delay in its unit. */
  value = 0
  /** RESET_STREAM, STOP_SENDING, CLOSE. */
  code = 0
  /** STREAM: true if it ends with this frame. */
  final = false
  /** STREAM, DATAGRAM, CLOSE, PATH_*: a view of the bytes. NEW_ID: id and token. */
  data: Buffer = EMPTY
  /** ACK: the ranges, the highest first; lowest and highest number of each. */
  readonly ackLow: Float64Array = new Float64Array(VUT1.maxAckRanges)
  readonly ackHigh: Float64Array = new Float64Array(VUT1.maxAckRanges)
  ackCount = 0
  /** What is wrong with the bytes; empty if nothing is. */
  fault = ''
  readonly #reader = new WireReader()

  /** Starts with the plaintext of another datagram. */
  reset(plain: Buffer): void {
    this.#reader.reset(plain, 0, plain.length)
    this.fault = plain.length === 0 ? 'a datagram without a frame' : ''
  }

  /** Lets go of the plaintext, which would be kept until the next one comes. */
  clear(): void {
    this.#reader.reset(EMPTY, 0, 0)
    this.data = EMPTY
  }

  /** Reads the next frame. False at the end, or where `fault` says why not. Padding is passed over. */
  next(): boolean {
    const reader = this.#reader
    if (this.fault !== '') return false
    for (;;) {
      if (reader.left === 0) return false
      this.type = reader.varint()
      if (this.type !== FRAME.padding) break
      this.#skipPadding()
    }
    this.#readBody()
    if (reader.failed) this.fault = `frame ${this.type} is cut short`
    return this.fault === ''
  }

  #skipPadding(): void {
    const reader = this.#reader
    const { bytes } = reader
    let end = reader.at
    while (end < reader.at + reader.left && bytes[end] === FRAME.padding) end += 1
    reader.skip(end - reader.at)
  }

  #readBody(): void {
    const { type } = this
    if (type >= FRAME.stream && type <= (FRAME.stream | FINAL | HAS_LENGTH)) this.#readStream()
    else if (type === FRAME.ack) this.#readAck()
    else if (type >= FRAME.firstUnknown) this.#reader.skip(this.#reader.varint())
    else if (type !== FRAME.ping) this.#readOther()
  }

  #readStream(): void {
    const reader = this.#reader
    this.final = (this.type & FINAL) !== 0
    const hasLength = (this.type & HAS_LENGTH) !== 0
    this.type = FRAME.stream
    this.stream = reader.varint()
    this.value = reader.varint()
    this.data = reader.take(hasLength ? reader.varint() : reader.left)
    if (this.value + this.data.length > Number.MAX_SAFE_INTEGER) this.fault = 'an offset beyond all numbers'
  }

  #readAck(): void {
    const reader = this.#reader
    let high = reader.varint()
    this.value = reader.varint()
    const extra = reader.varint()
    let low = high - reader.varint()
    this.ackCount = 0
    for (let index = 0; ; index += 1) {
      if (low < 0) this.fault = 'an acknowledgement below number 0'
      if (reader.failed || this.fault !== '') return
      // More ranges than we ever need are read, as they belong to the frame, and not kept.
      if (index < VUT1.maxAckRanges) {
        this.ackLow[index] = low
        this.ackHigh[index] = high
        this.ackCount = index + 1
      }
      if (index === extra) return
      high = low - reader.varint() - 2
      low = high - reader.varint()
    }
  }

  #readOther(): void {
    const reader = this.#reader
    switch (this.type) {
      case FRAME.totalLimit:
      case FRAME.streams:
        this.value = reader.varint()
        return
      case FRAME.streamLimit:
      case FRAME.blocked:
        this.stream = reader.varint()
        this.value = reader.varint()
        return
      case FRAME.resetStream:
      case FRAME.stopSending:
        this.stream = reader.varint()
        this.code = reader.varint()
        this.value = this.type === FRAME.resetStream ? reader.varint() : 0
        return
      case FRAME.pathChallenge:
      case FRAME.pathResponse:
        this.data = reader.take(CHALLENGE_BYTES)
        return
      case FRAME.newId:
        this.stream = reader.varint()
        this.data = reader.take(VUT1.idBytes + VUT1.tokenBytes)
        return
      case FRAME.retireId:
        this.stream = reader.varint()
        return
      case FRAME.close:
        this.code = reader.varint()
        this.data = reader.take(reader.varint())
        return
      case FRAME.datagram:
        this.data = reader.take(reader.varint())
        return
      default:
        this.fault = `an unknown frame ${this.type}`
    }
  }
}

/** The bytes that a STREAM frame needs before its data; its length is always two bytes, so that it can be filled in. */
export function streamHeaderSize(stream: number, offset: number, hasLength: boolean): number {
  return 1 + varintSize(stream) + varintSize(offset) + (hasLength ? 2 : 0)
}

/** What a STREAM frame says besides its data. */
export interface StreamHeader {
  stream: number
  offset: number
  final: boolean
  /** The length of the data; -1 for a frame that goes on to the end of the datagram. */
  length: number
}

/** Writes the header of a STREAM frame and returns where its data begins. */
export function writeStreamHeader(bytes: Buffer, at: number, header: StreamHeader): number {
  const { stream, offset, final, length } = header
  bytes[at] = FRAME.stream | (final ? FINAL : 0) | (length < 0 ? 0 : HAS_LENGTH)
  const end = writeVarint(bytes, writeVarint(bytes, at + 1, stream), offset)
  if (length < 0) return end
  return length < 0x4000 ? writeVarint2(bytes, end, length) : writeVarint(bytes, end, length)
}

/** Writes a frame that consists of numbers. */
export function writeNumbers(bytes: Buffer, at: number, ...values: readonly number[]): number {
  let end = at
  for (const value of values) end = writeVarint(bytes, end, value)
  return end
}

/** The size of such a frame. */
export function numbersSize(...values: readonly number[]): number {
  return values.reduce((sum, value) => sum + varintSize(value), 0)
}

/** Writes a frame of a type, numbers, and bytes as they are. */
export function writeWithBytes(
  bytes: Buffer,
  at: number,
  numbers: readonly number[],
  data: Uint8Array,
): number {
  const end = writeNumbers(bytes, at, ...numbers)
  bytes.set(data, end)
  return end + data.length
}

/** Writes an ACK of at least one range, the highest ones as far as there is room. False if not even one fits. */
export function writeAck(builder: DatagramBuilder, ranges: RangeSet, delay: number): boolean {
  const { bytes, at } = builder
  const last = ranges.count - 1
  const largest = ranges.end(last) - 1
  const first = largest - ranges.start(last)
  const fixed = 1 + varintSize(largest) + varintSize(delay) + 1 + varintSize(first)
  if (fixed > builder.room) return false
  let room = builder.room - fixed
  let extra = 0
  while (extra < last && extra < VUT1.maxAckRanges - 1) {
    const size = rangeSize(ranges, last - extra - 1)
    if (size > room) break
    room -= size
    extra += 1
  }
  let end = writeVarint(bytes, writeVarint(bytes, at, FRAME.ack), largest)
  end = writeVarint(bytes, writeVarint(bytes, writeVarint(bytes, end, delay), extra), first)
  for (let index = last - 1; index >= last - extra; index -= 1) {
    end = writeVarint(bytes, end, gapAbove(ranges, index))
    end = writeVarint(bytes, end, ranges.end(index) - 1 - ranges.start(index))
  }
  builder.at = end
  return true
}

function gapAbove(ranges: RangeSet, index: number): number {
  return ranges.start(index + 1) - ranges.end(index) - 1
}

function rangeSize(ranges: RangeSet, index: number): number {
  return varintSize(gapAbove(ranges, index)) + varintSize(ranges.end(index) - 1 - ranges.start(index))
}
