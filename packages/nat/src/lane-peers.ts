/**
 * One address book for several sockets.
 *
 * A connection knows one socket and many addresses. Where the peer was reached by another socket than the first, the
 * connection is given a name for the pair of socket and address in place of the address. Invariants: the first socket's
 * addresses stand for themselves; one pair has one name, and the book does not grow beyond its bound.
 */
import { VIPSocketPeer } from '@vio/io'

/** A socket and an address. */
export interface VLanePeer {
  readonly lane: number
  readonly peer: VIPSocketPeer
}

/** Of the network that leads nowhere (RFC 6666): nothing real has such an address. */
const NOWHERE = '100::'
const DEFAULT_NAMES = 64

/** Names for pairs of lane and address. */
export class VLanePeers {
  readonly #byName = new Map<string, VLanePeer>()
  readonly #names: (VLanePeer & { readonly name: VIPSocketPeer })[] = []
  readonly #max: number
  /** What was resolved last: datagrams go in rows to the same peer. */
  #lastName: VIPSocketPeer | null = null
  #last: VLanePeer | null = null

  constructor(max: number = DEFAULT_NAMES) {
    this.#max = max
  }

  /** What the connection is told in place of the address; null if too many were named before. */
  nameOf(lane: number, peer: VIPSocketPeer): VIPSocketPeer | null {
    if (lane === 0) return peer
    const known = this.#names.find((each) => each.lane === lane && each.peer.equals(peer))
    if (known !== undefined) return known.name
    if (this.#names.length >= this.#max) return null
    const host = `${NOWHERE}${(this.#names.length + 1).toString(16)}`
    const name = new VIPSocketPeer(host, peer.port, { socketType: 'dgram' })
    this.#names.push({ lane, peer, name })
    this.#byName.set(String(name), { lane, peer })
    this.#last = null
    return name
  }

  /** The pair that a name stands for. */
  resolve(name: VIPSocketPeer): VLanePeer {
    if (this.#last !== null && name === this.#lastName) return this.#last
    const pair = this.#byName.get(String(name)) ?? { lane: 0, peer: name }
    this.#lastName = name
    this.#last = pair
    return pair
  }
}
