/**
 * One relay of a meeting: the control link to it, and the rendezvous on it.
 *
 * Decides when the rendezvous begins: not before it is let in, though the link is opened at once, as of several relays only
 * the nearest is spoken to first. Invariant: after `failed`, or `close`, nothing is told.
 */
import type { VIPSocketPeer } from '@vio/io'
import type { IVReactor, VScheduledCall } from '@vio/reactor'
import type { VOffer } from '../offer.js'
import { VRendezvousClient, type VRendezvousEvent, type VRendezvousOptions } from '../rendezvous-client.js'
import type { Cancel, ConnecterLink, ConnecterMeans } from './connecter-means.js'

/** What it is made of. */
export interface MeetingLinkOptions {
  readonly reactor: IVReactor
  readonly means: ConnecterMeans
  /** As it was named in the options. */
  readonly relay: string
  /** The relay has spoken: it is there. */
  readonly onReady: (link: MeetingLink) => void
  readonly onEvent: (link: MeetingLink, event: VRendezvousEvent) => void
  /** The link could not be opened, or broke before anything was begun on it. */
  readonly onFailed: (link: MeetingLink, error: Error) => void
}

const NEVER = Number.POSITIVE_INFINITY
/** A relay says no more than its welcome before it is spoken to. */
const MAX_HELD_BYTES = 32_768

/** One relay. */
export class MeetingLink {
  readonly relay: string
  readonly #options: MeetingLinkOptions
  readonly #cancel: Cancel
  #link: ConnecterLink | null = null
  #held: Buffer[] = []
  #heldBytes = 0
  #client: VRendezvousClient | null = null
  #timer: VScheduledCall | null = null
  #timerAt = NEVER
  #isOver = false

  constructor(options: MeetingLinkOptions) {
    this.relay = options.relay
    this.#options = options
    this.#cancel = options.means.link(options.relay, {
      onOpen: (link) => this.#opened(link),
      onBytes: (bytes) => this.#take(bytes),
      onClose: (error) => this.#closed(error),
    })
  }

  /** The relay's address; undefined while the link is not open. */
  get remote(): VIPSocketPeer | undefined {
    return this.#link?.remote
  }

  /** True once the relay has spoken, on a link that takes an answer. */
  get isReady(): boolean {
    return this.#link !== null && (this.#heldBytes > 0 || this.#client !== null)
  }

  /** True if the rendezvous was begun. */
  get isBegun(): boolean {
    return this.#client !== null
  }

  /** True once nothing will come of it. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Lets the rendezvous begin. */
  begin(options: VRendezvousOptions): void {
    if (this.#client !== null || this.#isOver) return
    const { reactor, means } = this.#options
    const client = new VRendezvousClient(options, means.crypto, means.random)
    this.#client = client
    client.start(reactor.time())
    for (const bytes of this.#held.splice(0)) client.handleBytes(reactor.time(), bytes)
    this.#work()
  }

  /** Tells the other side. */
  offer(offer: VOffer): void {
    this.#client?.offer(this.#options.reactor.time(), offer)
    this.#work()
  }

  /** The room is needed no more. */
  close(): void {
    if (this.#isOver) return
    this.#client?.done()
    this.#flush()
    this.#end()
  }

  #opened(link: ConnecterLink): void {
    this.#link = link
    if (this.isReady) this.#options.onReady(this)
  }

  #take(bytes: Buffer): void {
    if (this.#isOver) return
    if (this.#client === null) {
      const isFirst = this.#heldBytes === 0
      this.#held.push(bytes)
      this.#heldBytes += bytes.length
      if (this.#heldBytes > MAX_HELD_BYTES) this.#closed(new Error('the relay says too much'))
      else if (isFirst && this.#link !== null) this.#options.onReady(this)
      return
    }
    this.#client.handleBytes(this.#options.reactor.time(), bytes)
    this.#work()
  }

  #closed(error: Error): void {
    if (this.#isOver) return
    if (this.#client === null) {
      this.#end()
      this.#options.onFailed(this, error)
      return
    }
    this.#client.handleClose(this.#options.reactor.time())
    this.#work()
  }

  #work(): void {
    const client = this.#client
    if (client === null || this.#isOver) return
    this.#flush()
    for (let event = client.pollEvent(); event !== undefined; event = client.pollEvent()) {
      this.#options.onEvent(this, event)
      if (this.#isOver) return
    }
    this.#flush()
    if (client.isOver) this.#end()
    else this.#arm(client.pollTimeout())
  }

  #flush(): void {
    const client = this.#client
    for (let bytes = client?.pollOutput(); bytes !== undefined; bytes = client?.pollOutput()) {
      this.#link?.send(bytes)
    }
  }

  #arm(dueAt: number): void {
    if (dueAt === this.#timerAt) return
    this.#timer?.cancel()
    this.#timer = null
    this.#timerAt = dueAt
    if (dueAt === NEVER) return
    const { reactor } = this.#options
    this.#timer = reactor.schedule(Math.max(0, dueAt - reactor.time()), () => {
      this.#timer = null
      this.#timerAt = NEVER
      this.#client?.handleTimeout(reactor.time())
      this.#work()
    })
  }

  #end(): void {
    this.#isOver = true
    this.#timer?.cancel()
    this.#timer = null
    this.#held = []
    if (this.#link === null) this.#cancel()
    else this.#link.close()
  }
}
