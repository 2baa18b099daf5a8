/**
 * The relay of a connection: the way through it, and another one when it has forgotten the first.
 *
 * Decides when the other side is met again. How a way is opened is `RelayWay`'s, where one meets again `Reunion`'s.
 * Invariant: there is one way at a time, and the last leg that was given is the one that is used.
 */
import type { VIPSocketPeer } from '@vio/io'
import type { VOffer } from '../offer.js'
import type { VRelayRefusal } from '../relay-datagram.js'
import type { VRelayLeg } from '../rendezvous-message.js'
import type { ConnecterMeans } from './connecter-means.js'
import type { EnginePort } from './engine-port.js'
import type { MeetingRelay } from './meeting.js'
import { RelayWay } from './relay-way.js'
import { Reunion } from './reunion.js'
import type { SocketHub } from './socket-hub.js'

/** What it is made of. */
export interface RelayHolderOptions {
  readonly hub: SocketHub
  readonly means: ConnecterMeans
  readonly relays: readonly string[]
  readonly answerMs: number
  readonly secret: Buffer
  /** False where the policy has no use for a relay; both may meet again there all the same. */
  readonly isUsed: boolean
  /** The relay carries now. */
  readonly onOpen: (name: VIPSocketPeer) => void
  /** It carries nothing more. */
  readonly onLost: (relay: string, reason: VRelayRefusal | 'unreachable') => void
  /** Both have met again and know it: what has changed can be told. */
  readonly onMetAgain: () => void
  readonly onOffer: (offer: VOffer) => void
}

/** Holds the relay. */
export class RelayHolder {
  readonly #options: RelayHolderOptions
  #way: RelayWay | null = null
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

  /** Uses a leg. */
  use(at: MeetingRelay, leg: VRelayLeg, port: EnginePort): void {
    if (this.#isOver) return
    const { hub, means, onOpen, onLost } = this.#options
    this.#way?.close()
    this.#relay = at.relay
    const way: RelayWay = new RelayWay({
      hub,
      means,
      port,
      ...at,
      leg,
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

  /** Meets the other side again: for another leg, or to tell it other addresses. Without effect while that goes on. */
  meetAgain(peerSecret: Buffer, port: EnginePort): void {
    if (this.#isOver) return
    const { hub, means, relays, answerMs, secret, isUsed, onMetAgain, onOffer } = this.#options
    this.#reunion ??= new Reunion({
      reactor: hub.reactor,
      means,
      relays,
      secret,
      peerSecret,
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
    this.#way?.close()
  }
}
