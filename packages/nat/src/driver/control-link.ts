/**
 * `openControlLink`: from the address of a relay to a link that bytes pass on, by TCP, TLS or WebSocket.
 *
 * Decides how such a link comes about, and that a failure leaves nothing behind. What is said on it is the rendezvous'
 * affair; after a `relay` message it carries framed datagrams. Invariants: the promise settles once, with a link or with
 * the reason; before it has settled no handler is called.
 */
import {
  type VByteIOPair,
  type VFailure,
  VFIOLost,
  VIOError,
  VIOLost,
  VIOTimeout,
  VIPSocketPeer,
} from '@vio/io'
import { toNodeDuplex } from '@vio/io/facade'
import type { IVReactor } from '@vio/reactor'
import {
  type VConnectToOptions,
  VTCPClientSocketAgent,
  type VTLSClientContext,
  type VTLSClientOptions,
  VTLSClientSocketAgent,
} from '@vio/sock'
import type { WebSocket } from 'ws'
import {
  DEFAULT_LINK_BYTES,
  type IVControlLink,
  type LinkHandlers,
  type LinkParts,
  PLAIN_LINK,
  StreamLink,
  type WatchedLink,
  WebSocketLink,
} from './link.js'
import { formatRelayAddress, type VRelayAddress } from './relay-address.js'

/** Options of `openControlLink`. */
export interface VControlLinkOptions extends LinkHandlers {
  /** Gives the attempt up; a link that stands is closed at once. */
  readonly signal?: AbortSignal
  /** How long looking up, connecting and all handshakes may take together. By default 10,000 ms. */
  readonly timeoutMs?: number
  /** Whom to trust, for `tls` and `wss`. By default as Node does, and the name is checked. */
  readonly tls?: VTLSClientContext | VTLSClientOptions
  /** The most bytes that wait to leave. By default 256 KiB. */
  readonly maxQueuedBytes?: number
  /** Only addresses of this family, and what finds the addresses of a name. By default both, and the system. */
  readonly lookup?: Pick<VConnectToOptions, 'family' | 'resolver'>
}

/** The other side answers, but not as a relay does. */
export class VControlLinkError extends VIOError {
  override readonly code = 'V_NAT_CONTROL_LINK'
}

const DEFAULT_TIMEOUT_MS = 10_000
const REASON_TURNS = 4
/** The largest piece of the stream in one WebSocket message: a framed datagram, with room to spare. */
export const MAX_PIECE_BYTES = 131_072

/**
 * Opens a link.
 *
 * @throws (rejects) what connecting ended with (`VIOLost` and its kind, `VTLSUnauthorized`), VControlLinkError if the other
 *   side refuses the WebSocket, VIOTimeout after `timeoutMs`, the reason of `signal`
 */
export async function openControlLink(
  reactor: IVReactor,
  address: VRelayAddress,
  options: VControlLinkOptions,
): Promise<IVControlLink> {
  const { signal, timeoutMs = DEFAULT_TIMEOUT_MS } = options
  signal?.throwIfAborted()
  const late = new AbortController()
  const where = formatRelayAddress(address)
  const timer = reactor.schedule(timeoutMs, () => {
    late.abort(new VIOTimeout(`no connection to the relay ${where} within ${timeoutMs} ms`))
  })
  const given = signal === undefined ? late.signal : AbortSignal.any([signal, late.signal])
  try {
    return await opened(reactor, address, { ...options, signal: given })
  } finally {
    timer.cancel()
  }
}

type Agent = VTCPClientSocketAgent | VTLSClientSocketAgent
type Given = VControlLinkOptions & { readonly signal: AbortSignal }

async function opened(reactor: IVReactor, address: VRelayAddress, options: Given): Promise<IVControlLink> {
  const agent = await connected(reactor, address, options)
  try {
    return await linkOn(agent, address, options)
  } catch (error) {
    agent.reset()
    throw error
  }
}

