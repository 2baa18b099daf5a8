/**
 * The contract that all datagram parts share: what is told to them, what is polled from them.
 *
 * A machine turns datagrams and time into datagrams and events. It decides nothing about sockets, clocks or turns;
 * whoever drives it (the pump on a real socket, the simulator) passes the time in and carries the datagrams.
 * Invariants: a machine never throws for what a peer sent, never keeps memory without bound for a peer, and what it
 * wants is only what the polls say: after any call, poll for datagrams, for events and for the next due time.
 */
import type { VPeer } from '@vio/io'

/**
 * Datagrams to one peer on their way out, in one piece of memory: segments of one size and perhaps a shorter last one.
 *
 * The owner makes it once and gives it to `pollTransmit` again and again; a machine encodes straight into `buffer`. The
 * rule about sizes lets a port hand the whole batch to the system in one call.
 */
export class VTransmitBatch {
  /** The memory. Segment n begins at `n * segmentBytes`. */
  readonly buffer: Buffer
  /** The most segments that the port takes at once. */
  readonly maxSegments: number
  /** Where all of it goes; null while the batch is empty. */
  peer: VPeer | null = null
  /** The size of each segment but the last, which may be shorter; 0 while the batch is empty. */
  segmentBytes = 0
  /** The size of all segments together. */
  lengthBytes = 0

  /**
   * @param capacityBytes the size of the memory; at least the largest datagram
   * @throws RangeError for a size or a number below 1
   */
  constructor(capacityBytes = 65_536, maxSegments = 64) {
    if (!Number.isSafeInteger(capacityBytes) || capacityBytes < 1 || !Number.isSafeInteger(maxSegments)) {
      throw new RangeError(
        `a batch has room for whole numbers from 1 on, got ${capacityBytes}, ${maxSegments}`,
      )
    }
    if (maxSegments < 1) throw new RangeError(`a batch has at least 1 segment, got ${maxSegments}`)
    this.buffer = Buffer.allocUnsafeSlow(capacityBytes)
    this.maxSegments = maxSegments
  }

  /** How many segments there are. */
  get count(): number {
    return this.segmentBytes === 0 ? 0 : Math.ceil(this.lengthBytes / this.segmentBytes)
  }

  /** True if no segment can follow: a shorter one was added, or there is no room for another one of the same size. */
  get full(): boolean {
    const { lengthBytes, segmentBytes } = this
    if (segmentBytes === 0) return false
    const isShort = lengthBytes % segmentBytes !== 0
    return (
      isShort ||
      lengthBytes / segmentBytes >= this.maxSegments ||
      lengthBytes + segmentBytes > this.buffer.length
    )
  }

  /** The most bytes that the next segment may have: all that is left for the first one, `segmentBytes` for others. */
  get roomBytes(): number {
    if (this.segmentBytes === 0) return this.buffer.length
    return this.full ? 0 : this.segmentBytes
  }

  /**
   * Counts a segment that was encoded at `lengthBytes`.
   *
   * @throws RangeError if it does not fit or goes elsewhere than the ones before
   */
  add(peer: VPeer, sizeBytes: number): void {
    if (sizeBytes < 1 || sizeBytes > this.roomBytes) {
      throw new RangeError(`a segment of ${sizeBytes} bytes where ${this.roomBytes} may follow`)
    }
    if (this.peer !== null && this.peer !== peer) {
      throw new RangeError(`a segment to ${String(peer)} in a batch to ${String(this.peer)}`)
    }
    if (this.segmentBytes === 0) this.segmentBytes = sizeBytes
    this.peer = peer
    this.lengthBytes += sizeBytes
  }

  /** A view of segment `index`; it holds until the batch is used again. */
  segment(index: number): Buffer {
    const start = index * this.segmentBytes
    return this.buffer.subarray(start, Math.min(start + this.segmentBytes, this.lengthBytes))
  }

  /** Makes the batch empty. */
  reset(): void {
    this.peer = null
    this.segmentBytes = 0
    this.lengthBytes = 0
  }
}

/** One datagram protocol part, without sockets, clocks or waiting. `E` is what it tells. */
export interface IVMachine<E> {
  /**
   * Takes one datagram. `from` is a peer value that the port gives again for the same address. `bytes` is lent until the
   * call returns and may be overwritten (it is decrypted in place); a machine copies what it keeps.
   */
  handleDatagram(now: number, from: VPeer, bytes: Buffer): void
  /** Does what is due at `now`. Harmless when called early. */
  handleTimeout(now: number): void
  /**
   * Encodes what may leave now into `batch`, which is empty, for one peer. Returns false if there is nothing (more) to
   * send; call it again while it returns true.
   */
  pollTransmit(now: number, batch: VTransmitBatch): boolean
  /** When `handleTimeout` is to be called next, in milliseconds of the same clock; Infinity for never. */
  pollTimeout(): number
  /** The oldest event that was not fetched yet, undefined if there is none. */
  pollEvent(): E | undefined
}
