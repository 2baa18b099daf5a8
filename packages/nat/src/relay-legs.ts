/**
 * The pairs of a relay: two legs each, where they are reached, and what they have used up.
 *
 * Decides which leg a datagram comes from and how much a pair may carry. Sending is the server's. Invariants: an address
 * belongs to one leg at a time; a pair that is over is found by nothing any more.
 */
import type { VIPSocketPeer } from '@vio/io'
import type { SourceLimit } from './source-limit.js'

/** One side of a pair. */
export interface RelayLeg {
  /** In hex. */
  readonly id: string
  readonly token: Buffer
  readonly source: string
  readonly pair: RelayPair
  /** Where it is reached: by UDP, or by a stream, or not yet. The last one that was bound counts. */
  udp: VIPSocketPeer | null
  stream: number
  /** What came for it before it was bound. */
  readonly early: Buffer[]
}

/** Two parties. */
export interface RelayPair {
  readonly legs: RelayLeg[]
  readonly openedAt: number
  /** When somebody of it was heard last, and when a datagram of one leg was meant for the other. */
  lastAt: number
  carriedAt: number
  bytes: number
}

/** No stream. */
export const NO_STREAM = -1

/** All pairs. */
export class RelayLegs {
  readonly #byId = new Map<string, RelayLeg>()
  readonly #byPeer = new Map<VIPSocketPeer, RelayLeg>()
  readonly #byAddress = new Map<string, RelayLeg>()
  readonly #byStream = new Map<number, RelayLeg>()
  readonly #pairs = new Set<RelayPair>()
  readonly #perSource = new Map<string, number>()

  /** Every pair. */
  get pairs(): ReadonlySet<RelayPair> {
    return this.#pairs
  }

  /** How many pairs a source has a part in. */
  pairsOf(source: string): number {
    return this.#perSource.get(source) ?? 0
  }

  /** Adds a pair of two legs. */
  add(now: number, legs: readonly Pick<RelayLeg, 'id' | 'token' | 'source'>[]): RelayPair {
    const pair: RelayPair = { legs: [], openedAt: now, lastAt: now, carriedAt: now, bytes: 0 }
    for (const { id, token, source } of legs) {
      const leg: RelayLeg = { id, token, source, pair, udp: null, stream: NO_STREAM, early: [] }
      pair.legs.push(leg)
      this.#byId.set(id, leg)
      this.#perSource.set(source, this.pairsOf(source) + 1)
    }
    this.#pairs.add(pair)
    return pair
  }

  /** Forgets a pair. */
  remove(pair: RelayPair): void {
    this.#pairs.delete(pair)
    for (const leg of pair.legs) {
      this.#byId.delete(leg.id)
      this.#unbind(leg)
      const left = this.pairsOf(leg.source) - 1
      if (left > 0) this.#perSource.set(leg.source, left)
      else this.#perSource.delete(leg.source)
    }
  }

  /** The leg of an id. */
  find(id: string): RelayLeg | undefined {
    return this.#byId.get(id)
  }

  /** The leg that is reached at an address. Ports give the same object for the same address, as long as they remember it. */
  atPeer(peer: VIPSocketPeer): RelayLeg | undefined {
    return this.#byPeer.get(peer) ?? this.#byAddress.get(String(peer))
  }

  /** The leg that a stream was bound to. */
  atStream(stream: number): RelayLeg | undefined {
    return this.#byStream.get(stream)
  }

  /** Binds a leg to an address. Whoever had it before has it no more. */
  bindPeer(leg: RelayLeg, peer: VIPSocketPeer): void {
    const before = this.atPeer(peer)
    if (before !== undefined) this.#unbind(before)
    this.#unbind(leg)
    leg.udp = peer
    this.#byPeer.set(peer, leg)
    this.#byAddress.set(String(peer), leg)
  }

  /** Binds a leg to a stream. Returns the stream that it had before, `NO_STREAM` if none. */
  bindStream(leg: RelayLeg, stream: number): number {
    const before = leg.stream
    this.#unbind(leg)
    leg.stream = stream
    this.#byStream.set(stream, leg)
    return before
  }

  /** A stream is closed. */
  dropStream(stream: number): void {
    const leg = this.#byStream.get(stream)
    if (leg !== undefined) this.#unbind(leg)
  }

  #unbind(leg: RelayLeg): void {
    if (leg.udp !== null) {
      this.#byPeer.delete(leg.udp)
      this.#byAddress.delete(String(leg.udp))
    }
    if (leg.stream !== NO_STREAM) this.#byStream.delete(leg.stream)
    leg.udp = null
    leg.stream = NO_STREAM
  }
}

/** The other leg of a pair. */
export function otherLeg(leg: RelayLeg): RelayLeg | undefined {
  return leg.pair.legs.find((each) => each !== leg)
}

/** True if the bytes of a datagram may pass, by every limit that there is. */
export function mayPass(
  now: number,
  leg: RelayLeg,
  sizeBytes: number,
  limits: readonly (SourceLimit | null)[],
): boolean {
  const [bySource, inAll] = limits
  if (bySource?.allows(now, leg.source, sizeBytes) === false) return false
  return inAll?.allows(now, '', sizeBytes) !== false
}
