/**
 * A socket for datagrams on a simulated host.
 *
 * Stands where a real one would, so that a pump and what is above it run in a world on its reactor. What arrives waits in
 * a buffer of a size, as in a system, and is dropped beyond. Invariant: nothing is handed out, sent or told after the
 * close.
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
  type VTransmitBatch,
} from '@vio/io'
import type { SimHost } from './network.js'
import type { SimWorld } from './world.js'

/** How a simulated socket is made. */
export interface SimPortOptions {
  readonly host: SimHost
  /** The port; by default any. */
  readonly port?: number
  /** The only peer, for a connected one; by default none. */
  readonly remotePeer?: VIPSocketPeer
  /** The largest datagram that it sends; by default 65,507. */
  readonly maxDatagramBytes?: number
  /** True if datagrams are never fragmented; by default true. */
  readonly dontFragment?: boolean
  /** What waits at most until it is read, in bytes; by default 212,992. */
  readonly receiveBufferBytes?: number
  /** How many segments go out in one call; by default 64. */
  readonly segmentsPerCall?: number
}

interface Arrived {
  readonly from: VIPSocketPeer
  readonly bytes: Buffer
}

const MAX_DATAGRAM_BYTES = 65_507
const RECEIVE_BUFFER_BYTES = 212_992
const SEGMENTS_PER_CALL = 64

/** A simulated socket. */
export class SimDatagramPort implements IVDatagramPort {
  readonly remotePeer: VIPSocketPeer | null
  readonly maxDatagramBytes: number
  readonly segmentsPerCall: number
  readonly dontFragment: boolean
  readonly receiveBufferBytes: number
  readonly #world: SimWorld
  readonly #host: SimHost
  readonly #port: number
  readonly #local: VIPSocketPeer
  readonly #waiting: Arrived[] = []
  readonly #counts = noDatagramCounts()
  #waitingBytes = 0
  #changed: () => void = () => {}
  #failed: (error: VDatagramError) => void = () => {}
  #closed: VFailure | null = null
  #isBlocked = false
  #isHandling = false

  /** @throws RangeError if the port is taken */
  constructor(world: SimWorld, options: SimPortOptions) {
    this.#world = world
    this.#host = options.host
    this.remotePeer = options.remotePeer ?? null
    this.maxDatagramBytes = options.maxDatagramBytes ?? MAX_DATAGRAM_BYTES
    this.segmentsPerCall = options.segmentsPerCall ?? SEGMENTS_PER_CALL
    this.dontFragment = options.dontFragment ?? true
    this.receiveBufferBytes = options.receiveBufferBytes ?? RECEIVE_BUFFER_BYTES
    this.#port = options.host.open(options.port ?? 0, (_now, datagram) => {
      if (this.remotePeer === null || this.remotePeer.equals(datagram.from)) this.#take(datagram)
    })
    this.#local = world.network.peer(options.host.address, this.#port)
  }

  get localPeer(): VIPSocketPeer {
    return this.#local
  }

  get readable(): boolean {
    return this.#waiting.length > 0 && this.#closed === null
  }

  get writable(): boolean {
    return !this.#isBlocked && this.#closed === null
  }

  get closed(): VFailure | null {
    return this.#closed
  }

  get counts(): IVDatagramCounts {
    return this.#counts
  }

  onReady(changed: () => void): void {
    this.#changed = changed
  }

  onError(failed: (error: VDatagramError) => void): void {
    this.#failed = failed
  }

  /** The system refuses what is sent, or takes it again. */
  block(isBlocked: boolean): void {
    this.#isBlocked = isBlocked
    this.#changed()
  }

  /** The system reports an error. */
  fail(error: VDatagramError): void {
    this.#counts.receiveErrors += 1
    this.#failed(error)
  }

  receive(handler: IVDatagramHandler, maxDatagrams: number = this.#waiting.length || 1): number {
    if (this.#isHandling) throw new VIOError('a port is not read from inside a handler of its own')
    if (!Number.isInteger(maxDatagrams) || maxDatagrams < 1) {
      throw new RangeError(`maxDatagrams is a whole number from 1 on, got ${maxDatagrams}`)
    }
    this.#isHandling = true
    let count = 0
    try {
      while (count < maxDatagrams && this.readable) {
        const { from, bytes } = this.#waiting.shift() as Arrived
        this.#waitingBytes -= bytes.length
        count += 1
        this.#counts.received += 1
        this.#counts.receivedBytes += bytes.length
        handler.handleDatagram(bytes, 0, bytes.length, from)
      }
    } finally {
      this.#isHandling = false
    }
    return count
  }

  send(batch: VTransmitBatch): number {
    if (this.#closed !== null) throw new VIOClosed(`the port ${this.#local} is closed`)
    const peer = checkBatch(batch, this)
    if (this.#isBlocked) return 0
    const { buffer, start, end, segmentBytes, count } = batch
    for (let index = 0; index < count; index += 1) {
      const from = start + index * segmentBytes
      const bytes = Buffer.from(buffer.subarray(from, Math.min(from + segmentBytes, end)))
      this.#counts.sent += 1
      this.#counts.sentBytes += bytes.length
      this.#host.send(this.#world.now, this.#port, peer, bytes)
    }
    batch.remove(count)
    return count
  }

  close(reason: VFailure = new VFIOCompleted()): void {
    if (this.#closed !== null) return
    this.#closed = reason
    this.#waiting.length = 0
    this.#host.close(this.#port)
    this.#changed()
  }

  #take(arrived: Arrived): void {
    if (this.#waitingBytes + arrived.bytes.length > this.receiveBufferBytes) {
      this.#counts.dropped += 1
      return
    }
    this.#waiting.push(arrived)
    this.#waitingBytes += arrived.bytes.length
    this.#changed()
  }
}
