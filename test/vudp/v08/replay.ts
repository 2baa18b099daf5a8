/**
 * Plays one end of a recorded conversation against a connection of ours.
 *
 * The recorded end sends what it sent. Its acknowledgements speak of the segments that the other recorded end had made, so
 * our application writes in the same pieces, ends when that one ended, and reads as far as that one had read. Invariant:
 * nothing is given to our connection that acknowledges what it has not sent yet.
 */
import { type VFailure, VFIOLost, VTransmitBatch } from '@vio/io'
import { V08Connection } from '../../../packages/vudp/src/proto/v08/connection.js'
import {
  decodePacket08,
  FLAG_ACK_CLOSE,
  FLAG_CLOSE,
  Packet08,
} from '../../../packages/vudp/src/proto/v08/packet.js'
import { PEER_A, PEER_B } from './link.js'
import { type Conversation, type ConversationDatagram, hex, sha1 } from './vectors.js'

const HELLO_BYTES = 17
const BOTH = FLAG_CLOSE | FLAG_ACK_CLOSE
/** Longer than every limit of a connection. */
const LONG_MS = 600_000

/** What became of our end. */
export interface ReplayResult {
  readonly engine: V08Connection
  readonly delivered: Buffer
  readonly events: readonly string[]
  readonly closed: VFailure | null
  /** What our end put on the wire, without the hello. */
  readonly sentStream: Buffer
  /** The failure that there was before the recorded end had said all it had to say, null for none. */
  readonly early: VFailure | null
}

/** Replays a conversation with our connection in the place of `side`. */
export function replay(conversation: Conversation, side: 'a' | 'b'): ReplayResult {
  return new Replay(conversation, side).run()
}

class Replay {
  readonly #conversation: Conversation
  readonly #side: 'a' | 'b'
  readonly #engine: V08Connection
  readonly #batch = new VTransmitBatch()
  readonly #packet = new Packet08()
  readonly #delivered: Buffer[] = []
  readonly #sent = new Map<number, Buffer>()
  readonly #events: string[] = []
  readonly #pieces: Buffer[] = []
  #now = 0
  #sentTo = 0
  #plannedTo = HELLO_BYTES
  #readTo = HELLO_BYTES
  #writtenTo = HELLO_BYTES
  #ending = false

  constructor(conversation: Conversation, side: 'a' | 'b') {
    const other = side === 'a' ? 'b' : 'a'
    this.#conversation = conversation
    this.#side = side
    this.#engine = new V08Connection(
      {
        secret: hex(conversation[side].secret),
        peerSecret: hex(conversation[other].secret),
        peer: side === 'a' ? PEER_B : PEER_A,
        bufLen: conversation.receive_buffer[side],
        // Where the recorded end had more in flight than we would have, its peer's words have to make sense all the same.
        profile: { minWindowSegments: 1000 },
      },
      { sha1: (...parts) => Buffer.from(sha1(parts[0] ?? Buffer.alloc(0))) },
    )
  }

  run(): ReplayResult {
    this.#turn()
    for (const datagram of this.#conversation.datagrams) {
      if (datagram.from === this.#side) this.#imitate(datagram)
      else if (datagram.lost !== true) this.#give(datagram)
    }
    const early = this.#engine.closed instanceof VFIOLost ? this.#engine.closed : null
    this.#readTo = Number.POSITIVE_INFINITY
    this.#advance(() => this.#engine.drained)
    return {
      engine: this.#engine,
      delivered: Buffer.concat(this.#delivered),
      events: this.#events,
      closed: this.#engine.closed,
      sentStream: Buffer.concat(
        [...this.#sent].sort(([left], [right]) => left - right).map(([, bytes]) => bytes),
      ).subarray(HELLO_BYTES),
      early,
    }
  }

  /** Does what the application of the recorded end in our place must have done by now. */
  #imitate(datagram: ConversationDatagram): void {
    const bytes = hex(datagram.hex)
    const packet = this.#packet
    decodePacket08(bytes, bytes.length, packet)
    this.#now = Math.max(this.#now, datagram.t_ms)
    if (packet.endSeq > this.#plannedTo) {
      this.#pieces.push(Buffer.from(bytes.subarray(packet.dataStart, packet.dataEnd)))
      this.#plannedTo = packet.endSeq
    }
    const { receive_buffer: buffers, name } = this.#conversation
    this.#readTo = Math.max(this.#readTo, packet.edge - buffers[this.#side])
    if (name.startsWith('abort-both') && this.#side === 'a' && packet.flags === BOTH) {
      this.#engine.close(new VFIOLost())
    } else if ((packet.flags & FLAG_CLOSE) !== 0) this.#ending = true
    this.#turn()
  }

  #give(datagram: ConversationDatagram): void {
    const bytes = hex(datagram.hex)
    decodePacket08(bytes, bytes.length, this.#packet)
    const { ack } = this.#packet
    this.#advance(() => false, datagram.t_ms)
    this.#now = Math.max(this.#now, datagram.t_ms)
    // It may take us longer than the recorded end, where our congestion window is smaller.
    this.#advance(() => this.#sentTo >= ack || this.#engine.closed !== null)
    this.#engine.handleDatagram(this.#now, this.#engine.peer, bytes)
    this.#turn()
  }

  /** Lets time pass until `done`, up to `untilMs`. */
  #advance(done: () => boolean, untilMs: number = this.#now + LONG_MS): void {
    this.#turn()
    while (!done()) {
      const next = this.#engine.pollTimeout()
      if (next > untilMs) break
      this.#now = Math.max(this.#now, next)
      this.#engine.handleTimeout(this.#now)
      this.#turn()
    }
  }

  #turn(): void {
    const { stream } = this.#engine
    for (let more = true; more; ) {
      more = false
      for (let event = this.#engine.pollEvent(); event !== undefined; event = this.#engine.pollEvent()) {
        this.#events.push(event.type)
      }
      const unread = this.#readTo - HELLO_BYTES - Buffer.concat(this.#delivered).length
      if (stream.readable && unread > 0) this.#delivered.push(stream.readSome(Math.min(unread, 100_000)))
      const piece = this.#pieces[0]
      // One piece at a time, so that the segments are those of the record.
      if (piece !== undefined && this.#isSent() && stream.writable) {
        stream.writeSome(piece)
        this.#writtenTo += piece.length
        this.#pieces.shift()
      }
      if (this.#ending && this.#pieces.length === 0) stream.finish()
      while (this.#engine.pollTransmit(this.#now, this.#batch)) {
        this.#note()
        more = true
      }
    }
  }

  #isSent(): boolean {
    return this.#sentTo >= this.#writtenTo
  }

  #note(): void {
    const { buffer, end, segmentBytes } = this.#batch
    for (let at = this.#batch.start; at < end; at += segmentBytes) {
      const bytes = Buffer.from(buffer.subarray(at, Math.min(at + segmentBytes, end)))
      const packet = new Packet08()
      decodePacket08(bytes, bytes.length, packet)
      if (packet.dataBytes === 0) continue
      this.#sent.set(packet.seq, bytes.subarray(packet.dataStart, packet.dataEnd))
      this.#sentTo = Math.max(this.#sentTo, packet.endSeq)
    }
    this.#batch.clear()
  }
}
