/**
 * What the machine itself can tell: its addresses, its router, the MTU of its interfaces.
 *
 * Decides what is left out: loopback, and addresses that need a zone. Invariant: what this system does not tell is left
 * out, never guessed.
 */
import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { scopeOf } from '@vio/nat'
import type { AddressFinding } from './report.js'

/** The addresses by which others could reach this machine. */
export function addressesHere(): AddressFinding[] {
  return Object.entries(networkInterfaces()).flatMap(([name, infos]) =>
    (infos ?? [])
      .map(({ address }) => ({ address, interface: name, scope: scopeOf(address) }))
      .filter(({ scope }) => scope !== 'host' && scope !== 'link' && scope !== 'none'),
  )
}

/** The way out, where the system tells it. */
export interface DefaultRoute {
  readonly interface: string
  readonly router: string
}

/** The default route of a table of routes as Linux writes it. */
export function defaultRouteIn(table: string): DefaultRoute | undefined {
  for (const line of table.split('\n').slice(1)) {
    const [name = '', destination, gateway = '', flags = ''] = line.trim().split(/\s+/)
    const isDefault = destination === '00000000' && (Number.parseInt(flags, 16) & 2) !== 0
    if (isDefault && /^[0-9A-F]{8}$/i.test(gateway))
      return { interface: name, router: Buffer.from(gateway, 'hex').reverse().join('.') }
  }
  return undefined
}

/** The default route of this machine. */
export function defaultRoute(): DefaultRoute | undefined {
  return defaultRouteIn(textOf('/proc/net/route'))
}

/** The MTU of an interface, in bytes. */
export function mtuOf(name: string): number | undefined {
  const mtu = Number.parseInt(textOf(`/sys/class/net/${name}/mtu`), 10)
  return Number.isInteger(mtu) && mtu > 0 ? mtu : undefined
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'ascii')
  } catch {
    return ''
  }
}
