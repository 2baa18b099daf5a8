/**
 * One side of a simulated connection: an engine on a port of a simulated host, and an application with a script.
 *
 * Does what a pump does on a real socket, without one: datagrams and time go in, datagrams, events and the next due time
 * come out. Invariants: after every call the engine is polled until it has nothing left, and one timer at most is armed.
 */
import { type VFailure, type VIPSocketPeer, VTransmitBatch } from '@vio/io'
import type { IVUDPEngine, IVUDPStream, VUDPEvent } from '../proto/engine.js'
import type { SimDatagram } from './datagram.js'
import { SimCall } from './event-queue.js'
import type { SimHost } from './network.js'
import { ScriptedStream, type StreamScript } from './stream-script.js'
import type { SimWorld } from './world.js'

/** How a side is made. */
export interface SimPeerOptions {
  readonly host: SimHost
  /** The port; by default any. */
  readonly port?: number
  /** Decides the patterns: one side is 'a', the other 'b'. */
  readonly side: 'a' | 'b'
  /** Makes the engine, once the port is open. */
  readonly engine: (local: VIPSocketPeer) => IVUDPEngine
  /** When it begins; by default at once. What arrives before finds a socket and nobody who reads. */
  readonly startAtMs?: number
  /** What is done with stream 0; by default nothing is written and all is read. */
  readonly script?: Partial<StreamScript>
  /** What is done with each further stream; by default the same as with stream 0. */
  readonly streams?: (stream: IVUDPStream) => Partial<StreamScript>
}

/** The most that waits for a side that is suspended, as in the buffer of a socket. */
const MAX_WAITING_BYTES = 212_992

/** One side. */
export class SimPeer {
  readonly engine: IVUDPEngine
  readonly side: 'a' | 'b'
  /** Stream 0. */
  readonly main: ScriptedStream
  /** All streams by their numbers. */
  readonly streams: Map<number, ScriptedStream> = new Map()
  /** Events of kinds that are not handled here, in order. */
  readonly events: VUDPEvent[] = []
  isConnected = false
  /** Why it is over. */
  closed: VFailure | null = null
  /** Datagrams and bytes sent; and those sent after the engine said that it was drained. */
  readonly counts = { sent: 0, sentBytes: 0, received: 0, sentDrained: 0, timeouts: 0, unreliable: 0 }
  readonly #world: SimWorld
  readonly #options: SimPeerOptions
  readonly #batch = new VTransmitBatch()
  readonly #timer: SimCall
  readonly #waiting: SimDatagram[] = []
  #waitingBytes = 0
  #host: SimHost
  #port: number
  #isSuspended = false
  #isGone = false

