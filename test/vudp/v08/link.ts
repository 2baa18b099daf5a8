/**
 * Two 0.8 connections joined by a link that loses, delays, doubles and reorders, in simulated time.
 *
 * The link knows no protocol. Invariant: all that happens follows from the seed.
 */
import { VIPSocketPeer, VTransmitBatch } from '@vio/io'
import { VSeededRandom } from '@vio/reactor/testing'
import type { VUDPEvent } from '../../../packages/vudp/src/proto/engine.js'
import type { V08Options } from '../../../packages/vudp/src/proto/v08/config.js'
import { V08Connection } from '../../../packages/vudp/src/proto/v08/connection.js'
import { sha1 } from './vectors.js'

/** What a link does to datagrams. */
export interface LinkTerms {
  readonly seed?: number
  /** The part that is lost, each way. */
  readonly loss?: number
  /** One way, in ms. */
  readonly delayMs?: number
  /** Up to so much is added to the delay: more than the distance of datagrams reorders them. */
  readonly jitterMs?: number
  /** The part that comes twice. */
  readonly doubled?: number
  readonly a?: Partial<V08Options>
  readonly b?: Partial<V08Options>
}

/** One end of the pair. */
export interface LinkEnd {
  readonly engine: V08Connection
  readonly events: VUDPEvent[]
  readonly received: Buffer[]
  /** Called after each event and each time that something may have changed. */
  act: (end: LinkEnd) => void
}

interface OnWay {
  readonly at: number
  readonly to: LinkEnd
  readonly from: VIPSocketPeer
  readonly bytes: Buffer
}

export const PEER_A: VIPSocketPeer = new VIPSocketPeer('10.0.0.1', 1001)
export const PEER_B: VIPSocketPeer = new VIPSocketPeer('10.0.0.2', 1002)
const SECRET_A = Buffer.alloc(32, 1)
const SECRET_B = Buffer.alloc(32, 2)

/** A connection with usual secrets. */
export function engineOf(side: 'a' | 'b', options: Partial<V08Options> = {}): V08Connection {
  const isA = side === 'a'
  return new V08Connection(
    {
      secret: isA ? SECRET_A : SECRET_B,
      peerSecret: isA ? SECRET_B : SECRET_A,
      peer: isA ? PEER_B : PEER_A,
      ...options,
    },
    { sha1: (...parts) => Buffer.from(sha1(parts[0] ?? Buffer.alloc(0))) },
  )
}

/** Reads all that can be read. */
export function readAll(end: LinkEnd): void {
  while (end.engine.stream.readable) end.received.push(end.engine.stream.readSome(10_000))
}

/** The pair and the link between them. */
export class LinkedPair {
  readonly a: LinkEnd
  readonly b: LinkEnd
  now = 1000
  /** Datagrams that were sent, also those that were lost. */
  sent = 0
  readonly #terms: LinkTerms
  readonly #random: VSeededRandom
  readonly #onWay: OnWay[] = []
  readonly #batch = new VTransmitBatch()
  /** Loses what it is told to; in front of chance. */
  drop: (bytes: Buffer, from: VIPSocketPeer) => boolean = () => false

  constructor(terms: LinkTerms = {}) {
    this.#terms = terms
    this.#random = new VSeededRandom(terms.seed ?? 1)
    this.a = { engine: engineOf('a', terms.a), events: [], received: [], act: readAll }
    this.b = { engine: engineOf('b', terms.b), events: [], received: [], act: readAll }
  }

  /** Runs until `done`; false if that did not come within `maxMs`, or nothing can happen any more. */
  run(done: () => boolean, maxMs = 600_000): boolean {
    const until = this.now + maxMs
    this.settle()
    while (!done()) {
      const next = Math.min(
        this.#onWay[0]?.at ?? Number.POSITIVE_INFINITY,
        this.a.engine.pollTimeout(),
        this.b.engine.pollTimeout(),
      )
      if (next === Number.POSITIVE_INFINITY || next > until) return false
      this.now = Math.max(this.now, next)
      this.#step()
      this.settle()
    }
    return true
  }

  /** Runs until both have nothing more to do. */
  drain(maxMs = 600_000): boolean {
    return this.run(() => this.a.engine.drained && this.b.engine.drained, maxMs)
  }

  /** Takes what the ends want to send and to tell now. */
  settle(): void {
    for (let more = true; more; ) {
      more = false
      for (const end of [this.a, this.b]) {
        for (let event = end.engine.pollEvent(); event !== undefined; event = end.engine.pollEvent()) {
          end.events.push(event)
          more = true
        }
        end.act(end)
        while (end.engine.pollTransmit(this.now, this.#batch)) {
          this.#transmit(end)
          more = true
        }
      }
    }
  }

  #step(): void {
    while ((this.#onWay[0]?.at ?? Number.POSITIVE_INFINITY) <= this.now) {
      const { to, from, bytes } = this.#onWay.shift() as OnWay
      to.engine.handleDatagram(this.now, from, bytes)
    }
    for (const { engine } of [this.a, this.b]) {
      if (engine.pollTimeout() <= this.now) engine.handleTimeout(this.now)
    }
  }

  #transmit(end: LinkEnd): void {
    const batch = this.#batch
    for (let at = batch.start; at < batch.end; at += batch.segmentBytes) {
      const bytes = Buffer.from(batch.buffer.subarray(at, Math.min(at + batch.segmentBytes, batch.end)))
      this.sent += 1
      const from = end === this.a ? PEER_A : PEER_B
      if (this.drop(bytes, from) || this.#random.publicDouble() < (this.#terms.loss ?? 0)) continue
      const copies = this.#random.publicDouble() < (this.#terms.doubled ?? 0) ? 2 : 1
      for (let copy = 0; copy < copies; copy += 1) this.#post(end, from, bytes)
    }
    batch.clear()
  }

  #post(end: LinkEnd, from: VIPSocketPeer, bytes: Buffer): void {
    const { delayMs = 10, jitterMs = 0 } = this.#terms
    const at = this.now + delayMs + this.#random.publicDouble() * jitterMs
    const place = this.#onWay.findIndex((other) => other.at > at)
    const item = { at, to: end === this.a ? this.b : this.a, from, bytes: Buffer.from(bytes) }
    this.#onWay.splice(place === -1 ? this.#onWay.length : place, 0, item)
  }
}
