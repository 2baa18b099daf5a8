/**
 * Says to a person why two sides that have met did not connect: what was tried, what was seen, what would help.
 *
 * Decides words only. Invariant: nothing secret and nothing that the other side wrote stands in them, other than numbers.
 */
import type { VOffer } from '../offer.js'
import type { VNatView } from '../strategy.js'
import type { VConnectPath } from './connecter-options.js'

/** What is known at the end. */
export interface FailureView {
  readonly path: VConnectPath
  readonly afterMs: number
  readonly nat: VNatView
  readonly peer: VOffer | null
  /** What stands in the way of a direct path; empty where nothing is known to. */
  readonly obstacle: string
  /** How many PUNCH datagrams have left, and at how many addresses the other side was heard. */
  readonly packets: number
  readonly heard: number
  readonly relay: { readonly name: string; readonly via: 'udp' | 'stream' | null }
}

const MAPPINGS: Readonly<Record<VNatView['mapping'], string>> = {
  'endpoint-independent': 'keeps its port',
  'address-dependent': 'chooses a new port for each address',
  'address-and-port-dependent': 'chooses a new port for each destination',
  unknown: 'could not be judged',
}

/** The message. */
export function describeFailure(view: FailureView): string {
  const seconds = Math.round(view.afterMs / 1_000)
  return `no connection within ${seconds} s: ${tried(view)}; ${seen(view)}; ${help(view)}`
}

function tried({ path, packets, peer, relay }: FailureView): string {
  const direct = `${packets} datagrams to ${peer?.candidates.length ?? 0} addresses of the other side`
  const relayed =
    relay.via === null
      ? `the relay ${relay.name}, which bound neither UDP nor a stream for this side`
      : `the relay ${relay.name} by ${relay.via === 'udp' ? 'UDP' : 'a stream'}`
  if (path === 'direct') return `tried ${direct}`
  if (path === 'relay') return `tried ${relayed}`
  return `tried ${direct}, and ${relayed}`
}

function seen({ path, heard, nat, peer }: FailureView): string {
  if (path === 'relay') return 'nothing of the other side came through'
  const own = `the NAT here ${MAPPINGS[nat.mapping]}`
  const theirs = peer === null ? '' : `, the one there ${MAPPINGS[peer.nat.mapping]}`
  const what =
    heard === 0 ? 'nothing of the other side came in' : 'the other side was heard, but did not hear this one'
  return `${what}, ${own}${theirs}`
}

function help({ path, obstacle, relay }: FailureView): string {
  if (obstacle !== '') return `${obstacle}${path === 'direct' ? ', or allow the relay' : ''}`
  if (path === 'direct') return 'let a UDP port in and name it with --port, use IPv6, or allow the relay'
  if (relay.via === null) return 'let UDP or TCP out to the relay'
  return 'see whether the other side still runs, and try again'
}
