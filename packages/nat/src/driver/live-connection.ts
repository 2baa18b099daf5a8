/**
 * The connection itself, from the moment when both sides have its secrets, and all that keeps it on a path.
 *
 * It may begin by way of the relay before the other side has told its addresses. Puncher, handshake and keeper work
 * side by side: what the puncher hears becomes a candidate of the handshake, and later a path for the keeper. Decides
 * what is begun and ended when; each of them decides its own affair. Invariant: PUNCH datagrams leave only while the
 * connection is not direct.
 */
import { type VFailure, VFIOLost, VIOLost, VIPSocketPeer } from '@vio/io'
import type { VScheduledCall } from '@vio/reactor'
import { VUDPLost, VUDPTransport, VUT_CODE } from '@vio/vudp'
import type { VMeetingSecrets } from '../introduction.js'
import type { VLanePeers } from '../lane-peers.js'
import type { Acquaintance } from './acquaintance.js'
import type { ConnecterMeans } from './connecter-means.js'
import { type ConnecterConfig, VConnecterError, type VPathReport } from './connecter-options.js'
import { describeFailure } from './describe-failure.js'
import type { EnginePort } from './engine-port.js'
import { NetworkWatch } from './network-watch.js'
import { PathKeeper } from './path-keeper.js'
import { Punching, SURE_AFTER_MS } from './punching.js'
import type { RelayHolder } from './relay-holder.js'
import type { SocketHub } from './socket-hub.js'

/** Who is told. */
export interface LiveHandlers {
  onConnected(transport: VUDPTransport): void
  onFailed(error: Error): void
  onPath(report: VPathReport): void
  onWarning(code: string, message: string): void
  /** The other side has to be met again: it does not know what has changed here, or the relay knows neither. */
  onEstranged(): void
}

/** What it is made of. */
export interface LiveOptions extends LiveHandlers {
  readonly hub: SocketHub
  readonly means: ConnecterMeans
  readonly config: ConnecterConfig
  readonly names: VLanePeers
  readonly port: EnginePort
  readonly relay: RelayHolder
  readonly acquaintance: Acquaintance
  readonly secrets: VMeetingSecrets
}

/** Candidates of the peer that are tried by the handshake itself, beside those that are heard. */
const MAX_FIRST = 4
const LOOPBACK_BYTES = 65_507
const USUAL_BYTES = 1_472
/** Of the network that leads nowhere (RFC 6666), where no address of the peer is known yet. */
const NOWHERE = new VIPSocketPeer('100::', 9, { socketType: 'dgram' })

/** One connection. */
export class LiveConnection {
  readonly #options: LiveOptions
  readonly #transport: VUDPTransport
  readonly #keeper: PathKeeper
  #punching: Punching | null = null
  #watch: NetworkWatch | null = null
  #sureTimer: VScheduledCall | null = null
  /** The handshake was begun over the relay, and needs not be told when that has confirmed. */
  #isByRelay = false
  #isConnected = false
  #isSettled = false
  #isOver = false

  constructor(options: LiveOptions) {
    this.#options = options
    this.#transport = this.#connect()
    this.#keeper = this.#keep()
    if (options.config.path !== 'relay') this.#punching = this.#punch()
  }

  /** The path in use; null before there is one. */
  get report(): VPathReport | null {
    return this.#keeper.report
  }

  /** What the puncher is about, for people; undefined where it has nothing to do. */
  get plan(): string | undefined {
    const plan = this.#punching?.plan ?? null
    return plan === null ? undefined : plan.reason === '' ? plan.kind : plan.reason
  }