  constructor(world: SimWorld, options: SimPeerOptions) {
    this.#world = world
    this.#options = options
    this.side = options.side
    this.#host = options.host
    this.#port = options.host.open(options.port ?? 0, this.#receive)
    this.#timer = new SimCall((now) => this.#onTimer(now))
    this.engine = options.engine(this.local)
    this.main = this.#use(this.engine.stream, options.script ?? {})
    const startAt = options.startAtMs ?? world.now
    this.#isSuspended = startAt > world.now
    world.at(startAt, (now) => this.#resume(now))
  }

  /** The address of its socket. */
  get local(): VIPSocketPeer {
    return this.#world.network.peer(this.#host.address, this.#port)
  }

  /** True while a timer is armed. */
  get isArmed(): boolean {
    return this.#timer.isQueued
  }

  /** True if nothing is left of it: no timer, nothing to send, nothing in flight. */
  get isDrained(): boolean {
    return this.engine.drained
  }

  /** Opens another stream and uses it; undefined if the peer allows none now. */
  openStream(script: Partial<StreamScript>): ScriptedStream | undefined {
    const stream = this.engine.openStream()
    if (stream === null) return undefined
    const used = this.#use(stream, script)
    this.poke()
    return used
  }

  /** Changes what is done with stream 0, or does `change` with the engine, and lets it go on from there. */
  do(change: Partial<StreamScript> | ((engine: IVUDPEngine) => void)): void {
    if (typeof change === 'function') change(this.engine)
    else Object.assign(this.main.script, change)
    this.poke()
  }

  /** Lets application and engine do what they can now. */
  poke(): void {
    if (this.#isGone) return
    for (const used of this.streams.values()) used.work()
    this.#work(this.#world.now)
  }

  /** The socket is bound anew: another port, perhaps on another host. The engine is told. */
  move(host: SimHost = this.#host): void {
    this.#host.close(this.#port)
    this.#host = host
    this.#port = host.open(0, this.#receive)
    this.engine.localAddressChanged()
    this.poke()
  }

  /** This side alone stands still for a time: what arrives waits, as far as a socket holds it. */
  suspend(ms: number): void {
    this.#isSuspended = true
    this.#world.after(ms, (now) => this.#resume(now))
  }

  /** It is gone without a word. */
  vanish(): void {
    this.#isGone = true
    this.#host.close(this.#port)
    this.#world.events.cancel(this.#timer)
  }

  readonly #receive = (now: number, datagram: SimDatagram): void => {
    if (!this.#isSuspended) {
      this.#take(now, datagram)
      this.#work(now)
      return
    }
    if (this.#waitingBytes + datagram.bytes.length > MAX_WAITING_BYTES) return
    this.#waitingBytes += datagram.bytes.length
    this.#waiting.push(datagram)
  }

  #take(now: number, datagram: SimDatagram): void {
    this.counts.received += 1
    this.engine.handleDatagram(now, datagram.from, datagram.bytes)
  }

  #resume(now: number): void {
    if (this.#isGone) return
    this.#isSuspended = false
    this.#waitingBytes = 0
    for (const datagram of this.#waiting.splice(0)) this.#take(now, datagram)
    if (this.engine.pollTimeout() <= now) this.engine.handleTimeout(now)
    this.#work(now)
  }

  #onTimer(now: number): void {
    if (this.#isSuspended) return
    this.counts.timeouts += 1
    this.engine.handleTimeout(now)
    this.#work(now)
  }

  #work(now: number): void {
    if (this.#isSuspended || this.#isGone) return
    do this.#transmit(now)
    while (this.#takeEvents())
    const dueAt = this.engine.pollTimeout()
    if (Number.isNaN(dueAt)) throw new RangeError('pollTimeout() is not a number')
    this.#world.schedule(this.#timer, dueAt === Number.POSITIVE_INFINITY ? dueAt : Math.max(dueAt, now))
  }

  #transmit(now: number): void {
    const batch = this.#batch
    // The last datagram may be what drains it: what counts is what it was before.
    let wasDrained = this.engine.drained
    while (this.engine.pollTransmit(now, batch)) {
      const { peer, buffer, segmentBytes, count } = batch
      if (peer === null || count === 0)
        throw new RangeError('pollTransmit() gave a batch without peer or segments')
      for (let index = 0; index < count; index += 1) {
        const start = batch.start + index * segmentBytes
        const end = index === count - 1 ? batch.end : start + segmentBytes
        this.counts.sent += 1
        this.counts.sentBytes += end - start
        if (wasDrained) this.counts.sentDrained += 1
        this.#host.send(now, this.#port, peer, Buffer.from(buffer.subarray(start, end)))
      }
      batch.clear()
      wasDrained = this.engine.drained
    }
  }

  /** Returns true if something was done that may make the engine want to send. */
  #takeEvents(): boolean {
    let hasWorked = false
    for (let event = this.engine.pollEvent(); event !== undefined; event = this.engine.pollEvent()) {
      hasWorked = true
      if (event.type === 'connected') {
        this.isConnected = true
        this.main.work()
      } else if (event.type === 'stream-changed') this.streams.get(event.stream.id)?.work()
      else if (event.type === 'stream-opened') this.#accept(event.stream)
      else if (event.type === 'closed') this.closed = event.reason
      else {
        if (event.type === 'datagram') this.counts.unreliable += 1
        this.events.push(event)
      }
    }
    return hasWorked
  }

  #accept(stream: IVUDPStream): void {
    const script = this.#options.streams?.(stream) ?? this.#options.script ?? {}
    this.#use(stream, script).work()
  }

  #use(stream: IVUDPStream, script: Partial<StreamScript>): ScriptedStream {
    const base = 4 * (this.#world.seed * 4096 + stream.id)
    const seeds = this.side === 'a' ? { own: base, other: base + 1 } : { own: base + 1, other: base }
    const whole = { writeBytes: 0, finishes: false, readBytes: Number.POSITIVE_INFINITY, ...script }
    const used = new ScriptedStream(stream, whole, seeds)
    this.streams.set(stream.id, used)
    return used
  }
}
