/**
 * A bulk transfer of datagrams that carry nothing: a congestion controller with the least around it that it needs.
 *
 * Sends whatever controller and pacer allow, acknowledges every second datagram, finds losses by RFC 9002 and counts.
 * No handshake, no encryption, no retransmission: what a controller does on a path shows without the rest of a protocol,
 * and many times as fast. Invariant: at most a few objects per datagram, and everything random comes from the links.
 */
import type { VIPSocketPeer } from '@vio/io'
import { createSentRecord, type IVCongestion, type IVSentRecord } from '../proto/congestion/controller.js'
import { Pacer } from '../proto/pacer.js'
import { Rtt } from '../proto/rtt.js'
import { SimDatagram } from './datagram.js'
import { SimCall } from './event-queue.js'
import type { SimHost } from './network.js'
import type { SimWorld } from './world.js'

/** How a flow is made. */
export interface SimFlowOptions {
  readonly from: SimHost
  readonly to: SimHost
  /** Makes the controller. */
  readonly congestion: (rtt: Rtt) => IVCongestion
  /** Size of a datagram; by default 1200 bytes. */
  readonly datagramBytes?: number
  /** Bytes per millisecond that the application gives at most; by default no bound. */
  readonly appRate?: number
}

interface Acknowledgement {
  /** Numbers that have arrived since the acknowledgements before. */
  readonly numbers: readonly number[]
  /** What the acknowledgements before this one said, in case they were lost. */
  readonly before: readonly (readonly number[])[]
  readonly delayMs: number
}

const ACK_BYTES = 60
const ACK_EVERY = 2
const MAX_ACK_DELAY_MS = 25
const ACKS_REPEATED = 4
const PACKET_THRESHOLD = 3

/** One flow between two hosts. */
export class SimFlow {
  readonly congestion: IVCongestion
  readonly rtt: Rtt = new Rtt()
  readonly pacer: Pacer
  /** Datagrams sent, that arrived first, that were given up, and given up although they arrived. */
  readonly counts = { sent: 0, arrived: 0, lost: 0, spurious: 0 }
  inFlightBytes = 0
  readonly datagramBytes: number
  readonly #world: SimWorld
  readonly #options: SimFlowOptions
  readonly #receiver: Receiver
  readonly #port: number
  readonly #peer: VIPSocketPeer
  readonly #source: VIPSocketPeer
  readonly #outstanding = new Map<number, IVSentRecord>()
  readonly #givenUp = new Map<number, IVSentRecord>()
  readonly #pool: IVSentRecord[] = []
  readonly #wake: SimCall
  readonly #lossTimer: SimCall
  #next = 0
  #largestAcked = -1
  #backOff = 0
  #appBytes = 0
  #appFrom = 0
  #isStopped = false

  constructor(world: SimWorld, options: SimFlowOptions) {
    this.#world = world
    this.#options = options
    this.datagramBytes = options.datagramBytes ?? 1200
    this.congestion = options.congestion(this.rtt)
    this.pacer = new Pacer({ datagramBytes: this.datagramBytes })
    this.#receiver = new Receiver(world, options.to)
    this.#port = options.from.open(0, (now, datagram) => this.#onAck(now, datagram.note as Acknowledgement))
    this.#source = world.network.peer(options.from.address, this.#port)
    this.#peer = world.network.peer(options.to.address, this.#receiver.port)
    this.#wake = new SimCall((now) => this.#send(now))
    this.#lossTimer = new SimCall((now) => this.#onTimer(now))
    this.#appFrom = world.now
    world.schedule(this.#wake, world.now)
  }

  /** Bytes that arrived, each once. */
  get deliveredBytes(): number {
    return this.#receiver.arrived * this.datagramBytes
  }

  /** Sends nothing new from now on. */
  stop(): void {
    this.#isStopped = true
  }

  #send(now: number): void {
    const { congestion } = this
    this.pacer.setRate(now, congestion.pacingRate)
    while (!this.#isStopped && this.inFlightBytes + this.datagramBytes <= congestion.windowBytes) {
      if (!this.#hasData(now)) {
        congestion.onAppLimited(this.inFlightBytes)
        const { appRate = 1 } = this.#options
        this.#world.schedule(this.#wake, now + this.datagramBytes / appRate)
        break
      }
      if (!this.pacer.canSend(now)) {
        this.#world.schedule(this.#wake, this.pacer.nextAt(now))
        break
      }
      this.#sendOne(now)
    }
    this.#armLossTimer()
  }

