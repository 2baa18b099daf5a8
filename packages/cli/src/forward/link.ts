/**
 * The connection as forwards use it: streams that are asked for one at a time, and datagrams that belong to a stream.
 *
 * Decides how long a stream is waited for where the other side allows no more now, and which flow a datagram belongs to.
 * What a stream is for stands in its request. Invariants: whoever waits is served in turn or told no; after `close`
 * nothing waits and no timer is left.
 */
import { VIOError } from '@vio/io'
import type { IVReactor, VScheduledCall } from '@vio/reactor'
import type { VUDPStream } from '@vio/vudp'
import type { AllowList } from './allow.js'
import { tagDatagram, untagDatagram } from './datagram-frame.js'
import { ForwardProtocol, ForwardRefused } from './errors.js'
import type { ForwardListener } from './events.js'
import { takeFront } from './front.js'
import {
  decodeAnswer,
  decodeRequest,
  encodeAnswer,
  encodeRequest,
  type ForwardAnswer,
  type ForwardRequest,
  MessageReader,
  type RawMessage,
} from './message.js'

/** As much of a transport as forwards need. */
export interface ForwardTransport {
  openStream(): VUDPStream | null
  sendDatagram(bytes: Uint8Array): boolean
}

/** Times and numbers of forwards. */
export interface ForwardLimits {
  /** How long a target may take to be connected to. By default 15 s. */
  readonly connectTimeoutMs: number
  /** How long a request may take to arrive, and a stream to be had. By default 10 s. */
  readonly requestTimeoutMs: number
  /** Connections of one listener at once; further ones wait. By default 256. */
  readonly maxConnections: number
  /** Flows of datagrams of one port at once; the one unused for longest makes way. By default 64. */
  readonly maxFlows: number
  /** Silence after which a flow of datagrams is over. By default 60 s. */
  readonly flowIdleMs: number
  /** Listeners that the other side may have here. By default 16. */
  readonly maxPeerListeners: number
}

/** The limits where nothing else is said. */
export const FORWARD_LIMITS: ForwardLimits = Object.freeze({
  connectTimeoutMs: 15_000,
  requestTimeoutMs: 10_000,
  maxConnections: 256,
  maxFlows: 64,
  flowIdleMs: 60_000,
  maxPeerListeners: 16,
})

/** How often a stream is tried for, where the other side allowed none. */
const RETRY_MS = 50

/** What a link is made with. */
export interface LinkParts {
  readonly reactor: IVReactor
  readonly allow: AllowList
  readonly limits: ForwardLimits
  readonly tell: ForwardListener
}

interface Waiting {
  readonly until: number
  readonly give: (stream: VUDPStream) => void
  readonly refuse: (error: Error) => void
}

/** A connection, for forwards: made before it stands, as listeners are there before. */
export class ForwardLink {
  readonly reactor: IVReactor
  readonly allow: AllowList
  readonly limits: ForwardLimits
  readonly tell: ForwardListener
  readonly #waiting: Waiting[] = []
  readonly #flows = new Map<number, (bytes: Buffer) => void>()
  readonly #closers = new Set<(reason: Error) => void>()
  #retry: VScheduledCall | null = null
  #closed: Error | null = null
  #transport: ForwardTransport | null = null

  constructor(parts: LinkParts) {
    this.reactor = parts.reactor
    this.allow = parts.allow
    this.limits = parts.limits
    this.tell = parts.tell
  }

  /** Why it is closed, or null. */
  get closed(): Error | null {
    return this.#closed
  }

  /** The connection stands: whoever waits for a stream is given one. */
  start(transport: ForwardTransport): void {
    this.#transport = transport
    this.#tryAgain()
  }

