/**
 * Silence: when a PING keeps the path open, and when silence has lasted too long (VUT 5).
 *
 * Decides both times. Invariant: a connection is not over before three probe time-outs have passed.
 */
import { VUT1 } from '../profile.js'

/** The silence of one connection. */
export class Liveness {
  /** True if a datagram has to leave that the peer answers. */
  owesPing = false
  readonly #keepAliveMs: number
  #idleMs: number
  #receivedAt = Number.POSITIVE_INFINITY
  /** When the first datagram left after the last one came that the peer has to answer. */
  #askedAt = Number.NEGATIVE_INFINITY
  #hasAsked = false
  #sentAt = Number.POSITIVE_INFINITY

  constructor(idleMs: number, keepAliveMs: number) {
    this.#idleMs = idleMs
    this.#keepAliveMs = keepAliveMs
  }

  /** The connection has begun; `peerIdleMs` is what the other side allows. */
  start(now: number, peerIdleMs: number): void {
    this.#idleMs = Math.min(this.#idleMs, peerIdleMs)
    this.#receivedAt = now
    this.#sentAt = now
  }

  /** A datagram was opened. */
  onReceived(now: number): void {
    this.#receivedAt = now
    this.#hasAsked = false
  }

  /** A datagram has left that the peer has to answer. */
  onAsked(now: number): void {
    this.#sentAt = now
    this.owesPing = false
    if (this.#hasAsked) return
    this.#hasAsked = true
    this.#askedAt = now
  }

  /** When the connection is over; Infinity before it began. */
  idleAt(ptoMs: number): number {
    return Math.max(this.#receivedAt, this.#askedAt) + Math.max(this.#idleMs, VUT1.idlePtos * ptoMs)
  }

  /** When a PING is due; Infinity for never. */
  get pingAt(): number {
    return this.owesPing ? Number.POSITIVE_INFINITY : this.#sentAt + this.#keepAliveMs
  }
}
