/**
 * A peer that is played by hand: it makes datagrams with the right code, whatever is in them, and reads what comes back.
 */
import { VTransmitBatch } from '@vio/io'
import type { VUDPEvent } from '../../../packages/vudp/src/proto/engine.js'
import { DatagramMac } from '../../../packages/vudp/src/proto/seal.js'
import type { V08Options } from '../../../packages/vudp/src/proto/v08/config.js'
import type { V08Connection } from '../../../packages/vudp/src/proto/v08/connection.js'
import { decodePacket08, encodeHeader08, Packet08 } from '../../../packages/vudp/src/proto/v08/packet.js'
import { engineOf, PEER_B } from './link.js'
import { sha1 } from './vectors.js'

export const HELLO: Buffer = Buffer.from('VUDPTransport-0.8')
export const CLOSE = 0x80
export const ACK_CLOSE = 0x40
export const FAIL = 0x20
export const BOTH: number = CLOSE | ACK_CLOSE

/** What a datagram of the hand says; what is left out is what a well-behaved peer would say. */
export interface Saying {
  readonly flags?: number
  readonly seq?: number
  readonly ack?: number
  readonly win?: number
  readonly data?: Uint8Array | string
}

/** A datagram of the engine, read. */
export interface Heard {
  readonly flags: number
  readonly seq: number
  readonly ack: number
  readonly win: number
  readonly data: Buffer
  /** How long the datagram was. */
  readonly bytes: number
}

const MAC = new DatagramMac({
  sha1,
  senderSecret: Buffer.alloc(32, 2),
  receiverSecret: Buffer.alloc(32, 1),
  maxDatagramBytes: 2000,
})

/** A datagram with the code of side b. */
export function craft(saying: Saying): Buffer {
  const packet = new Packet08()
  packet.flags = saying.flags ?? 0
  packet.seq = saying.seq ?? 17
  packet.ack = saying.ack ?? 17
  packet.win = saying.win ?? 65_518
  const data = Buffer.from(saying.data ?? '')
  const bytes = Buffer.alloc(100 + data.length)
  const at = encodeHeader08(packet, bytes, 0)
  data.copy(bytes, at)
  return bytes.subarray(0, MAC.append(bytes, 0, at + data.length))
}

/** The other side of one connection, in simulated time. */
export class HandPeer {
  readonly engine: V08Connection
  readonly events: VUDPEvent[] = []
  now = 5000
  readonly #batch = new VTransmitBatch()

  constructor(options: Partial<V08Options> = {}) {
    this.engine = engineOf('a', options)
  }

  /** Does the hello exchange; what the engine says in it is read. */
  shake(): this {
    this.hear()
    this.say({ seq: 0, ack: 0, win: 128, data: HELLO })
    this.say({})
    this.hear()
    return this
  }

  /** Gives a datagram to the engine. */
  say(saying: Saying): this {
    return this.give(craft(saying))
  }

  /** Gives any bytes to the engine, from its peer. */
  give(bytes: Buffer): this {
    this.engine.handleDatagram(this.now, PEER_B, Buffer.from(bytes))
    return this
  }

  /** What the engine has to say now. */
  hear(): Heard[] {
    const heard: Heard[] = []
    const batch = this.#batch
    while (this.engine.pollTransmit(this.now, batch)) {
      for (let at = batch.start; at < batch.end; at += batch.segmentBytes) {
        heard.push(read(batch.buffer.subarray(at, Math.min(at + batch.segmentBytes, batch.end))))
      }
    }
    for (let event = this.engine.pollEvent(); event !== undefined; event = this.engine.pollEvent()) {
      this.events.push(event)
    }
    return heard
  }

  /** Lets time pass, and returns all that the engine says meanwhile. */
  wait(ms: number): Heard[] {
    const until = this.now + ms
    const heard = this.hear()
    for (;;) {
      const next = this.engine.pollTimeout()
      if (next > until) break
      this.now = Math.max(this.now, next)
      this.engine.handleTimeout(this.now)
      heard.push(...this.hear())
    }
    this.now = until
    return heard
  }
}

function read(bytes: Buffer): Heard {
  const packet = new Packet08()
  if (!decodePacket08(bytes, bytes.length, packet)) throw new Error('the engine made no datagram')
  const { flags, seq, ack, win, dataStart, dataEnd } = packet
  return { flags, seq, ack, win, data: Buffer.from(bytes.subarray(dataStart, dataEnd)), bytes: bytes.length }
}
