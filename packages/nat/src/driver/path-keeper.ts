/**
 * Watches over the path of a live connection: which one is in use, which others there are, and when to look for a better.
 *
 * Decides which path is asked for next; that a path carries is found out by the connection itself, which moves only once it
 * does. Invariants: nothing is asked for that the policy forbids; a path that does not answer is asked again, but ever more
 * seldom.
 */
import type { VIPSocketPeer } from '@vio/io'
import type { IVReactor, VScheduledCall } from '@vio/reactor'
import type { VUDPTransport } from '@vio/vudp'
import type { VLanePeers } from '../lane-peers.js'
import type { VConnectPath, VPathReport } from './connecter-options.js'
import type { EnginePort } from './engine-port.js'
import type { Punching } from './punching.js'
import type { RelayWay } from './relay-way.js'

/** What it is made of. */
export interface PathKeeperOptions {
  readonly reactor: IVReactor
  readonly transport: VUDPTransport
  readonly port: EnginePort
  readonly names: VLanePeers
  /** This side begins, and so decides when a connection that works moves to a better path. */
  readonly isInitiator: boolean
  readonly policy: VConnectPath
  readonly relayOf: () => { readonly relay: string; readonly way: RelayWay | null }
  readonly punching: () => Punching | null
  readonly onPath: (report: VPathReport) => void
  /** The path is gone: everything is to be found out anew. */
  readonly onLost: () => void
}

/** Keeps to one connection. */
export class PathKeeper {
  readonly #options: PathKeeperOptions
  #heard: VIPSocketPeer[] = []
  #report: VPathReport | null = null
  #isConnected = false
  #isOver = false
  #timer: VScheduledCall | null = null

  constructor(options: PathKeeperOptions) {
    this.#options = options
  }

  /** The path in use; null before the connection stands. */
  get report(): VPathReport | null {
    return this.#report
  }

  /** True while the connection is direct. */
  get isDirect(): boolean {
    return this.#report?.path === 'direct'
  }

  /** At how many addresses the peer was heard. */
  get heardCount(): number {
    return this.#heard.length
  }

  /** The lane of the path in use. */
  get lane(): number {
    const { transport, names } = this.#options
    return names.resolve(transport.peerAddress).lane
  }

  /** The connection stands. */
  connected(): void {
    this.#isConnected = true
    this.pathChanged()
  }

  /** It goes another way. */
  pathChanged(): void {
    if (!this.#isConnected || this.#isOver) return
    this.#report = this.#look()
    this.#options.onPath(this.#report)
  }

  /** The peer was heard under this name. */
  heard(name: VIPSocketPeer): void {
    if (!this.#heard.some((each) => each.equals(name))) this.#heard.push(name)
  }

  /** The relay carries (again). */
  relayOpened(): void {
    if (this.#report?.path === 'relay') this.pathChanged()
  }

  /** The relay carries nothing more. */
  relayLost(): void {
    if (this.#report?.path === 'relay') this.#options.onLost()
  }

  /** The puncher has given up for now. */
  roundOver(): void {}

  /** No better path is looked for any more. */
  settle(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  /** The connection is through. */
  close(): void {
    this.#isOver = true
    this.settle()
  }

  #look(): VPathReport {
    const { transport, port, names, relayOf, punching, policy } = this.#options
    const name = transport.peerAddress
    const { smoothedRttMs } = transport.stats()
    const rttMs = Math.round(smoothedRttMs * 10) / 10
    const plan = punching()?.plan ?? null
    if (!port.isRelay(name)) {
      const { peer } = names.resolve(name)
      const report = { path: 'direct', family: peer.ipVersion, rttMs, remote: String(peer) } as const
      return plan === null ? report : { ...report, kind: plan.kind }
    }
    const { relay, way } = relayOf()
    const why =
      policy === 'relay'
        ? 'asked for'
        : plan === null || plan.reason === ''
          ? 'no direct path yet'
          : plan.reason
    return {
      path: 'relay',
      family: name.ipVersion,
      rttMs,
      remote: String(name),
      relay,
      via: way?.via ?? 'udp',
      why,
    }
  }
}
