/**
 * The way through the relay: by UDP where that is let out, else in a stream.
 *
 * Decides when the stream is opened beside the UDP way and which of them is used. What is carried is for others.
 * Invariants: a way is told open only after the relay has bound it; at most one of them carries.
 */
import { VIOError, VIPSocketPeer } from '@vio/io'
import type { VScheduledCall } from '@vio/reactor'
import { frameDatagram, VDatagramUnframer } from '../datagram-framing.js'
import { VMappingLife } from '../mapping-life.js'
import { VRelayClient } from '../relay-client.js'
import { isRelayControl, streamProof, type VRelayRefusal } from '../relay-datagram.js'
import { encodeRendezvous, type VRelayLeg, VRendezvousReader } from '../rendezvous-message.js'
import type { Cancel, ConnecterLink, ConnecterMeans } from './connecter-means.js'
import type { EnginePort } from './engine-port.js'
import type { HubPlace, SocketHub } from './socket-hub.js'

/** What the way is made of. */
export interface RelayWayOptions {
  readonly hub: SocketHub
  readonly means: ConnecterMeans
  readonly port: EnginePort
  /** The relay, as it was named in the options, and its address as the control link found it. */
  readonly relay: string
  readonly remote: VIPSocketPeer
  readonly leg: VRelayLeg
  /** Who has asked for a cookie at the leg's address already. */
  readonly client: VRelayClient | null
  /** The relay can be expected to carry what is sent from now on; it has not said so yet. Told again when it is asked again. */
  readonly onLikely: () => void
  /** The relay carries now, that way. Told again when the way changes. */
  readonly onOpen: (via: 'udp' | 'stream') => void
  /** The relay carries nothing more. */
  readonly onLost: (reason: VRelayRefusal | 'unreachable') => void
}

/** After how long without an answer by UDP the stream is opened as well. */
const STREAM_AFTER_MS = 600
const STREAM_AGAIN_MS = 2_000
const MAX_STREAM_PAUSE_MS = 30_000
/** The relay forgets who says nothing for two minutes, and cookies after one. */
const MAX_REFRESH_MS = 55_000
const MIN_REFRESH_MS = 2_000

/** One leg of the relay. */
export class RelayWay {
  /** What the connection calls the relay. */
  readonly name: VIPSocketPeer
  readonly #options: RelayWayOptions
  readonly #client: VRelayClient
  readonly #place: HubPlace
  #via: 'udp' | 'stream' | null = null
  #timer: VScheduledCall | null = null
  #pauseMs = STREAM_AGAIN_MS
  #stream: StreamLeg | null = null
  readonly #life = new VMappingLife({ maxMs: MAX_REFRESH_MS })
  /** How much had been relayed when it was last refreshed. */
  #relayed = 0
  #isOver = false

