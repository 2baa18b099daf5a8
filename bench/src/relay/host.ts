/**
 * The relay of the relay bench: one `VRelayHost` in a process of its own, which tells what it has used.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { VRelayHost } from '@vio/nat'
import { VReactor } from '@vio/reactor'
import { answer } from '../lib/processes.js'

/** What was used so far, and what there is. */
export interface RelayUsage {
  /** Processor time, in seconds. */
  readonly cpuS: number
  readonly relayedDatagrams: number
  readonly rooms: number
  readonly pairs: number
  readonly links: number
  readonly limited: number
}

/** What the process can be asked. */
export interface RelayCalls {
  /** Begins, with limits that a single source does not reach. Returns the port. */
  listen(): Promise<number>
  usage(): RelayUsage
  /** Resident memory in bytes, after a collection. */
  memory(): Promise<number>
}

const MANY = 1_000_000
const reactor = new VReactor()
reactor.start()
const relay = new VRelayHost(reactor, {
  host: '127.0.0.1',
  port: 0,
  quotas: {
    maxRoomsPerSource: MANY,
    maxConnectionsPerSource: MANY,
    maxPairsPerSource: MANY,
    entersPerMinute: MANY,
    maxEntersAtOnce: MANY,
    messagesPerSecond: MANY,
  },
})

answer<RelayCalls>({
  listen: async () => {
    await relay.listen()
    return relay.address?.port ?? 0
  },
  usage: () => {
    const { user, system } = process.cpuUsage()
    const { relayedDatagrams, rooms, pairs, links, limitedDatagrams: limited } = relay.stats()
    return { cpuS: (user + system) / 1e6, relayedDatagrams, rooms, pairs, links, limited }
  },
  memory: async () => {
    globalThis.gc?.()
    await sleep(200)
    globalThis.gc?.()
    return process.memoryUsage.rss()
  },
})
