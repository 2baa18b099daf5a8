/**
 * One socket of a part that works with several.
 *
 * A pump drives one machine on one port; a part with many sockets gives each of them a lane, which looks like a machine of
 * its own. What the part is, its owner decides. Invariant: a datagram leaves by the lane that it was put on.
 */
import type { VIPSocketPeer, VTransmitBatch } from '@vio/io'
import type { IVMachine } from '@vio/vudp'
import { Outbox } from './outbox.js'

/** The part behind the lanes. */
export interface IVLaneOwner<E> {
  /** A datagram has arrived on the lane with that number. `bytes` is lent. */
  handleLane(now: number, lane: number, from: VIPSocketPeer, bytes: Buffer): void
  /** Does what is due. */
  handleTimeout(now: number): void
  /** When something is due. */
  pollTimeout(): number
  /** The oldest event. */
  pollEvent(): E | undefined
}

/**
 * One lane. Whoever drives it sets `wake`, as a datagram on another lane may put something on this one; events are those
 * of the whole part, whichever lane they are fetched from. The first lane keeps the time for all, so it has to be driven
 * for as long as any of them is.
 */
export class VLane<E> implements IVMachine<E> {
  /** Its number, from 0 on. */
  readonly index: number
  /** Called when this lane is to be polled, and no call on this lane has brought that about. */
  wake: () => void = () => {}
  readonly #owner: IVLaneOwner<E>
  readonly #first: VLane<E>
  readonly #outbox = new Outbox()
  #isInside = false

  constructor(owner: IVLaneOwner<E>, index: number, first: VLane<E> | null) {
    this.#owner = owner
    this.index = index
    this.#first = first ?? this
  }

  /** So many lanes of a part; the first of them is there in any case. */
  static several<E>(owner: IVLaneOwner<E>, count: number): readonly VLane<E>[] {
    const first = new VLane(owner, 0, null)
    const others = Array.from({ length: count - 1 }, (_, at) => new VLane(owner, at + 1, first))
    return [first, ...others]
  }

  handleDatagram(now: number, from: VIPSocketPeer, bytes: Buffer): void {
    this.#isInside = true
    this.#owner.handleLane(now, this.index, from, bytes)
    this.#isInside = false
    if (this.#first !== this) this.#first.wake()
  }

  handleTimeout(now: number): void {
    this.#owner.handleTimeout(now)
  }

  pollTransmit(_now: number, batch: VTransmitBatch): boolean {
    return this.#outbox.poll(batch)
  }

  pollTimeout(): number {
    return this.#first === this ? this.#owner.pollTimeout() : Number.POSITIVE_INFINITY
  }

  pollEvent(): E | undefined {
    return this.#owner.pollEvent()
  }

  /** Puts a datagram on it; for the owner. */
  send(peer: VIPSocketPeer, bytes: Buffer): void {
    this.#outbox.push(peer, bytes)
    if (!this.#isInside) this.wake()
  }

  /** Drops what waits; for the owner. */
  clear(): void {
    this.#outbox.clear()
  }
}
