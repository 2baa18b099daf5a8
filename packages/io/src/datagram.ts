/**
 * Datagrams: what a port for them offers, and the batch in which they are sent.
 *
 * A port is to a datagram protocol what a device is to a chain end: synchronous, non-blocking, and without an opinion
 * about time. Its interface is made for many datagrams at a time and for no object per datagram, so that a port over
 * `node:dgram`, one over batched system calls and a simulated one can take each other's place. Invariants of a batch:
 * all its segments are of one size but the last, which may be shorter, and they lie one behind the other.
 */
import { type VFailure, VIOError } from '@vio/reactor'
import { VIOOversize } from './errors.js'
import { describeValue } from './limit.js'
import type { VIPSocketPeer } from './peer.js'

/** What an unfragmented batch holds by default: as much as one datagram, and one call with segmentation, can carry. */
const DEFAULT_BATCH_BYTES = 65_536

/**
 * Datagrams to one peer, one behind the other in one buffer: segments of one size and perhaps a shorter last one.
 *
 * Who fills it encodes at `end` of `buffer` and then calls `commit`; `open` says whether another segment may follow. A
 * port takes what it accepts off the front. It is made once and used again and again.
 *
 * ```ts
 * batch.begin(peer)
 * while (batch.open && more()) batch.commit(encode(batch.buffer, batch.end, Math.min(batch.room, sizeBytes)))
 * port.send(batch)
 * ```
 */
export class VTransmitBatch {
  #buffer: Buffer
  #peer: VIPSocketPeer | null = null
  #start = 0
  #end = 0
  #segmentBytes = 0
  #count = 0
  #short = false

  /**
   * @param buffer what the segments are encoded into; by default one of 65,536 bytes of its own
   * @throws TypeError if it is not a buffer, RangeError if it is empty
   */
  constructor(buffer: Buffer = Buffer.allocUnsafeSlow(DEFAULT_BATCH_BYTES)) {
    if (!Buffer.isBuffer(buffer)) throw new TypeError(`a batch needs a Buffer, got ${describeValue(buffer)}`)
    if (buffer.length === 0) throw new RangeError('a batch needs a buffer of at least 1 byte, got 0')
    this.#buffer = buffer
  }

  /** Where the segments are. A port that still needs them after `send` puts another one of the same size in its place. */
  get buffer(): Buffer {
    return this.#buffer
  }

  /** To whom; null on a port that is connected to its only peer. */
  get peer(): VIPSocketPeer | null {
    return this.#peer
  }

  /** Where the first segment begins. */
  get start(): number {
    return this.#start
  }

  /** Where the last segment ends and the next one is to begin. */
  get end(): number {
    return this.#end
  }

  /** The size of every segment but the last, in bytes; the size of the first one where there is only one. */
  get segmentBytes(): number {
    return this.#segmentBytes
  }

  /** How many segments it holds. */
  get count(): number {
    return this.#count
  }

  /** How many bytes fit behind `end`, and are no more than a segment of this batch may have. */
  get room(): number {
    const left = this.#buffer.length - this.#end
    return this.#count === 0 ? left : Math.min(left, this.#segmentBytes)
  }

