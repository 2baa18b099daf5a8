/**
 * A datagram on its way through a simulated network.
 *
 * It is its own event: whoever holds it up names the next hop and the time. Invariant: from sending to delivery it
 * belongs to one place at a time, and a copy has memory of its own.
 */
import type { VIPSocketPeer } from '@vio/io'
import { SimEvent } from './event-queue.js'

/** Where a datagram can arrive. */
export interface ISimHop {
  /** Takes the datagram over. */
  accept(now: number, datagram: SimDatagram): void
}

/** One datagram. */
export class SimDatagram extends SimEvent {
  /** The source address; a NAT writes its own. */
  from: VIPSocketPeer
  /** The destination address; a NAT writes the inner one. */
  to: VIPSocketPeer
  /** The payload. Empty for a datagram that stands for its size only. */
  bytes: Buffer
  /** The size that links count. */
  sizeBytes: number
  /** What a sender without bytes attaches. */
  note: unknown
  /** Where it arrives when it fires. */
  hop: ISimHop | undefined

  constructor(from: VIPSocketPeer, to: VIPSocketPeer, bytes: Buffer, note?: unknown) {
    super()
    this.from = from
    this.to = to
    this.bytes = bytes
    this.sizeBytes = bytes.length
    this.note = note
  }

  /** Another one with the same addresses and content. */
  copy(): SimDatagram {
    const copied = new SimDatagram(this.from, this.to, Buffer.from(this.bytes), this.note)
    copied.sizeBytes = this.sizeBytes
    return copied
  }

  fire(now: number): void {
    this.hop?.accept(now, this)
  }
}
