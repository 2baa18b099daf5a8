/**
 * Where forwarded connections come in: a listener for TCP, a Unix socket or UDP on this machine.
 *
 * Decides how many connections are taken at once and how flows of datagrams are told apart. Where they lead stands in the
 * request that each of them is given. Invariants: an address that cannot be listened on is told with the system's code; a
 * Unix path is removed in the end; a client that fails costs nobody else.
 */
import { VFIOCompleted, VIPSocketPeer, type VSocketPeer } from '@vio/io'
import { listenTCP, listenUnix, lookup, type VClientSocketAgent, type VListeningSocket } from '@vio/sock'
import { carry } from './carry.js'
import { ForwardListenError, ForwardRefused } from './errors.js'
import { Flow } from './flow.js'
import type { ForwardLink } from './link.js'
import type { ForwardRequest } from './message.js'
import { formatListen, type ListenAt } from './spec.js'
import { codeOf } from './status.js'
import { UDPPort } from './udp-port.js'

/** A listener that is there. */
export interface Ingress {
  /** Where, with the port that was found. */
  readonly at: ListenAt
  /** Takes no more. What goes on goes on. Idempotent. */
  close(): void
}

/** What a listener does with those who come. */
export interface IngressTerms {
  readonly listen: ListenAt
  /** What the other side is asked for on behalf of whoever comes from there. */
  readonly requestOf: (from: string) => ForwardRequest
  /** Where it leads, in words. */
  readonly what: string
  /** Takes a Unix path over that a process has left behind which is gone. By default false. */
  readonly removesStale?: boolean
}

/** Listens, and carries whoever comes. @throws (rejects) ForwardListenError */
export async function openIngress(link: ForwardLink, terms: IngressTerms): Promise<Ingress> {
  const { listen } = terms
  if (listen.kind === 'udp') return await openDatagrams(link, terms, listen.host, listen.port)
  return await openListener(link, terms, (client, from) => {
    carry(link, client, { request: terms.requestOf(from), what: terms.what }).catch((error: Error) =>
      link.tell({ type: 'failed', error }),
    )
  })
}

/** Listens for clients of any kind. @throws (rejects) ForwardListenError */
export async function openListener(
  link: ForwardLink,
  { listen, removesStale }: Pick<IngressTerms, 'listen' | 'removesStale'>,
  onClient: (client: VClientSocketAgent, from: string) => void,
): Promise<Ingress> {
  const { reactor, limits } = link
  const handler = (client: VClientSocketAgent): void => onClient(client, client.peer?.toString() ?? '')
  const options = { maxConnections: limits.maxConnections, removeStale: removesStale === true }
  let listener: VListeningSocket
  try {
    listener =
      listen.kind === 'unix'
        ? await listenUnix(reactor, listen.path, handler, options)
        : await listenTCP(reactor, listen, handler, options)
  } catch (error) {
    throw listenError(listen, error)
  }
  return ingressOf(link, boundAt(listen, listener.address), () => void listener.closeIO(new VFIOCompleted()))
}

async function openDatagrams(
  link: ForwardLink,
  terms: IngressTerms,
  host: string,
  port: number,
): Promise<Ingress> {
  const flows = new FlowTable(link)
  let udp: UDPPort
  try {
    udp = await bindUDP(host, port, (bytes, from) => {
      const key = from.toString()
      flows.send(key, bytes, {
        request: terms.requestOf(key),
        what: terms.what,
        received: (reply) => udp.send(reply, from),
      })
    })
  } catch (error) {
    throw listenError(terms.listen, error)
  }
  return ingressOf(link, boundAt(terms.listen, udp.localPeer), () => {
    flows.close()
    udp.close()
  })
}

/** What a flow is opened with. */
export interface FlowTerms {
  readonly request: ForwardRequest
  readonly what: string
  /** Takes what comes back. */
  readonly received: (bytes: Buffer) => void
}

