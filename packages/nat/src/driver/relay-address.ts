/**
 * How a person names a relay: `host`, `host:port`, `[v6]:port`, or one of them behind a scheme.
 *
 * Decides what is an address of a relay and what the parts of it are; looking the host up and connecting are for others.
 * Invariant: what `parseRelayAddress` returns can be written by `formatRelayAddress` and read again as the same.
 */
import { ipVersionOf, VIOError } from '@vio/io'

/** How the control connection is carried. */
export type VRelayScheme = 'tcp' | 'tls' | 'ws' | 'wss'

/** The port of a relay, where none is named: that of STUN, which shares it. */
export const DEFAULT_RELAY_PORT = 3478

/** Where a relay is, and how it is spoken to. */
export interface VRelayAddress {
  readonly scheme: VRelayScheme
  /** A name, or a numeric address without brackets. */
  readonly host: string
  readonly port: number
  /** What is asked for by WebSocket, with the slash in front; '/' for the other schemes. */
  readonly path: string
}

/** What is wrong with a text that is no address of a relay. */
export type VRelayAddressFault = 'empty' | 'scheme' | 'host' | 'port' | 'path'

/** A text is no address of a relay. */
export class VRelayAddressError extends VIOError {
  override readonly code = 'V_NAT_RELAY_ADDRESS'
  /** Which part of it. */
  readonly reason: VRelayAddressFault

  constructor(reason: VRelayAddressFault, message: string) {
    super(message)
    this.reason = reason
  }
}

const SCHEMES: readonly string[] = ['tcp', 'tls', 'ws', 'wss'] satisfies VRelayScheme[]
const FORMS =
  'write host, host:port, [IPv6]:port, tls://host:port, ws://host:port/path or wss://host:port/path'
const MAX_CHARACTERS = 512
const MAX_HOST = 253
const MAX_PORT = 65_535

/**
 * Reads the address of a relay. Without a scheme it is TCP, without a port 3478, without a path '/'.
 *
 * @throws VRelayAddressError for anything that is none; it says which part, and what to write
 */
export function parseRelayAddress(text: string): VRelayAddress {
  if (typeof text !== 'string' || text.trim() === '') {
    throw new VRelayAddressError('empty', `a relay needs an address, got none: ${FORMS}`)
  }
  const given = text.trim()
  if (given.length > MAX_CHARACTERS) {
    throw new VRelayAddressError(
      'host',
      `the address of a relay has at most ${MAX_CHARACTERS} characters, got ${given.length}`,
    )
  }
  const [, name = 'tcp', rest = given] = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/(.*)$/.exec(given) ?? []
  const scheme = schemeOf(name)
  const slash = rest.indexOf('/')
  const place = slash === -1 ? rest : rest.slice(0, slash)
  const path = pathOf(scheme, slash === -1 ? '/' : rest.slice(slash))
  return { scheme, ...placeOf(place), path }
}

/** Writes an address so that `parseRelayAddress` reads it again; the port is always told. */
export function formatRelayAddress({ scheme, host, port, path }: VRelayAddress): string {
  const place = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  if (scheme === 'tcp') return place
  return `${scheme}://${place}${path === '/' ? '' : path}`
}

function schemeOf(name: string): VRelayScheme {
  const scheme = name.toLowerCase()
  if (SCHEMES.includes(scheme)) return scheme as VRelayScheme
  throw new VRelayAddressError(
    'scheme',
    `a relay is reached by ${SCHEMES.join(', ')}, got ${quoted(name)}: ${FORMS}`,
  )
}

function pathOf(scheme: VRelayScheme, path: string): string {
  const isWeb = scheme === 'ws' || scheme === 'wss'
  if (!isWeb && path !== '/') {
    throw new VRelayAddressError(
      'path',
      `only ws:// and wss:// have a path, got ${quoted(path)}: leave it out`,
    )
  }
  // What stands behind ? or # is no part of where a relay is, and control characters would break the request.
  if (/^[!-~]*$/.test(path) && !/[?#]/.test(path)) return path
  throw new VRelayAddressError('path', `a path is printable ASCII without ? and #, got ${quoted(path)}`)
}

function placeOf(place: string): { readonly host: string; readonly port: number } {
  // An IPv6 address without brackets cannot have a port behind it, so it is not ambiguous when it stands alone.
  if (ipVersionOf(place) === 6) return { host: checkHost(place), port: DEFAULT_RELAY_PORT }
  const [, bracketed, plain, digits] = /^(?:\[([^[\]]*)\]|([^:[\]]*))(?::(.*))?$/.exec(place) ?? []
  const host = bracketed ?? plain
  if (host === undefined) {
    throw new VRelayAddressError('host', `${quoted(place)} is no host and port: ${FORMS}`)
  }
  if (bracketed !== undefined && ipVersionOf(bracketed) !== 6) {
    throw new VRelayAddressError('host', `brackets hold an IPv6 address, got ${quoted(bracketed)}`)
  }
  return { host: checkHost(host), port: digits === undefined ? DEFAULT_RELAY_PORT : portOf(digits) }
}

function checkHost(host: string): string {
  if (ipVersionOf(host) !== 0) return host
  const isName = host.length <= MAX_HOST && /^(?!-)[\w-]+(?:\.[\w-]+)*\.?$/.test(host)
  if (isName && !/^[\d.]+$/.test(host)) return host.toLowerCase()
  throw new VRelayAddressError('host', `${quoted(host)} is neither a host name nor an IP address: ${FORMS}`)
}

function portOf(digits: string): number {
  const port = /^\d{1,5}$/.test(digits) ? Number(digits) : 0
  if (port >= 1 && port <= MAX_PORT) return port
  throw new VRelayAddressError(
    'port',
    `a port is a whole number from 1 to ${MAX_PORT}, got ${quoted(digits)}`,
  )
}

/** In short, and without what a terminal would act on. */
function quoted(text: string): string {
  return JSON.stringify(text.replace(/[^ -~]/g, '?').slice(0, 60))
}
