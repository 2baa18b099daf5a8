/**
 * Which stream frames go into the next datagram.
 *
 * Decides the order: frames that are owed, then lost bytes, then fresh ones, the streams taking turns by datagram. How
 * many bytes may leave at all is decided by the path. Invariants: fresh bytes of all streams stay within the total limit;
 * a stream that has nothing to send is in no queue, so that the work does not grow with the streams.
 */
import { BlockedStreams } from './blocked.js'
import type { DatagramBuilder } from './builder.js'
import { Fifo } from './fifo.js'
import { FRAME, numbersSize, streamHeaderSize, writeNumbers, writeStreamHeader } from './frames.js'
import { OWED, type Stream } from './stream.js'
import type { Streams } from './streams.js'
import { varintSize } from './varint.js'

/** After how many round trips a stream that stands asks again for the first time. */
const BLOCKED_ROUND_TRIPS = 3

/** The queues of the streams that have something to send. */
export class Scheduler {
  /** Frames about all streams that are owed. */
  owesTotalLimit = false
  owesStreams = false
  /** Streams that stand at a limit of the peer. */
  readonly blocked: BlockedStreams = new BlockedStreams()
  readonly #streams: Streams
  readonly #controls = new Fifo<Stream>()
  readonly #lost = new Fifo<Stream>()
  readonly #fresh = new Fifo<Stream>()
  #totalLimit = 0
  #totalSent = 0
  readonly #header = { stream: 0, offset: 0, final: false, length: 0 }

  constructor(streams: Streams) {
    this.#streams = streams
  }

  /** True if there are frames or bytes that could be sent now. */
  get hasWork(): boolean {
    return this.hasControls || this.#lost.length > 0 || this.#hasFresh()
  }

  /** True if frames are owed. */
  get hasControls(): boolean {
    return this.#controls.length > 0 || this.owesTotalLimit || this.owesStreams
  }

