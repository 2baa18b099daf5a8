/**
 * One connection of a connecter, from nothing to its end: the order of the phases.
 *
 * Gathering and meeting begin together; the relay begins as soon as somebody is there, punching once both sides know of
 * each other, and the connection's own handshake over whatever has been opened decides which is used. The initiator speaks
 * by the relay before the other side has proved itself, as nobody can read it without the words; the responder answers, and
 * the initiator's connection is told, only after the proof. Each part decides its own affair. Nothing here waits or touches
 * the system: sockets, links and time come from outside. Invariants: it ends in one `onConnected` or one `onFailed`; when
 * nothing is left to do there is no socket, no link and no timer of it.
 */
import type { IVDatagramPort } from '@vio/io'
import type { IVReactor } from '@vio/reactor'
import type { VUDPTransport } from '@vio/vudp'
import type { VMeetingSecrets } from '../introduction.js'
import { VLanePeers } from '../lane-peers.js'
import type { VOffer } from '../offer.js'
import type { VRelayLeg, VWelcome } from '../rendezvous-message.js'
import { Acquaintance } from './acquaintance.js'
import { bindSockets } from './bind-sockets.js'
import type { Cancel, ConnecterMeans } from './connecter-means.js'
import {
  type ConnecterConfig,
  VConnecterError,
  type VConnecterPhase,
  type VPathReport,
} from './connecter-options.js'
import { EnginePort } from './engine-port.js'
import { LiveConnection } from './live-connection.js'
import type { MeetingRelay } from './meeting.js'
import { RelayHolder } from './relay-holder.js'
import { readTerms } from './session-terms.js'
import { SocketHub } from './socket-hub.js'

/** Who is told. */
export interface SessionHandlers {
  onConnected(transport: VUDPTransport): void
  onFailed(error: Error): void
  /** Nothing is left of it. */
  onReleased(): void
}

/** What a session is made of. */
export interface SessionParts {
  readonly means: ConnecterMeans
  readonly config: ConnecterConfig
}

/** How long the sockets of a failed attempt stay open at most. */
const FAREWELL_MS = 1_000

/** One connection. */
export class ConnectSession {
  readonly #parts: SessionParts
  readonly #handlers: SessionHandlers
  readonly #hub: SocketHub
  readonly #names = new VLanePeers()
  readonly #acquaintance: Acquaintance
  readonly #relay: RelayHolder
  #phase: VConnecterPhase | null = null
  #cancelBind: Cancel = () => undefined
  #port: EnginePort | null = null
  #secrets: VMeetingSecrets | null = null
  /** The other side knows the words. */
  #isAuthentic = false
  /** A connection that waits for the other side's proof. */
  #connected: VUDPTransport | null = null
  /** A relay that is known before the sockets are there. */
  #place: { readonly at: MeetingRelay; readonly place: VWelcome['relay'] } | null = null
  /** A leg that has come before the sockets were there. */
  #leg: { readonly at: MeetingRelay; readonly leg: VRelayLeg } | null = null
  #live: LiveConnection | null = null
  #isSettled = false
  #cancelFarewell: Cancel = () => undefined
  #isReleased = false

  constructor(reactor: IVReactor, parts: SessionParts, handlers: SessionHandlers) {
    this.#parts = parts
    this.#handlers = handlers
    this.#hub = new SocketHub(reactor)
    this.#acquaintance = this.#makeAcquaintance()
    this.#relay = this.#makeRelay()
  }

  /** The path in use; null while there is none. */
  get path(): VPathReport | null {
    return this.#live?.report ?? null
  }

  /** Begins. */
  start(): void {
    const { means, config } = this.#parts
    this.#tell('gathering')
    this.#cancelBind = bindSockets(means, config, (outcome) => this.#bound(outcome))
    this.#acquaintance.start()
  }

