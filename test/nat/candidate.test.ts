/**
 * Candidates: order, the form in which they are told, and which of a peer's addresses are ever sent to.
 */
import { VIPSocketPeer } from '@vio/io'
import {
  candidateOf,
  isSameNetwork,
  MAX_CANDIDATES,
  pairCandidates,
  readCandidates,
  scopeOf,
  type VCandidate,
  VCandidateError,
  type VCandidateKind,
  writeCandidates,
} from '@vio/nat'
import { anything, assert, property } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { propertyRuns } from '../lib/runs.js'

function candidate(kind: VCandidateKind, host: string, port = 5000): VCandidate {
  return candidateOf(kind, new VIPSocketPeer(host, port, { socketType: 'dgram' }))
}

function hostsOf(local: VCandidate[], remote: VCandidate[]): string[] {
  return pairCandidates(local, remote).map(({ remote: { peer } }) => peer.host)
}

describe('scopeOf', () => {
  it.each([
    ['8.8.8.8', 'global'],
    ['203.0.113.1', 'global'],
    ['10.0.0.1', 'private'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['172.32.0.1', 'global'],
    ['192.168.3.4', 'private'],
    ['192.169.0.1', 'global'],
    ['100.64.0.1', 'shared'],
    ['100.127.255.255', 'shared'],
    ['100.128.0.1', 'global'],
    ['169.254.1.1', 'link'],
    ['127.0.0.1', 'host'],
    ['0.0.0.0', 'none'],
    ['224.0.0.1', 'none'],
    ['239.255.255.255', 'none'],
    ['240.0.0.1', 'none'],
    ['255.255.255.255', 'none'],
    ['2001:db8::1', 'global'],
    ['fc00::1', 'private'],
    ['fdff::1', 'private'],
    ['fe80::1', 'link'],
    ['fe80::1%eth0', 'link'],
    ['ff02::1', 'none'],
    ['::', 'none'],
    ['::1', 'host'],
    ['::ffff:10.1.2.3', 'private'],
    ['::ffff:8.8.8.8', 'global'],
    ['example.org', 'none'],
  ])('%s is %s', (host, scope) => expect(scopeOf(host)).toBe(scope))

  it('tells networks apart by 24 bits of IPv4 and 64 of IPv6', () => {
    expect(isSameNetwork('192.168.1.2', '192.168.1.200')).toBe(true)
    expect(isSameNetwork('192.168.1.2', '192.168.2.2')).toBe(false)
    expect(isSameNetwork('2001:db8:1:2::1', '2001:db8:1:2:ffff::')).toBe(true)
    expect(isSameNetwork('2001:db8:1:2::1', '2001:db8:1:3::1')).toBe(false)
    expect(isSameNetwork('192.168.1.2', '::1')).toBe(false)
    expect(isSameNetwork('x', 'x')).toBe(false)
  })
})

describe('candidates', () => {
  it('are ordered: host, mapped, peer-reflexive, server-reflexive, relayed; IPv6 before IPv4', () => {
    const kinds: VCandidateKind[] = ['relayed', 'server-reflexive', 'mapped', 'host', 'peer-reflexive']
    const made = kinds.map((kind, at) => candidate(kind, `203.0.113.${at + 1}`))
    const six = candidate('server-reflexive', '2001:db8::1')
    expect(writeCandidates([...made, six]).map(({ kind, host }) => `${kind} ${host}`)).toEqual([
      'host 203.0.113.4',
      'mapped 203.0.113.3',
      'peer-reflexive 203.0.113.5',
      'server-reflexive 2001:db8::1',
      'server-reflexive 203.0.113.2',
      'relayed 203.0.113.1',
    ])
  })

  it('are told in a form that reads the same, each address once, at most sixteen', () => {
    const many = Array.from({ length: 20 }, (_, at) => candidate('host', `192.168.1.${at + 1}`))
    const told = JSON.parse(JSON.stringify(writeCandidates([...many, candidate('mapped', '192.168.1.1')])))
    expect(told).toHaveLength(MAX_CANDIDATES)
    const read = readCandidates(told)
    expect(writeCandidates(read)).toEqual(told)
    expect(writeCandidates([many[0] as VCandidate, candidate('mapped', '192.168.1.1')])).toEqual([
      { kind: 'host', host: '192.168.1.1', port: 5000 },
    ])
  })

  it.each([
    ['no list', {}],
    ['too many', Array.from({ length: 17 }, (_, at) => ({ kind: 'host', host: `10.0.0.${at}`, port: 1 }))],
    ['an unknown kind', [{ kind: 'magic', host: '10.0.0.1', port: 1 }]],
    ['a kind of every object', [{ kind: 'toString', host: '10.0.0.1', port: 1 }]],
    ['a name', [{ kind: 'host', host: 'example.org', port: 1 }]],
    ['nothing as a host', [{ kind: 'host', host: '', port: 1 }]],
    ['a zone', [{ kind: 'host', host: 'fe80::1%eth0', port: 1 }]],
    ['port 0', [{ kind: 'host', host: '10.0.0.1', port: 0 }]],
    ['port 65536', [{ kind: 'host', host: '10.0.0.1', port: 65_536 }]],
    ['half a port', [{ kind: 'host', host: '10.0.0.1', port: 1.5 }]],
    ['a group of hosts', [{ kind: 'host', host: '224.0.0.1', port: 1 }]],
    ['every host', [{ kind: 'host', host: '255.255.255.255', port: 1 }]],
    ['a hole', [null]],
  ])('from a peer are refused with %s', (_what, value) => {
    expect(() => readCandidates(value)).toThrow(VCandidateError)
  })

  it('from a peer are read or refused, whatever they are', () => {
    assert(
      property(anything(), (value) => {
        for (const each of [value, [value]]) {
          try {
            expect(readCandidates(each).length).toBeLessThanOrEqual(MAX_CANDIDATES)
          } catch (error) {
            expect(error).toBeInstanceOf(VCandidateError)
          }
        }
      }),
      propertyRuns(1_000),
    )
  })
})

describe('pairCandidates', () => {
  const home = [candidate('host', '192.168.1.2'), candidate('server-reflexive', '198.51.100.1')]

  it('leaves private addresses of strangers out', () => {
    const remote = [
      candidate('host', '192.168.7.2'),
      candidate('host', '10.0.0.1'),
      candidate('host', '169.254.3.3'),
      candidate('host', '127.0.0.1'),
      candidate('server-reflexive', '198.51.100.2'),
    ]
    expect(hostsOf(home, remote)).toEqual(['198.51.100.2'])
  })

  it.each([
    ['behind the same NAT, even in another network', '192.168.7.2', '198.51.100.1'],
    ['in the same network, though seen elsewhere', '192.168.1.77', '198.51.100.2'],
  ])('takes them first %s', (_what, host, outer) => {
    const remote = [candidate('server-reflexive', outer), candidate('host', host)]
    expect(hostsOf(home, remote)).toEqual([host, outer])
  })

  it('takes them where one side has no way out', () => {
    expect(hostsOf([candidate('host', '192.168.1.2')], [candidate('host', '10.0.0.1')])).toEqual(['10.0.0.1'])
  })

  it('takes loopback only where both use it', () => {
    const remote = [candidate('host', '127.0.0.1', 6000)]
    expect(hostsOf([candidate('host', '127.0.0.1')], remote)).toEqual(['127.0.0.1'])
    expect(hostsOf([candidate('host', '192.168.1.2')], remote)).toEqual([])
  })

  it('pairs each address with the best own one of its family', () => {
    const local = [...home, candidate('host', '2001:db8::2')]
    const remote = [candidate('host', '2001:db8::9'), candidate('server-reflexive', '198.51.100.2')]
    expect(
      pairCandidates(local, remote).map((pair) => `${pair.local.peer.host} ${pair.remote.peer.host}`),
    ).toEqual(['2001:db8::2 2001:db8::9', '192.168.1.2 198.51.100.2'])
    expect(pairCandidates(home, [candidate('host', '2001:db8::9')])).toEqual([])
  })
})
