/**
 * How soon bytes flow, in the lab: `vut pipe` on two hosts, 40 ms there and back between any two, and the first byte of one
 * that has it ready at once.
 *
 * It is counted in round trips of the link, from when both have joined: half a round trip before the side that came
 * second hears that somebody is there.
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

/** Round trips to the first byte by a relay, or straight. */
export async function firstByteRoundTrips(path: 'relay' | 'direct', seed: number): Promise<number> {
  const lab = new LinkLab(`delay=${ONE_WAY_MS}ms`, seed)
  try {
    return await measuredIn(lab, path)
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
