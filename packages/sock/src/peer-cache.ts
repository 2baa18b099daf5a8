/**
 * The peers that a datagram port has met: one object for one address, so that a datagram costs none.
 *
 * Whoever sends from forged addresses makes this grow; it forgets, so that it never holds more than two generations. A
 * peer that comes again in time is kept. Invariant: at most `2 * GENERATION` peers are held.
 */
import { VIPSocketPeer } from '@vio/io'

/** How many peers make a generation. When so many new ones were met, those not met since the last time are forgotten. */
const GENERATION = 16_384

/** How an IPv6 socket writes an IPv4 address. */
const MAPPED = '::ffff:'

/** Peers by address. */
export class PeerCache {
  #young = new Map<string, VIPSocketPeer>()
  #old = new Map<string, VIPSocketPeer>()
  #lastHost = ''
  #lastPort = -1
  #last: VIPSocketPeer | undefined

  /** How many peers are held. */
  get size(): number {
    return this.#young.size + this.#old.size
  }

  /** The peer at an address as the system tells it. An IPv4 address that an IPv6 socket tells is given as IPv4. */
  get(host: string, port: number): VIPSocketPeer {
    // Datagrams come in rows from the same peer.
    if (this.#last !== undefined && port === this.#lastPort && host === this.#lastHost) return this.#last
    const key = `${port} ${host}`
    const peer = this.#young.get(key) ?? this.#comesAgain(key, host, port)
    this.#lastHost = host
    this.#lastPort = port
    this.#last = peer
    return peer
  }

  #comesAgain(key: string, host: string, port: number): VIPSocketPeer {
    const peer = this.#old.get(key) ?? new VIPSocketPeer(plainHost(host), port, { socketType: 'dgram' })
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young
      this.#young = new Map()
    } else this.#old.delete(key)
    this.#young.set(key, peer)
    return peer
  }
}

function plainHost(host: string): string {
  return host.startsWith(MAPPED) && host.includes('.') ? host.slice(MAPPED.length) : host
}

/** How a socket of the IP version `socketVersion` writes the host of a peer; null if it cannot reach such a peer. */
export function wireHost(peer: VIPSocketPeer, socketVersion: 4 | 6): string | null {
  if (peer.ipVersion === socketVersion) return peer.host
  if (socketVersion === 6) return MAPPED + peer.host
  const plain = plainHost(peer.host)
  return plain === peer.host ? null : plain
}
