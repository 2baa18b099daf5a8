/**
 * What samples say of a NAT, how long mappings live, and what a plan makes of it.
 */
import { VIPSocketPeer } from '@vio/io'
import {
  classifyNat,
  planPunch,
  VMappingLife,
  type VMappingSample,
  type VNatBehaviour,
  type VNatView,
} from '@vio/nat'
import { describe, expect, it } from 'vitest'

const peer = (host: string, port: number) => new VIPSocketPeer(host, port, { socketType: 'dgram' })
const LOCAL = peer('192.168.1.2', 5000)

/** Samples of two addresses with two ports each, in the order in which a probe asks; one port seen by each. */
function samples(...ports: number[]): VMappingSample[] {
  const servers = [
    peer('203.0.113.10', 1),
    peer('203.0.113.10', 2),
    peer('203.0.113.11', 1),
    peer('203.0.113.11', 2),
  ]
  return ports.map((port, at) => ({
    local: LOCAL,
    server: servers[at % 4] as VIPSocketPeer,
    mapped: peer('198.51.100.1', port),
  }))
}

describe('classifyNat', () => {
  it.each<[string, number[], Partial<VNatBehaviour>]>([
    ['nothing', [], { mapping: 'unknown', ports: 'unknown', translates: false }],
    ['one sample', [9000], { mapping: 'unknown', ports: 'unknown', translates: true }],
    ['one port for all', [9000, 9000, 9000, 9000], { mapping: 'endpoint-independent', ports: 'unknown' }],
    ['its own port for all', [5000, 5000], { mapping: 'endpoint-independent', ports: 'preserving' }],
    [
      'a port for each address',
      [9000, 9000, 9001, 9001],
      { mapping: 'address-dependent', ports: 'sequential', portStep: 1 },
    ],
    [
      'a port for each',
      [9000, 9002, 9004, 9006],
      { mapping: 'address-and-port-dependent', ports: 'sequential', portStep: 2 },
    ],
    [
      'ports that jump',
      [9000, 30_000, 1200],
      { mapping: 'address-and-port-dependent', ports: 'random', portStep: 0 },
    ],
    ['ports that go back', [9003, 9002, 9001], { mapping: 'address-and-port-dependent', ports: 'random' }],
    [
      'its own port, then others',
      [5000, 40_000, 40_001],
      { mapping: 'address-and-port-dependent', ports: 'preserving', portStep: 1 },
    ],
  ])('judges %s', (_what, ports, wanted) => expect(classifyNat(samples(...ports))).toMatchObject(wanted))

  it('predicts the ports that follow, from the lowest one again behind the highest', () => {
    expect(classifyNat(samples(9000, 9001)).nextPorts.slice(0, 3)).toEqual([9002, 9003, 9004])
    expect(classifyNat(samples(65_533, 65_534)).nextPorts.slice(0, 3)).toEqual([65_535, 1024, 1025])
    expect(classifyNat(samples(9000, 20_000)).nextPorts).toEqual([])
    expect(classifyNat(samples(9000, 9000)).nextPorts).toEqual([])
  })

  it('does not compare samples of two sockets', () => {
    const [first, second] = samples(9000, 9500)
    const other = { ...(second as VMappingSample), local: peer('192.168.1.2', 5001) }
    expect(classifyNat([first as VMappingSample, other]).mapping).toBe('unknown')
  })

  it('translates nothing where an address is its own', () => {
    expect(classifyNat([{ local: LOCAL, server: peer('203.0.113.10', 1), mapped: LOCAL }]).translates).toBe(
      false,
    )
  })

  it.each([
    [true, true, 'endpoint-independent'],
    [true, undefined, 'endpoint-independent'],
    [false, true, 'address-dependent'],
    [false, false, 'address-and-port-dependent'],
    [false, undefined, 'unknown'],
    [undefined, true, 'unknown'],
    [undefined, false, 'address-and-port-dependent'],
  ])(
    'judges filtering by answers from another address (%s) and port (%s)',
    (fromOtherAddress, fromOtherPort, wanted) => {
      expect(classifyNat([], { fromOtherAddress, fromOtherPort }).filtering).toBe(wanted)
    },
  )
})