  #hasData(now: number): boolean {
    const { appRate } = this.#options
    return appRate === undefined || this.#appBytes + this.datagramBytes <= (now - this.#appFrom) * appRate
  }

  #sendOne(now: number): void {
    const record = this.#pool.pop() ?? createSentRecord()
    record.number = this.#next++
    record.sizeBytes = this.datagramBytes
    record.sentAt = now
    this.inFlightBytes += record.sizeBytes
    this.#appBytes += record.sizeBytes
    this.counts.sent += 1
    this.#outstanding.set(record.number, record)
    this.congestion.onSent(now, record, this.inFlightBytes)
    this.pacer.onSent(now, record.sizeBytes)
    this.#options.from.dispatch(now, sized(this.#source, this.#peer, record.sizeBytes, record.number))
  }

  #onAck(now: number, ack: Acknowledgement): void {
    const before = this.#largestAcked
    let largestAt = -1
    for (const numbers of [...ack.before, ack.numbers]) {
      for (const number of numbers) {
        const record = this.#outstanding.get(number)
        if (record === undefined) this.#onLate(now, number)
        else {
          if (number > this.#largestAcked) {
            this.#largestAcked = number
            largestAt = record.sentAt
          }
          this.#take(record)
          this.congestion.onAck(now, record)
          this.#pool.push(record)
          this.#backOff = 0
        }
      }
    }
    let rttMs = -1
    if (this.#largestAcked > before) rttMs = this.rtt.update(now - largestAt, ack.delayMs)
    this.#detectLosses(now)
    this.congestion.onBatchEnd(now, this.inFlightBytes, rttMs)
    this.#send(now)
  }

  #onLate(now: number, number: number): void {
    const record = this.#givenUp.get(number)
    if (record === undefined) return
    this.#givenUp.delete(number)
    this.counts.spurious += 1
    this.congestion.onSpurious(now, record)
  }

  #take(record: IVSentRecord): void {
    this.#outstanding.delete(record.number)
    this.inFlightBytes -= record.sizeBytes
  }

  #detectLosses(now: number): void {
    const { lossDelayMs } = this.rtt
    for (const record of this.#outstanding.values()) {
      if (record.number > this.#largestAcked) break
      const isFar = record.number <= this.#largestAcked - PACKET_THRESHOLD
      // Those behind it were sent later.
      if (!isFar && record.sentAt + lossDelayMs > now) break
      this.#take(record)
      this.counts.lost += 1
      this.congestion.onLoss(now, record)
      this.#givenUp.set(record.number, record)
    }
    for (const number of this.#givenUp.keys()) {
      if (number > this.#largestAcked - 10_000) break
      this.#givenUp.delete(number)
    }
  }

  #armLossTimer(): void {
    const first = this.#outstanding.values().next().value
    let dueAt = Number.POSITIVE_INFINITY
    if (first !== undefined && first.number < this.#largestAcked) dueAt = first.sentAt + this.rtt.lossDelayMs
    else if (first !== undefined) dueAt = first.sentAt + this.rtt.ptoMs(MAX_ACK_DELAY_MS) * 2 ** this.#backOff
    this.#world.schedule(this.#lossTimer, dueAt)
  }

  #onTimer(now: number): void {
    this.#detectLosses(now)
    const first = this.#outstanding.values().next().value
    if (first !== undefined && first.number > this.#largestAcked) {
      // Nothing has come back: send a probe, whatever the window says.
      this.#backOff += 1
      if (this.#backOff > 2) this.congestion.onPersistentCongestion(now)
      for (const record of [...this.#outstanding.values()].slice(0, 2)) {
        this.#take(record)
        this.#pool.push(record)
        this.counts.lost += 1
        this.#sendOne(now)
      }
    }
    this.congestion.onBatchEnd(now, this.inFlightBytes, -1)
    this.#send(now)
  }
}

/** The side that acknowledges. */
class Receiver {
  arrived = 0
  readonly port: number
  readonly #world: SimWorld
  readonly #host: SimHost
  readonly #timer: SimCall
  readonly #before: (readonly number[])[] = []
  #numbers: number[] = []
  #largest = -1
  #largestAt = 0
  #to: VIPSocketPeer | undefined

  constructor(world: SimWorld, host: SimHost) {
    this.#world = world
    this.#host = host
    this.#timer = new SimCall((now) => this.#acknowledge(now))
    this.port = host.open(0, (now, datagram) => this.#onDatagram(now, datagram))
  }

  #onDatagram(now: number, datagram: SimDatagram): void {
    const number = datagram.note as number
    this.#to = datagram.from
    this.arrived += 1
    this.#numbers.push(number)
    const isInOrder = number === this.#largest + 1
    if (number > this.#largest) {
      this.#largest = number
      this.#largestAt = now
    }
    if (!isInOrder || this.#numbers.length >= ACK_EVERY) this.#acknowledge(now)
    else this.#world.schedule(this.#timer, now + MAX_ACK_DELAY_MS)
  }

  #acknowledge(now: number): void {
    this.#world.events.cancel(this.#timer)
    if (this.#to === undefined || this.#numbers.length === 0) return
    const note: Acknowledgement = {
      numbers: this.#numbers,
      before: [...this.#before],
      delayMs: now - this.#largestAt,
    }
    this.#before.push(this.#numbers)
    if (this.#before.length > ACKS_REPEATED) this.#before.shift()
    this.#numbers = []
    const from = this.#world.network.peer(this.#host.address, this.port)
    this.#host.dispatch(now, sized(from, this.#to, ACK_BYTES, note))
  }
}

const NOTHING = Buffer.alloc(0)

/** A datagram of a size, without bytes. */
function sized(from: VIPSocketPeer, to: VIPSocketPeer, sizeBytes: number, note: unknown): SimDatagram {
  const datagram = new SimDatagram(from, to, NOTHING, note)
  datagram.sizeBytes = sizeBytes
  return datagram
}
