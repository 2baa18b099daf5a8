/**
 * `VDatagramSocket`: `node:dgram` as a port for datagrams.
 *
 * Decides how a batch becomes single sends, when the socket refuses more, and what becomes of the system's errors; which
 * datagrams are sent or taken when is its user's affair. Addresses are numeric, so nothing is looked up and a send reaches
 * the system inside the call: Node's queue stays empty unless the system itself is full, and then the port refuses until it
 * is empty again. Invariants: no error of the socket is without a listener; a buffer that Node may still read is not the
 * caller's any more.
 */
import type { Socket } from 'node:dgram'
import {
  checkBatch,
  type IVDatagramCounts,
  type IVDatagramHandler,
  type IVDatagramPort,
  noDatagramCounts,
  releaseMemory,
  VDatagramError,
  type VFailure,
  VFIOCompleted,
  VFIOLost,
  VIOClosed,
  VIOError,
  type VIPSocketPeer,
  type VTransmitBatch,
} from '@vio/io'
import { openSocket } from './datagram-open.js'
import { type DatagramPlan, datagramPlan, type VDatagramSocketOptions } from './datagram-options.js'
import { DatagramQueue } from './datagram-queue.js'
import { DatagramSends } from './datagram-sends.js'
import { describeValue } from './describe.js'
import { socketError, socketLost, systemErrorInfo } from './errno.js'
import { PeerCache, wireHost } from './peer-cache.js'

/** What the length field of UDP leaves: over IPv4 the header of IP counts with it. */
const MAX_DATAGRAM_BYTES = { 4: 65_507, 6: 65_527 } as const

/**
 * Sends and receives datagrams over a socket of Node.
 *
 * ```ts
 * await using port = await VDatagramSocket.bind({ host: '127.0.0.1' })
 * port.onReady(() => port.receive({ handleDatagram: (bytes, start, end, from) => console.log(from, end - start) }))
 * batch.begin(peer)
 * batch.commit(batch.buffer.write('hello'))
 * port.send(batch)
 * ```
 *
 * An IPv6 socket that also speaks IPv4 tells and takes IPv4 peers in their own form. Node cannot forbid fragments, and
 * gives every datagram a system call of its own.
 */
export class VDatagramSocket implements IVDatagramPort, AsyncDisposable {
  readonly segmentsPerCall = 1
  readonly dontFragment = false
  readonly localPeer: VIPSocketPeer
  readonly remotePeer: VIPSocketPeer | null
  readonly maxDatagramBytes: number
  readonly counts: IVDatagramCounts
  /** What the system keeps of what has arrived, in bytes of its own accounting: on Linux twice what was granted. */
  readonly receiveBufferBytes: number
  /** What the system keeps of what is to leave, in bytes of its own accounting: on Linux twice what was granted. */
  readonly sendBufferBytes: number
  readonly #socket: Socket
  readonly #ipVersion: 4 | 6
  readonly #counts = noDatagramCounts()
  readonly #peers = new PeerCache()
  readonly #queue: DatagramQueue
  readonly #sends = new DatagramSends()
  readonly #reported: (error: Error | null) => void
  readonly #gone: Promise<void>
  /** To whom was sent last, and how the socket writes that host. */
  #lastPeer: VIPSocketPeer | null = null
  #lastHost: string | null = null
  #changed: (fromLoop?: boolean) => void = () => undefined
  #failed: (error: VDatagramError) => void = () => undefined
  #closed: VFailure | null = null
  #receiving = false
  /** It was not writable: whoever waits has to be told when it is. */
  #blocked = false
  #forgetSignal: () => void = () => undefined
  #released = false

