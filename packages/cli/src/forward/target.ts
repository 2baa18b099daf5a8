/**
 * What a forward leads to: a TCP or UDP port of a host, or a Unix socket.
 *
 * Decides how a target is written and which ones can be, so that neither a command line nor a peer can name one that the
 * system would misread. Who may reach it is `allow`'s affair. Invariant: a target that was made here fits a request, and
 * its text reads as the same target again.
 */
import { ipVersionOf } from '@vio/io'
import { checkPort, checkUnixPath } from '@vio/sock'
import { ForwardUsage } from './errors.js'

/** A port of a host, by name or address. */
export interface NetTarget {
  readonly kind: 'tcp' | 'udp'
  /** A host name, or a numeric address without brackets. */
  readonly host: string
  readonly port: number
}

/** A Unix stream socket. */
export interface UnixTarget {
  readonly kind: 'unix'
  readonly path: string
}

/** Where a forwarded connection ends. */
export type ForwardTarget = NetTarget | UnixTarget

/** The longest host name there is (RFC 1035 section 2.3.4). */
const MAX_HOST_CHARACTERS = 253

/** What a name may consist of. Underscores are no part of host names, but of names that resolve. */
const NAME = /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?$/i

/** A host as the system may be given it: a numeric address or a plausible name. @throws ForwardUsage for anything else */
export function checkHost(host: string): string {
  if (ipVersionOf(host) !== 0) return host
  if (host.length <= MAX_HOST_CHARACTERS && NAME.test(host) && !/^[\d.]+$/.test(host)) return host
  throw new ForwardUsage(`${JSON.stringify(host.slice(0, 60))} is no host name and no address`)
}

/** A target on a network. @throws ForwardUsage for a host or port that cannot be */
export function netTarget(kind: 'tcp' | 'udp', host: string, port: number): NetTarget {
  checkHost(host)
  return { kind, host, port: usable(() => checkPort(port, 1)) }
}

/** A target that is a Unix socket. @throws ForwardUsage for a path that cannot be */
export function unixTarget(path: string): UnixTarget {
  return { kind: 'unix', path: usable(() => checkUnixPath(path)) }
}

/** `127.0.0.1:80`, `[::1]:80`, `example.org:53/udp`, `/run/app.sock`. */
export function formatTarget(target: ForwardTarget): string {
  if (target.kind === 'unix') return target.path.startsWith('\0') ? `@${target.path.slice(1)}` : target.path
  const text = formatHostPort(target.host, target.port)
  return target.kind === 'udp' ? `${text}/udp` : text
}

/** `host:port`, with brackets where the host is an IPv6 address; an empty host is `*`. */
export function formatHostPort(host: string, port: number): string {
  if (host === '') return `*:${port}`
  return ipVersionOf(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`
}

/** What `check` returns; what it throws becomes a fault of whoever wrote the text. */
export function usable<T>(check: () => T): T {
  try {
    return check()
  } catch (error) {
    throw new ForwardUsage(error instanceof Error ? error.message : String(error), { cause: error })
  }
}