/** The flows of one port, by who sends and, where that differs, to whom. */
export class FlowTable {
  readonly #link: ForwardLink
  /** A flow, or what has to wait until it has a stream. */
  readonly #flows = new Map<string, Flow | Buffer[]>()

  constructor(link: ForwardLink) {
    this.#link = link
  }

  /** Sends a datagram by its flow, which is opened if there is none. */
  send(key: string, bytes: Buffer, terms: FlowTerms): void {
    const found = this.#flows.get(key)
    if (found instanceof Flow) found.send(bytes)
    else if (found !== undefined) {
      // A stream is usually there at once; who sends more meanwhile loses it, as with UDP anyway.
      if (found.length < 64) found.push(bytes)
    } else this.#open(key, bytes, terms)
  }

  /** Ends all. */
  close(): void {
    for (const flow of this.#flows.values()) if (flow instanceof Flow) flow.close()
    this.#flows.clear()
  }

  #open(key: string, bytes: Buffer, terms: FlowTerms): void {
    this.#makeRoom()
    const waiting = [bytes]
    this.#flows.set(key, waiting)
    this.#run(key, waiting, terms).catch((error: Error) => {
      const now = this.#flows.get(key)
      if (now instanceof Flow) now.close(error)
      this.#flows.delete(key)
      this.#link.tell({ type: 'failed', error })
    })
  }

  async #run(key: string, waiting: readonly Buffer[], { request, what, received }: FlowTerms): Promise<void> {
    const link = this.#link
    const stream = await link.open()
    link.ask(stream, request)
    const flow = new Flow(link, stream, {
      received,
      ended: ({ sentBytes, receivedBytes }) => {
        if (this.#flows.get(key) === flow) this.#flows.delete(key)
        link.tell({ type: 'closed', what, sentBytes, receivedBytes, clean: true })
      },
    })
    this.#flows.set(key, flow)
    for (const bytes of waiting) flow.send(bytes)
    const { status, text } = await link.answerOf(stream)
    if (status !== 'ok') throw new ForwardRefused(what, status, text)
    link.tell({ type: 'opened', what })
    flow.begin()
  }

  #makeRoom(): void {
    if (this.#flows.size < this.#link.limits.maxFlows) return
    let oldest: Flow | undefined
    for (const flow of this.#flows.values())
      if (flow instanceof Flow && (oldest === undefined || flow.usedAt < oldest.usedAt)) oldest = flow
    oldest?.close()
  }
}

/** Binds a UDP port; an empty host stands for all addresses of both versions where the machine has both. */
export async function bindUDP(
  host: string,
  port: number,
  received: (bytes: Buffer, from: VIPSocketPeer) => void,
): Promise<UDPPort> {
  if (host !== '') return await UDPPort.bind({ host: (await lookup(host, port)).host, port }, received)
  try {
    return await UDPPort.bind({ host: '::', port }, received)
  } catch (error) {
    if (codeOf(error) === 'EADDRINUSE' || codeOf(error) === 'EACCES') throw error
    return await UDPPort.bind({ host: '0.0.0.0', port }, received)
  }
}

function ingressOf(link: ForwardLink, at: ListenAt, close: () => void): Ingress {
  const closeOnce = (): void => {
    forget()
    close()
  }
  const forget = link.onClose(closeOnce)
  if (link.closed !== null) closeOnce()
  return { at, close: closeOnce }
}

function boundAt(listen: ListenAt, peer: VSocketPeer | null): ListenAt {
  if (listen.kind === 'unix' || !(peer instanceof VIPSocketPeer)) return listen
  return { kind: listen.kind, host: listen.host === '' ? '' : peer.host, port: peer.port }
}

function listenError(listen: ListenAt, error: unknown): ForwardListenError {
  const code = codeOf(error) || (error instanceof Error ? error.message : String(error))
  return new ForwardListenError(formatListen(listen), code, { cause: error })
}