  /**
   * Binds a socket, and connects it where `remote` is given.
   *
   * @throws (rejects) VAddressError, RangeError and VIOError for options that cannot be; VSocketError with the system's code
   *   (`EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`); the reason of `signal`
   */
  static async bind(options: VDatagramSocketOptions = {}): Promise<VDatagramSocket> {
    const plan = datagramPlan(options)
    options.signal?.throwIfAborted()
    const socket = await openSocket(plan, options.signal)
    const port = new VDatagramSocket(socket, plan)
    if (options.signal !== undefined) port.#heed(options.signal)
    return port
  }

  private constructor(socket: Socket, plan: DatagramPlan) {
    const own = socket.address()
    this.#socket = socket
    this.#ipVersion = plan.ipVersion
    this.#queue = new DatagramQueue(plan.queueBytes)
    this.counts = this.#counts
    this.localPeer = this.#peers.get(own.address, own.port)
    this.remotePeer = plan.remote
    this.maxDatagramBytes = MAX_DATAGRAM_BYTES[plan.ipVersion]
    this.receiveBufferBytes = socket.getRecvBufferSize()
    this.sendBufferBytes = socket.getSendBufferSize()
    this.#reported = (error) => this.#sendReported(error)
    this.#gone = new Promise((gone) => socket.on('close', () => gone()))
    socket.removeAllListeners('error')
    socket.on('error', (error) => this.#socketError(error))
    socket.on('message', (bytes, { address, port }) => this.#arrived(bytes, address, port))
  }

  get readable(): boolean {
    return this.#queue.length > 0
  }

  get writable(): boolean {
    return this.#closed === null && !this.#sends.full
  }

  get closed(): VFailure | null {
    return this.#closed
  }

  onReady(changed: (fromLoop?: boolean) => void): void {
    this.#changed = changed
  }

  onError(failed: (error: VDatagramError) => void): void {
    this.#failed = failed
  }

  receive(handler: IVDatagramHandler, maxDatagrams: number = Math.max(1, this.#queue.length)): number {
    if (!Number.isInteger(maxDatagrams) || maxDatagrams < 1) {
      throw new RangeError(`maxDatagrams is a whole number from 1 on, got ${describeValue(maxDatagrams)}`)
    }
    if (this.#receiving) throw new VIOError('receive was called from inside a handler of this port')
    const queue = this.#queue
    let given = 0
    this.#receiving = true
    try {
      while (given < maxDatagrams) {
        const from = queue.firstPeer
        const bytes = queue.shift()
        if (bytes === undefined || from === undefined) break
        given += 1
        this.#counts.received += 1
        this.#counts.receivedBytes += bytes.length
        handler.handleDatagram(bytes, 0, bytes.length, from)
        releaseMemory(bytes)
      }
    } finally {
      this.#receiving = false
    }
    return given
  }

  send(batch: VTransmitBatch): number {
    const { count, buffer } = batch
    if (count === 0) return 0
    const peer = checkBatch(batch, this)
    if (this.#closed !== null) throw new VIOClosed('this port is closed and sends no more; bind a new one')
    if (this.#sends.full) return 0
    this.#counts.sent += count
    this.#counts.sentBytes += batch.end - batch.start
    const host = this.#wireHost(peer)
    if (host === null || peer.port === 0)
      this.#unreachable(batch, peer, host === null ? 'EAFNOSUPPORT' : 'EINVAL')
    else this.#sendEach(batch, peer, host)
    const waits = this.#socket.getSendQueueCount() > 0
    batch.remove(count)
    if (waits) this.#sends.keep(batch.exchange(this.#sends.takeSpare(buffer.length)))
    this.#blocked = this.#sends.full
    return count
  }

  /**
   * Joins a multicast group, on the interface with the given address or the one that the system chooses.
   *
   * @throws VSocketError with the system's code; VIOClosed after the close
   */
  joinGroup(group: string, interfaceAddress?: string): void {
    this.#inGroup(`joining the group ${describeValue(group)}`, () =>
      this.#socket.addMembership(group, interfaceAddress),
    )
  }

  /** Leaves a multicast group. @throws as `joinGroup` */
  leaveGroup(group: string, interfaceAddress?: string): void {
    this.#inGroup(`leaving the group ${describeValue(group)}`, () =>
      this.#socket.dropMembership(group, interfaceAddress),
    )
  }

  /** Keeps the process alive while the socket is open, as it does from the start. */
  ref(): void {
    this.#socket.ref()
  }

  /** Lets the process end although the socket is open. */
  unref(): void {
    this.#socket.unref()
  }

  close(reason: VFailure = new VFIOCompleted()): void {
    if (this.#closed !== null) return
    this.#closed = reason
    this.#queue.clear()
    const isClean = reason instanceof VFIOCompleted
    if (!isClean || !this.#sends.waiting) this.#release()
    this.#changed()
  }

  /** Closes it, and waits until the system has the socket back. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
    await this.#gone
  }

  /** Datagrams go in rows to the same peer. */
  #wireHost(peer: VIPSocketPeer): string | null {
    if (peer === this.#lastPeer) return this.#lastHost
    this.#lastHost = wireHost(peer, this.#ipVersion)
    this.#lastPeer = peer
    return this.#lastHost
  }

  #sendEach(batch: VTransmitBatch, peer: VIPSocketPeer, host: string): void {
    const { buffer, end, segmentBytes } = batch
    const socket = this.#socket
    let at = batch.start
    for (let left = batch.count; left > 0; left -= 1) {
      const sizeBytes = Math.min(segmentBytes, end - at)
      this.#sends.add(sizeBytes, peer)
      if (this.remotePeer === null) socket.send(buffer, at, sizeBytes, peer.port, host, this.#reported)
      else socket.send(buffer, at, sizeBytes, this.#reported)
      at += sizeBytes
    }
  }

  /** The system would not even be asked. It is the network's affair all the same: such a peer may have come over it. */
  #unreachable(batch: VTransmitBatch, peer: VIPSocketPeer, code: string): void {
    this.#counts.sendErrors += batch.count
    this.#failed(new VDatagramError(code, { peer, sizeBytes: batch.segmentBytes }))
  }

  #sendReported(error: Error | null): void {
    const { firstPeer: peer, firstSize: sizeBytes } = this.#sends
    const drained = this.#sends.reported()
    if (error !== null) {
      this.#counts.sendErrors += 1
      this.#failed(new VDatagramError(systemErrorInfo(error).code, { peer, sizeBytes }, { cause: error }))
    }
    if (!drained) return
    if (this.#closed !== null) this.#release()
    else if (this.#blocked) {
      this.#blocked = false
      this.#changed()
    }
  }

  #arrived(bytes: Buffer, host: string, port: number): void {
    if (this.#closed !== null) return
    const wasEmpty = this.#queue.length === 0
    if (!this.#queue.push(bytes, this.#peers.get(host, port))) this.#counts.dropped += 1
    else if (wasEmpty) this.#changed(true)
  }

  /** On a connected socket the answer of the other side to an earlier datagram; else the socket itself has failed. */
  #socketError(error: Error): void {
    if (this.#closed !== null) return
    this.#counts.receiveErrors += 1
    const { code } = systemErrorInfo(error)
    this.#failed(new VDatagramError(code, { peer: this.remotePeer }, { cause: error }))
  }

  #inGroup(what: string, work: () => void): void {
    if (this.#closed !== null) throw new VIOClosed(`${what}: this port is closed; bind a new one`)
    try {
      work()
    } catch (error) {
      throw socketError(what, error)
    }
  }

  #heed(signal: AbortSignal): void {
    const onAbort = (): void => {
      const reason = socketLost('the datagram socket was aborted', signal.reason)
      this.close(new VFIOLost(reason))
    }
    signal.addEventListener('abort', onAbort, { once: true })
    this.#forgetSignal = () => signal.removeEventListener('abort', onAbort)
  }

  #release(): void {
    if (this.#released) return
    this.#released = true
    this.#forgetSignal()
    this.#socket.close()
  }
}
