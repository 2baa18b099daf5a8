/**
 * Real processes whose clocks jump: the wall clock, which somebody sets, and the other one, which leaps when a machine wakes.
 */
import { randomFillSync } from 'node:crypto'
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { codeOf, errorOf, startRelay, type Vut, vut } from './process-support.js'
import { tempFolder } from './support.js'

const BYTES = randomFillSync(Buffer.alloc(40_000_000))
const HOUR_MS = 3_600_000

let relay: string

beforeAll(async () => {
  relay = await startRelay()
})

/** The environment of a process in which this runs before anything else. */
function first(code: string): Record<string, string> {
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` }
}

/** A wall clock that is a day ahead at one look, and a day behind at the next. */
const RESTLESS = first(`
  const now = Date.now.bind(Date)
  let looks = 0
  Date.now = () => now() + (++looks % 2 === 0 ? 86400000 : -86400000)
`)

/** A clock that leaps once, some time after bytes began to flow. */
function leaping(byMs: number): Record<string, string> {
  return first(`
    const now = performance.now.bind(performance)
    let ahead = 0
    performance.now = () => now() + ahead
    process.once('SIGUSR2', () => { ahead = ${byMs} })
  `)
}

interface Two {
  readonly to: string
  readonly sender: Vut
  readonly receiver: Vut
}

async function transfer(
  env: Record<string, string>,
  receiverEnv: Record<string, string>,
  sizeBytes: number = BYTES.length,
): Promise<Two> {
  const [from, to] = [tempFolder(), tempFolder()]
  writeFileSync(join(from, 'a.bin'), BYTES)
  // What lies behind is zeros, and takes no room.
  truncateSync(join(from, 'a.bin'), sizeBytes)
  const sender = vut(['send', 'a.bin', '--json', '--relay', relay], { cwd: from, env })
  const code = await codeOf(sender)
  const receiver = vut(['recv', code, '--yes', '--json', '--relay', relay], { cwd: to, env: receiverEnv })
  return { to, sender, receiver }
}

/** The clock of the sender leaps when some has arrived, long before all was sent. */
async function leap(byMs: number, sizeBytes: number): Promise<Two> {
  const two = await transfer(leaping(byMs), {}, sizeBytes)
  await two.receiver.until((event) => event.type === 'progress' && event.bytes > 0)
  two.sender.child.kill('SIGUSR2')
  return two
}

describe('a transfer', () => {
  it('does not look at a wall clock that jumps by days on both sides', async () => {
    const { to, sender, receiver } = await transfer(RESTLESS, RESTLESS)
    expect(await Promise.all([sender.ended, receiver.ended])).toEqual([0, 0])
    expect(readFileSync(join(to, 'a.bin')).equals(BYTES)).toBe(true)
    const times = sender.events.map((event) => ('t' in event ? Number(event.t) : Number.NaN))
    expect(times).toEqual(times.toSorted((a, b) => a - b))
  })

  it('goes on behind a leap of 10 s on one side', async () => {
    const { to, sender, receiver } = await leap(10_000, 300_000_000)
    expect(await Promise.all([sender.ended, receiver.ended])).toEqual([0, 0])
    expect(statSync(join(to, 'a.bin')).size).toBe(300_000_000)
  })

  it('ends behind one of an hour, and says why; the other side may go on by --resume', async () => {
    const { to, sender, receiver } = await leap(HOUR_MS, 1_000_000_000)
    expect(await sender.ended).toBe(1)
    expect(errorOf(sender)).toContain(
      'lost before all was there: the connection ended: nothing was heard of the peer',
    )
    // It would find out by silence: it is not waited for.
    receiver.child.kill('SIGINT')
    expect(await receiver.ended).toBe(130)
    expect(readdirSync(to)).toEqual(['.a.bin.vut-part'])
  })
})
