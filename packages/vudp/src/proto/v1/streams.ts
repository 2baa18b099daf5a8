/**
 * All streams of a connection, and the limits that hold for them together (VUT 4).
 *
 * Decides which stream a frame is for, which streams may be opened, and how many bytes all of them may send and receive.
 * The order in which they are put into datagrams is the scheduler's affair. Invariants: stream 0 is always there; the
 * streams of the peer are opened in the order of their numbers; the work for a frame does not grow with the streams.
 */
import type { VFailure } from '@vio/io'
import { ProtocolFault, VUT_CODE } from '../errors.js'
import { VUT1 } from '../profile.js'
import { ReceiveWindow } from './flow.js'
import { FRAME, type FrameReader } from './frames.js'
import type { Parameters } from './parameters.js'
import { Scheduler } from './scheduler.js'
import type { SentBytes, SentControl, SentPacket } from './sent.js'
import { Stream, type StreamOwner } from './stream.js'

/** What most datagrams have of these. */
const NO_BYTES: readonly SentBytes[] = []
const NO_CONTROLS: readonly SentControl[] = []

/** What the streams are made with. */
export interface StreamsOptions {
  readonly isInitiator: boolean
  readonly windowBytes: number
  readonly maxWindowBytes: number
  readonly sendBufferBytes: number
  /** How many streams the peer may have open. */
  readonly maxStreams: number
}

/** Whom the streams tell. */
export interface StreamsOwner {
  onStreamChanged(stream: Stream): void
  onStreamOpened(stream: Stream): void
  onStreamsAvailable(): void
}

/** Counters; they only rise. */
export interface StreamCounts {
  written: number
  sent: number
  resent: number
  acked: number
  received: number
  read: number
}

/** The streams of one connection. */
export class Streams implements StreamOwner {
  /** True while the application may write. */
  isOpen = false
  readonly sendBufferBytes: number
  readonly counts: StreamCounts = { written: 0, sent: 0, resent: 0, acked: 0, received: 0, read: 0 }
  readonly scheduler: Scheduler
  /** The limit of all inbound streams together. */
  readonly window: ReceiveWindow
  readonly #options: StreamsOptions
  readonly #owner: StreamsOwner
  /** Those that are open, the main one apart: mostly there is no other, and then no map. */
  #others: Map<number, Stream> | null = null
  #hasMain = true
  readonly #main: Stream
  /** The lowest number of either side that was not opened yet, and how many may be. */
  #nextLocal: number
  #nextPeer: number
  #localLimit = 0
  #peerLimit: number
  #peerClosed = 0
  #localOpened = 0
  #peerOpened = 0
  #wasRefused = false
  #sendLimit = 0
  #receivedBytes = 0

  constructor(options: StreamsOptions, owner: StreamsOwner) {
    this.#options = options
    this.#owner = owner
    this.sendBufferBytes = options.sendBufferBytes
    const { totalLimitFactor } = VUT1
    const total = Math.floor(options.windowBytes * totalLimitFactor)
    this.window = new ReceiveWindow(total, Math.floor(options.maxWindowBytes * totalLimitFactor))
    this.#nextLocal = options.isInitiator ? 2 : 1
    this.#nextPeer = options.isInitiator ? 1 : 2
    this.#peerLimit = options.maxStreams
    this.scheduler = new Scheduler(this)
    this.#main = this.#make(0)
  }

  /** The stream that is there from the start. */
  get main(): Stream {
    return this.#main
  }

  get owesTotalLimit(): boolean {
    return this.scheduler.owesTotalLimit
  }

  /** How many streams the peer may open, since the beginning. */
  get peerLimit(): number {
    return this.#peerLimit
  }

  /** True once no stream has anything left to say or to hear. */
  get isAllDone(): boolean {
    return !this.#hasMain && this.#otherCount === 0
  }

