/**
 * How soon bytes flow, in the lab: `vut pipe` on two hosts, 40 ms there and back between any two, and the first byte of one
 * that has it ready at once.
 *
 * It is counted from when both have joined, which is half a round trip of its link before the side that came second hears
 * that somebody is there. The unit is told: a round trip of a link, so between a host and the relay, and between the two
 * hosts where they reach each other; or, by the relay, one from peer to peer, which is two of a link.
 */
import { join } from 'node:path'
import { LinkLab, labMissing } from '../links/lab.js'
import { Command } from './commands.js'

const VUT = join(import.meta.dirname, '../../../packages/cli/dist/main.js')
const ONE_WAY_MS = 20
const ROUND_TRIP_MS = 2 * ONE_WAY_MS
const PORT = 3478

/** Why it cannot be measured here. */
export function firstByteMissing(): string | undefined {
  return labMissing()
}

/** Whose round trips are counted. `link`: between two hosts; `path`: from peer to peer, as the path in use goes. */
export type FirstByteUnit = 'link' | 'path'

const LINKS = { relay: 2, direct: 1 } as const

/** Round trips to the first byte by a relay, or straight. */
export async function firstByteRoundTrips(
  path: 'relay' | 'direct',
  seed: number,
  unit: FirstByteUnit = 'link',
): Promise<number> {
  const lab = new LinkLab(`delay=${ONE_WAY_MS}ms`, seed)
  try {
    const ofLink = await measuredIn(lab, path)
    return unit === 'link' ? ofLink : ofLink / LINKS[path]
  } finally {
    lab.down()
  }
}

async function measuredIn(lab: LinkLab, path: string): Promise<number> {
  const at = `${lab.addressOf('S')}:${PORT}`
  const vut = (host: 'A' | 'B' | 'S', ...args: readonly string[]): Command => {
    const command = [...lab.command(host), process.execPath, VUT, ...args, '--json']
    return new Command(command, { stdio: ['pipe', 'pipe', 'pipe'] })
  }
  const relay = vut('S', 'relay', '--listen', at)
  await relay.says(/"phase":"listening"/)
  const how = ['--relay', at, '--path', path]
  const first = vut('A', 'pipe', ...how)
  first.process.stdin?.end('first')
  const code = await first.says(/"code":"([^"]+)"/)
  const second = vut('B', 'pipe', code, ...how)
  second.process.stdin?.end()
  let arrivedAt = Number.NaN
  second.process.stdout?.once('data', () => {
    arrivedAt = performance.now()
  })
  // The peer is there: what the server says in answer to the joining.
  await second.says(/"phase":"authenticating"/)
  const heardAt = performance.now()
  await Promise.all([first.ended, second.ended])
  return (arrivedAt - heardAt) / ROUND_TRIP_MS + 1 / 2
}
