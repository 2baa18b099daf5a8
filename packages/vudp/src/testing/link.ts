/**
 * One direction of a simulated link.
 *
 * Decides what happens to each datagram, in this order: outage, size, loss, duplication, corruption, the queue in front
 * of the rate, delay with jitter, reordering. Where it goes then was said by whoever sent it. Invariant: every decision
 * is drawn from a random stream of its own, so that switching one effect on leaves the others as they were.
 */
import type { IVRandom } from '@vio/reactor'
import type { ISimHop, SimDatagram } from './datagram.js'
import type { SimEventQueue } from './event-queue.js'

/** What a link does. Rates are probabilities from 0 to 1; all are 0 unless given. */
export interface LinkOptions {
  /** How long every datagram takes. */
  readonly delayMs?: number
  /** A random time up to this is added; the order is kept. */
  readonly jitterMs?: number
  /** Lost, each alone. */
  readonly loss?: number
  /**
   * Lost in bursts: in the mean this part of all, with so many in a row (Gilbert and Elliott). A burst is over after
   * `maxMs` (1000 by default) however few were sent in it.
   */
  readonly burst?: { readonly rate: number; readonly length: number; readonly maxMs?: number }
  /** Held back until so many others have passed, or `maxMs` (100 by default) are over. */
  readonly reorder?: { readonly rate: number; readonly by: number; readonly maxMs?: number }
  /** Held back for a time. */
  readonly late?: { readonly rate: number; readonly ms: number }
  /** Arrives twice. */
  readonly duplicate?: number
  /** A random bit is flipped. */
  readonly corrupt?: number
  /** Mbit per second; by default without limit. */
  readonly rateMbit?: number
  /** Bytes that wait in front of the rate at most; by default what it sends in 100 ms. */
  readonly queueBytes?: number
  /** The largest payload that passes; by default any. */
  readonly mtuBytes?: number
  /** Bytes that each datagram counts more than its payload, for headers below; by default 0. */
  readonly overheadBytes?: number
}

/** What has happened on a link, in datagrams where nothing else is said. */
export interface LinkCounts {
  sent: number
  sentBytes: number
  delivered: number
  deliveredBytes: number
  lost: number
  queueDrops: number
  mtuDrops: number
  downDrops: number
  duplicated: number
  corrupted: number
  reordered: number
  /** The most that ever waited, in bytes. */
  maxQueueBytes: number
}

/** The random streams of a link. */
interface Draws {
  readonly loss: IVRandom
  readonly burst: IVRandom
  readonly duplicate: IVRandom
  readonly corrupt: IVRandom
  readonly jitter: IVRandom
  readonly reorder: IVRandom
}

/** What a link takes from its world. */
export interface LinkWorld {
  readonly events: SimEventQueue
  /** The random stream of that name. */
  readonly draw: (name: string) => IVRandom
}

interface Held {
  readonly datagram: SimDatagram
  left: number
}

const BYTES_PER_MS_OF_MBIT = 125
const DEFAULT_QUEUE_MS = 100
const DEFAULT_HOLD_MS = 100
const MAX_BURST_MS = 1_000

/** A link in one direction. */
export class SimLink {
  readonly name: string
  readonly counts: LinkCounts = {
    sent: 0,
    sentBytes: 0,
    delivered: 0,
    deliveredBytes: 0,
    lost: 0,
    queueDrops: 0,
    mtuDrops: 0,
    downDrops: 0,
    duplicated: 0,
    corrupted: 0,
    reordered: 0,
    maxQueueBytes: 0,
  }
  readonly #events: SimEventQueue
  readonly #draws: Draws
  readonly #held: Held[] = []
  readonly #taps: ((now: number, datagram: SimDatagram) => void)[] = []
  #options: LinkOptions
  #freeAt = 0
  #lastArrivalAt = 0
  #isBursting = false
  #burstAt = 0
  #isDown = false

