/**
 * Addresses of sockets: checked, read from text, written as text, looked up, and read off sockets.
 *
 * Decides what an address may be before the system sees it: Node cuts a long Unix path off in silence, so that a name
 * that was never made can be reached. The peers themselves, as values, are io's. Invariant: a peer that a function here
 * returns can be given to the system as it is.
 */
import { lookup as systemLookup } from 'node:dns'
import { Socket } from 'node:net'
import {
  ipVersionOf,
  type VIPSocketPeer as Peer,
  VIOError,
  VIOTimeout,
  VIPSocketPeer,
  type VPeer,
  VSocketPeer,
  type VSocketType,
  VUnixSocketPeer,
} from '@vio/io'
import { describeValue, timeOption } from './describe.js'
import { socketError, VSocketError } from './errno.js'

/** The longest Unix socket path or abstract name, in bytes of UTF-8. One byte less than the system's field, for its NUL. */
export const MAX_UNIX_PATH_BYTES: number = process.platform === 'linux' ? 107 : 103

/** An address is not one, or not one that this can be done with. Nothing was asked of the system. */
export class VAddressError extends VIOError {
  override readonly code = 'V_SOCK_ADDRESS'
}

/** A port. @throws VAddressError if it is no whole number from `min` (by default 0: any free port) to 65535 */
export function checkPort(port: number, min = 0): number {
  if (Number.isInteger(port) && port >= min && port <= 65_535) return port
  throw new VAddressError(`a port is a whole number from ${min} to 65535, got ${describeValue(port)}`)
}

/**
 * A Unix socket path, or an abstract name: one that begins with NUL.
 *
 * @throws VAddressError if it is empty, longer than `MAX_UNIX_PATH_BYTES`, or has a NUL behind its first character
 */
export function checkUnixPath(path: string): string {
  if (typeof path !== 'string' || path === '' || path === '\0') {
    throw new VAddressError(`a socket path is a text that is not empty, got ${describeValue(path)}`)
  }
  if (path.includes('\0', 1)) {
    throw new VAddressError(
      `a socket path has no NUL behind its first character, got ${JSON.stringify(path)}`,
    )
  }
  const sizeBytes = Buffer.byteLength(path)
  if (sizeBytes > MAX_UNIX_PATH_BYTES) {
    throw new VAddressError(
      `a socket path has at most ${MAX_UNIX_PATH_BYTES} bytes, got ${sizeBytes}; use a shorter directory`,
    )
  }
  return path
}

/**
 * A peer that the system can be given.
 *
 * @throws VAddressError for a Unix path that is too long, or an IP peer without a host or with a port below `minPort`
 * @throws TypeError for anything that is no socket peer
 */
export function checkSocketPeer(peer: VSocketPeer, minPort = 1): VSocketPeer {
  if (peer instanceof VUnixSocketPeer) checkUnixPath(peer.path)
  else if (peer instanceof VIPSocketPeer) {
    checkPort(peer.port, minPort)
    if (peer.host === '' && minPort > 0)
      throw new VAddressError(`${peer} has no host; name one to connect to`)
  } else if (!(peer instanceof VSocketPeer)) {
    throw new TypeError(`a socket connects to a socket peer, got ${describeValue(peer)}`)
  }
  return peer
}

/** What a device connects to. @throws TypeError for anything that is no socket peer */
export function asSocketPeer(peer: VPeer): VSocketPeer {
  if (peer instanceof VSocketPeer) return peer
  throw new TypeError(`a socket is connected to a socket peer, got ${describeValue(peer)}`)
}

/**
 * Reads an address: `127.0.0.1:80`, `[::1]:80`, `:80` (any address), `unix:/path`, `unix:@abstract`.
 *
 * @throws VAddressError for anything else; host names are for `lookup`
 */
