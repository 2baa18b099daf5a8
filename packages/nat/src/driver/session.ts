/**
 * One connection of a connecter, from nothing to its end: the order of the phases.
 *
 * Gathering and meeting begin together; relay and punching begin together once both sides know of each other, and the
 * connection's own handshake over whatever has been opened decides which is used. Each part decides its own affair.
 * Nothing here waits or touches the system: sockets, links and time come from outside. Invariants: it ends in one
 * `onConnected` or one `onFailed`; when nothing is left to do there is no socket, no link and no timer of it.
 */
import { type IVDatagramPort, type VFailure, VFIOLost, VIOLost, VIPSocketPeer } from '@vio/io'
import type { IVReactor, VScheduledCall } from '@vio/reactor'
import { VUDPLost, VUDPTransport, VUT_CODE } from '@vio/vudp'
import { pairCandidates, type VCandidate } from '../candidate.js'
import { VLanePeers } from '../lane-peers.js'
import type { VOffer } from '../offer.js'
import type { VRelayLeg, VWelcome } from '../rendezvous-message.js'
import { bindSockets } from './bind-sockets.js'
import type { Cancel, ConnecterMeans } from './connecter-means.js'
import {
  type ConnecterConfig,
  VConnecterError,
  type VConnecterPhase,
  type VPathReport,
} from './connecter-options.js'
import { describeFailure } from './describe-failure.js'
import { EnginePort } from './engine-port.js'
import { Gathering } from './gathering.js'
import { Meeting, type MeetingRelay } from './meeting.js'
import { NetworkWatch } from './network-watch.js'
import { PathKeeper } from './path-keeper.js'
import { Punching, SURE_AFTER_MS } from './punching.js'
import { RelayHolder } from './relay-holder.js'
import { readTerms, writeTerms } from './session-terms.js'
import { SocketHub } from './socket-hub.js'

/** Who is told. */
export interface SessionHandlers {
  onConnected(transport: VUDPTransport): void
  onFailed(error: Error): void
  /** Nothing is left of it. */
  onReleased(): void
}

/** Candidates of the peer that are tried by the handshake itself, beside those that are heard. */
const MAX_FIRST = 4
/** How long the offer waits for what the STUN server sees, once both have proved themselves. */
const STUN_WAIT_MS = 300
/** What changes at once is told at once. */
const OFFER_PAUSE_MS = 50
const SECRET_BYTES = 32
const LOOPBACK_BYTES = 65_507
/** Of the network that leads nowhere (RFC 6666), where no address of the peer is known yet. */
const NOWHERE = new VIPSocketPeer('100::', 9, { socketType: 'dgram' })

/** One connection. */
export class ConnectSession {
  readonly #reactor: IVReactor
  readonly #means: ConnecterMeans
  readonly #config: ConnecterConfig
  readonly #handlers: SessionHandlers
  readonly #hub: SocketHub
  readonly #names = new VLanePeers()
  readonly #secret = Buffer.alloc(SECRET_BYTES)
  readonly #gathering: Gathering
  readonly #meeting: Meeting
  readonly #relay: RelayHolder
  readonly #timers = new Set<VScheduledCall>()
  #phase: VConnecterPhase = 'gathering'
  #cancelBind: Cancel = () => undefined
  #port: EnginePort | null = null
  #onSockets: (() => void)[] = []
  #punching: Punching | null = null
  #keeper: PathKeeper | null = null
  #hasRoom = false
  #peerOffer: VOffer | null = null
  #told = ''
  #offerTimer: VScheduledCall | null = null
  #isAuthenticated = false
  #transport: VUDPTransport | null = null
  #isConnected = false
  #watch: NetworkWatch | null = null
  #stun: { readonly welcome: VWelcome; readonly at: MeetingRelay } | null = null
  #isSettled = false
  #isReleased = false

