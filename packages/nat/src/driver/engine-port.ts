/**
 * The port that the connection of a connecter has: all of its sockets and the way by the relay, as one.
 *
 * Decides by which way a datagram leaves, and under which name the connection knows where one came from: an address of a
 * socket of lane 0 stands for itself, another lane's has a name, and the relay is its UDP address, also while a stream
 * leads there. Invariants: what the connection sends to the relay's address leaves by the relay, by whichever way is open;
 * PUNCH datagrams leave by the puncher only, whose numbers count.
 */
import {
  checkBatch,
  type IVDatagramCounts,
  type IVDatagramHandler,
  type IVDatagramPort,
  noDatagramCounts,
  type VDatagramError,
  type VFailure,
  VFIOCompleted,
  VIOClosed,
  VIOError,
  type VIPSocketPeer,
  VTransmitBatch,
} from '@vio/io'
import { KIND } from '@vio/vudp'
import type { VLanePeers } from '../lane-peers.js'
import type { HubRest, SocketHub } from './socket-hub.js'

/** Carries datagrams to the relay where UDP does not. */
export interface RelayStream {
  /** Sends one; false if there is no room for it now. `datagram` is lent. */
  send(datagram: Buffer): boolean
}

/** What the port is made of. */
export interface EnginePortOptions {
  readonly hub: SocketHub
  readonly names: VLanePeers
  /** True to have nothing to do with any address but the relay's. */
  readonly relayOnly: boolean
  /** Called once, when the connection needs the port no more. */
  readonly onClose: (reason: VFailure) => void
}

interface Waiting {
  readonly bytes: Buffer
  readonly from: VIPSocketPeer
}

const MAX_WAITING = 512
const SCRATCH_BYTES = 65_536

/** All ways as one port. */
export class EnginePort implements IVDatagramPort, HubRest {
  readonly remotePeer = null
  readonly localPeer: VIPSocketPeer
  readonly counts: IVDatagramCounts
  lane = 0
  readonly #options: EnginePortOptions
  readonly #first: IVDatagramPort
  readonly #waiting: Waiting[] = []
  readonly #scratch = new VTransmitBatch(Buffer.allocUnsafe(SCRATCH_BYTES))
  readonly #counts = noDatagramCounts()
  /** How many datagrams have gone to the relay and come from it. */
  relayed = 0
  #relay: VIPSocketPeer | null = null
  #stream: RelayStream | null = null
  /** Decided for the address that was sent to last. */
  #lastPeer: VIPSocketPeer | null = null
  #lastIsRelay = false
  #changed: () => void = () => undefined
  #handler: IVDatagramHandler | null = null
  #closed: VFailure | null = null

  /** @throws VIOError if the hub has no socket yet */
  constructor(options: EnginePortOptions) {
    const [first] = options.hub.main
    if (first === undefined) throw new VIOError('there is no socket yet')
    this.#options = options
    this.#first = first
    this.localPeer = first.localPeer
    this.counts = this.#counts
    options.hub.setRest(this)
  }

  get readable(): boolean {
    return this.#closed === null && (this.#waiting.length > 0 || this.#options.hub.readable)
  }

  get writable(): boolean {
    return this.#closed === null && this.#options.hub.main.some((port) => port.writable)
  }

  get closed(): VFailure | null {
    return this.#closed
  }

  get maxDatagramBytes(): number {
    return this.#first.maxDatagramBytes
  }

  get segmentsPerCall(): number {
    return this.#first.segmentsPerCall
  }

  get dontFragment(): boolean {
    return this.#first.dontFragment
  }

  get receiveBufferBytes(): number {
    return this.#first.receiveBufferBytes
  }

  /** The address of the relay: what is sent there goes by the relay. */
  setRelay(relay: VIPSocketPeer): void {
    this.#relay = relay
    this.#lastPeer = null
  }

  /** The relay is reached by a stream from now on; null: by UDP. */
  setStream(stream: RelayStream | null): void {
    this.#stream = stream
  }

  /** True for the name of the relay. */
  isRelay(peer: VIPSocketPeer): boolean {
    return this.#relay !== null && (peer === this.#relay || peer.equals(this.#relay))
  }

