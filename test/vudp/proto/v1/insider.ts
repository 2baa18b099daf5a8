/**
 * A hand-made side of a VUT/1 connection that holds the keys: it seals whatever frames a test likes.
 *
 * It does the handshake as an initiator and then has no opinion: numbers, frames and addresses are the test's. Invariant:
 * what it seals is genuine, so that the other side's states behind the cipher are reached.
 */
import { VIPSocketPeer, VTransmitBatch } from '@vio/io'
import { VSeededRandom } from '@vio/reactor/testing'
import { NodeCrypto } from '../../../../packages/vudp/src/driver/crypto.js'
import { resolveConfig, type VUDPOptions } from '../../../../packages/vudp/src/proto/config.js'
import { VUDPConnection } from '../../../../packages/vudp/src/proto/connection.js'
import type { VUDPEvent } from '../../../../packages/vudp/src/proto/engine.js'
import { DatagramBuilder } from '../../../../packages/vudp/src/proto/v1/builder.js'
import { FRAME, FrameReader } from '../../../../packages/vudp/src/proto/v1/frames.js'
import { Handshake } from '../../../../packages/vudp/src/proto/v1/handshake.js'
import { Protection, type ProtectionSecrets } from '../../../../packages/vudp/src/proto/v1/protection.js'
import { SentPacket } from '../../../../packages/vudp/src/proto/v1/sent.js'

export const INSIDER: VIPSocketPeer = new VIPSocketPeer('10.9.0.1', 1111)
export const VICTIM: VIPSocketPeer = new VIPSocketPeer('10.9.0.2', 2222)

const crypto = new NodeCrypto()
const [GREATER, LESS] = [Buffer.alloc(16, 0xee), Buffer.alloc(16, 0x11)]

/** A datagram of the victim. */
export interface Heard {
  readonly to: VIPSocketPeer
  readonly bytes: Buffer
  /** Its frames, decrypted; null for a long datagram. */
  readonly plain: Buffer | null
}

/** The hand-made side and the connection that it speaks with. */
export class Insider {
  now = 1000
  number = 0
  readonly victim: VUDPConnection
  readonly events: VUDPEvent[] = []
  readonly heard: Heard[] = []
  readonly handshake: Handshake
  protection: Protection | null = null
  /** Seals in place of `protection`: with keys that do not follow those of the victim. */
  sealer: Protection | null = null
  secrets: ProtectionSecrets | null = null
  /** Another id of the victim than that of the handshake. */
  dcid: Buffer | null = null
  readonly #batch = new VTransmitBatch()

  /** @param options of the victim */
  constructor(options: Partial<VUDPOptions> = {}, seed = 1) {
    const random = new VSeededRandom(seed)
    const means = { crypto, random: random.fork('insider') }
    const idleTimeoutMs = options.idleTimeoutMs ?? 30_000
    const config = resolveConfig({ secret: GREATER, peerSecret: LESS, peer: VICTIM, idleTimeoutMs }, means)
    this.handshake = new Handshake(config, means)
    this.victim = new VUDPConnection(
      { secret: LESS, peerSecret: GREATER, peer: INSIDER, ...options },
      { crypto, random: random.fork('victim') },
    )
  }

  /** Does the handshake and sends the first DATA. */
  connect(): this {
    this.handshake.start(this.now)
    for (let long = this.handshake.outbox.shift(); long !== undefined; long = this.handshake.outbox.shift()) {
      this.give(long.bytes)
    }
    this.listen()
    if (this.protection === null) throw new Error('the victim did not answer')
    this.say(Buffer.of(1))
    for (const { plain } of this.listen()) if (plain !== null) this.#prove(plain)
    this.listen()
    return this
  }

  /** Answers a challenge, so that the victim knows this address. */
  #prove(plain: Buffer): void {
    const reader = new FrameReader()
    reader.reset(plain)
    while (reader.next()) {
      if (reader.type === FRAME.pathChallenge)
        this.say(Buffer.concat([Buffer.of(FRAME.pathResponse), reader.data]))
    }
  }

  /** Hands bytes to the victim. */
  give(bytes: Buffer, from: VIPSocketPeer = INSIDER): void {
    this.victim.handleDatagram(this.now, from, Buffer.from(bytes))
  }

  /** Seals frames under the next number, and hands them over. */
  say(frames: Buffer, from: VIPSocketPeer = INSIDER): void {
    this.give(this.seal(frames), from)
  }

  /** Seals frames under the next number. */
  seal(frames: Buffer): Buffer {
    if (this.protection === null || this.handshake.result === null) throw new Error('not connected')
    const builder = new DatagramBuilder()
    const bytes = Buffer.alloc(13 + frames.length + 16)
    builder.begin(bytes, 0, bytes.length, new SentPacket())
    bytes.set(frames, builder.at)
    builder.wrote(builder.at + frames.length)
    const sealer = this.sealer ?? this.protection
    sealer.seal(builder, this.dcid ?? this.handshake.result.dcid, this.number)
    this.number += 1
    return bytes
  }

  /** Lets the victim send and tell. Returns what it sent. */
  listen(): Heard[] {
    const batch = this.#batch
    const from = this.heard.length
    while (this.victim.pollTransmit(this.now, batch)) {
      for (let at = batch.start; at < batch.end; at += batch.segmentBytes) {
        const bytes = Buffer.from(batch.buffer.subarray(at, Math.min(at + batch.segmentBytes, batch.end)))
        this.#hear(batch.peer ?? INSIDER, bytes)
      }
    }
    for (let event = this.victim.pollEvent(); event !== undefined; event = this.victim.pollEvent()) {
      this.events.push(event)
    }
    return this.heard.slice(from)
  }

  /** Lets time pass, as far as something is due, and hears what is sent. */
  wait(ms: number): Heard[] {
    const from = this.heard.length
    const until = this.now + ms
    this.listen()
    for (let due = this.victim.pollTimeout(); due <= until; due = this.victim.pollTimeout()) {
      this.now = Math.max(this.now, due)
      this.victim.handleTimeout(this.now)
      this.listen()
    }
    this.now = until
    return this.heard.slice(from)
  }

  /** The types of the frames in what was heard. */
  static typesIn(heard: readonly Heard[]): number[] {
    const reader = new FrameReader()
    const types: number[] = []
    for (const { plain } of heard) {
      if (plain === null) continue
      reader.reset(plain)
      while (reader.next()) types.push(reader.type)
    }
    return types
  }

  #hear(to: VIPSocketPeer, bytes: Buffer): void {
    let plain: Buffer | null = null
    if (this.protection !== null && (bytes[0] ?? 0) < 0x80) {
      if (this.protection.open(this.now, Buffer.from(bytes), 100) === 'opened') plain = this.protection.plain
    } else if (this.handshake.result === null) {
      this.handshake.onDatagram(this.now, VICTIM, bytes)
      const { result } = this.handshake as { result: Handshake['result'] }
      if (result !== null) {
        const { sendSecret, receiveSecret, cipher } = result
        const secrets = { send: sendSecret, receive: receiveSecret, cipher, datagramsPerKey: 2 ** 23 }
        this.secrets = secrets
        this.protection = new Protection(crypto, secrets)
      }
    }
    this.heard.push({ to, bytes, plain })
  }
}
