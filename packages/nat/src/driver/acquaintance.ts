/**
 * How two sides come to know of each other: a room, a key, and what each tells the other about its addresses.
 *
 * Decides when this side tells what it has found out, and what it finds out again. What is done with it is for others.
 * Invariants: what is told can be read only by somebody who knows the words; what has not changed is not told twice; an
 * offer with another secret than the one that both have is nobody's.
 */
import type { VIPSocketPeer } from '@vio/io'
import type { VScheduledCall } from '@vio/reactor'
import { pairCandidates, type VCandidate } from '../candidate.js'
import type { VMeetingSecrets } from '../introduction.js'
import type { VOffer } from '../offer.js'
import { roomEndError, VRendezvousError } from '../rendezvous-error.js'
import type { VRelayLeg, VWelcome } from '../rendezvous-message.js'
import type { VNatView } from '../strategy.js'
import type { ConnecterMeans } from './connecter-means.js'
import { type ConnecterConfig, VConnecterError, type VConnecterPhase } from './connecter-options.js'
import { Gathering } from './gathering.js'
import { Meeting, type MeetingRelay } from './meeting.js'
import { writeTerms } from './session-terms.js'
import type { SocketHub } from './socket-hub.js'

/** Who is told. */
export interface AcquaintanceHandlers {
  onPhase(phase: VConnecterPhase, detail?: string): void
  onWarning(code: string, message: string): void
  /** The relay that the code leads to may be needed. Before anybody is there, and not always told. */
  onRelay(at: MeetingRelay, place: VWelcome['relay']): void
  /** Somebody is there. `secrets`: of the connection with it, if it is the right one. */
  onJoined(at: MeetingRelay, leg: VRelayLeg | undefined, secrets: VMeetingSecrets): void
  /** It is the right one. Once. */
  onAuthenticated(): void
  /** The other side is known. Once. */
  onKnown(offer: VOffer): void
  /** Something about one of the sides has become known that was not, or has changed. */
  onNews(): void
  /** An offer is to be told wherever else the other side was met. */
  onTell(offer: VOffer): void
  onFailed(error: Error): void
}

/** What it is made of. */
export interface AcquaintanceOptions extends AcquaintanceHandlers {
  readonly hub: SocketHub
  readonly means: ConnecterMeans
  readonly config: ConnecterConfig
}

/** How long the offer waits for what the STUN server sees, once both are there. */
const STUN_WAIT_MS = 300
/** What changes at once is told at once. */
const OFFER_PAUSE_MS = 50

/** What two sides know of each other. */
export class Acquaintance {
  readonly #options: AcquaintanceOptions
  readonly #gathering: Gathering
  readonly #meeting: Meeting
  #hasSockets = false
  #server: { readonly stun: VWelcome['stun']; readonly relay: VIPSocketPeer } | null = null
  /** Known once somebody was there. */
  #secrets: VMeetingSecrets | null = null
  #hasRoom = false
  #told = ''
  #timer: VScheduledCall | null = null
  #offer: VOffer | null = null
  #deadline: VScheduledCall | null = null
  #isOver = false