async function linkOn(agent: Agent, address: VRelayAddress, options: Given): Promise<IVControlLink> {
  const { peer, reactor } = agent
  if (!(peer instanceof VIPSocketPeer)) throw new VIOLost('the connection was closed at once')
  const { signal, onMessage, onClose, maxQueuedBytes = DEFAULT_LINK_BYTES } = options
  const end = { forget: () => {} }
  const parts: LinkParts = {
    reactor,
    remote: peer,
    maxQueuedBytes,
    onMessage,
    onClose: (error) => {
      end.forget()
      onClose(error)
    },
    release: (reason) => release(agent, reason),
  }
  const isWeb = address.scheme === 'ws' || address.scheme === 'wss'
  const link = isWeb ? await webLink(agent, address, { parts, signal }) : plainLink(agent, parts)
  const onAbort = (): void => link.drop(asError(signal.reason))
  signal.addEventListener('abort', onAbort, { once: true })
  end.forget = () => signal.removeEventListener('abort', onAbort)
  return link
}

function plainLink(agent: Agent, parts: LinkParts): WatchedLink {
  const link = new StreamLink(parts, agent.byteIO)
  link.send(Uint8Array.of(PLAIN_LINK))
  return link
}

async function webLink(
  agent: Agent,
  address: VRelayAddress,
  { parts, signal }: { readonly parts: LinkParts; readonly signal: AbortSignal },
): Promise<WatchedLink> {
  const socket = await upgraded(agent.byteIO, address, signal)
  const link = new WebSocketLink(parts, socket)
  // What came right behind the answer waits until whoever asked for the link has it.
  parts.reactor.schedule(0, () => socket.resume())
  return link
}

/** After a reason that is not clean nothing is waited for. */
function release(agent: Agent, reason: VFailure): void {
  if (reason instanceof VFIOLost) agent.reset(reason)
  else agent.closeIO(reason)
}

async function connected(
  reactor: IVReactor,
  address: VRelayAddress,
  { signal, tls, lookup }: Given,
): Promise<Agent> {
  const isSecure = address.scheme === 'tls' || address.scheme === 'wss'
  const common = { keepAlive: true, noDelay: true }
  // One connection with little on it is not worth the 10 ms that loading a native library takes.
  const agent = isSecure
    ? new VTLSClientSocketAgent(reactor, null, tls === undefined ? common : { ...common, tls })
    : new VTCPClientSocketAgent(reactor, null, { ...common, transport: 'net' })
  const { host, port } = address
  if (await agent.connectTo({ host, port }, { ...lookup, signal })) return agent
  throw await reasonOf(agent, address)
}

/** Why there is no connection. Through TLS the reason comes some turns after the answer. */
async function reasonOf(agent: Agent, address: VRelayAddress): Promise<Error> {
  for (let turnsLeft = REASON_TURNS; agent.endReason === null && turnsLeft > 0; turnsLeft -= 1) {
    await new Promise<void>((next) => agent.reactor.schedule(0, next))
  }
  return agent.endReason?.value ?? new VIOLost(`no connection to the relay ${formatRelayAddress(address)}`)
}

/** Speaks HTTP over a chain until it is a WebSocket. What secures it is below, so the request itself is a plain one. */
async function upgraded(pair: VByteIOPair, address: VRelayAddress, signal: AbortSignal): Promise<WebSocket> {
  // Loaded where it is used: most links are plain ones.
  const { WebSocket } = await import('ws')
  signal.throwIfAborted()
  const duplex = toNodeDuplex(pair)
  const place = formatRelayAddress({ ...address, scheme: 'tcp' })
  const socket = new WebSocket(`ws://${place}${address.path}`, {
    createConnection: () => duplex,
    perMessageDeflate: false,
    maxPayload: MAX_PIECE_BYTES,
    followRedirects: false,
  })
  return await new Promise((found, failed) => {
    let reason: unknown
    const fail = (error: unknown): void => {
      reason ??= error
      duplex.destroy()
      socket.terminate()
      failed(reason)
    }
    const onAbort = (): void => fail(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    socket.once('unexpected-response', (_request, response) => {
      const where = formatRelayAddress(address)
      fail(new VControlLinkError(`${where} is no relay: it answered HTTP ${response.statusCode}`))
    })
    const onError = (cause: Error): void => {
      const where = formatRelayAddress(address)
      fail(new VControlLinkError(`${where} does not answer as a relay does: ${cause.message}`, { cause }))
    }
    socket.on('error', onError)
    socket.once('open', () => {
      signal.removeEventListener('abort', onAbort)
      socket.removeListener('error', onError)
      socket.pause()
      found(socket)
    })
  })
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new VIOLost(String(reason))
}