  constructor(
    reactor: IVReactor,
    parts: { readonly means: ConnecterMeans; readonly config: ConnecterConfig },
    handlers: SessionHandlers,
  ) {
    const { means, config } = parts
    this.#reactor = reactor
    this.#means = means
    this.#config = config
    this.#handlers = handlers
    this.#hub = new SocketHub(reactor)
    means.random.fillSecret(this.#secret)
    const { bind, portMapping, path } = config
    this.#gathering = new Gathering({
      hub: this.#hub,
      means,
      bind,
      portMapping: portMapping && path !== 'relay',
      onChange: () => this.#gathered(),
    })
    this.#relay = new RelayHolder({
      hub: this.#hub,
      means,
      relays: config.relays,
      answerMs: config.connectTimeoutMs,
      secret: this.#secret,
      isUsed: path !== 'direct',
      onOpen: (name) => this.#relayOpened(name),
      onLost: (relay, reason) => this.#relayLost(relay, reason),
      onMetAgain: () => {
        this.#told = ''
        this.#sendOffer()
      },
      onOffer: (offer) => this.#offered(offer),
    })
    this.#meeting = new Meeting({
      reactor,
      means,
      relays: config.relays,
      code: config.code,
      answerMs: config.connectTimeoutMs,
      meetMs: config.meetTimeoutMs,
      onWelcome: (at, welcome) => this.#welcomed(at, welcome),
      onCode: (code) => {
        this.#tell('meeting')
        config.onEvent({ type: 'code', code })
      },
      onJoined: (at, leg) => this.#joined(at, leg),
      onAuthenticated: () => this.#authenticated(),
      onOffer: (offer) => this.#offered(offer),
      onLeft: () => {
        this.#hasRoom = false
      },
      onWarning: (code, message) => this.#warn(code, message),
      onFailed: (error) => this.#meetingFailed(error),
    })
  }

  /** The path in use; null while there is none. */
  get path(): VPathReport | null {
    return this.#keeper?.report ?? null
  }

  /** Begins. */
  start(): void {
    this.#config.onEvent({ type: 'phase', phase: 'gathering' })
    this.#cancelBind = bindSockets(this.#means, this.#config, (outcome) => this.#bound(outcome))
    this.#meeting.start()
  }

  /** Gives up before there is a connection; afterwards leaves the connection as it is and looks for no better path. */
  close(error: Error): void {
    if (!this.#isSettled) {
      this.#fail(error)
      return
    }
    this.#meeting.close()
    this.#relay.settle()
    this.#keeper?.settle()
    this.#punching?.stop(this.#keeper?.lane ?? 0)
  }

  #bound(outcome: readonly IVDatagramPort[] | VConnecterError): void {
    if (outcome instanceof VConnecterError) {
      this.#fail(outcome)
      return
    }
    for (const port of outcome) this.#hub.add(0, port)
    const { path } = this.#config
    this.#port = new EnginePort({
      hub: this.#hub,
      names: this.#names,
      relayOnly: path === 'relay',
      onClose: () => this.#release(),
    })
    if (path !== 'relay') this.#gathering.askRouters()
    for (const call of this.#onSockets.splice(0)) call()
  }

  #whenSockets(call: () => void): void {
    if (this.#port !== null) call()
    else this.#onSockets.push(call)
  }

  #welcomed(at: MeetingRelay, welcome: VWelcome): void {
    this.#tell('meeting', at.relay)
    this.#stun = { welcome, at }
    if (this.#config.path !== 'relay') this.#whenSockets(() => this.#askServers())
  }

  #askServers(): void {
    if (this.#stun === null || this.#isReleased) return
    this.#gathering.askServers(this.#stun.welcome.stun, this.#stun.at.remote)
  }

  #joined(at: MeetingRelay, leg: VRelayLeg | undefined): void {
    this.#tell('authenticating', at.relay)
    const { path } = this.#config
    if (path === 'direct') return
    if (leg !== undefined) {
      this.#whenSockets(() => {
        if (this.#port !== null) this.#relay.use(at, leg, this.#port)
      })
      return
    }
    const message = `the relay ${at.relay} carries no data for this meeting: its limits are reached`
    if (path === 'auto') this.#warn('no-relay', message)
    else this.#fail(new VConnecterError({ phase: 'authenticating', reason: 'path-refused' }, message))
  }

  #relayOpened(name: VIPSocketPeer): void {
    if (this.#isConnected) this.#keeper?.relayOpened()
    else this.#transport?.addCandidate(name)
  }

  #relayLost(relay: string, reason: string): void {
    this.#warn('relay-lost', `the relay ${relay} carries no more: ${reason}`)
    this.#keeper?.relayLost()
    if (this.#relay.isForgotten) this.#meetAgain()
  }

  #meetAgain(): void {
    if (!this.#isConnected || this.#peerOffer === null || this.#port === null) return
    this.#relay.meetAgain(this.#peerOffer.secret, this.#port)
  }

  #authenticated(): void {
    this.#isAuthenticated = true
    this.#hasRoom = true
    this.#tell('exchanging')
    if (this.#gathering.isAsking || this.#port === null) this.#after(STUN_WAIT_MS, () => this.#sendOffer())
    else this.#sendOffer()
  }

  /** Something has become known about the addresses of this side. */
  #gathered(): void {
    if (!this.#isAuthenticated || this.#isReleased) return
    if (this.#told === '') {
      if (!this.#gathering.isAsking) this.#sendOffer()
      return
    }
    if (this.#offerTimer !== null) return
    this.#offerTimer = this.#after(OFFER_PAUSE_MS, () => {
      this.#offerTimer = null
      this.#sendOffer()
    })
  }

  #sendOffer(): void {
    const offer: VOffer = {
      secret: this.#secret,
      candidates: this.#candidates,
      nat: this.#gathering.nat,
      note: writeTerms({ path: this.#config.path }),
    }
    const told = JSON.stringify([offer.candidates.map(({ kind, peer }) => [kind, String(peer)]), offer.nat])
    if (told === this.#told || this.#isReleased) return
    this.#told = told
    if (this.#hasRoom) this.#meeting.offer(offer)
    this.#relay.offer(offer)
    this.#updatePunching()
  }

  get #candidates(): readonly VCandidate[] {
    return this.#config.path === 'relay' || this.#port === null ? [] : this.#gathering.candidates
  }

  #offered(offer: VOffer): void {
    const isFirst = this.#peerOffer === null
    if (!isFirst && !offer.secret.equals(this.#peerOffer?.secret ?? offer.secret)) return
    this.#peerOffer = offer
    if (isFirst) this.#whenSockets(() => this.#begin(offer))
    else this.#updatePunching()
  }

  /** Both know of each other: everything begins at once. */
  #begin(offer: VOffer): void {
    if (this.#port === null || this.#isReleased) return
    if (this.#told === '') this.#sendOffer()
    const { path } = this.#config
    const terms = readTerms(offer.note)
    const isRefused =
      (path === 'direct' && terms.path === 'relay') || (path === 'relay' && terms.path === 'direct')
    if (isRefused) {
      const message =
        `this side allows the ${path} path only, the other side the ${terms.path} path only: ` +
        'leave --path out on one of them'
      this.#fail(new VConnecterError({ phase: 'exchanging', reason: 'path-refused' }, message))
      return
    }
    this.#connect(this.#port, offer)
    this.#punch(offer)
  }

  #punch(offer: VOffer): void {
    if (this.#config.path === 'relay' || this.#isReleased) {
      this.#tell('relayed', 'the relay is asked for')
      return
    }
    this.#punching = new Punching({
      hub: this.#hub,
      means: this.#means,
      secret: this.#secret,
      peerSecret: offer.secret,
      birthday: this.#config.birthday,
      onHeard: (lane, peer) => this.#heard(lane, peer),
      onRoundOver: ({ nextAt }) => this.#keeper?.roundOver(nextAt),
    })
    this.#updatePunching()
    this.#after(SURE_AFTER_MS, () => this.#updatePunching())
    const { plan } = this.#punching
    this.#tell('punching', plan?.reason === '' ? plan.kind : plan?.reason)
  }

  #updatePunching(): void {
    if (this.#peerOffer === null || this.#punching === null || this.#keeper?.isDirect === true) return
    const { candidates, nat } = this.#gathering
    this.#punching.update({ candidates, nat, offer: this.#peerOffer })
  }

  #heard(lane: number, peer: VIPSocketPeer): void {
    const name = this.#names.nameOf(lane, peer)
    if (name === null) return
    this.#keeper?.heard(name)
    if (!this.#isConnected) this.#transport?.addCandidate(name)
  }

  #connect(port: EnginePort, offer: VOffer): void {
    const { path, vut, userData, connectTimeoutMs } = this.#config
    const targets =
      path === 'relay'
        ? []
        : pairCandidates(this.#gathering.candidates, offer.candidates).map(({ remote }) => remote.peer)
    const { name, via } = this.#relay
    const [peer = name ?? NOWHERE] = name === null || via === null ? targets : [name]
    const transport = new VUDPTransport(this.#reactor, {
      ...this.#sizes(targets, peer),
      ...vut,
      ...(userData === null ? {} : { userData }),
      socket: port,
      peer,
      secret: this.#secret,
      peerSecret: offer.secret,
      handshakeTimeoutMs: connectTimeoutMs,
      crypto: this.#means.crypto,
      random: this.#means.random,
      onConnected: (from) => this.#connected(from),
      onClosed: (reason) => this.#closed(reason),
      onPeerChanged: () => this.#keeper?.pathChanged(),
      onPathTried: (at, answered) => this.#keeper?.tried(at, answered),
      onPathSilent: () => this.#keeper?.silent(),
    })
    this.#transport = transport
    this.#keeper = new PathKeeper({
      reactor: this.#reactor,
      transport,
      port,
      names: this.#names,
      isInitiator: Buffer.compare(this.#secret, offer.secret) > 0,
      policy: path,
      relay: this.#relay,
      punching: () => this.#punching,
      onPath: (report) => this.#pathReported(report),
      onLost: () => this.#lookAgain(),
    })
    // Those that are near are tried at once: what is heard comes a round trip later.
    for (const each of targets.slice(0, MAX_FIRST)) transport.addCandidate(each)
  }

  /** On one machine datagrams may be large; elsewhere one had better fit a usual frame. */
  #sizes(
    targets: readonly VIPSocketPeer[],
    peer: VIPSocketPeer,
  ): { mtuBytes?: number; dontFragment?: boolean } {
    const own = this.#means.hosts()
    const isHere = [peer, ...targets].every((each) => each.isLocal || own.includes(each.host))
    return isHere
      ? { mtuBytes: LOOPBACK_BYTES, dontFragment: true }
      : { mtuBytes: 1_472, dontFragment: false }
  }

  #connected(_from: VIPSocketPeer): void {
    const transport = this.#transport
    if (transport === null || this.#isSettled) return
    this.#isConnected = true
    this.#isSettled = true
    this.#keeper?.connected()
    this.#watch = new NetworkWatch({
      reactor: this.#reactor,
      hosts: () => this.#means.hosts(),
      onChange: (what) => this.#networkChanged(what),
    })
    this.#handlers.onConnected(transport)
  }

  /** The addresses of this machine are others, or it has slept: the road is tried at once, and gathering begins anew. */
  #networkChanged(what: 'addresses' | 'resumed'): void {
    const message =
      what === 'addresses' ? 'the addresses of this machine have changed' : 'this machine has slept'
    this.#warn('network-changed', message)
    this.#transport?.localAddressChanged()
    this.#lookAgain()
  }

  #pathReported(report: VPathReport): void {
    this.#tell(report.path === 'relay' ? 'relayed' : 'direct', report.why)
    this.#config.onEvent({ type: 'path', ...report })
    if (report.path === 'direct') this.#punching?.stop(this.#keeper?.lane ?? 0)
  }

  /** The path is gone, or the network is another one: everything is found out anew, on the live connection. */
  #lookAgain(): void {
    if (this.#isReleased) return
    this.#relay.refresh()
    // Where the room of the meeting is still open, what changes is told there.
    if (!this.#hasRoom || this.#relay.isForgotten) this.#meetAgain()
    const offer = this.#peerOffer
    if (offer === null || this.#punching === null) return
    this.#askServers()
    const { candidates, nat } = this.#gathering
    this.#punching.again({ candidates, nat, offer })
  }

  #closed(reason: VFailure): void {
    if (this.#isConnected) return
    const { value } = reason
    const isLate = value instanceof VUDPLost && value.closeCode === VUT_CODE.handshakeTimeout
    this.#fail(isLate ? this.#late(value) : value)
  }

  #late(cause: Error): VConnecterError {
    const { path, connectTimeoutMs } = this.#config
    const message = describeFailure({
      path,
      afterMs: connectTimeoutMs,
      nat: this.#gathering.nat,
      peer: this.#peerOffer,
      plan: this.#punching?.plan ?? null,
      packets: this.#punching?.sent ?? 0,
      heard: this.#keeper?.heardCount ?? 0,
      relay: { name: this.#relay.relay, via: this.#relay.via },
    })
    const reason = path === 'direct' ? 'path-refused' : 'timeout'
    return new VConnecterError({ phase: path === 'relay' ? 'relayed' : 'punching', reason }, message, {
      cause,
    })
  }

  #meetingFailed(error: Error): void {
    // Once both know of each other the meeting has done its work.
    if (this.#transport === null) this.#fail(error)
  }

  #fail(error: Error): void {
    if (this.#isSettled) return
    this.#isSettled = true
    const transport = this.#transport
    if (transport !== null) {
      transport.closeIO(new VFIOLost(new VIOLost('the attempt was given up', { cause: error })))
    }
    this.#release()
    this.#handlers.onFailed(error)
  }

  #release(): void {
    if (this.#isReleased) return
    this.#isReleased = true
    this.#cancelBind()
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
    this.#meeting.close()
    this.#watch?.close()
    this.#keeper?.close()
    this.#punching?.stop()
    this.#relay.close()
    this.#gathering.close()
    this.#hub.close()
    this.#tell('closed')
    this.#handlers.onReleased()
  }

  #tell(phase: VConnecterPhase, detail?: string): void {
    if (this.#phase === phase) return
    this.#phase = phase
    this.#config.onEvent(detail === undefined ? { type: 'phase', phase } : { type: 'phase', phase, detail })
  }

  #warn(code: string, message: string): void {
    this.#config.onEvent({ type: 'warning', code, message })
  }

  #after(ms: number, call: () => void): VScheduledCall {
    const timer = this.#reactor.schedule(ms, () => {
      this.#timers.delete(timer)
      if (!this.#isReleased) call()
    })
    this.#timers.add(timer)
    return timer
  }
}
