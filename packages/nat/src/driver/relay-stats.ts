/**
 * What a relay has done and what it holds, in numbers, and those numbers as Prometheus reads them.
 *
 * Decides names and units. Counting is the servers'. Invariant: nothing in here names a source, a room or a leg.
 */
import type { VRelayServer } from '../relay-server.js'
import type { VRendezvousServer } from '../rendezvous-server.js'
import type { RelayCore } from './relay-core.js'
import type { RelayIntake } from './relay-intake.js'
import type { RelayUDP } from './relay-udp.js'

/** The numbers of a relay. What is counted is counted since the start. */
export interface VRelayStats {
  readonly uptimeMs: number
  /** True once `drain` was called. */
  readonly isDraining: boolean
  /** What there is now. */
  readonly connections: number
  /** Those of them that are no links yet. */
  readonly openings: number
  readonly links: number
  readonly rooms: number
  readonly pairs: number
  /** Links that carry relayed datagrams. */
  readonly streams: number
  /** What has happened. */
  readonly connectionsAccepted: number
  readonly connectionsRefused: number
  readonly connectionsLate: number
  readonly connectionsStrange: number
  readonly linksRefused: number
  readonly linksStuck: number
  readonly roomsOpened: number
  readonly meetings: number
  readonly burnt: number
  readonly pairsOpened: number
  readonly pairsRefused: number
  readonly relayedDatagrams: number
  readonly relayedBytes: number
  /** Over a limit of bytes. */
  readonly limitedDatagrams: number
  readonly strangeDatagrams: number
  /** For a leg that was not bound, or that had no room. */
  readonly undeliveredDatagrams: number
  /** Those for which the sockets had no room. */
  readonly lostDatagrams: number
  readonly stunAnswered: number
  readonly stunLimited: number
}

/** What the numbers are asked of. */
export interface RelayStatsParts extends Pick<VRelayStats, 'uptimeMs' | 'isDraining' | 'rooms'> {
  readonly intake: RelayIntake
  readonly core: RelayCore
  readonly relay: VRelayServer
  readonly rendezvous: VRendezvousServer
  readonly udp: RelayUDP
}

/** The numbers as they are now. */
export function relayStats(parts: RelayStatsParts): VRelayStats {
  const { intake, core, relay, rendezvous, udp } = parts
  const { counts: relayed } = relay
  const { counts: met } = rendezvous
  return {
    uptimeMs: parts.uptimeMs,
    isDraining: parts.isDraining,
    connections: intake.openConnections,
    openings: intake.openings,
    links: core.openLinks,
    rooms: parts.rooms,
    pairs: relay.openPairs,
    streams: core.openStreams,
    connectionsAccepted: intake.counts.accepted,
    connectionsRefused: intake.counts.refused,
    connectionsLate: intake.counts.late,
    connectionsStrange: intake.counts.strangers,
    linksRefused: met.refused,
    linksStuck: core.counts.stuck,
    roomsOpened: met.rooms,
    meetings: met.meetings,
    burnt: met.burnt,
    pairsOpened: relayed.pairs,
    pairsRefused: relayed.refusedPairs,
    relayedDatagrams: relayed.relayed,
    relayedBytes: relayed.relayedBytes,
    limitedDatagrams: relayed.limited,
    strangeDatagrams: relayed.strangers,
    undeliveredDatagrams: relayed.unbound + core.counts.dropped,
    lostDatagrams: udp.droppedDatagrams,
    stunAnswered: udp.stunCounts.answered,
    stunLimited: udp.stunCounts.limited,
  }
}

type Kind = 'gauge' | 'counter'

const NAMES: readonly (readonly [keyof VRelayStats, Kind, string, string])[] = [
  ['connections', 'gauge', 'connections', 'Connections on the port, links or not yet.'],
  ['openings', 'gauge', 'openings', 'Connections that are no links yet.'],
  ['links', 'gauge', 'links', 'Control links.'],
  ['rooms', 'gauge', 'rooms', 'Rooms that are open.'],
  ['pairs', 'gauge', 'pairs', 'Relayed pairs.'],
  ['streams', 'gauge', 'streams', 'Links that carry relayed datagrams.'],
  ['connectionsAccepted', 'counter', 'connections_accepted_total', 'Connections that were taken.'],
  ['connectionsRefused', 'counter', 'connections_refused_total', 'Connections over a limit.'],
  ['connectionsLate', 'counter', 'connections_late_total', 'Connections that became no link in time.'],
  ['connectionsStrange', 'counter', 'connections_strange_total', 'Connections that spoke something else.'],
  ['linksRefused', 'counter', 'links_refused_total', 'Requests that were refused by name.'],
  ['linksStuck', 'counter', 'links_stuck_total', 'Links dropped as nobody read.'],
  ['roomsOpened', 'counter', 'rooms_opened_total', 'Rooms that were opened.'],
  ['meetings', 'counter', 'meetings_total', 'Rooms in which two met.'],
  ['burnt', 'counter', 'burnt_total', 'Codes that were burnt.'],
  ['pairsOpened', 'counter', 'pairs_opened_total', 'Relayed pairs that were opened.'],
  ['pairsRefused', 'counter', 'pairs_refused_total', 'Pairs over a limit.'],
  ['relayedDatagrams', 'counter', 'relayed_datagrams_total', 'Datagrams that were passed on.'],
  ['relayedBytes', 'counter', 'relayed_bytes_total', 'Bytes that were passed on.'],
  ['limitedDatagrams', 'counter', 'limited_datagrams_total', 'Datagrams over a limit of bytes.'],
  ['strangeDatagrams', 'counter', 'strange_datagrams_total', 'Datagrams of nobody.'],
  ['undeliveredDatagrams', 'counter', 'undelivered_datagrams_total', 'Datagrams with nowhere to go.'],
  ['lostDatagrams', 'counter', 'lost_datagrams_total', 'Datagrams the sockets had no room for.'],
  ['stunAnswered', 'counter', 'stun_answered_total', 'STUN questions that were answered.'],
  ['stunLimited', 'counter', 'stun_limited_total', 'STUN questions asked too often.'],
]

/** The numbers as Prometheus reads them, with those of the process beside them. */
export function relayMetrics(stats: VRelayStats, usage: { cpuSeconds: number; memoryBytes: number }): string {
  const lines: string[] = []
  const tell = (name: string, kind: Kind, help: string, value: number): void => {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`, `${name} ${value}`)
  }
  for (const [key, kind, name, help] of NAMES) tell(`vio_relay_${name}`, kind, help, Number(stats[key]))
  tell('vio_relay_draining', 'gauge', 'Whether the relay is about to end.', Number(stats.isDraining))
  tell('vio_relay_uptime_seconds', 'gauge', 'Since the start.', stats.uptimeMs / 1000)
  tell('process_cpu_seconds_total', 'counter', 'Processor time of the process.', usage.cpuSeconds)
  tell('process_resident_memory_bytes', 'gauge', 'Memory of the process.', usage.memoryBytes)
  return `${lines.join('\n')}\n`
}
