/**
 * The datagrams that were given to Node and that it has not reported on.
 *
 * Decides whose a report is, and when a buffer that the system has not read yet is free again. Node reports in the order of
 * the sends: what the system takes at once is reported soon after, what has to wait makes everything behind it wait.
 * Invariant: `#head` is the datagram that the next report is about; a kept buffer is free once all are reported.
 */
import type { VIPSocketPeer } from '@vio/io'

/** How many unreported datagrams may be under way. Node reports outside of the turn that sends. */
const MAX_UNREPORTED = 8192

/** Datagrams under way. */
export class DatagramSends {
  readonly #sizes: number[] = []
  readonly #peers: VIPSocketPeer[] = []
  #head = 0
  /** A buffer that the system still has to read. */
  #kept: Buffer | undefined
  /** A buffer that is free, to be given for one that is kept. */
  #spare: Buffer | undefined

  /** How many are under way. */
  get length(): number {
    return this.#sizes.length - this.#head
  }

  /** True if no more may be given: some wait for the system, or there are too many without a report. */
  get full(): boolean {
    return this.#kept !== undefined || this.length >= MAX_UNREPORTED
  }

  /** True if the system has not taken all of them. */
  get waiting(): boolean {
    return this.#kept !== undefined
  }

  /** One was given to Node. */
  add(sizeBytes: number, peer: VIPSocketPeer): void {
    this.#sizes.push(sizeBytes)
    this.#peers.push(peer)
  }

  /** A buffer of `sizeBytes` to go on with, while another one is kept. */
  takeSpare(sizeBytes: number): Buffer {
    const spare = this.#spare
    this.#spare = undefined
    return spare?.length === sizeBytes ? spare : Buffer.allocUnsafeSlow(sizeBytes)
  }

  /** Keeps a buffer until everything under way is reported. */
  keep(buffer: Buffer): void {
    this.#kept = buffer
  }

  /** The size of the datagram that the next report is about. */
  get firstSize(): number {
    return this.#sizes[this.#head] ?? -1
  }

  /** The peer of the datagram that the next report is about. */
  get firstPeer(): VIPSocketPeer | null {
    return this.#peers[this.#head] ?? null
  }

  /** One was reported. Returns true if none is under way any more. */
  reported(): boolean {
    this.#head += 1
    if (this.#head < this.#sizes.length) return false
    this.#sizes.length = 0
    this.#peers.length = 0
    this.#head = 0
    if (this.#kept !== undefined) this.#spare = this.#kept
    this.#kept = undefined
    return true
  }
}