  constructor(options: AcquaintanceOptions) {
    const { hub, means, config } = options
    this.#options = options
    this.#gathering = new Gathering({
      hub,
      means,
      bind: config.bind,
      portMapping: config.portMapping,
      onChange: () => this.#gathered(),
    })
    this.#meeting = this.#meet()
  }

  /** What the other side has told last; null before. */
  get offer(): VOffer | null {
    return this.#offer
  }

  /** True while the room in which both have met is open. */
  get hasRoom(): boolean {
    return this.#hasRoom
  }

  /** How the NAT of this side behaves, as far as is known. */
  get nat(): VNatView {
    return this.#gathering.nat
  }

  /** The addresses that the other side is told. */
  get candidates(): readonly VCandidate[] {
    return this.#options.config.path === 'relay' || !this.#hasSockets ? [] : this.#gathering.candidates
  }

  /** The addresses of the other side that are worth a try, the best first. */
  get targets(): readonly VIPSocketPeer[] {
    const theirs = this.#options.config.path === 'relay' ? [] : (this.#offer?.candidates ?? [])
    return pairCandidates(this.candidates, theirs).map(({ remote }) => remote.peer)
  }

  /** Begins to look for the other side. */
  start(): void {
    this.#meeting.start()
  }

  /** The sockets are there. */
  socketsOpen(): void {
    this.#hasSockets = true
    if (this.#options.config.path !== 'relay') this.#gathering.askRouters()
    this.gatherAgain()
    if (this.#offer !== null) this.#known(this.#offer)
  }

  /** Asks the servers (again) what they see. */
  gatherAgain(): void {
    const server = this.#server
    if (server === null || !this.#hasSockets || this.#isOver || this.#options.config.path === 'relay') return
    this.#gathering.askServers(server.stun, server.relay)
  }

  /** Both have met once more: tells everything again. */
  metAgain(): void {
    this.#told = ''
    this.#tell()
  }

  /** The other side has told something. */
  offered(offer: VOffer): void {
    const known = this.#offer
    if (this.#secrets?.peer.equals(offer.secret) !== true) {
      if (known === null) this.#options.onFailed(otherVersion())
      return
    }
    this.#offer = offer
    if (known !== null) this.#options.onNews()
    else if (this.#hasSockets) this.#known(offer)
  }

  /** The room is needed no more. */
  leave(): void {
    this.#hasRoom = false
    this.#meeting.close()
  }

  /** Ends it. Ports of routers are given back. */
  close(): void {
    this.#isOver = true
    this.#timer?.cancel()
    this.#deadline?.cancel()
    this.leave()
    this.#gathering.close()
  }

  #meet(): Meeting {
    const { hub, means, config, onPhase, onWarning, onRelay, onJoined, onFailed } = this.#options
    return new Meeting({
      reactor: hub.reactor,
      means,
      relays: config.relays,
      code: config.code,
      answerMs: config.connectTimeoutMs,
      meetMs: config.meetTimeoutMs,
      onWelcome: (at, { stun, relay }) => {
        onPhase('meeting', at.relay)
        this.#server = { stun, relay: at.remote }
        onRelay(at, relay)
        this.gatherAgain()
      },
      onCode: (code) => config.onEvent({ type: 'code', code }),
      onJoined: (at, leg, secrets) => {
        onPhase('authenticating', at.relay)
        this.#secrets = secrets
        onJoined(at, leg, secrets)
        this.#joined()
      },
      onAuthenticated: () => this.#authenticated(),
      onOffer: (offer) => this.offered(offer),
      onLeft: () => {
        this.#hasRoom = false
        if (this.#offer === null) onFailed(roomEndError('gone'))
      },
      onWarning,
      onFailed,
    })
  }

  /** Somebody is there: that it is the right one needs not be known to tell it something. */
  #joined(): void {
    this.#hasRoom = true
    if (this.#gathering.isAsking || !this.#hasSockets) this.#later(STUN_WAIT_MS)
    else this.#tell()
  }

  #authenticated(): void {
    const { hub, config, onPhase, onAuthenticated } = this.#options
    onPhase('exchanging')
    onAuthenticated()
    this.#deadline = hub.reactor.schedule(config.connectTimeoutMs, () => this.#late())
  }

  /** The other side knows the words, but says nothing. */
  #late(): void {
    const seconds = Math.round(this.#options.config.connectTimeoutMs / 1_000)
    const message = `the other side did not tell its addresses within ${seconds} s: see whether it still runs`
    this.#options.onFailed(new VConnecterError({ phase: 'exchanging', reason: 'timeout' }, message))
  }

  #known(offer: VOffer): void {
    this.#deadline?.cancel()
    if (this.#told === '') this.#tell()
    this.#options.onKnown(offer)
  }

  /** Something has become known about the addresses of this side. */
  #gathered(): void {
    if (this.#secrets === null || this.#isOver) return
    if (this.#told !== '') this.#later(OFFER_PAUSE_MS)
    else if (!this.#gathering.isAsking) this.#tell()
  }

  #later(ms: number): void {
    this.#timer ??= this.#options.hub.reactor.schedule(ms, () => {
      this.#timer = null
      this.#tell()
    })
  }

  #tell(): void {
    const { config, onTell, onNews } = this.#options
    const { candidates, nat } = this
    const secrets = this.#secrets
    const told = JSON.stringify([candidates.map(({ kind, peer }) => [kind, String(peer)]), nat])
    if (told === this.#told || this.#isOver || secrets === null) return
    this.#told = told
    const offer: VOffer = { secret: secrets.own, candidates, nat, note: writeTerms({ path: config.path }) }
    if (this.#hasRoom) this.#meeting.offer(offer)
    onTell(offer)
    onNews()
  }
}

/** It knows the words, but draws its secret by itself, as earlier versions did. */
function otherVersion(): VRendezvousError {
  const message =
    'the other side knows the words, but goes on otherwise than this version does: install the same version on both sides'
  return new VRendezvousError('bad-answer', message)
}