  /**
   * The other side has told its addresses: every one that is near is tried at once, as what is heard comes a round trip
   * later.
   */
  start(): void {
    for (const each of this.#options.acquaintance.targets.slice(0, MAX_FIRST)) {
      this.#transport.addCandidate(each)
    }
    if (this.#punching === null) return
    this.news()
    this.#sureTimer = this.#options.hub.reactor.schedule(SURE_AFTER_MS, () => {
      this.news()
      this.#keeper.reasonKnown()
    })
  }

  /** Something about one of the sides has become known. */
  news(): void {
    if (this.#isOver || this.#isSettled || this.#keeper.isDirect) return
    this.#update(false)
  }

  /** The relay can be expected to carry: what is lost, because it does not, is sent again. */
  relayLikely(name: VIPSocketPeer): void {
    if (this.#isConnected) return
    this.#isByRelay = true
    this.#transport.addCandidate(name)
  }

  /** The relay carries now. */
  relayOpened(name: VIPSocketPeer): void {
    if (this.#isConnected) this.#keeper.relayOpened()
    else if (!this.#isByRelay || this.#options.relay.via === 'stream') this.#transport.addCandidate(name)
  }

  /** The relay carries nothing more. */
  relayLost(): void {
    this.#keeper.relayLost()
    if (this.#isConnected && !this.#isSettled && this.#options.relay.isForgotten) this.#options.onEstranged()
  }

  /** Looks for no better path any more. */
  settle(): void {
    this.#isSettled = true
    this.#keeper.settle()
    this.#punching?.stop(this.#keeper.lane)
  }

  /** Breaks it off before there is a connection. */
  abort(error: Error): void {
    this.#transport.closeIO(new VFIOLost(new VIOLost('the attempt was given up', { cause: error })))
  }

  /** Lets go of everything. */
  close(): void {
    this.#isOver = true
    this.#sureTimer?.cancel()
    this.#watch?.close()
    this.#keeper.close()
    this.#punching?.stop()
  }

  #connect(): VUDPTransport {
    const { hub, means, config, port, relay, acquaintance, secrets } = this.#options
    const { vut, userData, connectTimeoutMs } = config
    const { targets } = acquaintance
    const { name, isLikely } = relay
    // A relay that has not been asked yet would drop what is said first, and hear it only when it is said again.
    this.#isByRelay = name !== null && isLikely
    const [peer = NOWHERE] = name === null || !isLikely ? targets : [name]
    return new VUDPTransport(hub.reactor, {
      ...this.#sizes([peer, ...targets]),
      ...vut,
      ...(userData === null ? {} : { userData }),
      socket: port,
      peer,
      secret: secrets.own,
      peerSecret: secrets.peer,
      // They follow from this meeting alone.
      answersWithData: true,
      handshakeTimeoutMs: connectTimeoutMs,
      crypto: means.crypto,
      random: means.random,
      onConnected: () => this.#connected(),
      onClosed: (reason) => this.#closed(reason),
      onPeerChanged: () => this.#keeper.pathChanged(),
      onPathTried: (at, answered) => this.#keeper.tried(at, answered),
      onPathSilent: () => this.#keeper.silent(),
    })
  }

  /** On one machine datagrams may be large; elsewhere one had better fit a usual frame. */
  #sizes(peers: readonly VIPSocketPeer[]): { readonly mtuBytes: number; readonly dontFragment: boolean } {
    const own = this.#options.means.hosts()
    const isHere = peers.every((each) => each.isLocal || own.includes(each.host))
    return { mtuBytes: isHere ? LOOPBACK_BYTES : USUAL_BYTES, dontFragment: isHere }
  }

  #keep(): PathKeeper {
    const { hub, names, port, relay, secrets, config, onPath } = this.#options
    return new PathKeeper({
      reactor: hub.reactor,
      transport: this.#transport,
      port,
      names,
      isInitiator: Buffer.compare(secrets.own, secrets.peer) > 0,
      policy: config.path,
      relay,
      punching: () => this.#punching,
      onPath: (report) => {
        onPath(report)
        if (report.path === 'direct') this.#punching?.stop(this.#keeper.lane)
      },
      onLost: () => this.#lookAgain(),
    })
  }

  #punch(): Punching {
    const { hub, means, config, secrets } = this.#options
    return new Punching({
      hub,
      means,
      secret: secrets.own,
      peerSecret: secrets.peer,
      birthday: config.birthday,
      onHeard: (lane, peer) => this.#heard(lane, peer),
      onRoundOver: ({ nextAt }) => this.#keeper.roundOver(nextAt),
    })
  }

  #update(isForced: boolean): void {
    const { candidates, nat, offer } = this.#options.acquaintance
    if (offer !== null) this.#punching?.update({ candidates, nat, offer }, isForced)
  }

  #heard(lane: number, peer: VIPSocketPeer): void {
    const name = this.#options.names.nameOf(lane, peer)
    if (name === null) return
    this.#keeper.heard(name)
    if (!this.#isConnected) this.#transport.addCandidate(name)
  }

  #connected(): void {
    if (this.#isOver) return
    this.#isConnected = true
    this.#keeper.connected()
    const { hub, means, onConnected } = this.#options
    this.#watch = new NetworkWatch({
      reactor: hub.reactor,
      hosts: () => means.hosts(),
      onChange: (what) => this.#networkChanged(what),
    })
    onConnected(this.#transport)
  }

  /** The road is tried at once, and everything is found out anew. */
  #networkChanged(what: 'addresses' | 'resumed'): void {
    const message =
      what === 'addresses' ? 'the addresses of this machine have changed' : 'this machine has slept'
    this.#options.onWarning('network-changed', message)
    this.#transport.localAddressChanged()
    this.#lookAgain()
  }

  /** The path is gone, or the network is another one: everything is found out anew, on the live connection. */
  #lookAgain(): void {
    const { relay, acquaintance, onEstranged } = this.#options
    if (this.#isOver) return
    relay.refresh()
    if (this.#isSettled) return
    // Where the room of the meeting is still open, what changes is told there.
    if (!acquaintance.hasRoom || relay.isForgotten) onEstranged()
    acquaintance.gatherAgain()
    this.#update(true)
  }

  #closed(reason: VFailure): void {
    if (this.#isConnected) return
    const { value } = reason
    const isLate = value instanceof VUDPLost && value.closeCode === VUT_CODE.handshakeTimeout
    this.#options.onFailed(isLate ? this.#late(value) : value)
  }

  #late(cause: Error): VConnecterError {
    const { config, relay, acquaintance } = this.#options
    const { path, connectTimeoutMs: afterMs } = config
    const message = describeFailure({
      path,
      afterMs,
      nat: acquaintance.nat,
      peer: acquaintance.offer,
      obstacle: this.#punching?.obstacle ?? '',
      packets: this.#punching?.sent ?? 0,
      heard: this.#keeper.heardCount,
      relay: { name: relay.relay, via: relay.via },
    })
    const reason = path === 'direct' ? 'path-refused' : 'timeout'
    const phase = path === 'relay' ? 'relayed' : 'punching'
    return new VConnecterError({ phase, reason }, message, { cause })
  }
}
