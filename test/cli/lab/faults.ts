/**
 * What may happen to a transfer of the lab: other ports, another address, silence, an outage, another relay.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { NatLab } from '../../lib/nat-lab.js'
import { LabVut } from './lab-vut.js'
import { type Parties, relayOf, startRelay, transfer } from './transfer.js'

/** So slow that the transfer is still under way when something happens to it. */
export const LINK: readonly string[] = ['--link', 'delay=10ms,rate=20mbit,queue=100ms']
/** NATs that let each other in, and NATs that do not. */
export const SOFT: readonly string[] = ['--a', 'port-restricted', '--b', 'port-restricted']
const HARD: readonly string[] = ['--a', 'symmetric', '--b', 'symmetric']

/** What happens in the middle. */
export interface Fault {
  readonly name: string
  readonly network: readonly string[]
  readonly happen: (lab: NatLab, parties: Parties) => unknown
}

/** All of them. */
export const FAULTS: readonly Fault[] = [
  {
    name: 'the NAT of the sender chooses other ports',
    network: SOFT,
    happen: (lab) => lab.change('rebind', 'A'),
  },
  {
    name: 'the NAT of the receiver chooses other ports',
    network: SOFT,
    happen: (lab) => lab.change('rebind', 'B'),
  },
  {
    name: 'the NAT of the sender gets another address',
    network: SOFT,
    happen: (lab) => lab.change('rebind', 'A', '--addr'),
  },
  {
    name: 'the NAT of a relayed sender chooses other ports',
    network: HARD,
    happen: (lab) => lab.change('rebind', 'A'),
  },
  {
    name: 'nothing gets through for 10 s',
    network: SOFT,
    happen: async (lab) => {
      lab.change('link', 'core', 'loss=100%')
      await sleep(10_000)
      lab.change('link', 'core', 'loss=0')
    },
  },
  {
    name: 'the relay is killed and started again',
    network: HARD,
    happen: async (lab, { relay }) => {
      relay.process.kill('SIGKILL')
      await relay.ended
      await startRelay(lab)
    },
  },
]

/** Sends so many bytes through the network of a fault, which happens meanwhile: it ends well on both sides. */
export async function sendThrough({ network, happen }: Fault, bytes: number): Promise<void> {
  await using lab = new NatLab([...network, ...LINK])
  const { codes, isSame, said } = await transfer(lab, {
    bytes,
    meanwhile: async (parties) => {
      await sleep(1500)
      await happen(lab, parties)
    },
  })
  expect(codes, said).toEqual([0, 0])
  expect(isSame, said).toBe(true)
}

/** How long NATs remember, and for how long nothing is said. */
export interface Silence {
  readonly natS: number
  readonly silentMs: number
}

/** Two pipes between which something is said before a silence and behind it, both ways. */
export async function keepSilent({ natS, silentMs }: Silence): Promise<void> {
  await using lab = new NatLab([...SOFT, '--udp-timeout', String(natS), ...LINK])
  await startRelay(lab)
  const a = new LabVut(lab, 'A', 'pipe', ...relayOf(lab), '--json')
  const { code } = await a.event('a code', ({ type }) => type === 'code')
  const b = new LabVut(lab, 'B', 'pipe', String(code), ...relayOf(lab), '--json')
  a.process.stdin?.write('before ')
  await b.event('a path', ({ type }) => type === 'path')
  await sleep(silentMs)
  a.process.stdin?.end('and after')
  b.process.stdin?.end('heard')
  expect(await Promise.all([a.ended, b.ended]), `${a.said}\n${b.said}`).toEqual([0, 0])
  expect(Buffer.concat(b.output).toString()).toBe('before and after')
  expect(Buffer.concat(a.output).toString()).toBe('heard')
}

/** A transfer by the direct path alone, where no UDP gets out on one side: it is refused on both, and nothing is left. */
export async function insistOnDirect(): Promise<void> {
  await using lab = new NatLab(['--a', 'udp-blocked', '--b', 'port-restricted', ...LINK])
  const folder = mkdtempSync(join(tmpdir(), 'vut-lab-'))
  try {
    const [file, out] = [join(folder, 'a.bin'), join(folder, 'out')]
    mkdirSync(out)
    writeFileSync(file, 'hello')
    await startRelay(lab)
    const how = ['--path', 'direct', ...relayOf(lab), '--json']
    const sender = new LabVut(lab, 'A', 'send', file, ...how)
    const { code } = await sender.event('a code', ({ type }) => type === 'code')
    const receiver = new LabVut(lab, 'B', 'recv', String(code), '--out', out, '--yes', ...how)
    const both = [sender, receiver]
    expect(await Promise.all(both.map(({ ended }) => ended)), `${sender.said}${receiver.said}`).toEqual([
      5, 5,
    ])
    const errors = both.map((each) => String(each.of('error')[0]?.['what']))
    for (const error of errors) {
      expect(error).toMatch(
        /^no connection within 20 s: tried \d+ datagrams to \d+ addresses of the other side; /,
      )
      expect(error).toMatch(/, or allow the relay$/)
    }
    expect(readdirSync(out)).toEqual([])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
