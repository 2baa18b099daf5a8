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

/** The real surroundings. */
export function systemMeans(
  reactor: IVReactor,
  options: { readonly tls: VTLSClientOptions | null; readonly linkTimeoutMs: number },
): ConnecterMeans {
  return {
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
    link: (relay, handlers) => openLink(reactor, relay, { ...options, handlers }),
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
  },
): () => void {
  const { handlers, tls, linkTimeoutMs: timeoutMs } = options
  const given = new AbortController()
  const { signal } = given
  // A link that was closed still sends what waits, and tells nothing any more.
  const state = { isClosed: false }
  const onMessage = (bytes: Buffer): void => {
    if (!signal.aborted && !state.isClosed) handlers.onBytes(bytes)
  }
  const onClose = (error?: Error): void => {
    if (!signal.aborted && !state.isClosed)
      handlers.onClose(error ?? new VIOLost('the relay closed the connection'))
  }
  const wanted = { onMessage, onClose, signal, timeoutMs, ...(tls === null ? {} : { tls }) }
  const open = async (): Promise<void> => {
    const link = await openControlLink(reactor, parseRelayAddress(relay), wanted)
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
