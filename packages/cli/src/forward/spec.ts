/**
 * The forwards of a command line: `-L`, `-R`, `-D` and `-U` as text, taken apart.
 *
 * Decides the grammar, which is that of ssh with Unix sockets on either side and `/udp` behind a target. Nothing is looked
 * up and nothing is opened. Invariant: what is returned can be listened on and asked for as it stands.
 */
import { checkPort, checkUnixPath } from '@vio/sock'
import { ForwardUsage } from './errors.js'
import {
  checkHost,
  type ForwardTarget,
  formatHostPort,
  formatTarget,
  netTarget,
  unixTarget,
  usable,
} from './target.js'

/** Where is listened. */
export type ListenAt =
  /** An empty host stands for all addresses. Port 0 is any free one. */
  | { readonly kind: 'tcp' | 'udp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

/** One forward that was asked for. */
export type ForwardSpec =
  /** This side listens, the other one connects. */
  | { readonly side: 'local'; readonly listen: ListenAt; readonly target: ForwardTarget }
  /** The other side listens, this one connects. */
  | { readonly side: 'remote'; readonly listen: ListenAt; readonly target: ForwardTarget }
  /** This side listens for SOCKS clients, who name their targets. */
  | { readonly side: 'socks'; readonly listen: ListenAt }

/** The options that make a forward. */
export type ForwardFlag = '-L' | '-R' | '-D' | '-U'

/** Who listens without saying where is heard by this machine alone. */
const HERE = '127.0.0.1'

const FORMS: Readonly<Record<ForwardFlag, string>> = {
  '-L': '-L [BIND:]PORT:HOST:PORT[/udp] or -L [BIND:]PORT:/PATH',
  '-R': '-R [BIND:]PORT:HOST:PORT[/udp] or -R [BIND:]PORT:/PATH',
  '-D': '-D [BIND:]PORT',
  '-U': '-U /PATH:HOST:PORT or -U /PATH:/PATH',
}

/**
 * Reads the value of one option.
 *
 * @throws ForwardUsage if it is none, with the form that it should have
 */
export function parseForward(flag: ForwardFlag, text: string): ForwardSpec {
  try {
    return flag === '-D' ? parseSocks(text) : parseTwoEnds(flag, text)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new ForwardUsage(`${flag} ${JSON.stringify(text)}: ${why}; the form is ${FORMS[flag]}`, {
      cause: error,
    })
  }
}

/** `127.0.0.1:8080`, `*:8080`, `/tmp/app.sock`. */
export function formatListen(listen: ListenAt): string {
  if (listen.kind === 'unix') return formatTarget({ kind: 'unix', path: listen.path })
  const text = formatHostPort(listen.host, listen.port)
  return listen.kind === 'udp' ? `${text}/udp` : text
}

/** One line about a forward, from the point of view of the side that asked for it. */
export function formatSpec(spec: ForwardSpec): string {
  const listen = formatListen(spec.listen)
  if (spec.side === 'socks') return `${listen} -> wherever SOCKS clients ask for`
  const target = formatTarget(spec.target)
  return spec.side === 'local' ? `${listen} -> peer -> ${target}` : `peer ${listen} -> here -> ${target}`
}

function parseSocks(text: string): ForwardSpec {
  const parts = partsOf(text)
  const [first = '', second] = parts
  if (parts.length > 2) throw new ForwardUsage('too many parts')
  const [host, port] = second === undefined ? [HERE, first] : [first, second]
  return { side: 'socks', listen: listenOn('tcp', host, port) }
}

function parseTwoEnds(flag: '-L' | '-R' | '-U', text: string): ForwardSpec {
  const [, body = '', suffix] = /^(.*?:\d+)(?:\/(udp|tcp))$/s.exec(text) ?? [undefined, text]
  const kind = suffix === 'udp' ? 'udp' : 'tcp'
  const parts = partsOf(body)
  const isPathFirst = isPath(parts[0])
  if (flag === '-U' && !isPathFirst) throw new ForwardUsage('the first part is the path of a socket')
  const taken = isPathFirst || /^\d+$/.test(parts[0] ?? '') ? 1 : 2
  const listen = listenFrom(kind, parts.slice(0, taken))
  const target = targetFrom(kind, parts.slice(taken))
  if ((listen.kind === 'udp') !== (target.kind === 'udp'))
    throw new ForwardUsage('datagrams go from a UDP port to a UDP port only')
  return { side: flag === '-R' ? 'remote' : 'local', listen, target }
}

function listenFrom(kind: 'tcp' | 'udp', parts: readonly string[]): ListenAt {
  const [first = '', second] = parts
  if (isPath(first)) return { kind: 'unix', path: usable(() => checkUnixPath(nameOf(first))) }
  return second === undefined ? listenOn(kind, HERE, first) : listenOn(kind, first, second)
}

function targetFrom(kind: 'tcp' | 'udp', parts: readonly string[]): ForwardTarget {
  const [first = '', second] = parts
  if (parts.length === 1 && isPath(first)) return unixTarget(nameOf(first))
  if (parts.length !== 2 || second === undefined)
    throw new ForwardUsage('the target is missing or has too many parts')
  return netTarget(kind, first, portOf(second))
}

function listenOn(kind: 'tcp' | 'udp', host: string, port: string): ListenAt {
  const isAny = host === '' || host === '*'
  return { kind, host: isAny ? '' : checkHost(host), port: portOf(port) }
}

function portOf(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new ForwardUsage(`${JSON.stringify(text)} is no port`)
  return usable(() => checkPort(Number(text)))
}

function isPath(part: string | undefined): boolean {
  return part !== undefined && /^[/.@]/.test(part)
}

/** `@name` is how abstract names are written. */
function nameOf(path: string): string {
  return path.startsWith('@') ? `\0${path.slice(1)}` : path
}

/** Takes text apart at its colons; an IPv6 address stands in brackets. */
function partsOf(text: string): string[] {
  const parts: string[] = []
  let rest = text
  for (;;) {
    const [whole, inBrackets, plain] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?=:|$)/.exec(rest) ?? []
    if (whole === undefined) throw new ForwardUsage('brackets stand around an IPv6 address and nowhere else')
    parts.push(inBrackets ?? plain ?? '')
    if (whole.length === rest.length) return parts
    rest = rest.slice(whole.length + 1)
  }
}
