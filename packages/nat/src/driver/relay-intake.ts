/**
 * The one port of a relay: what comes in is told by its first byte, and becomes a link or is dropped.
 *
 * Decides how many connections one source may have, how long one may take to become a link, and what it speaks: TLS, a
 * WebSocket, or bytes as they are. What is said on a link is for others. Invariants: a connection that is no link yet is
 * counted, holds a bounded number of bytes and is dropped when its time is over; inside of TLS everything is told once more.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { Duplex } from 'node:stream'
import {
  VByteConsumer,
  type VByteIOPair,
  type VFailure,
  VFIOCompleted,
  VFIOLost,
  VIOLost,
  VIPSocketPeer,
} from '@vio/io'
import { toNodeDuplex } from '@vio/io/facade'
import type { IVReactor, VScheduledCall } from '@vio/reactor'
import { type VTCPClientSocketAgent, VTLSServer, type VTLSServerContext } from '@vio/sock'
import { type WebSocket, WebSocketServer } from 'ws'
import { sourceOf } from '../source-limit.js'
import { MAX_PIECE_BYTES } from './control-link.js'
import { type LinkParts, PLAIN_LINK, StreamLink, WebSocketLink } from './link.js'
import { type MakeLink, plainHost } from './relay-core.js'

/** Options of an intake. */
export interface RelayIntakeOptions {
  /** By default TLS is not spoken. */
  readonly tls: VTLSServerContext | null
  readonly maxConnections: number
  readonly maxConnectionsPerSource: number
  /** How long a connection may take to become a link. */
  readonly handshakeMs: number
  /** What waits at most to be sent on one link. */
  readonly maxQueuedBytes: number
  /** There is a link. */
  readonly onLink: (make: MakeLink) => void
}

/** What came of connections. */
export interface RelayIntakeCounts {
  accepted: number
  /** Over a limit. */
  refused: number
  /** Spoke something else, or HTTP without wanting a WebSocket. */
  strangers: number
  /** Did not become a link in time. */
  late: number
}

/** A connection that is no link yet. */
interface Opening {
  readonly agent: VTCPClientSocketAgent
  readonly remote: VIPSocketPeer
  timer: VScheduledCall | null
}

const TLS_HANDSHAKE = 0x16
/** The first letter of GET. */
const HTTP_GET = 0x47
const CLOSE_TIMEOUT_MS = 2_000
const WEB_OPTIONS = {
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload: MAX_PIECE_BYTES,
  closeTimeout: CLOSE_TIMEOUT_MS,
}
const UPGRADE_ONLY = 'this is a relay: it speaks WebSocket here\n'

/** Takes one byte and stops. */
class FirstByte extends VByteConsumer {
  readonly #got: (byte: number) => void
  readonly #lost: () => void

  constructor(reactor: IVReactor, got: (byte: number) => void, lost: () => void) {
    super(reactor)
    this.#got = got
    this.#lost = lost
  }

  protected override producerAttached(): void {
    this.setReceiveLimit(1)
  }

  protected override dataReceived(data: Buffer): number {
    const [byte = 0] = data
    // The chain is in the middle of handing the byte over: what follows is for the next turn.
    this.reactor.schedule(0, () => this.#got(byte))
    return 0
  }

  protected override dataEnded(): void {
    this.#lost()
  }

  protected override consumerAborted(): void {
    this.#lost()
  }
}

/** Turns connections into links. */
export class RelayIntake {
  readonly counts: RelayIntakeCounts = { accepted: 0, refused: 0, strangers: 0, late: 0 }
  readonly #reactor: IVReactor
  readonly #options: RelayIntakeOptions
  readonly #perSource = new Map<string, number>()
  readonly #openings = new Set<Opening>()
  readonly #byStream = new WeakMap<Duplex, Opening>()
  readonly #http: Server
  readonly #web: WebSocketServer
  #open = 0

