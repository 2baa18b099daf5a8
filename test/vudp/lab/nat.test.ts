/**
 * VUT alone through real NATs of the lab, between sockets whose outer addresses both sides were told.
 */
import { spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { labMissing, NatLab } from '../../lib/nat-lab.js'
import { skipUnless } from '../../lib/skip.js'
import { BUILT, PORT, runPeer } from './peers.js'

const BYTES = 300_000
/** The later side begins so much after the other one, which has to repeat itself until then. */
const LATER_MS = 2_500
const missing = labMissing(BUILT)

/** A network whose NATs keep the port that a host chose, as its peer has to know it. */
const keepingPorts = (a: string, b: string): NatLab => new NatLab(['--a', a, '--b', b])

/** How many datagrams of a peer its router has seen. */
interface Counts {
  readonly toPeer: number
  readonly toOthers: number
}

/** Has the router of a peer count datagrams from it: those to where they belong, and all others. */
function counting(lab: NatLab, side: 'A' | 'B', allowed: string): () => Counts {
  const router = `NAT${side}`
  const from = `ip saddr ${lab.addressOf(side)} meta l4proto udp ip daddr . udp dport`
  const rules = `table ip seen {
  chain c {
    type filter hook prerouting priority -300
    ${from} { ${allowed} . ${PORT} } counter
    ${from} != { ${allowed} . ${PORT} } counter
  }
}
`
  nft(lab, router, ['-f', '-'], rules)
  return () => {
    const seen = nft(lab, router, ['list', 'table', 'ip', 'seen']).matchAll(/packets (\d+)/g)
    const [toPeer = Number.NaN, toOthers = Number.NaN] = [...seen].map(([, packets]) => Number(packets))
    return { toPeer, toOthers }
  }
}

function nft(lab: NatLab, host: string, args: readonly string[], input = ''): string {
  const [file, ...command] = lab.command(host, 'nft', ...args)
  const { status, stdout, stderr } = spawnSync(file, command, { input, encoding: 'utf8' })
  if (status !== 0) throw new Error(`nft ${args.join(' ')}: ${stderr}`)
  return stdout
}

describe('VUT alone between two NATs', () => {
  it.for([
    ['port-restricted', 'port-restricted'],
    ['full-cone', 'address-restricted'],
  ] as const)(
    '%s and %s: connects though one side begins later [VE-115], and speaks to no other address [VE-117]',
    async ([a, b], context) => {
      skipUnless(context, missing === null, `the lab is not to be had: ${missing}`)
      await using lab = keepingPorts(a, b)
      const [outerA, outerB] = [lab.externalOf('A'), lab.externalOf('B')]
      const seen = [counting(lab, 'A', outerB), counting(lab, 'B', outerA)]
      const first = runPeer(lab, 'A', 'send', lab.addressOf('A'), outerB, String(BYTES))
      await sleep(LATER_MS)
      const second = runPeer(lab, 'B', 'receive', lab.addressOf('B'), outerA, String(BYTES))
      const [sent, received] = await Promise.all([first, second])
      expect(received).toMatchObject({ count: BYTES, digest: sent.digest, isClean: true })
      for (const count of seen) {
        expect(count().toPeer).toBeGreaterThan(0)
        expect(count().toOthers).toBe(0)
      }
    },
  )

  it('does not get through where a mapping depends on the destination [VE-118]', async (context) => {
    skipUnless(context, missing === null, `the lab is not to be had: ${missing}`)
    await using lab = keepingPorts('symmetric', 'port-restricted')
    const [outerA, outerB] = [lab.externalOf('A'), lab.externalOf('B')]
    const outcomes = await Promise.all([
      runPeer(lab, 'A', 'send', lab.addressOf('A'), outerB, String(BYTES), '4000'),
      runPeer(lab, 'B', 'receive', lab.addressOf('B'), outerA, String(BYTES), '4000'),
    ])
    for (const { count, error } of outcomes)
      expect({ count, error }).toEqual({ count: 0, error: 'V_IO_TIMEOUT' })
  })
})