  constructor(options: RelayWayOptions) {
    const { hub, means, leg, remote, port } = options
    this.#options = options
    this.name = relayPeer(leg, remote)
    port.setRelay(this.name)
    this.#client = options.client ?? new VRelayClient({ relay: this.name }, means.crypto)
    this.#place = hub.attach({
      machine: this.#client,
      takes: (bytes, from) => isRelayControl(bytes) && from.equals(this.name),
      onEvent: (event) => {
        if (event.type === 'binding') this.#options.onLikely()
        else if (event.type === 'bound') this.#opened('udp')
        else if (event.type === 'refreshed') this.#refreshed(event.moved)
        else if (event.type === 'unreachable') this.#openStream()
        else this.#lost(event.reason)
      },
    })
  }

  /** True once the relay has said that it carries nothing more; another leg is needed. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** How the relay is reached; null while it is not. */
  get via(): 'udp' | 'stream' | null {
    return this.#via
  }

  /** True once what is sent can be expected to be carried, by UDP: a BIND that the relay takes has left. */
  get isLikely(): boolean {
    return !this.#isOver && this.#client.isOnItsWay
  }

  /** Begins. */
  start(): void {
    const { hub, leg } = this.#options
    const { reactor } = hub
    this.#client.bind(reactor.time(), leg)
    this.#timer = reactor.schedule(STREAM_AFTER_MS, () => this.#openStream())
    this.#place.poke()
  }

  /** The address of this side may have changed. */
  refresh(): void {
    if (this.#isOver) return
    this.#client.refresh(this.#options.hub.reactor.time())
    this.#place.poke()
  }

  /** Lets go of it. */
  close(): void {
    this.#isOver = true
    this.#client.stop()
    this.#place.remove()
    this.#cancelTimer()
    this.#stream?.close()
    this.#stream = null
    this.#options.port.setStream(null)
  }

  #opened(via: 'udp' | 'stream'): void {
    this.#cancelTimer()
    this.#pauseMs = STREAM_AGAIN_MS
    if (via === 'udp') this.#dropStream()
    else {
      // The last way that was bound is the one that the relay uses.
      this.#client.stop()
      this.#options.port.setStream(this.#stream)
    }
    this.#via = via
    this.#options.onOpen(via)
  }

  /** The relay may have bound the leg to the stream last, and forgets it with the stream: it is asked once more. */
  #dropStream(): void {
    if (this.#stream === null) return
    this.#stream.close()
    this.#stream = null
    this.#options.port.setStream(null)
    this.#client.refresh(this.#options.hub.reactor.time())
  }

  /** Learns how long the mapping lives: a silence that it survived may be longer next time, another one has to be shorter. */
  #refreshed(moved: boolean): void {
    const { relayed } = this.#options.port
    const wasQuiet = relayed === this.#relayed
    this.#relayed = relayed
    const life = this.#life
    if (moved || wasQuiet) life.tried(this.#client.refreshMs, !moved)
    // What was lost once is not tried again on purpose: the way is to be open when it is needed.
    const mayTry = wasQuiet && life.lostMs === Number.POSITIVE_INFINITY
    const nextMs = mayTry ? (life.nextMs ?? life.safeMs) : life.safeMs
    this.#client.refreshMs = Math.max(MIN_REFRESH_MS, nextMs)
  }

  #openStream(): void {
    this.#cancelTimer()
    if (this.#isOver || this.#stream !== null || this.#client.isBound) return
    const { means, relay, leg, port } = this.#options
    this.#stream = new StreamLeg({
      means,
      relay,
      leg,
      onOpen: () => this.#opened('stream'),
      onDatagram: (bytes) => port.arriveByStream(bytes),
      onClose: (_error, isRefused) => this.#streamClosed(isRefused),
    })
  }

  #streamClosed(isRefused: boolean): void {
    const wasUsed = this.#via === 'stream'
    this.#stream = null
    this.#options.port.setStream(null)
    if (this.#isOver) return
    if (isRefused) {
      this.#lost('unknown-leg')
      return
    }
    this.#timer = this.#options.hub.reactor.schedule(this.#pauseMs, () => this.#openStream())
    this.#pauseMs = Math.min(2 * this.#pauseMs, MAX_STREAM_PAUSE_MS)
    if (!wasUsed) return
    this.#via = null
    this.#options.onLost('unreachable')
  }

  #lost(reason: VRelayRefusal): void {
    this.#via = null
    this.close()
    this.#options.onLost(reason)
  }

  #cancelTimer(): void {
    this.#timer?.cancel()
    this.#timer = null
  }
}

/** What the relay at a place is called. An empty host stands for the one that the control link leads to. */
export function relayPeer(
  { host, port }: { readonly host: string; readonly port: number },
  remote: VIPSocketPeer,
): VIPSocketPeer {
  return new VIPSocketPeer(host === '' ? remote.host : host, port, { socketType: 'dgram' })
}

interface StreamLegOptions {
  readonly means: ConnecterMeans
  readonly relay: string
  readonly leg: VRelayLeg
  readonly onOpen: () => void
  readonly onDatagram: (bytes: Buffer) => void
  readonly onClose: (error: Error, isRefused: boolean) => void
}

/** A leg on a control link of its own. */
class StreamLeg {
  readonly #options: StreamLegOptions
  readonly #reader = new VRendezvousReader()
  readonly #unframer = new VDatagramUnframer()
  readonly #cancel: Cancel
  #link: ConnecterLink | null = null
  #isOpen = false
  #isOver = false

  constructor(options: StreamLegOptions) {
    this.#options = options
    this.#cancel = options.means.link(options.relay, {
      onOpen: (link) => {
        this.#link = link
      },
      onBytes: (bytes) => this.#take(bytes),
      onClose: (error) => this.#fail(error),
    })
  }

  /** Sends a datagram; false if there is no room. */
  send(datagram: Buffer): boolean {
    return this.#link?.send(frameDatagram(datagram)) ?? false
  }

  close(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#cancel()
    this.#link?.close()
  }

  #take(bytes: Buffer): void {
    if (this.#isOver) return
    if (this.#isOpen) {
      for (const datagram of this.#unframer.push(bytes)) this.#options.onDatagram(datagram)
      return
    }
    this.#reader.push(bytes)
    while (!this.#isOpen && !this.#isOver) {
      const message = this.#reader.next()
      if (message === undefined) return
      if (message.type === 'welcome') this.#ask(Buffer.from(message.nonce, 'base64'))
      else if (message.type === 'relaying') this.#opened()
      else this.#fail(new VIOError(`the relay did not take the stream: ${message.type}`), true)
    }
  }

  #ask(nonce: Buffer): void {
    const { leg, means } = this.#options
    const mac = streamProof(means.crypto, Buffer.from(leg.token, 'base64'), nonce)
    this.#link?.send(encodeRendezvous({ type: 'relay', leg: leg.leg, mac: mac.toString('base64') }))
  }

  #opened(): void {
    this.#isOpen = true
    this.#options.onOpen()
    const rest = this.#reader.takeRest()
    if (rest.length > 0) this.#take(rest)
  }

  #fail(error: Error, isRefused = false): void {
    if (this.#isOver) return
    this.close()
    this.#options.onClose(error, isRefused)
  }
}
