/**
 * The relay of a connection: the way through it, and another one when it has forgotten the first.
 *
 * Decides when the other side is met again, and that a relay that will be needed is asked for its cookie beforehand.
 * How a way is opened is `RelayWay`'s, where one meets again `Reunion`'s.
 * Invariant: there is one way at a time, and the last leg that was given is the one that is used.
 */
import type { VIPSocketPeer } from '@vio/io'
import type { VMeetingSecrets } from '../introduction.js'
import type { VOffer } from '../offer.js'
import { VRelayClient } from '../relay-client.js'
import { isRelayControl, type VRelayRefusal } from '../relay-datagram.js'
import type { VRelayLeg, VWelcome } from '../rendezvous-message.js'
import type { ConnecterMeans } from './connecter-means.js'
import type { EnginePort } from './engine-port.js'
import type { MeetingRelay } from './meeting.js'
import { RelayWay, relayPeer } from './relay-way.js'
import { Reunion } from './reunion.js'
import type { HubPlace, SocketHub } from './socket-hub.js'

/** What it is made of. */
export interface RelayHolderOptions {
  readonly hub: SocketHub
  readonly means: ConnecterMeans
  readonly relays: readonly string[]
  readonly answerMs: number
  /** False where the policy has no use for a relay; both may meet again there all the same. */
  readonly isUsed: boolean
  /** The relay can be expected to carry what is sent from now on. */
  readonly onLikely: (name: VIPSocketPeer) => void
  /** The relay carries now. */
  readonly onOpen: (name: VIPSocketPeer) => void
  /** It carries nothing more. */
  readonly onLost: (relay: string, reason: VRelayRefusal | 'unreachable') => void
  /** Both have met again and know it: what has changed can be told. */
  readonly onMetAgain: () => void
  readonly onOffer: (offer: VOffer) => void
}

/** A relay that is asked for a cookie before there is a leg. */
interface Asked {
  readonly name: VIPSocketPeer
  readonly client: VRelayClient
  readonly place: HubPlace
}

/** Holds the relay. */
export class RelayHolder {
  readonly #options: RelayHolderOptions
  #way: RelayWay | null = null
  #asked: Asked | null = null
  #relay = ''
  #reunion: Reunion | null = null
  #isOver = false

  constructor(options: RelayHolderOptions) {
    this.#options = options
  }

  /** The relay, as it was named in the options. */
  get relay(): string {
    return this.#relay
  }

  /** What the connection calls the relay; null before there is a leg. */
  get name(): VIPSocketPeer | null {
    return this.#way?.name ?? null
  }

  /** How the relay is reached; null while it is not. */
  get via(): 'udp' | 'stream' | null {
    return this.#way?.via ?? null
  }

  /** True if another leg is needed. */
  get isForgotten(): boolean {
    return this.#way?.isOver === true
  }

  /** True if the relay carries, or can be expected to: see `onLikely`. */
  get isLikely(): boolean {
    return this.#way !== null && (this.#way.via !== null || this.#way.isLikely)
  }

  /** A leg of this relay may follow: the cookie of this side's address is asked for. Needs the sockets. */
  prepare(at: MeetingRelay, place: VWelcome['relay']): void {
    const { hub, means, isUsed } = this.#options
    if (this.#isOver || !isUsed || place === undefined || this.#way !== null) return
    this.#dropAsked()
    const name = relayPeer(place, at.remote)
    const client = new VRelayClient({ relay: name }, means.crypto)
    const machine = { machine: client, onEvent: () => undefined }
    const takes = (bytes: Buffer, from: VIPSocketPeer) => isRelayControl(bytes) && from.equals(name)
    this.#asked = { name, client, place: hub.attach({ ...machine, takes }) }
    client.ask(hub.reactor.time(), means.random)
    this.#asked.place.poke()
  }

  /** Uses a leg. */
  use(at: MeetingRelay, leg: VRelayLeg, port: EnginePort): void {
    if (this.#isOver) return
    const { hub, means, onLikely, onOpen, onLost } = this.#options
    this.#way?.close()
    this.#relay = at.relay
    const asked = this.#dropAsked()
    const way: RelayWay = new RelayWay({
      hub,
      means,
      port,
      ...at,
      leg,
      client: asked?.name.equals(relayPeer(leg, at.remote)) === true ? asked.client : null,
      onLikely: () => onLikely(way.name),
      onOpen: () => onOpen(way.name),
      onLost: (reason) => onLost(at.relay, reason),
    })
    this.#way = way
    way.start()
  }

  /** The address of this side may have changed. */
  refresh(): void {
    this.#way?.refresh()
  }

  #dropAsked(): Asked | null {
    const asked = this.#asked
    this.#asked = null
    asked?.place.remove()
    return asked
  }

  /** Meets the other side again: for another leg, or to tell it other addresses. Without effect while that goes on. */
  meetAgain({ own, peer }: VMeetingSecrets, port: EnginePort): void {
    if (this.#isOver) return
    const { hub, means, relays, answerMs, isUsed, onMetAgain, onOffer } = this.#options
    this.#reunion ??= new Reunion({
      reactor: hub.reactor,
      means,
      relays,
      secret: own,
      peerSecret: peer,
      answerMs,
      onJoined: (at, leg) => {
        if (isUsed && leg !== undefined) this.use(at, leg, port)
      },
      onAuthenticated: onMetAgain,
      onOffer,
    })
    this.#reunion.start()
  }

  /** Tells the other side, where it was met again. */
  offer(offer: VOffer): void {
    this.#reunion?.offer(offer)
  }

  /** Nobody is met again. */
  settle(): void {
    this.#isOver = true
    this.#reunion?.stop()
  }

  /** Lets go of the relay. */
  close(): void {
    this.settle()
    this.#dropAsked()
    this.#way?.close()
  }
}
