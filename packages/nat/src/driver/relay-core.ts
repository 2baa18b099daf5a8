/**
 * The rendezvous server and the relay server on links that somebody else accepts.
 *
 * Decides which of the two a link's bytes are for, and when a link that does not take what it is sent is dropped. It looks
 * at no payload and logs none. Invariants: every link that was opened is closed towards both servers, once; the servers are
 * never entered from within themselves; one timer at most is armed for the rendezvous.
 */
import { VIOLost, type VIPSocketPeer } from '@vio/io'
import type { IVReactor, VScheduledCall } from '@vio/reactor'
import { frameDatagram, VDatagramUnframer } from '../datagram-framing.js'
import type { VRelayServer } from '../relay-server.js'
import { encodeRendezvous } from '../rendezvous-message.js'
import type { VLinkOutput, VRendezvousServer } from '../rendezvous-server.js'
import type { LinkHandlers, WatchedLink } from './link.js'

/** What a core is made of. */
export interface RelayCoreParts {
  readonly rendezvous: VRendezvousServer
  readonly relay: VRelayServer
  /** The relay may have something to send by UDP, or another timeout. */
  readonly kickUDP: () => void
}

/** Makes a link that tells those handlers. */
export type MakeLink = (handlers: LinkHandlers) => WatchedLink

/** What happened on links, in numbers. */
export interface RelayLinkCounts {
  /** Links that were dropped because nobody took what they were sent. */
  stuck: number
  /** Datagrams that a stream had no room for. */
  dropped: number
  /** Links that became streams of the relay. */
  streams: number
}

interface Entry {
  readonly link: WatchedLink
  /** There once the link carries datagrams. */
  unframer: VDatagramUnframer | null
  passedBytes: number
  stuckSweeps: number
}

const SWEEP_MS = 5_000
/** Somebody who takes nothing for so many sweeps, while something waits, is gone. */
const MAX_STUCK_SWEEPS = 6
/** To find the links whose time is over all are looked at: not more often than this. */
const MIN_TIMER_MS = 20
const NEVER = Number.POSITIVE_INFINITY

/** Both servers over links. */
export class RelayCore {
  readonly counts: RelayLinkCounts = { stuck: 0, dropped: 0, streams: 0 }
  readonly #reactor: IVReactor
  readonly #parts: RelayCoreParts
  readonly #entries = new Map<number, Entry>()
  #nextLink = 1
  #isFlushing = false
  #timer: VScheduledCall | null = null
  #timerAt = NEVER
  #sweeper: VScheduledCall | null = null
  #isStopped = false

  constructor(reactor: IVReactor, parts: RelayCoreParts) {
    this.#reactor = reactor
    this.#parts = parts
  }

  /** How many links are open, those included that are being closed. */
  get openLinks(): number {
    return this.#entries.size
  }

  /** How many of them carry datagrams. */
  get openStreams(): number {
    let count = 0
    for (const { unframer } of this.#entries.values()) if (unframer !== null) count += 1
    return count
  }

  /** A connection has become a link. */
  open(make: MakeLink): void {
    const id = this.#nextLink
    this.#nextLink += 1
    const link = make({
      onMessage: (bytes) => this.#received(id, bytes),
      onClose: () => this.#closed(id),
    })
    this.#entries.set(id, { link, unframer: null, passedBytes: 0, stuckSweeps: 0 })
    const { host, port } = link.remote
    this.#parts.rendezvous.openLink(this.#now, id, host, port)
    this.#sweeper ??= this.#reactor.schedule(SWEEP_MS, () => this.#sweep())
    this.flush()
  }

  /** Rooms end, and no link is taken any more. Streams go on. */
  drain(): void {
    this.#parts.rendezvous.drain(this.#now)
    this.flush()
  }

  /** Closes every link: politely, or at once. */
  closeAll(isPolite: boolean): void {
    for (const { link } of [...this.#entries.values()]) {
      if (isPolite) link.close()
      else link.drop(new VIOLost('the relay was closed'))
    }
  }

  /** No timer is left. */
  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#sweeper?.cancel()
  }

  /** Does what the servers want done. To be called after one of them was called. */
  flush(): void {
    if (this.#isFlushing) return
    this.#isFlushing = true
    const { rendezvous, kickUDP } = this.#parts
    for (let next = rendezvous.pollOutput(); next !== undefined; next = rendezvous.pollOutput()) {
      this.#carryOut(next)
    }
    this.#isFlushing = false
    this.flushStreams()
    kickUDP()
    this.#arm()
  }

  /** Sends what the relay has for streams. To be called after each turn of the relay's socket. */
  flushStreams(): void {
    const { relay } = this.#parts
    for (let next = relay.pollStream(); next !== undefined; next = relay.pollStream()) {
      this.#sendDatagram(next.stream, next.datagram)
    }
  }

  get #now(): number {
    return this.#reactor.time()
  }

  #received(id: number, bytes: Buffer): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    if (entry.unframer === null) this.#parts.rendezvous.handleBytes(this.#now, id, bytes)
    else this.#relayed(id, entry.unframer, bytes)
    this.flush()
  }