  constructor(name: string, world: LinkWorld, options: LinkOptions = {}) {
    this.name = name
    this.#events = world.events
    this.#options = options
    this.#draws = {
      loss: world.draw('loss'),
      burst: world.draw('burst'),
      duplicate: world.draw('duplicate'),
      corrupt: world.draw('corrupt'),
      jitter: world.draw('jitter'),
      reorder: world.draw('reorder'),
    }
  }

  /** What it does. */
  get options(): LinkOptions {
    return this.#options
  }

  /** Changes what it does, from the next datagram on; what is not named stays. */
  change(options: LinkOptions): void {
    this.#options = { ...this.#options, ...options }
  }

  /** True while everything is dropped. */
  get isDown(): boolean {
    return this.#isDown
  }

  /** Drops everything from now on, or no longer. What is on its way arrives. */
  setDown(isDown: boolean): void {
    this.#isDown = isDown
  }

  /** Lets `seen` look at every datagram that is sent, before anything happens to it. It must copy what it keeps. */
  tap(seen: (now: number, datagram: SimDatagram) => void): void {
    this.#taps.push(seen)
  }

  /** The bytes that wait in front of the rate. */
  queuedBytes(now: number): number {
    const { rateMbit } = this.#options
    if (rateMbit === undefined) return 0
    return Math.max(0, this.#freeAt - now) * rateMbit * BYTES_PER_MS_OF_MBIT
  }

  /** Takes a datagram over and brings it to `hop`, if at all. */
  send(now: number, datagram: SimDatagram, hop: ISimHop): void {
    for (const seen of this.#taps) seen(now, datagram)
    this.counts.sent += 1
    this.counts.sentBytes += datagram.sizeBytes
    if (this.#isDropped(now, datagram)) return
    if (this.#happens(this.#options.duplicate, this.#draws.duplicate)) {
      this.counts.duplicated += 1
      this.#queue(now, datagram.copy(), hop)
    }
    this.#queue(now, datagram, hop)
  }

  #isDropped(now: number, datagram: SimDatagram): boolean {
    const { counts } = this
    const { mtuBytes, loss } = this.#options
    if (this.#isDown) counts.downDrops += 1
    else if (mtuBytes !== undefined && datagram.sizeBytes > mtuBytes) counts.mtuDrops += 1
    else if (this.#happens(loss, this.#draws.loss) || this.#isInBurst(now)) counts.lost += 1
    else return false
    return true
  }

  #happens(rate: number | undefined, random: IVRandom): boolean {
    return rate !== undefined && rate > 0 && random.publicDouble() < rate
  }

  #isInBurst(now: number): boolean {
    const { burst } = this.#options
    if (burst === undefined || burst.rate <= 0) return false
    const drawn = this.#draws.burst.publicDouble()
    const leaves = 1 / burst.length
    const enters = (leaves * burst.rate) / (1 - burst.rate)
    if (this.#isBursting) {
      this.#isBursting = drawn >= leaves && now - this.#burstAt < (burst.maxMs ?? MAX_BURST_MS)
    } else if (drawn < enters) {
      this.#isBursting = true
      this.#burstAt = now
    }
    return this.#isBursting
  }

  #queue(now: number, datagram: SimDatagram, hop: ISimHop): void {
    datagram.hop = hop
    if (datagram.bytes.length > 0 && this.#happens(this.#options.corrupt, this.#draws.corrupt))
      this.#flip(datagram)
    const { rateMbit, queueBytes, overheadBytes = 0 } = this.#options
    let leavesAt = now
    if (rateMbit !== undefined) {
      const rate = rateMbit * BYTES_PER_MS_OF_MBIT
      const sizeBytes = datagram.sizeBytes + overheadBytes
      const waiting = this.queuedBytes(now) + sizeBytes
      // A datagram that finds the line free always passes, however small the queue.
      if (waiting > Math.max(queueBytes ?? rate * DEFAULT_QUEUE_MS, sizeBytes)) {
        this.counts.queueDrops += 1
        return
      }
      this.counts.maxQueueBytes = Math.max(this.counts.maxQueueBytes, waiting)
      this.#freeAt = Math.max(this.#freeAt, now) + sizeBytes / rate
      leavesAt = this.#freeAt
    }
    this.counts.delivered += 1
    this.counts.deliveredBytes += datagram.sizeBytes
    this.#carry(leavesAt, datagram)
  }

  #flip(datagram: SimDatagram): void {
    const at = this.#draws.corrupt.publicUint32() % datagram.bytes.length
    datagram.bytes[at] = (datagram.bytes[at] as number) ^ (1 << (this.#draws.corrupt.publicUint32() & 7))
    this.counts.corrupted += 1
  }

  #carry(leavesAt: number, datagram: SimDatagram): void {
    const { delayMs = 0, jitterMs = 0, reorder, late } = this.#options
    let arrivesAt = leavesAt + delayMs
    if (jitterMs > 0) arrivesAt += this.#draws.jitter.publicDouble() * jitterMs
    if (late !== undefined && this.#happens(late.rate, this.#draws.reorder)) {
      this.counts.reordered += 1
      this.#events.schedule(datagram, arrivesAt + late.ms)
      return
    }
    if (reorder !== undefined && this.#happens(reorder.rate, this.#draws.reorder)) {
      this.counts.reordered += 1
      this.#held.push({ datagram, left: reorder.by })
      this.#events.schedule(datagram, arrivesAt + (reorder.maxMs ?? DEFAULT_HOLD_MS))
      return
    }
    // Jitter delays, it does not reorder: what was sent first arrives first.
    this.#lastArrivalAt = Math.max(this.#lastArrivalAt, arrivesAt)
    this.#events.schedule(datagram, this.#lastArrivalAt)
    this.#release(this.#lastArrivalAt)
  }

  /** Another one passes: those that waited for it go right behind it. */
  #release(arrivesAt: number): void {
    for (let at = 0; at < this.#held.length; at += 1) {
      const held = this.#held[at] as Held
      held.left -= 1
      if (held.datagram.isQueued && held.left > 0) continue
      if (held.datagram.isQueued)
        this.#events.schedule(held.datagram, Math.min(held.datagram.dueAt, arrivesAt))
      this.#held.splice(at, 1)
      at -= 1
    }
  }
}