  #hasFresh(): boolean {
    return this.#fresh.length > 0 && this.#totalSent < this.#totalLimit
  }

  /** Raises the limit of all fresh bytes; a lower one is an old one. */
  raiseTotal(limit: number): void {
    this.#totalLimit = Math.max(this.#totalLimit, limit)
  }

  /** A stream may have bytes to send. */
  onSendable(stream: Stream): void {
    const { output } = stream
    if (!stream.inLostQueue && output.hasLost) {
      stream.inLostQueue = true
      this.#lost.push(stream)
    }
    if (!stream.inFreshQueue && output.hasFresh) {
      stream.inFreshQueue = true
      this.#fresh.push(stream)
    }
    if (output.takeBlocked()) stream.owe(OWED.blocked)
  }

  /** A stream owes frames. */
  onControlOwed(stream: Stream): void {
    if (stream.inControlQueue) return
    stream.inControlQueue = true
    this.#controls.push(stream)
  }

  /** Forgets all. */
  clear(): void {
    this.owesTotalLimit = false
    this.owesStreams = false
    for (const queue of [this.#controls, this.#lost, this.#fresh]) queue.clear()
    this.blocked.clear()
  }

  /** Writes the frames that are owed, as far as there is room. */
  writeControls(now: number, builder: DatagramBuilder, smoothedRttMs: number): void {
    if (this.owesTotalLimit && builder.room >= 9) {
      const limit = this.#streams.window.nextLimit(now, smoothedRttMs)
      this.#write(builder, FRAME.totalLimit, null, limit)
      this.owesTotalLimit = false
    }
    if (this.owesStreams && builder.room >= 9) {
      this.#write(builder, FRAME.streams, null, this.#streams.peerLimit)
      this.owesStreams = false
    }
    for (let stream = this.#controls.first; stream !== undefined; stream = this.#controls.first) {
      if (!this.#writeOwed(now, builder, stream, smoothedRttMs)) return
      stream.inControlQueue = false
      this.#controls.shift()
    }
  }

  /** Writes bytes of streams, as far as there is room. */
  writeBytes(builder: DatagramBuilder): void {
    while (this.#lost.length > 0) {
      const stream = this.#lost.first as Stream
      if (stream.output.hasLost && !this.#writeLost(builder, stream)) return
      if (stream.output.hasLost) continue
      this.#lost.shift()
      stream.inLostQueue = false
    }
    for (let turns = this.#fresh.length; turns > 0 && this.#hasFresh(); turns -= 1) {
      const stream = this.#fresh.first as Stream
      const goesOn = !stream.output.hasFresh || this.#writeFresh(builder, stream)
      this.#fresh.shift()
      stream.inFreshQueue = false
      this.onSendable(stream)
      if (!goesOn) return
    }
  }

  #writeLost(builder: DatagramBuilder, stream: Stream): boolean {
    const { buffer } = stream.output
    const offset = buffer.hasLost ? buffer.lostOffset : buffer.endOffset
    const available = buffer.hasLost ? buffer.lostBytes(builder.room) : 0
    const isFresh = offset === buffer.nextOffset
    const length = this.#writeStream(builder, stream, offset, available)
    if (length > 0 && !isFresh) this.#streams.counts.resent += length
    return length >= 0
  }

  #writeFresh(builder: DatagramBuilder, stream: Stream): boolean {
    const { output } = stream
    const available = Math.min(output.freshBytes, this.#totalLimit - this.#totalSent)
    const length = this.#writeStream(builder, stream, output.buffer.nextOffset, available)
    if (length < 0) return false
    this.#totalSent += length
    this.#streams.counts.sent += length
    stream.onSpace()
    return true
  }

  /** Writes one frame, and returns how many bytes are in it; -1 if there is no room for one. */
  #writeStream(builder: DatagramBuilder, stream: Stream, offset: number, available: number): number {
    const { output, id } = stream
    const bare = streamHeaderSize(id, offset, false)
    let length = builder.room - bare
    const fills = length > 0 && available >= length
    if (!fills) {
      const lengthBytes = Math.max(2, varintSize(available))
      length = Math.min(available, builder.room - bare - lengthBytes)
      if (length < 0 || (length === 0 && available > 0)) return -1
    }
    const final = output.isFinalAt(offset + length)
    const header = this.#header
    header.stream = id
    header.offset = offset
    header.final = final
    header.length = fills ? -1 : length
    const at = writeStreamHeader(builder.bytes, builder.at, header)
    if (length > 0) output.buffer.copy(offset, length, builder.bytes, at)
    builder.wrote(at + length)
    output.onSent(offset, length, final)
    builder.packet?.addBytes(stream, offset, length, final)
    return length
  }

  #writeOwed(now: number, builder: DatagramBuilder, stream: Stream, smoothedRttMs: number): boolean {
    const { output, input, id } = stream
    if (stream.owed & OWED.reset && output.owesReset) {
      if (!this.#write(builder, FRAME.resetStream, stream, output.resetCode, output.finalOffset)) return false
      output.onReset('sent')
    }
    if (stream.owed & OWED.stop && !input.isDone) {
      if (!this.#write(builder, FRAME.stopSending, stream, input.stopCode)) return false
    }
    if (stream.owed & OWED.limit && input.takesMore) {
      // Room first: the window grows by being told.
      if (builder.room < numbersSize(FRAME.streamLimit, id) + 8) return false
      this.#write(builder, FRAME.streamLimit, stream, input.window.nextLimit(now, smoothedRttMs))
    }
    if (stream.owed & OWED.blocked && output.isBlocked) {
      if (!this.#write(builder, FRAME.blocked, stream, output.buffer.nextOffset)) return false
      this.blocked.onBlocked(now, stream, BLOCKED_ROUND_TRIPS * smoothedRttMs)
    }
    stream.owed = 0
    return true
  }

  /** Writes a frame of numbers and notes it with the last of them. */
  #write(builder: DatagramBuilder, type: number, stream: Stream | null, ...values: number[]): boolean {
    const numbers = stream === null ? [type, ...values] : [type, stream.id, ...values]
    if (numbersSize(...numbers) > builder.room) return false
    builder.wrote(writeNumbers(builder.bytes, builder.at, ...numbers))
    builder.packet?.addControl(type, stream, values.at(-1) ?? 0)
    return true
  }
}