  #relayed(id: number, unframer: VDatagramUnframer, bytes: Uint8Array): void {
    const now = this.#now
    for (const datagram of unframer.push(bytes)) this.#parts.relay.handleStream(now, id, datagram)
  }

  #closed(id: number): void {
    this.#entries.delete(id)
    this.#parts.relay.closeStream(id)
    this.#parts.rendezvous.closeLink(this.#now, id)
    this.flush()
  }

  #carryOut(output: VLinkOutput): void {
    const entry = this.#entries.get(output.link)
    if (entry === undefined) return
    if (output.type === 'close') entry.link.close()
    else if (output.type === 'relay') this.#openStream(entry, output)
    else if (!entry.link.send(output.bytes) && entry.link.isOpen) this.#giveUp(entry)
  }

  /** A message that does not fit: whoever does not read in time is not served any further. */
  #giveUp({ link }: Entry): void {
    this.counts.stuck += 1
    link.drop(new VIOLost('the link takes no more'))
  }

  #openStream(
    entry: Entry,
    { link: id, leg, mac, nonce, rest }: VLinkOutput & { readonly type: 'relay' },
  ): void {
    const { relay, rendezvous } = this.#parts
    const isOpen = relay.openStream(this.#now, id, leg, { mac, nonce })
    if (!isOpen) {
      entry.link.send(encodeRendezvous({ type: 'refused', reason: 'no-relay', about: 'unknown leg' }))
      rendezvous.closeLink(this.#now, id)
      entry.link.close()
      return
    }
    this.counts.streams += 1
    entry.unframer = new VDatagramUnframer()
    entry.link.send(encodeRendezvous({ type: 'relaying' }))
    this.#relayed(id, entry.unframer, rest)
  }

  #sendDatagram(id: number, datagram: Buffer | null): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    if (datagram === null) entry.link.close()
    else if (!entry.link.send(frameDatagram(datagram))) this.counts.dropped += 1
  }

  #sweep(): void {
    this.#sweeper = this.#isStopped ? null : this.#reactor.schedule(SWEEP_MS, () => this.#sweep())
    for (const entry of [...this.#entries.values()]) {
      const { queuedBytes, passedBytes } = entry.link
      const isStuck = queuedBytes > 0 && passedBytes === entry.passedBytes
      entry.stuckSweeps = isStuck ? entry.stuckSweeps + 1 : 0
      entry.passedBytes = passedBytes
      if (entry.stuckSweeps >= MAX_STUCK_SWEEPS) this.#giveUp(entry)
    }
  }

  #arm(): void {
    const dueAt = this.#parts.rendezvous.pollTimeout()
    if (this.#isStopped || dueAt === NEVER || (this.#timer !== null && this.#timerAt <= dueAt)) return
    this.#timer?.cancel()
    this.#timerAt = dueAt
    this.#timer = this.#reactor.schedule(Math.max(MIN_TIMER_MS, dueAt - this.#now), () => {
      this.#timer = null
      this.#parts.rendezvous.handleTimeout(this.#now)
      this.flush()
    })
  }
}

/** An address as it is without the form in which IPv6 sockets tell IPv4. */
export function plainHost({ host }: VIPSocketPeer): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(host)?.[1] ?? host
}