  /** A stream of its own. @throws (rejects) ForwardRefused if the other side allows none for too long; VIOError once closed */
  open(): Promise<VUDPStream> {
    if (this.#closed !== null) return Promise.reject(this.#closed)
    const stream = this.#waiting.length === 0 ? this.#newStream() : null
    if (stream !== null) return Promise.resolve(stream)
    return new Promise((give, refuse) => {
      this.#waiting.push({ until: this.reactor.time() + this.limits.requestTimeoutMs, give, refuse })
      this.#retry ??= this.reactor.schedule(RETRY_MS, () => this.#tryAgain())
    })
  }

  /** Puts a request at the front of a stream. @throws VIOError if the stream is over */
  ask(stream: VUDPStream, request: ForwardRequest): void {
    writeWhole(stream, encodeRequest(request))
  }

  /** Reads the answer. @throws (rejects) VIOTimeout, ForwardProtocol */
  async answerOf(stream: VUDPStream): Promise<ForwardAnswer> {
    const { connectTimeoutMs, requestTimeoutMs } = this.limits
    // The other side may have its own idea of how long a connection may take.
    return decodeAnswer(await frontOf(stream, 'an answer', connectTimeoutMs + requestTimeoutMs))
  }

  /** Reads the request of a stream that the other side has opened. @throws (rejects) VIOTimeout, ForwardProtocol */
  async requestOf(stream: VUDPStream): Promise<ForwardRequest> {
    const request = decodeRequest(await frontOf(stream, 'a request', this.limits.requestTimeoutMs))
    if (typeof request === 'string') throw new ForwardProtocol(request)
    return request
  }

  /** Puts an answer at the front of a stream. @throws VIOError if the stream is over */
  answer(stream: VUDPStream, answer: ForwardAnswer): void {
    writeWhole(stream, encodeAnswer(answer))
  }

  /** Datagrams of a stream go to `received`, until `undefined` is given. */
  onFlow(stream: number, received: ((bytes: Buffer) => void) | undefined): void {
    if (received === undefined) this.#flows.delete(stream)
    else this.#flows.set(stream, received)
  }

  /** Sends a datagram beside a stream. False if it cannot go this way: it is too large, or the other side takes none. */
  sendBeside(stream: number, bytes: Uint8Array): boolean {
    const tagged = tagDatagram(stream, bytes)
    return tagged !== null && this.#transport?.sendDatagram(tagged) === true
  }

  /** A datagram came. One of no flow is dropped: its flow may be over on this side. */
  datagramReceived(tagged: Buffer): void {
    const datagram = untagDatagram(tagged)
    if (datagram !== null) this.#flows.get(datagram.stream)?.(datagram.bytes)
  }

  /** Calls `closer` when the link is closed, unless what is returned was called before. */
  onClose(closer: (reason: Error) => void): () => void {
    this.#closers.add(closer)
    return () => void this.#closers.delete(closer)
  }

  /** Ends all that goes on. Idempotent. */
  close(reason: Error): void {
    if (this.#closed !== null) return
    this.#closed = reason
    this.#retry?.cancel()
    for (const { refuse } of this.#waiting.splice(0)) refuse(reason)
    for (const closer of [...this.#closers]) closer(reason)
    this.#closers.clear()
    this.#flows.clear()
  }

  #newStream(): VUDPStream | null {
    return this.#transport?.openStream() ?? null
  }

  #tryAgain(): void {
    this.#retry?.cancel()
    this.#retry = null
    if (this.#closed !== null) return
    const now = this.reactor.time()
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const stream = this.#newStream()
      if (stream === null && now < first.until) break
      this.#waiting.shift()
      if (stream !== null) first.give(stream)
      else first.refuse(new ForwardRefused('a further connection', 'too-many', ''))
    }
    if (this.#waiting.length > 0) this.#retry = this.reactor.schedule(RETRY_MS, () => this.#tryAgain())
  }
}

async function frontOf(stream: VUDPStream, what: string, timeoutMs: number): Promise<RawMessage> {
  const reader = new MessageReader()
  await takeFront(stream, reader, what, timeoutMs)
  if (reader.message === null) throw new ForwardProtocol(`${what} that makes no sense: ${reader.fault}`)
  return reader.message
}

/** Writes at the front, where nothing is attached yet and there is always room for so little. */
function writeWhole(stream: VUDPStream, bytes: Buffer): void {
  if (stream.writeSome(bytes) !== bytes.length) throw new VIOError('a new stream has no room for a message')
}
