/**
 * Two VUT/1 connections joined in memory: a line with delay, loss and a largest size, on a clock of its own.
 *
 * For quick tests of the engine; scenarios with links, queues and NATs are the simulator's. Time goes from one thing that
 * is due to the next. Invariant: one seed gives one run.
 */
import { VIPSocketPeer, VTransmitBatch } from '@vio/io'
import { VSeededRandom } from '@vio/reactor/testing'
import { NodeCrypto } from '../../../../packages/vudp/src/driver/crypto.js'
import type { VUDPOptions } from '../../../../packages/vudp/src/proto/config.js'
import { VUDPConnection } from '../../../../packages/vudp/src/proto/connection.js'
import type { VUDPEvent } from '../../../../packages/vudp/src/proto/engine.js'

/** One way of the line. */
export interface LineOptions {
  readonly seed?: number
  readonly delayMs?: number
  readonly jitterMs?: number
  readonly loss?: number
  readonly duplicate?: number
  /** Datagrams above are dropped. */
  readonly mtuBytes?: number
  /** Bytes a millisecond; by default no bound. */
  readonly rate?: number
  readonly left?: Partial<VUDPOptions>
  readonly right?: Partial<VUDPOptions>
}

/** A datagram on its way. */
export interface Flight {
  readonly at: number
  readonly order: number
  readonly to: 'left' | 'right'
  readonly from: VIPSocketPeer
  readonly bytes: Buffer
}

/** One end of the pair. */
export class End {
  readonly connection: VUDPConnection
  readonly events: VUDPEvent[] = []
  /** Where its datagrams seem to come from. */
  address: VIPSocketPeer
  received = 0

  constructor(connection: VUDPConnection, address: VIPSocketPeer) {
    this.connection = connection
    this.address = address
  }

  /** The types of the events so far, changes of streams left out. */
  get told(): string[] {
    return this.events.map(({ type }) => type).filter((type) => type !== 'stream-changed')
  }
}

export const LEFT: VIPSocketPeer = new VIPSocketPeer('10.0.0.1', 1000)
export const RIGHT: VIPSocketPeer = new VIPSocketPeer('10.0.0.2', 2000)

const crypto = new NodeCrypto()
const [GREATER, LESS] = [Buffer.alloc(32, 0xab), Buffer.alloc(32, 0x12)]

/** Both ends, the line and the clock. The left end is the initiator. */
export class Pair {
  now = 0
  readonly left: End
  readonly right: End
  readonly options: LineOptions
  readonly random: VSeededRandom
  /** Decides what becomes of each datagram; null drops it. */
  onLine: (flight: Flight) => Flight | null = (flight) => flight
  readonly flights: Flight[] = []
  readonly #batch = new VTransmitBatch(Buffer.alloc(65_536))
  #order = 0
  /** When each way of the line is free again. */
  readonly #freeAt = { left: 0, right: 0 }
  steps = 0

  constructor(options: LineOptions = {}) {
    this.options = options
    this.random = new VSeededRandom(options.seed ?? 1)
    const means = (name: string) => ({ crypto, random: this.random.fork(name) })
    const left = { secret: GREATER, peerSecret: LESS, peer: RIGHT, ...options.left }
    const right = { secret: LESS, peerSecret: GREATER, peer: LEFT, ...options.right }
    this.left = new End(new VUDPConnection(left, means('left')), LEFT)
    this.right = new End(new VUDPConnection(right, means('right')), RIGHT)
  }

