/**
 * One flow of datagrams between two UDP sockets, one on either side of the connection.
 *
 * Decides the way of each datagram: beside the stream, where it may be lost and overtakes, if it fits there; on the
 * stream, framed, if it is too large, if the other side takes none beside, and until the flow was answered, as it would
 * arrive before its request. Invariants: what waits on the stream is bounded, the rest is dropped and counted; a flow that
 * is silent for too long ends.
 */
import { VByteConsumer, VByteWriter, VFIOCompleted, VFIOLost, VIOLost } from '@vio/io'
import type { IVReactor, VScheduledCall } from '@vio/reactor'
import type { VUDPStream } from '@vio/vudp'
import { DatagramUnframer, frameDatagram, MAX_UDP_BYTES } from './datagram-frame.js'
import type { ForwardLink } from './link.js'

/** What may wait on the stream of a flow. */
const MAX_WAITING_BYTES = 262_144

/** What a flow tells. */
export interface FlowOwner {
  /** A datagram came; its memory is the owner's. */
  received(bytes: Buffer): void
  /** It is over. Told once. */
  ended(flow: Flow): void
}

/** A flow on one side. */
export class Flow {
  /** When it was last used, on the reactor's clock. */
  usedAt: number
  /** Datagrams that were dropped because too much waited. */
  dropped = 0
  /** Bytes of datagrams each way. */
  sentBytes = 0
  receivedBytes = 0
  readonly #link: ForwardLink
  readonly #stream: VUDPStream
  readonly #owner: FlowOwner
  readonly #writer: VByteWriter
  readonly #forget: () => void
  #timer: VScheduledCall
  #mayGoBeside = false
  #isOver = false

  /** Datagrams may be sent at once. @param stream one whose request was sent or read */
  constructor(link: ForwardLink, stream: VUDPStream, owner: FlowOwner) {
    this.#link = link
    this.#stream = stream
    this.#owner = owner
    this.usedAt = link.reactor.time()
    this.#writer = new VByteWriter(link.reactor)
    link.onFlow(stream.id, (bytes) => this.#received(bytes))
    this.#forget = link.onClose((reason) => this.close(reason))
    this.#timer = this.#watch()
    this.#writer.byteProduce.attach(stream.byteConsume)
  }

  /** The flow was answered: from now on datagrams may go beside the stream, and those on the stream are read. */
  begin(): void {
    if (this.#isOver) return
    this.#mayGoBeside = true
    const reader = new FlowReader(this.#link.reactor, {
      received: (bytes) => this.#received(bytes),
      ended: () => this.close(),
    })
    reader.byteConsume.attach(this.#stream.byteProduce)
  }

  /** Sends a datagram. */
  send(bytes: Uint8Array): void {
    if (this.#isOver) return
    this.usedAt = this.#link.reactor.time()
    this.sentBytes += bytes.length
    if (this.#mayGoBeside && this.#link.sendBeside(this.#stream.id, bytes)) return
    const fits = bytes.length <= MAX_UDP_BYTES && this.#writer.queuedBytes + bytes.length <= MAX_WAITING_BYTES
    if (fits) this.#writer.write(frameDatagram(bytes))
    else this.dropped += 1
  }

  /** Ends it. Idempotent. */
  close(reason?: Error): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#timer.cancel()
    this.#forget()
    this.#link.onFlow(this.#stream.id, undefined)
    const failure =
      reason === undefined
        ? new VFIOCompleted()
        : new VFIOLost(new VIOLost(reason.message, { cause: reason }))
    this.#stream.closeIO(failure)
    this.#owner.ended(this)
  }

  #received(bytes: Buffer): void {
    if (this.#isOver) return
    this.usedAt = this.#link.reactor.time()
    this.receivedBytes += bytes.length
    this.#owner.received(bytes)
  }

  #watch(): VScheduledCall {
    const { reactor, limits } = this.#link
    const waitMs = this.usedAt + limits.flowIdleMs - reactor.time()
    return reactor.schedule(Math.max(1, waitMs), () => {
      if (reactor.time() >= this.usedAt + limits.flowIdleMs) this.close()
      else this.#timer = this.#watch()
    })
  }
}

class FlowReader extends VByteConsumer {
  readonly #frames = new DatagramUnframer()
  readonly #owner: { received(bytes: Buffer): void; ended(): void }

  constructor(reactor: IVReactor, owner: { received(bytes: Buffer): void; ended(): void }) {
    super(reactor)
    this.#owner = owner
  }

  protected override dataReceived(data: Buffer): void {
    this.#frames.push(data, (bytes) => this.#owner.received(bytes))
  }

  protected override consumerAborted(): void {
    this.#owner.ended()
  }
}