export function parseAddress(text: string, socketType: VSocketType = 'stream'): VSocketPeer {
  if (typeof text !== 'string') throw new VAddressError(`an address is a text, got ${describeValue(text)}`)
  if (text.startsWith('unix:')) {
    const path = text.slice(5)
    return new VUnixSocketPeer(checkUnixPath(path.startsWith('@') ? `\0${path.slice(1)}` : path), socketType)
  }
  const { host, port } = splitHostPort(text)
  if (host !== '' && ipVersionOf(host) === 0) {
    throw new VAddressError(`${describeValue(text)} has a host that is no IP address; look names up first`)
  }
  return new VIPSocketPeer(host, port, { socketType })
}

/**
 * Takes `host:port` apart; an IPv6 address stands in brackets. The host may be a name, or empty.
 *
 * @throws VAddressError if there is no port, or one out of range
 */
export function splitHostPort(text: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, digits] = /^(?:\[([^[\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(String(text)) ?? []
  if (digits === undefined || (bracketed !== undefined && ipVersionOf(bracketed) !== 6)) {
    throw new VAddressError(`an address is host:port, with IPv6 as [host]:port, got ${describeValue(text)}`)
  }
  return { host: bracketed ?? plain ?? '', port: checkPort(Number(digits)) }
}

/** An address as text that `parseAddress` reads again. */
export function formatAddress(peer: VSocketPeer): string {
  // A plain path that begins with @ would be read as an abstract name.
  return peer instanceof VUnixSocketPeer && peer.path.startsWith('@')
    ? `unix:./${peer.path}`
    : peer.toString()
}

/** One address of a name. */
export interface VResolvedAddress {
  readonly address: string
  readonly family: number
}

/** What finds the addresses of a host name. */
export type VResolver = (host: string) => Promise<readonly VResolvedAddress[]>

/** In which order the addresses of a name come. */
export type VLookupOrder = 'ipv4first' | 'ipv6first' | 'verbatim'

/** Options of `lookup` and `lookupAll`. */
export interface VLookupOptions {
  /** Only addresses of this family. By default both. */
  readonly family?: 'inet' | 'inet6'
  /** Which family comes first; 'verbatim' leaves the order of the resolver. By default 'ipv4first'. */
  readonly order?: VLookupOrder
  /** What the peers are for. By default 'stream'. */
  readonly socketType?: VSocketType
  /** Gives up when it is aborted: the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal
  /** Gives up after so many milliseconds, with a `VIOTimeout`. By default never. */
  readonly timeoutMs?: number
  /** What finds the addresses. By default the system: hosts file, name service. */
  readonly resolver?: VResolver
}

/**
 * The first address of a host name, or of a numeric address itself, as a peer. Its `reqAddress` is the name.
 *
 * @throws (rejects) VAddressError for a wrong port or an empty name, VSocketError with the resolver's code (`ENOTFOUND`),
 *   VIOTimeout, or the signal's reason
 */
export async function lookup(host: string, port: number, options: VLookupOptions = {}): Promise<Peer> {
  const [first] = await lookupAll(host, port, options)
  return first
}

/** All addresses of a host name, in order, each once. Rejects as `lookup`; the list is never empty. */
export async function lookupAll(
  host: string,
  port: number,
  options: VLookupOptions = {},
): Promise<readonly [Peer, ...Peer[]]> {
  checkPort(port)
  if (typeof host !== 'string' || host === '' || host.includes('\0')) {
    throw new VAddressError(`a host is a name or an address, got ${describeValue(host)}`)
  }
  const version = ipVersionOf(host)
  const found =
    version === 0
      ? await givenUp(resolve(host, options.resolver ?? bySystem), options, host)
      : [{ address: host, family: version }]
  const wanted = options.family === undefined ? 0 : options.family === 'inet' ? 4 : 6
  const hosts = new Set(
    inOrder(found, options.order ?? 'ipv4first')
      .filter(({ address }) => ipVersionOf(address) !== 0)
      .filter(({ address }) => wanted === 0 || ipVersionOf(address) === wanted)
      .map(({ address }) => address),
  )
  const socketType = options.socketType ?? 'stream'
  const [first, ...more] = [...hosts].map(
    (address) => new VIPSocketPeer(address, port, { socketType, reqAddress: host }),
  )
  if (first !== undefined) return [first, ...more]
  const kind = wanted === 0 ? 'address' : `IPv${wanted} address`
  throw new VSocketError(`${host} has no ${kind}`, { code: 'ENODATA', syscall: 'getaddrinfo', address: host })
}

async function resolve(host: string, resolver: VResolver): Promise<readonly VResolvedAddress[]> {
  try {
    return await resolver(host)
  } catch (error) {
    throw socketError(`${host} could not be looked up`, error)
  }
}

function bySystem(host: string): Promise<readonly VResolvedAddress[]> {
  return new Promise((found, failed) => {
    systemLookup(host, { all: true, verbatim: true }, (error, addresses) => {
      if (error === null) found(addresses)
      else failed(error)
    })
  })
}

function inOrder(found: readonly VResolvedAddress[], order: VLookupOrder): readonly VResolvedAddress[] {
  if (order === 'verbatim') return found
  const first = order === 'ipv4first' ? 4 : 6
  const isFirst = ({ address }: VResolvedAddress): boolean => ipVersionOf(address) === first
  return [...found.filter(isFirst), ...found.filter((each) => !isFirst(each))]
}

/** `work`, unless the signal or the time-out comes first. The system's own look-up cannot be stopped; it is not waited for. */
function givenUp<T>(work: Promise<T>, options: VLookupOptions, host: string): Promise<T> {
  const { signal, timeoutMs } = options
  // What comes after the promise was rejected is nobody's.
  work.catch(() => undefined)
  if (signal?.aborted === true) return Promise.reject(signal.reason)
  return new Promise((found, failed) => {
    const onAbort = (): void => failed(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    const limit = timeoutMs === undefined ? Number.POSITIVE_INFINITY : timeOption('timeoutMs', timeoutMs)
    const late = (): void => failed(new VIOTimeout(`${host} was not looked up within ${limit} ms`))
    const timer = limit < 2 ** 31 ? setTimeout(late, limit) : undefined
    const over = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
    work.then(found, failed).finally(over)
  })
}

/** What the handle of a TCP socket says of the other side, in Node. It gives an error number, or 0. */
interface NamingHandle {
  getpeername?(name: { address?: string; port?: number }): number
}

/** Where handles put what they say: it is read at once. */
const said: { address?: string; port?: number } = {}

/** What a socket is connected to, as a peer; null while it is not, and for a Unix socket, which does not know. */
export function peerFromSock(socket: Socket): VIPSocketPeer | null {
  // Asked by its properties, the socket would keep what it says, which the peer holds once more.
  const handle = (socket as { readonly _handle?: NamingHandle | null })._handle
  if (typeof handle?.getpeername === 'function' && handle.getpeername(said) === 0)
    return ipPeer(said.address, said.port)
  return ipPeer(socket.remoteAddress, socket.remotePort)
}

/** What a socket is bound to on this side, as a peer; null while it is not, and for a Unix socket. */
export function localPeerFromSock(socket: Socket): VIPSocketPeer | null {
  return ipPeer(socket.localAddress, socket.localPort)
}

function ipPeer(host: string | undefined, port: number | undefined): VIPSocketPeer | null {
  return host === undefined || port === undefined || ipVersionOf(host) === 0
    ? null
    : new VIPSocketPeer(sameHost(host), port)
}

let lastHost = ''

/** The host as it was told last, if that is the same: many connections of one host share its text. */
export function sameHost(host: string): string {
  if (host !== lastHost) lastHost = host
  return lastHost
}

/** An unconnected stream socket for a peer: half-open allowed, paused, with a listener for its errors. */
export function createSocket(peer: VSocketPeer): Socket {
  checkSocketPeer(peer)
  if (peer.socketType !== 'stream') {
    throw new VIOError(`a ${peer.socketType} peer has no stream socket; use VDatagramSocket`)
  }
  return createNativeSocket()
}

/** An unconnected stream socket for any address: half-open allowed, paused, with a listener for its errors. */
export function createNativeSocket(): Socket {
  const socket = new Socket({ allowHalfOpen: true })
  socket.pause()
  socket.on('error', () => undefined)
  return socket
}