describe('VMappingLife', () => {
  /** Tries against a NAT that forgets after `lifeMs`; returns what is taken to be safe, and how many tries it took. */
  function search(lifeMs: number): { safeMs: number; tries: number } {
    const life = new VMappingLife()
    let tries = 0
    for (let next = life.nextMs; next !== undefined; next = life.nextMs) {
      tries += 1
      life.tried(next, next < lifeMs)
      if (tries > 50) throw new Error('it does not come to an end')
    }
    return { safeMs: life.safeMs, tries }
  }

  it.each([20_000, 30_000, 62_000, 120_000, 290_000])(
    'finds a life of %i ms in few tries, and stays below it',
    (lifeMs) => {
      const { safeMs, tries } = search(lifeMs)
      expect(safeMs).toBeLessThan(lifeMs)
      expect(safeMs).toBeGreaterThanOrEqual(lifeMs - 6_000)
      expect(tries).toBeLessThan(10)
    },
  )

  it('ends at the longest silence that is of interest', () => {
    expect(search(Number.POSITIVE_INFINITY).safeMs).toBe(300_000)
  })

  it('begins carefully, steps back when a mapping is lost, and forgives a loss that had another reason', () => {
    const life = new VMappingLife()
    expect([life.safeMs, life.nextMs, life.lostMs]).toEqual([15_000, 30_000, Number.POSITIVE_INFINITY])
    life.tried(10_000, false)
    expect([life.safeMs, life.lostMs]).toEqual([5_000, 10_000])
    life.tried(30_000, true)
    expect([life.safeMs, life.lostMs]).toEqual([30_000, Number.POSITIVE_INFINITY])
  })
})

describe('planPunch', () => {
  const easy = (filtering: VNatView['filtering']): VNatView => ({
    mapping: 'endpoint-independent',
    filtering,
    nextPorts: [],
  })
  const hard = (...nextPorts: number[]): VNatView => ({
    mapping: 'address-and-port-dependent',
    filtering: 'address-and-port-dependent',
    nextPorts,
  })
  const unknown: VNatView = { mapping: 'unknown', filtering: 'unknown', nextPorts: [] }

  it.each([
    [
      'two easy ones',
      easy('address-and-port-dependent'),
      easy('unknown'),
      { kind: 'simultaneous', expectsDirect: true },
    ],
    ['an unknown one', easy('endpoint-independent'), unknown, { kind: 'simultaneous', expectsDirect: false }],
    [
      'a hard one and an open one',
      hard(),
      easy('endpoint-independent'),
      { kind: 'easy-answers', expectsDirect: true },
    ],
    [
      'a hard one and one that looks at addresses',
      hard(9000),
      easy('address-dependent'),
      { kind: 'easy-answers', expectsDirect: true },
    ],
    [
      'a hard one and one that looks at ports',
      hard(),
      easy('address-and-port-dependent'),
      { kind: 'birthday', expectsDirect: true },
    ],
    [
      'a hard one and one of which little is known',
      hard(),
      easy('unknown'),
      { kind: 'birthday', expectsDirect: true },
    ],
    [
      'a hard one that counts',
      hard(9000, 9001),
      easy('address-and-port-dependent'),
      { kind: 'predict', expectsDirect: true },
    ],
    ['a hard one and an unknown one', hard(), unknown, { kind: 'birthday', expectsDirect: true }],
    ['two hard ones', hard(), hard(9000), { kind: 'relay', expectsDirect: false }],
  ] as const)('for %s is the same on both sides', (_what, a, b, { kind, expectsDirect }) => {
    const [left, right] = [planPunch(a, b), planPunch(b, a)]
    expect([left.kind, right.kind]).toEqual([kind, kind])
    expect([left.expectsDirect, right.expectsDirect]).toEqual([expectsDirect, expectsDirect])
    expect(left.reason === '').toBe(expectsDirect)
    expect([left.role, right.role].sort()).not.toEqual(['easy', 'easy'])
  })

  it('says which of the two sides could not be judged', () => {
    const known = easy('endpoint-independent')
    expect(planPunch(known, unknown).reason).toContain('the NAT of the other side')
    expect(planPunch(unknown, known).reason).toContain('the NAT here')
    expect(planPunch(unknown, unknown).reason).toContain('the NAT here')
  })

  it('opens many sockets on the hard side, and tries many ports on the easy one, within a budget', () => {
    const easySide = planPunch(easy('address-and-port-dependent'), hard())
    const hardSide = planPunch(hard(), easy('address-and-port-dependent'))
    expect([hardSide.lanes, hardSide.probes, easySide.lanes, easySide.probes]).toEqual([255, 0, 0, 3_000])
    expect(easySide.packetsPerSecond).toBe(100)
    expect(easySide.maxPackets).toBeLessThan(4_000)
    expect(hardSide.maxPackets).toBeLessThan(2_500)
  })

  it('tries known ports only where the birthday plan is switched off, and says what that means', () => {
    const off = planPunch(hard(), easy('address-and-port-dependent'), { birthday: false })
    expect(off).toMatchObject({ kind: 'relay', lanes: 0, probes: 0, expectsDirect: false })
    expect(off.reason).toContain('switched off')
    const counting = planPunch(easy('address-and-port-dependent'), hard(9000), { birthday: false })
    expect(counting).toMatchObject({ kind: 'predict', ports: [9000], probes: 0 })
    const few = planPunch(hard(), easy('address-and-port-dependent'), { lanes: 9 })
    expect(few.lanes).toBe(9)
    expect(planPunch(hard(), easy('unknown'), { lanes: 10_000 }).lanes).toBe(255)
  })
})
