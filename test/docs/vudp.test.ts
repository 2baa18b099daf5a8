/**
 * The code that the guide of VUT shows, and its tables against the sources.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { VIPSocketPeer } from '@vio/io'
import { VStream } from '@vio/io/facade'
import { VReactor } from '@vio/reactor'
import { VDatagramSocket } from '@vio/sock'
import { VQlogTrace, type VUDPStats, VUDPTransport } from '@vio/vudp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ROOT } from '../architecture/rules/source.js'
import { tableOf } from './lib/tables.js'

const guide = readFileSync(join(ROOT, 'packages/vudp/README.md'), 'utf8')
const reactor = new VReactor()
beforeAll(() => void reactor.start())
afterAll(() => reactor.stop())

/** What two sides tell each other beforehand, over a way that they trust. */
interface Meeting {
  exchange(own: {
    peer: VIPSocketPeer
    secret: Uint8Array
  }): Promise<{ peer: VIPSocketPeer; secret: Uint8Array }>
}

/** Two sides of a meeting in this process. */
function meetings(): [Meeting, Meeting] {
  type Told = Parameters<Meeting['exchange']>[0]
  const tell: ((told: Told) => void)[] = []
  const heard = [0, 1].map((side) => new Promise<Told>((resolve) => (tell[side] = resolve)))
  const sideOf = (side: 0 | 1): Meeting => ({
    exchange: (own) => {
      tell[side]?.(own)
      return heard[1 - side] as Promise<Told>
    },
  })
  return [sideOf(0), sideOf(1)]
}

// #region greet
async function greet(meeting: Meeting, name: string): Promise<string> {
  const socket = await VDatagramSocket.bind({ host: '127.0.0.1' })
  const own = { peer: socket.localPeer, secret: randomBytes(32) }
  const other = await meeting.exchange(own) // over a way that both trust
  const transport = new VUDPTransport(reactor, {
    socket,
    peer: other.peer,
    secret: own.secret,
    peerSecret: other.secret,
  })
  const stream = new VStream(transport.byteIO)
  stream.end(`hello from ${name}`)
  const greeting = await stream.readAll()
  await transport.whenReleased
  return greeting.toString()
}
// #endregion greet

describe('packages/vudp/README.md', () => {
  it('greets, both sides by the same code', async () => {
    const [left, right] = meetings()
    expect(await Promise.all([greet(left, 'left'), greet(right, 'right')])).toEqual([
      'hello from right',
      'hello from left',
    ])
  })

  it('writes a trace', () => {
    const lines: string[] = []
    const file = { write: (text: string) => lines.push(text) }
    // #region trace
    const trace = new VQlogTrace({ write: (record) => file.write(record), vantagePoint: 'client' })
    // #endregion trace
    trace.event(0, 'vut:something', {})
    expect(lines).toHaveLength(2)
  })
})

/** The names of the members of an interface in a source, in their order. */
function membersOf(path: string, name: string): string[] {
  const source = readFileSync(join(ROOT, path), 'utf8')
  const body = source.split(new RegExp(`export interface ${name}\\b`))[1]?.split('\n}')[0] ?? ''
  return [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, member = '']) => member)
}

/** All names in code marks in the first column of a table. */
function toldIn(...heads: readonly string[]): string[] {
  const names = tableOf(guide, ...heads).rows.flatMap(([first = '']) => first.split(', '))
  return names.sort()
}

describe('the tables of the guide', () => {
  it('have each option of a connection', () => {
    const wanted = new Set([
      ...membersOf('packages/vudp/src/proto/config.ts', 'VUDPOptions'),
      ...membersOf('packages/vudp/src/proto/v08/config.ts', 'V08Options'),
      ...membersOf('packages/vudp/src/driver/engines.ts', 'VUDPConnectOptions'),
      ...membersOf('packages/vudp/src/driver/transport.ts', 'VUDPHandlers'),
      ...membersOf('packages/vudp/src/driver/transport.ts', 'VUDPTransportOptions'),
    ])
    expect(wanted.size).toBeGreaterThan(30)
    // Not for those who use a transport.
    for (const name of ['hooks', 'windowBytes', 'profile']) wanted.delete(name)
    expect(toldIn('option', 'version')).toEqual([...wanted].sort())
  })

  it('have each counter', () => {
    const wanted: (keyof VUDPStats)[] = membersOf('packages/vudp/src/proto/stats.ts', 'VUDPStats') as never
    expect(wanted).toContain('smoothedRttMs')
    expect(toldIn('counter')).toEqual([...wanted].sort())
  })
})
