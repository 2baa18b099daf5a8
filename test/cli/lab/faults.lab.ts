/**
 * Transfers of the lab that something happens to: other ports, another address, silence, an outage, another relay, a
 * side that dies.
 */
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { labMissing, NatLab } from '../../lib/nat-lab.js'
import { skipUnless } from '../../lib/skip.js'
import { LabVut, VUT } from './lab-vut.js'
import { type Parties, relayOf, startRelay, type TransferResult, transfer } from './transfer.js'

const missing = labMissing(VUT)
/** So slow that the transfer is still under way when something happens to it. */
const LINK = ['--link', 'delay=10ms,rate=20mbit,queue=100ms']
const BYTES = 20_000_000
const SOFT = ['--a', 'port-restricted', '--b', 'port-restricted']
const HARD = ['--a', 'symmetric', '--b', 'symmetric']

interface Fault {
  readonly name: string
  readonly network: readonly string[]
  readonly happen: (lab: NatLab, parties: Parties) => unknown
}

const FAULTS: readonly Fault[] = [
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

async function ran({ network, happen }: Fault): Promise<TransferResult> {
  await using lab = new NatLab([...network, ...LINK])
  return await transfer(lab, {
    bytes: BYTES,
    meanwhile: async (parties) => {
      await sleep(1500)
      await happen(lab, parties)
    },
  })
}

describe('a transfer in the lab goes on and ends well', () => {
  it.for(FAULTS)('when $name', { timeout: 180_000 }, async (fault, context) => {
    skipUnless(context, missing === null, `the lab is not to be had: ${missing}`)
    const { codes, isSame, said } = await ran(fault)
    expect(codes, said).toEqual([0, 0])
    expect(isSame, said).toBe(true)
  })

  it('when nothing is said for longer than the NATs remember', { timeout: 180_000 }, async (context) => {
    skipUnless(context, missing === null, `the lab is not to be had: ${missing}`)
    await using lab = new NatLab([...SOFT, '--udp-timeout', '20', ...LINK])
    await startRelay(lab)
    const [a, code] = await piping(lab)
    const b = new LabVut(lab, 'B', 'pipe', code, ...relayOf(lab), '--json')
    a.process.stdin?.write('before ')
    await b.event('a path', ({ type }) => type === 'path')
    await sleep(45_000)
    a.process.stdin?.end('and after')
    b.process.stdin?.end('heard')
    expect(await Promise.all([a.ended, b.ended]), `${a.said}\n${b.said}`).toEqual([0, 0])
    expect(Buffer.concat(b.output).toString()).toBe('before and after')
    expect(Buffer.concat(a.output).toString()).toBe('heard')
  })

  it.for(['sender', 'receiver'] as const)(
    'when the %s dies and both begin again with --resume',
    { timeout: 180_000 },
    async (who, context) => {
      skipUnless(context, missing === null, `the lab is not to be had: ${missing}`)
      await using lab = new NatLab([...SOFT, ...LINK])
      await startRelay(lab)
      const folder = mkdtempSync(join(tmpdir(), 'vut-lab-'))
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
      const [sent, out] = [join(folder, 'sent.bin'), join(folder, 'out')]
      mkdirSync(out)
      writeFileSync(sent, randomBytes(BYTES))
      const first = await sending(lab, sent, out)
      await first.receiver.event('a third', ({ bytes }) => Number(bytes) > BYTES / 3)
      first[who].process.kill('SIGKILL')
      const survivor = await first[who === 'sender' ? 'receiver' : 'sender'].ended
      expect(survivor, `${first.sender.said}\n${first.receiver.said}`).not.toBe(0)
      expect(existsSync(join(out, 'sent.bin'))).toBe(false)
      const again = await sending(lab, sent, out)
      expect(await Promise.all([again.sender.ended, again.receiver.ended]), again.receiver.said).toEqual([
        0, 0,
      ])
      expect(readdirSync(out)).toEqual(['sent.bin'])
      expect(digestOf(join(out, 'sent.bin'))).toBe(digestOf(sent))
    },
  )
})

async function piping(lab: NatLab) {
  const a = new LabVut(lab, 'A', 'pipe', ...relayOf(lab), '--json')
  const code = await a.event('a code', ({ type }) => type === 'code')
  return [a, String(code['code'])] as const
}

async function sending(lab: NatLab, sent: string, out: string) {
  const sender = new LabVut(lab, 'A', 'send', sent, ...relayOf(lab), '--json')
  const code = await sender.event('a code', ({ type }) => type === 'code')
  const how = ['--out', out, '--yes', '--resume', ...relayOf(lab), '--json']
  return { sender, receiver: new LabVut(lab, 'B', 'recv', String(code['code']), ...how) }
}

function digestOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}