  /** Polls both ends, as after any call. */
  poll(): void {
    for (const end of [this.left, this.right]) {
      while (end.connection.pollTransmit(this.now, this.#batch)) this.#send(end)
      for (let event = end.connection.pollEvent(); event !== undefined; event = end.connection.pollEvent()) {
        end.events.push(event)
      }
    }
  }

  /** Does what is due next. False if nothing is, or not before `until`. */
  step(until = Number.POSITIVE_INFINITY): boolean {
    this.poll()
    const flight = this.#nextFlight()
    const due = Math.min(this.left.connection.pollTimeout(), this.right.connection.pollTimeout())
    const at = Math.min(flight?.at ?? Number.POSITIVE_INFINITY, due)
    if (at === Number.POSITIVE_INFINITY || at > until) return false
    this.steps += 1
    if (this.steps > 5_000_000) throw new Error(`no end after ${this.steps} steps at ${this.now} ms`)
    this.now = Math.max(this.now, at)
    if (flight !== undefined && flight.at <= due) this.#deliver(flight)
    else {
      for (const { connection } of [this.left, this.right]) {
        if (connection.pollTimeout() <= this.now) connection.handleTimeout(this.now)
      }
    }
    return true
  }

  /** Runs for a time. */
  run(ms: number): void {
    const until = this.now + ms
    while (this.step(until)) {}
    this.now = until
    this.poll()
  }

  /** Runs until `done`, or fails after `withinMs`. */
  until(done: () => boolean, withinMs = 60_000): void {
    const end = this.now + withinMs
    this.poll()
    while (!done()) {
      if (this.step(end)) continue
      throw new Error(
        `not done by ${this.now} ms; ${JSON.stringify([this.left.connection.stats(), this.right.connection.stats()])}`,
      )
    }
  }

  /** Runs until both are connected. */
  connect(): this {
    this.until(() => this.left.connection.connected && this.right.connection.connected)
    return this
  }

  /** Runs until both ends have nothing more to do. */
  drain(withinMs = 120_000): void {
    this.until(() => this.left.connection.drained && this.right.connection.drained, withinMs)
  }

  /** Hands a datagram in, whoever it is from. */
  inject(to: 'left' | 'right', from: VIPSocketPeer, bytes: Buffer): void {
    this[to].connection.handleDatagram(this.now, from, Buffer.from(bytes))
  }

  #nextFlight(): Flight | undefined {
    let best: Flight | undefined
    for (const flight of this.flights) {
      if (best === undefined || flight.at < best.at || (flight.at === best.at && flight.order < best.order))
        best = flight
    }
    return best
  }

  #deliver(flight: Flight): void {
    this.flights.splice(this.flights.indexOf(flight), 1)
    const end = this[flight.to]
    end.received += 1
    end.connection.handleDatagram(this.now, flight.from, flight.bytes)
  }

  #send(end: End): void {
    const batch = this.#batch
    for (let at = batch.start; at < batch.end; at += batch.segmentBytes) {
      const bytes = Buffer.from(batch.buffer.subarray(at, Math.min(at + batch.segmentBytes, batch.end)))
      const to = end === this.left ? 'right' : 'left'
      const { address } = this[to]
      if (batch.peer?.equals(address) !== true) continue
      this.#fly(to, end.address, bytes)
    }
  }

  #fly(to: 'left' | 'right', from: VIPSocketPeer, bytes: Buffer): void {
    const { delayMs = 10, jitterMs = 0, loss = 0, duplicate = 0, mtuBytes = 65_507, rate } = this.options
    if (bytes.length > mtuBytes || this.random.publicDouble() < loss) return
    const copies = this.random.publicDouble() < duplicate ? 2 : 1
    for (let copy = 0; copy < copies; copy += 1) {
      let leaves = this.now
      if (rate !== undefined) {
        leaves = Math.max(this.now, this.#freeAt[to]) + bytes.length / rate
        this.#freeAt[to] = leaves
      }
      const at = leaves + delayMs + jitterMs * this.random.publicDouble()
      this.#order += 1
      const flight = this.onLine({ at, order: this.#order, to, from, bytes: Buffer.from(bytes) })
      if (flight !== null) this.flights.push(flight)
    }
  }
}

/** Writes `sizeBytes` of a pattern into a stream as it takes them, and ends it. Call it after each step. */
export function writer(
  stream: { writeSome(data: Uint8Array): number; finish(): void },
  sizeBytes: number,
): () => void {
  let written = 0
  let ended = false
  return () => {
    while (written < sizeBytes) {
      const chunk = Buffer.alloc(Math.min(50_000, sizeBytes - written))
      for (let at = 0; at < chunk.length; at += 1) chunk[at] = patternAt(written + at)
      const taken = stream.writeSome(chunk)
      written += taken
      if (taken < chunk.length) return
    }
    if (!ended) stream.finish()
    ended = true
  }
}

/** Byte n of the pattern. */
export function patternAt(offset: number): number {
  return (offset * 7 + (offset >>> 8) * 13 + (offset >>> 16)) & 0xff
}

/** Reads what there is and compares it with the pattern. */
export class Reader {
  received = 0
  #stream: { readSome(maxBytes: number): Buffer }

  constructor(stream: { readSome(maxBytes: number): Buffer }) {
    this.#stream = stream
  }

  read(maxBytes = 65_536): void {
    for (
      let bytes = this.#stream.readSome(maxBytes);
      bytes.length > 0;
      bytes = this.#stream.readSome(maxBytes)
    ) {
      for (let at = 0; at < bytes.length; at += 1) {
        if (bytes[at] === patternAt(this.received + at)) continue
        throw new Error(`byte ${this.received + at} is ${bytes[at]}, not ${patternAt(this.received + at)}`)
      }
      this.received += bytes.length
    }
  }
}