  /** True once stream 0 ended cleanly both ways. */
  get isComplete(): boolean {
    return this.#main.output.isComplete && this.#main.input.isComplete
  }

  /** The peer has told its limits. */
  start(parameters: Parameters): void {
    this.#sendLimit = parameters.streamLimit
    this.#localLimit = parameters.maxStreams
    this.scheduler.raiseTotal(parameters.totalLimit)
    this.#main.output.raiseLimit(parameters.streamLimit)
    this.isOpen = true
    this.onSendable(this.#main)
    this.#owner.onStreamChanged(this.#main)
  }

  /** Opens a stream; null if the peer allows no more now. */
  open(): Stream | null {
    if (!this.isOpen || this.#localOpened >= this.#localLimit) {
      this.#wasRefused = this.isOpen
      return null
    }
    this.#localOpened += 1
    const stream = this.#create(this.#nextLocal)
    this.#nextLocal += 2
    return stream
  }

  /** A STREAM frame. @throws ProtocolFault */
  onBytes(frame: FrameReader, isLent: boolean): void {
    const stream = this.#find(frame.stream)
    if (stream === null) return
    const { value, data, final } = frame
    this.#grow(stream.input.growth(value + data.length))
    this.counts.received += stream.onBytes(value, data, final, isLent)
    this.#settle(stream)
  }

  /** A frame about a stream that is not STREAM. @throws ProtocolFault */
  onFrame(frame: FrameReader): void {
    const stream = this.#find(frame.stream)
    if (stream === null) return
    switch (frame.type) {
      case FRAME.streamLimit:
        stream.onLimit(frame.value)
        break
      case FRAME.blocked:
        stream.onBlocked(frame.value)
        break
      case FRAME.resetStream:
        this.#grow(stream.input.growth(frame.value))
        stream.onReset(frame.code, frame.value)
        break
      default:
        stream.onStop(frame.code)
    }
    this.#settle(stream)
  }

  /** TOTAL_LIMIT. */
  onTotalLimit(limit: number): void {
    this.scheduler.raiseTotal(limit)
  }

  /** STREAMS. */
  onStreamsLimit(limit: number): void {
    if (limit <= this.#localLimit) return
    this.#localLimit = limit
    if (this.#wasRefused) this.#owner.onStreamsAvailable()
    this.#wasRefused = false
  }

  /** What a datagram carried of streams has arrived. */
  onAcked(packet: SentPacket): void {
    if (packet.stream !== null) this.#acked(packet.stream, packet.offset, packet.length, packet.final)
    for (const { stream, offset, length, final } of packet.more ?? NO_BYTES)
      this.#acked(stream, offset, length, final)
    for (const { type, stream } of packet.controls ?? NO_CONTROLS) {
      if (stream === null || type !== FRAME.resetStream) continue
      stream.output.onReset('acked')
      this.#settle(stream)
    }
  }

  /** What a datagram carried of streams was lost. */
  onLost(packet: SentPacket): void {
    const { stream } = packet
    if (stream !== null) {
      stream.output.onLost(packet.offset, packet.length, packet.final)
      this.onSendable(stream)
    }
    for (const each of packet.more ?? NO_BYTES) {
      each.stream.output.onLost(each.offset, each.length, each.final)
      this.onSendable(each.stream)
    }
    for (const { type, stream: about, value } of packet.controls ?? NO_CONTROLS) {
      if (about !== null) {
        const owed = about.owesAgain(type, value)
        if (owed !== 0) about.owe(owed)
      } else if (type === FRAME.totalLimit && value === this.window.limit)
        this.scheduler.owesTotalLimit = true
      else if (type === FRAME.streams && value === this.#peerLimit) this.scheduler.owesStreams = true
    }
  }

  /** The connection is over for this reason. */
  lose(reason: VFailure): void {
    this.isOpen = false
    for (const stream of this.all()) stream.lose(reason)
    this.#hasMain = false
    this.#others = null
    this.scheduler.clear()
  }

  /** The peer says that it has all of every stream. */
  completeOutputs(): void {
    for (const stream of this.all()) {
      this.counts.acked += stream.output.complete()
      this.#settle(stream)
    }
  }

  /** Each stream that is open. */
  all(): readonly Stream[] {
    const others = this.#others === null ? [] : [...this.#others.values()]
    return this.#hasMain ? [this.#main, ...others] : others
  }

  onSendable(stream: Stream): void {
    this.scheduler.onSendable(stream)
  }

  onControlOwed(stream: Stream): void {
    this.scheduler.onControlOwed(stream)
  }

  onWritten(_stream: Stream, sizeBytes: number): void {
    this.counts.written += sizeBytes
  }

  onRead(_stream: Stream, sizeBytes: number): void {
    this.counts.read += sizeBytes
  }

  onReleased(_stream: Stream, sizeBytes: number): void {
    if (this.window.onRead(sizeBytes)) this.scheduler.owesTotalLimit = true
  }

  onChanged(stream: Stream): void {
    this.#owner.onStreamChanged(stream)
  }

  #acked(stream: Stream, offset: number, length: number, final: boolean): void {
    const { output } = stream
    this.counts.acked += output.onAcked(offset, length, final)
    if (output.buffer.heldBytes === 0) this.#owner.onStreamChanged(stream)
    if (output.isDone) this.#settle(stream)
  }

  /** Bytes beyond what the peer had sent before, on whichever stream. */
  #grow(sizeBytes: number): void {
    this.#receivedBytes += sizeBytes
    if (this.#receivedBytes <= this.window.limit) return
    const { limit } = this.window
    throw new ProtocolFault(VUT_CODE.flow, `${this.#receivedBytes} bytes in all where the limit is ${limit}`)
  }

  /** The stream of a frame; null if it was closed before. Opens those of the peer up to it. */
  #find(id: number): Stream | null {
    if (id === 0) return this.#hasMain ? this.#main : null
    const known = this.#others?.get(id)
    if (known !== undefined) return known
    const isLocal = id % 2 === (this.#options.isInitiator ? 0 : 1)
    if (isLocal) {
      if (id < this.#nextLocal) return null
      throw new ProtocolFault(VUT_CODE.stream, `a frame for stream ${id}, which is ours and not open`)
    }
    if (id < this.#nextPeer) return null
    return this.#openPeer(id)
  }

  #openPeer(id: number): Stream | null {
    const opened = this.#peerOpened + (id - this.#nextPeer) / 2 + 1
    if (opened > this.#peerLimit) {
      throw new ProtocolFault(VUT_CODE.stream, `stream ${id} where ${this.#peerLimit} streams are allowed`)
    }
    this.#peerOpened = opened
    for (; this.#nextPeer <= id; this.#nextPeer += 2) this.#owner.onStreamOpened(this.#create(this.#nextPeer))
    return this.#others?.get(id) ?? null
  }

  get #otherCount(): number {
    return this.#others?.size ?? 0
  }

  #create(id: number): Stream {
    const stream = this.#make(id)
    this.#others ??= new Map()
    this.#others.set(id, stream)
    return stream
  }

  #make(id: number): Stream {
    const { windowBytes, maxWindowBytes } = this.#options
    return new Stream(id, this, { sendLimit: this.#sendLimit, windowBytes, maxWindowBytes })
  }

  /** Lets go of a stream that is through. */
  #settle(stream: Stream): void {
    if (!stream.isDone) return
    if (stream === this.#main) {
      this.#hasMain = false
      return
    }
    if (this.#others?.delete(stream.id) !== true) return
    if (stream.id % 2 === (this.#options.isInitiator ? 0 : 1)) return
    this.#peerClosed += 1
    this.#peerLimit = this.#peerClosed + this.#options.maxStreams
    this.scheduler.owesStreams = true
  }
}
