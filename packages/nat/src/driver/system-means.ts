/**
 * The surroundings of a connecter on a real machine.
 *
 * Decides which sockets, links and tables of the system stand behind `ConnecterMeans`. Invariant: what was given up leaves
 * nothing open, however late the system answers.
 */
import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { VIOClosed, VIOLost } from '@vio/io'
import { type IVReactor, VSystemRandom } from '@vio/reactor'
import { VDatagramSocket, type VTLSClientOptions } from '@vio/sock'
import type { ConnecterLink, ConnecterLinkHandlers, ConnecterMeans } from './connecter-means.js'
import { openControlLink } from './control-link.js'
import { VNatCrypto } from './crypto.js'
import type { IVControlLink } from './link.js'
import { parseRelayAddress } from './relay-address.js'

/** Where Linux tells its routes. */
const ROUTES = '/proc/net/route'
const GATEWAY_FLAG = 2
const MAX_GATEWAYS = 4

/** The real surroundings, which know what still stands of them. */
export interface SystemMeans extends ConnecterMeans {
  /** Settles once no link is open: what was sent on those that were closed has left this process. */
  whenNoLinks(): Promise<void>
}

/** The real surroundings. */
export function systemMeans(
  reactor: IVReactor,
  options: { readonly tls: VTLSClientOptions | null; readonly linkTimeoutMs: number },
): SystemMeans {
  const links = new OpenLinks()
  return {
    whenNoLinks: () => links.whenNone(),
    crypto: new VNatCrypto(),
    random: new VSystemRandom(),
    hosts: machineHosts,
    gateways: () => gatewaysIn(routesText()),
    bind: (at, done) => {
      const given = new AbortController()
      const { signal } = given
      VDatagramSocket.bind({ ...at, ipv6Only: at.host.includes(':') }).then(
        (port) => (signal.aborted ? port.close() : done(port)),
        (error: unknown) => {
          if (!signal.aborted) done(asError(error))
        },
      )
      return () => given.abort()
    },
    link: (relay, handlers) => openLink(reactor, relay, { ...options, handlers, links }),
  }
}

/** The links that are open, those that were closed and still send what waits among them. */
class OpenLinks {
  readonly #open = new Set<object>()
  #waiting: (() => void)[] = []

  add(link: object): void {
    this.#open.add(link)
  }

  delete(link: object): void {
    this.#open.delete(link)
    if (this.#open.size === 0) for (const done of this.#waiting.splice(0)) done()
  }

  whenNone(): Promise<void> {
    return this.#open.size === 0 ? Promise.resolve() : new Promise((done) => this.#waiting.push(done))
  }
}

/** The numeric addresses of this machine. */
export function machineHosts(): readonly string[] {
  return Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .map(({ address }) => address)
    .filter((address) => !address.includes('%'))
}

/** The routers in a table of routes as Linux writes it: those of the default route. */
export function gatewaysIn(table: string): readonly string[] {
  const found: string[] = []
  for (const line of table.split('\n').slice(1)) {
    const [, destination, gateway = '', flags = ''] = line.trim().split(/\s+/)
    if (destination !== '00000000' || (Number.parseInt(flags, 16) & GATEWAY_FLAG) === 0) continue
    if (!/^[0-9A-F]{8}$/i.test(gateway)) continue
    const bytes = Buffer.from(gateway, 'hex').reverse()
    found.push(bytes.join('.'))
  }
  return found.slice(0, MAX_GATEWAYS)
}

function routesText(): string {
  try {
    return readFileSync(ROUTES, 'ascii')
  } catch {
    // Another system than Linux tells its routes otherwise: no router is asked there.
    return ''
  }
}

function openLink(
  reactor: IVReactor,
  relay: string,
  options: {
    readonly tls: VTLSClientOptions | null
    readonly linkTimeoutMs: number
    readonly handlers: ConnecterLinkHandlers
    readonly links: OpenLinks
  },
): () => void {
  const { handlers, links, tls, linkTimeoutMs: timeoutMs } = options
  const given = new AbortController()
  const { signal } = given
  // A link that was closed still sends what waits, and tells nothing any more.
  const state = { isClosed: false, isOver: false }
  const onMessage = (bytes: Buffer): void => {
    if (!signal.aborted && !state.isClosed) handlers.onBytes(bytes)
  }
  const onClose = (error?: Error): void => {
    state.isOver = true
    links.delete(state)
    if (!signal.aborted && !state.isClosed)
      handlers.onClose(error ?? new VIOLost('the relay closed the connection'))
  }
  const wanted = { onMessage, onClose, signal, timeoutMs, ...(tls === null ? {} : { tls }) }
  const open = async (): Promise<void> => {
    const link = await openControlLink(reactor, parseRelayAddress(relay), wanted)
    if (!state.isOver) links.add(state)
    if (signal.aborted) link.close()
    else handlers.onOpen(linkOf(link, state))
  }
  open().catch((error: unknown) => {
    if (!signal.aborted) handlers.onClose(asError(error))
  })
  return () => {
    if (!state.isClosed) given.abort(new VIOClosed('the connecter was closed'))
  }
}

function linkOf(link: IVControlLink, state: { isClosed: boolean }): ConnecterLink {
  return {
    remote: link.remote,
    send: (bytes) => link.send(bytes),
    close: () => {
      state.isClosed = true
      link.close()
    },
  }
}

function asError(value: unknown): Error {
  return value instanceof Error ? value : new VIOLost(String(value))
}
