/**
 * `vut doctor`: conclusions by table, and an examination against a relay in this process.
 */
import { VRelayHost } from '@vio/nat'
import { describe, expect, it } from 'vitest'
import { defaultRouteIn } from '../../../packages/cli/src/doctor/machine.js'
import { conclude, type FamilyFinding, type Findings } from '../../../packages/cli/src/doctor/report.js'
import { questionOf } from '../../../packages/cli/src/doctor/sizes.js'
import { formatReport } from '../../../packages/cli/src/doctor/words.js'
import { runVut } from '../../../packages/cli/src/index.js'
import { testContext } from '../support.js'

const EASY: FamilyFinding = {
  family: 4,
  udp: true,
  outside: '203.0.113.9:4000',
  rttMs: 20,
  translates: true,
  mapping: 'endpoint-independent',
  filtering: 'address-and-port-dependent',
  ports: 'preserving',
  largestDatagram: 1472,
}
const HARD: FamilyFinding = { ...EASY, mapping: 'address-and-port-dependent', ports: 'random' }
const BLOCKED: FamilyFinding = {
  family: 4,
  udp: false,
  translates: false,
  mapping: 'unknown',
  filtering: 'unknown',
  ports: 'unknown',
}

function findings(changes: Partial<Findings> = {}): Findings {
  return {
    addresses: [
      { address: '192.168.1.2', interface: 'eth0', scope: 'private' },
      { address: '2001:db8::2', interface: 'eth0', scope: 'global' },
    ],
    interfaceMtu: 1500,
    relays: [{ name: 'relay.example', reachable: true, rttMs: 30, stunAddresses: 4 }],
    families: [EASY],
    portMapping: { available: false, router: '192.168.1.1' },
    ...changes,
  }
}

describe('what follows from the findings', () => {
  it.each<readonly [string, Partial<Findings>, string, RegExp | null]>([
    ['an easy NAT', {}, 'direct', /192\.168\.1\.1 opens no ports/],
    ['a hard NAT', { families: [HARD] }, 'direct-mostly', /--port 5000/],
    [
      'a hard NAT that opens ports',
      {
        families: [HARD],
        portMapping: { available: true, router: '192.168.1.1', protocol: 'pcp', external: 'x:1' },
      },
      'direct',
      null,
    ],
    [
      'a hard NAT and IPv6',
      { families: [HARD, { ...EASY, family: 6, translates: false }] },
      'direct',
      /new port/,
    ],
    [
      'no NAT',
      { families: [{ ...EASY, translates: false }], portMapping: { available: false } },
      'direct',
      null,
    ],
    ['no UDP', { families: [BLOCKED] }, 'relay', /UDP does not get out or back/],
    [
      'no relay that answers',
      { relays: [{ name: 'relay.example', reachable: false, error: 'ECONNREFUSED' }], families: [] },
      'none',
      /relay relay\.example cannot be reached \(ECONNREFUSED\)/,
    ],
    ['no relay at all', { relays: [], families: [] }, 'unknown', /--relay HOST or VUT_RELAY/],
    [
      'a relay at one address',
      { relays: [{ name: 'r', reachable: true, rttMs: 1, stunAddresses: 1 }] },
      'direct',
      /--listen twice/,
    ],
    [
      'a NAT of the provider',
      { addresses: [{ address: '100.64.0.2', interface: 'wan', scope: 'shared' }] },
      'direct',
      /NAT of the provider/,
    ],
    ['a narrow path', { families: [{ ...EASY, largestDatagram: 200 }] }, 'direct', /1200 bytes do not pass/],
  ])('is right for %s', (_, changes, outlook, advice) => {
    const report = conclude(findings(changes))
    expect(report.outlook).toBe(outlook)
    if (advice === null) expect(report.advice).toEqual([])
    else expect(report.advice.join('\n')).toMatch(advice)
  })

  it('is told in one line for each finding, nothing of the relay moving the cursor', () => {
    const relays = [{ name: 'r', reachable: false, error: 'x\u001b[2J' }]
    const text = formatReport(conclude(findings({ relays, families: [HARD, BLOCKED] })))
    expect(text).toContain('seen as 203.0.113.9:4000 in 20 ms; NAT: mapping address-and-port-dependent')
    expect(text).toContain('no answer to datagrams')
    expect(text).not.toContain('\u001b')
  })
})

describe('what the machine tells', () => {
  it('finds the default route among others', () => {
    const table = [
      'Iface\tDestination\tGateway\tFlags\tRefCnt',
      'lo\t0000007F\t00000000\t0001\t0',
      'eth0\t00000000\t0101A8C0\t0003\t0',
      'eth1\t00000000\t00000000\t0001\t0',
    ].join('\n')
    expect(defaultRouteIn(table)).toEqual({ interface: 'eth0', router: '192.168.1.1' })
    for (const other of ['', 'x\ny', 'I\neth0\t00000000\tnonsense\t0003'])
      expect(defaultRouteIn(other)).toBeUndefined()
  })

  it('asks with datagrams of exactly the sizes that it tells', () => {
    for (const size of [200, 1200, 1472]) expect(questionOf(size, Buffer.alloc(12)).length).toBe(size)
  })
})

describe('vut doctor', () => {
  it('examines the way to a relay, and says the same as text and as JSON', async () => {
    const context = testContext()
    const host = new VRelayHost(context.reactor, { host: '127.0.0.1', port: 0, otherPort: 0 })
    await host.listen()
    const relay = `127.0.0.1:${host.address?.port}`
    try {
      expect(await runVut(['doctor', '--relay', relay, '--json'], context)).toBe(0)
      const report = JSON.parse(context.stdout.text)
      expect(report).toMatchObject({ v: 1, relays: [{ name: relay, reachable: true }] })
      expect(report.families[0]).toMatchObject({
        family: 4,
        udp: true,
        translates: false,
        largestDatagram: 1472,
      })
      const plain = testContext()
      expect(await runVut(['doctor', '--relay', relay], plain)).toBe(0)
      expect(plain.stdout.text).toMatch(/^relay {9}127\.0\.0\.1:\d+ {2}reached in \d+ ms$/m)
      expect(plain.stderr.text).toBe('')
    } finally {
      await host.close()
    }
  })

  it('ends with 3 where no relay answers, with 0 where none is named, and with 2 where it is no address', async () => {
    const context = testContext()
    expect(await runVut(['doctor', '--relay', '127.0.0.1:1'], context)).toBe(3)
    expect(context.stdout.text).toContain('not reached: ECONNREFUSED')
    expect(await runVut(['doctor'], testContext())).toBe(0)
    expect(await runVut(['doctor', '--relay', 'http://x'], testContext())).toBe(2)
  })
})