  constructor(reactor: IVReactor, options: RelayIntakeOptions) {
    this.#reactor = reactor
    this.#options = options
    this.#web = new WebSocketServer(WEB_OPTIONS)
    // It never listens: it reads requests from connections that it is given.
    this.#http = createServer((request, response) => {
      this.#stranger(request.socket)
      response.writeHead(426, { Upgrade: 'websocket', Connection: 'close', 'Content-Type': 'text/plain' })
      response.end(UPGRADE_ONLY)
    })
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head))
    this.#http.on('clientError', (_error, socket) => {
      this.#stranger(socket)
      socket.destroy()
    })
  }

  /** How many connections there are, links and others. */
  get openConnections(): number {
    return this.#open
  }

  /** How many of them are no links yet. */
  get openings(): number {
    return this.#openings.size
  }

  /** True if there may be another connection from there. A no is counted. */
  mayAccept(peer: VIPSocketPeer): boolean {
    const { maxConnections, maxConnectionsPerSource } = this.#options
    const fromThere = this.#perSource.get(sourceOf(plainHost(peer))) ?? 0
    const isWelcome = this.#open < maxConnections && fromThere < maxConnectionsPerSource
    if (!isWelcome) this.counts.refused += 1
    return isWelcome
  }

  /** Takes a connection over. */
  accept(agent: VTCPClientSocketAgent, peer: VIPSocketPeer): void {
    const remote = new VIPSocketPeer(plainHost(peer), peer.port)
    const source = sourceOf(remote.host)
    this.counts.accepted += 1
    this.#open += 1
    this.#perSource.set(source, (this.#perSource.get(source) ?? 0) + 1)
    const opening: Opening = { agent, remote, timer: null }
    opening.timer = this.#reactor.schedule(this.#options.handshakeMs, () => {
      this.counts.late += 1
      this.#drop(opening)
    })
    this.#openings.add(opening)
    agent.device.onClosed(() => this.#gone(opening, source))
    this.#tell(opening, agent.byteIO, false)
  }

  /** Drops what is no link yet. */
  close(): void {
    for (const opening of [...this.#openings]) this.#drop(opening)
  }

  /** Finds out what is spoken on a pair. */
  #tell(opening: Opening, pair: VByteIOPair, isSecure: boolean): void {
    const first = new FirstByte(
      this.#reactor,
      (byte) => {
        if (!this.#openings.has(opening)) return
        first.byteConsume.detach()
        this.#speak(opening, pair, { byte, isSecure })
      },
      () => {
        if (this.#openings.has(opening)) this.#drop(opening)
      },
    )
    first.byteConsume.attach(pair.producer)
  }

  #speak(
    opening: Opening,
    pair: VByteIOPair,
    { byte, isSecure }: { readonly byte: number; readonly isSecure: boolean },
  ): void {
    const { tls, handshakeMs } = this.#options
    if (byte === PLAIN_LINK) this.#link(opening, (parts) => new StreamLink(parts, pair))
    else if (byte === HTTP_GET) this.#request(opening, pair)
    else if (byte === TLS_HANDSHAKE && !isSecure && tls !== null) {
      const initialBytes = Uint8Array.of(byte)
      const secured = new VTLSServer(this.#reactor, tls, { initialBytes, handshakeTimeoutMs: handshakeMs })
      secured.cipherIO.attach(pair)
      this.#tell(opening, secured.plainIO, true)
    } else {
      this.counts.strangers += 1
      this.#drop(opening)
    }
  }

  #request(opening: Opening, pair: VByteIOPair): void {
    const stream = toNodeDuplex(pair)
    stream.on('error', () => undefined)
    stream.unshift(Buffer.of(HTTP_GET))
    this.#byStream.set(stream, opening)
    this.#http.emit('connection', stream)
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const opening = this.#byStream.get(socket)
    if (opening === undefined || !this.#openings.has(opening)) {
      socket.destroy()
      return
    }
    this.#web.handleUpgrade(request, socket, head, (web: WebSocket) => {
      this.#link(opening, (parts) => new WebSocketLink(parts, web))
    })
  }

  #link(opening: Opening, make: (parts: LinkParts) => StreamLink | WebSocketLink): void {
    this.#forget(opening)
    const { maxQueuedBytes, onLink } = this.#options
    const release = (reason: VFailure): void => releaseAgent(opening.agent, reason)
    onLink((handlers) =>
      make({ ...handlers, reactor: this.#reactor, remote: opening.remote, maxQueuedBytes, release }),
    )
  }

  #stranger(socket: Duplex): void {
    if (this.#byStream.delete(socket)) this.counts.strangers += 1
  }

  #forget(opening: Opening): void {
    opening.timer?.cancel()
    opening.timer = null
    this.#openings.delete(opening)
  }

  #drop(opening: Opening): void {
    this.#forget(opening)
    releaseAgent(opening.agent, new VFIOLost(new VIOLost('the connection did not become a link')))
  }

  #gone(opening: Opening, source: string): void {
    this.#forget(opening)
    this.#open -= 1
    const left = (this.#perSource.get(source) ?? 1) - 1
    if (left > 0) this.#perSource.set(source, left)
    else this.#perSource.delete(source)
  }
}

/** After a reason that is not clean nothing is waited for. */
function releaseAgent(agent: VTCPClientSocketAgent, reason: VFailure): void {
  if (reason instanceof VFIOCompleted) agent.closeIO(reason)
  else agent.reset(reason)
}