  /** A datagram has come by the stream of the relay; it is the port's from now on. */
  arriveByStream(bytes: Buffer): void {
    if (this.#relay !== null) this.#keep(bytes, this.#relay)
  }

  onReady(changed: () => void): void {
    this.#changed = changed
    this.#options.hub.reader = changed
    changed()
  }

  onError(_failed: (error: VDatagramError) => void): void {
    // The network's complaints about single addresses say nothing about the connection, which has several.
  }

  receive(handler: IVDatagramHandler, maxDatagrams: number = MAX_WAITING): number {
    let count = 0
    for (; count < maxDatagrams && this.#closed === null; count += 1) {
      const next = this.#waiting.shift()
      if (next === undefined) break
      this.#received(next.bytes.length)
      handler.handleDatagram(next.bytes, 0, next.bytes.length, next.from)
    }
    this.#handler = handler
    try {
      if (this.#closed === null && count < maxDatagrams) count += this.#options.hub.read(maxDatagrams - count)
    } finally {
      this.#handler = null
    }
    return count
  }

  /** What no machine on the sockets takes is the connection's. */
  handleDatagram(bytes: Buffer, start: number, end: number, from: VIPSocketPeer): void {
    const name = this.#options.names.nameOf(this.lane, from)
    if (name === null || this.#closed !== null) return
    if (this.#relay !== null && from.port === this.#relay.port && from.host === this.#relay.host)
      this.relayed += 1
    else if (this.#options.relayOnly) return
    if (this.#handler !== null) {
      this.#received(end - start)
      this.#handler.handleDatagram(bytes, start, end, name)
    } else this.#keep(Buffer.from(bytes.subarray(start, end)), name)
  }

  send(batch: VTransmitBatch): number {
    const peer = checkBatch(batch, this)
    if (this.#closed !== null) throw new VIOClosed('the port of the connection is closed')
    const { count } = batch
    if (batch.buffer[batch.start] === KIND.punch) return this.#drop(batch)
    const before = batch.end - batch.start
    const sent = this.#isRelayPeer(peer) ? this.#sendByRelay(batch, peer) : this.#sendDirectly(batch, peer)
    this.#counts.sent += sent
    this.#counts.sentBytes += sent === count ? before : before - (batch.end - batch.start)
    return sent
  }

  close(reason: VFailure = new VFIOCompleted()): void {
    if (this.#closed !== null) return
    this.#closed = reason
    this.#waiting.length = 0
    this.#changed()
    this.#options.onClose(reason)
  }

  #isRelayPeer(peer: VIPSocketPeer): boolean {
    if (peer !== this.#lastPeer) {
      this.#lastPeer = peer
      this.#lastIsRelay = this.isRelay(peer)
    }
    return this.#lastIsRelay
  }

  #sendByRelay(batch: VTransmitBatch, peer: VIPSocketPeer): number {
    this.relayed += batch.count
    const stream = this.#stream
    if (stream === null) return this.#sendOn(this.#options.hub.socketTo(0, peer), batch)
    const { count } = batch
    while (batch.count > 0) {
      const end = Math.min(batch.start + batch.segmentBytes, batch.end)
      // A stream that is full loses what comes on top, as any link does.
      if (!stream.send(batch.buffer.subarray(batch.start, end))) this.#counts.dropped += 1
      batch.remove(1)
    }
    return count
  }

  #sendDirectly(batch: VTransmitBatch, name: VIPSocketPeer): number {
    const { hub, names, relayOnly } = this.#options
    if (relayOnly) return this.#drop(batch)
    const { lane, peer } = names.resolve(name)
    const port = hub.socketTo(lane, peer)
    if (lane === 0) return this.#sendOn(port, batch)
    const scratch = this.#scratch
    const { count } = batch
    while (batch.count > 0) {
      const end = Math.min(batch.start + batch.segmentBytes, batch.end)
      scratch.begin(peer)
      batch.buffer.copy(scratch.buffer, 0, batch.start, end)
      scratch.commit(end - batch.start)
      batch.remove(1)
      hub.send(lane, peer, scratch)
    }
    return count
  }

  #sendOn(port: IVDatagramPort | undefined, batch: VTransmitBatch): number {
    // There is no socket of that family: as if the network had lost it.
    return port === undefined ? this.#drop(batch) : port.send(batch)
  }

  #drop(batch: VTransmitBatch): number {
    const { count } = batch
    batch.clear()
    return count
  }

  #keep(bytes: Buffer, from: VIPSocketPeer): void {
    if (this.#closed !== null || this.#waiting.length >= MAX_WAITING) {
      this.#counts.dropped += 1
      return
    }
    this.#waiting.push({ bytes, from })
    this.#changed()
  }

  #received(sizeBytes: number): void {
    this.#counts.received += 1
    this.#counts.receivedBytes += sizeBytes
  }
}