  /** Gives up before there is a connection; afterwards leaves the connection as it is and looks for no better path. */
  close(error: Error): void {
    if (!this.#isSettled) {
      this.#fail(error)
      return
    }
    this.#acquaintance.leave()
    this.#relay.settle()
    this.#live?.settle()
  }

  #makeAcquaintance(): Acquaintance {
    const { means, config } = this.#parts
    return new Acquaintance({
      hub: this.#hub,
      means,
      config,
      onPhase: (phase, detail) => this.#tell(phase, detail),
      onWarning: (code, message) => this.#warn(code, message),
      onRelay: (at, place) => {
        this.#place = { at, place }
        this.#prepare()
      },
      onJoined: (at, leg, secrets) => {
        this.#secrets = secrets
        this.#joined(at, leg)
        this.#beginByRelay()
      },
      onAuthenticated: () => this.#authenticated(),
      onKnown: (offer) => this.#begin(offer),
      onNews: () => this.#live?.news(),
      onTell: (offer) => this.#relay.offer(offer),
      // Once both know of each other the meeting has done its work.
      onFailed: (error) => {
        if (this.#live === null || this.#acquaintance.offer === null) this.#fail(error)
      },
    })
  }

  #makeRelay(): RelayHolder {
    const { means, config } = this.#parts
    return new RelayHolder({
      hub: this.#hub,
      means,
      relays: config.relays,
      answerMs: config.connectTimeoutMs,
      isUsed: config.path !== 'direct',
      onLikely: (name) => {
        if (this.#live === null) this.#beginByRelay()
        else this.#live.relayLikely(name)
      },
      onOpen: (name) => {
        if (this.#live === null) this.#beginByRelay()
        else this.#live.relayOpened(name)
      },
      onLost: (relay, reason) => {
        this.#warn('relay-lost', `the relay ${relay} carries no more: ${reason}`)
        this.#live?.relayLost()
      },
      onMetAgain: () => this.#acquaintance.metAgain(),
      onOffer: (offer) => this.#acquaintance.offered(offer),
    })
  }

  #bound(outcome: readonly IVDatagramPort[] | VConnecterError): void {
    if (outcome instanceof VConnecterError) {
      this.#fail(outcome)
      return
    }
    for (const port of outcome) this.#hub.add(0, port)
    this.#port = new EnginePort({
      hub: this.#hub,
      names: this.#names,
      relayOnly: this.#parts.config.path === 'relay',
      onClose: () => this.#release(),
    })
    this.#prepare()
    this.#useLeg()
    this.#beginByRelay()
    this.#acquaintance.socketsOpen()
  }

  /** A leg will follow when somebody comes: what can be done before is done now. */
  #prepare(): void {
    const known = this.#place
    if (known === null || this.#port === null || this.#isReleased) return
    this.#place = null
    this.#relay.prepare(known.at, known.place)
  }

  #joined(at: MeetingRelay, leg: VRelayLeg | undefined): void {
    const { path } = this.#parts.config
    if (path === 'direct') return
    if (leg !== undefined) {
      this.#leg = { at, leg }
      this.#useLeg()
      return
    }
    const message = `the relay ${at.relay} carries no data for this meeting: its limits are reached`
    if (path === 'auto') {
      this.#warn('no-relay', message)
      return
    }
    const help = 'meet at another relay, or allow the direct path'
    this.#fail(
      new VConnecterError({ phase: 'authenticating', reason: 'path-refused' }, `${message}; ${help}`),
    )
  }

  #useLeg(): void {
    const given = this.#leg
    if (given === null || this.#port === null || this.#isReleased) return
    this.#leg = null
    this.#relay.use(given.at, given.leg, this.#port)
  }

  /** The other side has proved itself. */
  #authenticated(): void {
    this.#isAuthentic = true
    this.#beginByRelay()
    if (this.#connected !== null) this.#tellConnected(this.#connected)
  }

  /** The relay needs no address of the other side. */
  #beginByRelay(): void {
    const secrets = this.#secrets
    const { name, isLikely } = this.#relay
    if (this.#live !== null || this.#isSettled || secrets === null || name === null || !isLikely) return
    const isInitiator = Buffer.compare(secrets.own, secrets.peer) > 0
    if (!isInitiator && !this.#isAuthentic) return
    // How large datagrams may be shows only with the addresses; on one machine they come soon enough.
    if (name.isLocal || this.#parts.means.hosts().includes(name.host)) return
    this.#makeLive()
  }

  /** Both know of each other: everything begins at once. */
  #begin(offer: VOffer): void {
    const { config } = this.#parts
    const refusal = refusalOf(config, offer)
    if (refusal !== null) {
      this.#fail(refusal)
      return
    }
    const live = this.#live ?? this.#makeLive()
    live?.start()
    if (config.path !== 'relay' && !this.#isSettled) this.#tell('punching', live?.plan)
  }

  #makeLive(): LiveConnection | null {
    const port = this.#port
    const secrets = this.#secrets
    if (port === null || secrets === null || this.#isReleased) return null
    const { means, config } = this.#parts
    this.#live = new LiveConnection({
      hub: this.#hub,
      means,
      config,
      names: this.#names,
      port,
      relay: this.#relay,
      acquaintance: this.#acquaintance,
      secrets,
      onConnected: (transport) => this.#tellConnected(transport),
      onFailed: (error) => this.#fail(error),
      onPath: (report) => {
        this.#tell(report.path === 'relay' ? 'relayed' : 'direct', report.why)
        config.onEvent({ type: 'path', ...report })
      },
      onWarning: (code, message) => this.#warn(code, message),
      onEstranged: () => this.#relay.meetAgain(secrets, port),
    })
    return this.#live
  }

  /** Nobody is told of a connection whose other side has not proved itself, whatever the handshake has shown. */
  #tellConnected(transport: VUDPTransport): void {
    this.#connected = null
    if (!this.#isAuthentic) this.#connected = transport
    else if (!this.#isSettled) {
      this.#isSettled = true
      this.#handlers.onConnected(transport)
    }
  }

  #fail(error: Error): void {
    if (this.#isSettled) return
    this.#isSettled = true
    if (this.#live === null) this.#release()
    else this.#breakOff(this.#live, error)
    this.#handlers.onFailed(error)
  }

  /** The other side may have to be told, which takes a moment; nothing else goes on. */
  #breakOff(live: LiveConnection, error: Error): void {
    const timer = this.#hub.reactor.schedule(FAREWELL_MS, () => this.#release())
    this.#cancelFarewell = () => timer.cancel()
    live.close()
    this.#acquaintance.close()
    live.abort(error)
  }

  #release(): void {
    if (this.#isReleased) return
    this.#isReleased = true
    this.#cancelBind()
    this.#cancelFarewell()
    this.#live?.close()
    this.#relay.close()
    this.#acquaintance.close()
    this.#hub.close()
    this.#tell('closed')
    this.#handlers.onReleased()
  }

  #tell(phase: VConnecterPhase, detail?: string): void {
    if (this.#phase === phase) return
    this.#phase = phase
    const { onEvent } = this.#parts.config
    onEvent(detail === undefined ? { type: 'phase', phase } : { type: 'phase', phase, detail })
  }

  #warn(code: string, message: string): void {
    this.#parts.config.onEvent({ type: 'warning', code, message })
  }
}

/** Where one side allows no relay, and the other nothing else, there is no way. */
function refusalOf({ path }: ConnecterConfig, offer: VOffer): VConnecterError | null {
  const { path: theirs } = readTerms(offer.note)
  if (path === theirs || path === 'auto' || theirs === 'auto') return null
  const message =
    `this side allows the ${path} path only, the other side the ${theirs} path only: ` +
    'leave --path out on one of them'
  return new VConnecterError({ phase: 'exchanging', reason: 'path-refused' }, message)
}