  /** True if another segment of full size may follow. */
  get open(): boolean {
    if (this.#count === 0) return true
    return !this.#short && this.#segmentBytes > 0 && this.#buffer.length - this.#end >= this.#segmentBytes
  }

  /** Empties it, and starts one to `peer`. */
  begin(peer: VIPSocketPeer | null): void {
    this.clear()
    this.#peer = peer
  }

  /**
   * Adds the `sizeBytes` bytes at `end` as a segment. The first one sets the size; a shorter one, or an empty one, is the
   * last.
   *
   * @throws RangeError if it is not a size, or more than there is room for; VIOError after the last segment
   */
  commit(sizeBytes: number): void {
    if (!Number.isInteger(sizeBytes) || sizeBytes < 0) {
      throw new RangeError(`a segment has a whole number of bytes, got ${describeValue(sizeBytes)}`)
    }
    if (this.#count > 0 && (this.#short || this.#segmentBytes === 0)) {
      throw new VIOError(
        'a segment was shorter than those before, so it is the last of this batch: send it first',
      )
    }
    if (sizeBytes > this.room) {
      throw new RangeError(`a segment of ${sizeBytes} bytes does not fit into the ${this.room} that are left`)
    }
    if (this.#count === 0) this.#segmentBytes = sizeBytes
    else this.#short = sizeBytes < this.#segmentBytes
    this.#count += 1
    this.#end += sizeBytes
  }

  /** Takes `segments` off the front. @throws RangeError if it does not hold so many */
  remove(segments: number): void {
    if (!Number.isInteger(segments) || segments < 0 || segments > this.#count) {
      throw new RangeError(`a batch of ${this.#count} segments cannot lose ${describeValue(segments)}`)
    }
    if (segments === this.#count) {
      this.clear()
      return
    }
    this.#count -= segments
    this.#start += segments * this.#segmentBytes
    // The one that is left may be the short one, and is then a batch of its own size.
    if (this.#count === 1) this.#segmentBytes = this.#end - this.#start
  }

  /** Empties it. */
  clear(): void {
    this.#peer = null
    this.#start = 0
    this.#end = 0
    this.#segmentBytes = 0
    this.#count = 0
    this.#short = false
  }

  /**
   * For a port that accepted every segment and whose system has not read the bytes yet: it keeps the buffer and gives a
   * spare one. Returns the one that it keeps.
   *
   * @throws VIOError while segments are held, RangeError if `spare` has another size
   */
  exchange(spare: Buffer): Buffer {
    if (this.#count > 0)
      throw new VIOError(`a batch that holds ${this.#count} segments cannot change its buffer`)
    if (spare.length !== this.#buffer.length) {
      throw new RangeError(`a spare of ${spare.length} bytes does not replace one of ${this.#buffer.length}`)
    }
    const kept = this.#buffer
    this.#buffer = spare
    return kept
  }
}

/** Takes datagrams from a port. */
export interface IVDatagramHandler {
  /**
   * One datagram: the bytes from `start` to `end` of `bytes`, from `from`. The memory is the port's, and is valid until
   * this returns. A port gives the same peer object for the same address as long as it remembers it; that is many
   * addresses and not all there may be, so who keeps one compares by identity first and then by `equals`.
   */
  handleDatagram(bytes: Buffer, start: number, end: number, from: VIPSocketPeer): void
}

/** What has passed through a port. The port goes on to count in the same object. */
export interface IVDatagramCounts {
  /** Datagrams that were handed out. */
  readonly received: number
  /** Bytes in them. */
  readonly receivedBytes: number
  /** Datagrams that arrived and were dropped here, because nobody took those before. What the system drops is not known. */
  readonly dropped: number
  /** Datagrams that were accepted for sending. */
  readonly sent: number
  /** Bytes in them. */
  readonly sentBytes: number
  /** Datagrams that were accepted and that the system refused. */
  readonly sendErrors: number
  /** Errors that the system told of datagrams sent before, on a connected port. */
  readonly receiveErrors: number
}

/** The counts of a new port, for the port to count in. */
export function noDatagramCounts(): { -readonly [Name in keyof IVDatagramCounts]: number } {
  return {
    received: 0,
    receivedBytes: 0,
    dropped: 0,
    sent: 0,
    sentBytes: 0,
    sendErrors: 0,
    receiveErrors: 0,
  }
}

/**
 * Where datagrams leave and arrive: a socket, or its stand-in.
 *
 * Bound from the start, and open until closed. All calls return at once. A change of `readable`, of `writable` or of
 * `closed` is told by one call of the function given to `onReady`, which may come at any time, also from inside a call
 * of the port, and more often than needed. Sending from inside of it again and again would starve timers: act on the
 * reactor's next turn.
 */
export interface IVDatagramPort {
  /** The address that the port is bound to. It stays known after the close. */
  readonly localPeer: VIPSocketPeer
  /** The only peer, on a connected port; else null. */
  readonly remotePeer: VIPSocketPeer | null
  /** True if `receive` would hand something out. */
  readonly readable: boolean
  /** False while sends are refused because what was accepted has not left yet. */
  readonly writable: boolean
  /** Why the port is closed; null while it is open. */
  readonly closed: VFailure | null
  /** The largest datagram that it sends, in bytes; what the path carries may be less. */
  readonly maxDatagramBytes: number
  /** How many segments of a batch it hands to the system in one call; with 1 a longer batch is allowed and gains nothing. */
  readonly segmentsPerCall: number
  /** True if datagrams are never fragmented on the way, so that a large one that arrives proves the size of the path. */
  readonly dontFragment: boolean
  /** What the system keeps of what has arrived and was not read, in bytes of its own accounting. */
  readonly receiveBufferBytes: number
  /** What has passed. The same object on every access. */
  readonly counts: IVDatagramCounts
  /**
   * Names the function to call on a change. The last one named counts. `fromLoop` is true where the loop itself brings the
   * news, with nothing of the application below it on the stack: whoever is called may then run what follows within the
   * call, see `IVReactor.enter`.
   */
  onReady(changed: (fromLoop?: boolean) => void): void
  /**
   * Names the function to call when the system reports an error about a datagram: it could not be sent, or an earlier one
   * was refused by the other side. The port goes on. It may be called from inside of `send`. The last one named counts;
   * without one, errors are only counted.
   */
  onError(failed: (error: VDatagramError) => void): void
  /**
   * Hands out what has arrived, in order, at most `maxDatagrams` (by default as many as there are now), and returns how
   * many that were. Stops when the port is closed meanwhile. What the handler throws passes through; the datagram it was
   * given is gone then, those behind it are not.
   *
   * @throws VIOError from inside a handler of the same port, RangeError if `maxDatagrams` is not a whole number from 1 on
   */
  receive(handler: IVDatagramHandler, maxDatagrams?: number): number
  /**
   * Sends from the front of `batch`; what is accepted is taken off it, and the number of segments is returned. What is
   * refused stays: try again after `onReady`. The batch is the caller's again on return, though its `buffer` may be
   * another one. What the system says against a peer or a datagram afterwards reaches `onError`.
   *
   * @throws VIOClosed after the close; VIOOversize over `maxDatagramBytes`; VIOError if the batch has no peer and the port
   *   is not connected, or it has another one than the port. Nothing was sent then
   */
  send(batch: VTransmitBatch): number
  /** Closes it: nothing is handed out any more, and what was accepted is still sent where it can be. Idempotent. */
  close(reason?: VFailure): void
}

/** The system refused to send a datagram, or reports that an earlier one was refused. Reaches `onError`; never thrown. */
export class VDatagramError extends VIOError {
  override readonly code = 'V_IO_DATAGRAM'
  /** The system's name of the error: `ECONNREFUSED`, `EMSGSIZE`. */
  readonly systemCode: string
  /** To whom; null where the system does not say. */
  readonly peer: VIPSocketPeer | null
  /** The size of the datagram in bytes; -1 where the system does not say which it was. */
  readonly sizeBytes: number

  constructor(
    systemCode: string,
    about: { readonly peer: VIPSocketPeer | null; readonly sizeBytes?: number },
    options?: { cause?: unknown },
  ) {
    const sizeBytes = about.sizeBytes ?? -1
    const what = sizeBytes < 0 ? 'an earlier datagram' : `a datagram of ${sizeBytes} bytes`
    super(`${what} to ${about.peer ?? 'the peer'} failed: ${systemCode}`, options)
    this.systemCode = systemCode
    this.peer = about.peer
    this.sizeBytes = sizeBytes
  }
}

/**
 * Checks a batch against a port, for those who write ports: sizes, and whether it has the peer that it needs. Returns the
 * peer to send to.
 *
 * @throws as `IVDatagramPort.send` does, the close excepted
 */
export function checkBatch(
  batch: VTransmitBatch,
  port: Pick<IVDatagramPort, 'maxDatagramBytes' | 'remotePeer'>,
): VIPSocketPeer {
  if (!(batch instanceof VTransmitBatch)) {
    throw new TypeError(`a port sends a VTransmitBatch, got ${describeValue(batch)}`)
  }
  if (batch.segmentBytes > port.maxDatagramBytes) {
    throw new VIOOversize('a datagram', batch.segmentBytes, port.maxDatagramBytes)
  }
  const { peer } = batch
  const { remotePeer } = port
  if (remotePeer !== null) {
    if (peer === null || peer === remotePeer || peer.equals(remotePeer)) return remotePeer
    throw new VIOError(`this port is connected to ${remotePeer} and does not send to ${peer}`)
  }
  if (peer === null) throw new VIOError('this port is not connected: a batch needs the peer that it goes to')
  return peer
}
