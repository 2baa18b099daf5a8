/**
 * What the 27 behaviours leave out: both sides behind one NAT, carriers' NATs, public sides, mappings that live short.
 */
import type { LinkOptions, NatDependence, NatOptions } from '@vio/vudp/testing'
import { describe, expect, it } from 'vitest'
import { seeds } from '../../lib/runs.js'
import { Meeting, type NatChain } from '../lib/sim-meeting.js'

const DEPENDENCES: readonly NatDependence[] = [
  'endpoint-independent',
  'address-dependent',
  'address-and-port-dependent',
]
const KINDS = DEPENDENCES.flatMap((mapping) => DEPENDENCES.map((filtering) => [mapping, filtering] as const))
const HOME: NatChain = [{ mapping: 'endpoint-independent', filtering: 'address-and-port-dependent' }]

type Nat = Omit<NatOptions, 'address'>

/** Runs a meeting for each seed, and says whether it was direct each time. */
function directly(
  options: { a: NatChain; b: NatChain; common?: NatChain; link?: LinkOptions },
  withinMs = 120_000,
): boolean[] {
  const scenario = expect.getState().currentTestName ?? 'table'
  return seeds(3, 100).map((seed) => {
    const meeting = new Meeting({ seed, scenario, ...options })
    const isDirect = meeting.run(withinMs)
    // Whatever the NATs do, the relay carries.
    expect(meeting.isRelayed).toBe(true)
    for (const { plan, sentAt, peakPerSecond } of [meeting.a, meeting.b]) {
      if (plan === undefined) throw new Error('no plan was made')
      expect(peakPerSecond).toBeLessThanOrEqual(plan.packetsPerSecond)
      expect(sentAt.length).toBeLessThanOrEqual(2 * plan.maxPackets)
    }
    return isDirect
  })
}

const always: boolean[] = seeds(3, 100).map(() => true)
const never: boolean[] = seeds(3, 100).map(() => false)

describe.each(KINDS)('a NAT with %s mapping and %s filtering', (mapping, filtering) => {
  const nat: Nat = { mapping, filtering }
  const isHard = mapping !== 'endpoint-independent'

  it.each([true, false])('in front of both sides, hairpin: %s: they meet inside', (hairpin) => {
    expect(directly({ a: [], b: [], common: [{ ...nat, hairpin }] })).toEqual(always)
  })

  it.each([true, false])('as the common NAT of a carrier, hairpin: %s', (hairpin) => {
    // Behind one carrier there is a way from one home to the other only through the carrier's own address.
    const isDirect = directly(
      { a: HOME, b: HOME, common: [{ ...nat, hairpin }] },
      hairpin && !isHard ? 120_000 : 5_000,
    )
    if (!hairpin) expect(isDirect).toEqual(never)
    else if (!isHard) expect(isDirect).toEqual(always)
  })

  it('behind a carrier of its own, towards a home and towards a public side', () => {
    expect(directly({ a: [nat, ...HOME], b: HOME })).toEqual(always)
    expect(directly({ a: [nat, ...HOME], b: [] })).toEqual(always)
  })

  it.each([5_000, 20_000])(
    'that forgets after %i ms: still found, though judging took time',
    (mappingLifeMs) => {
      expect(directly({ a: [{ ...nat, mappingLifeMs }], b: [{ ...HOME[0], mappingLifeMs }] })).toEqual(always)
    },
  )
})

describe('links that lose a tenth, and mix up what they do not lose', () => {
  const link: LinkOptions = {
    loss: 0.1,
    jitterMs: 15,
    reorder: { rate: 0.1, by: 2, maxMs: 40 },
    duplicate: 0.05,
  }
  const hard: Nat = { mapping: 'address-and-port-dependent', filtering: 'address-and-port-dependent' }

  it.each<[string, Nat, Nat]>([
    [
      'simultaneous',
      { filtering: 'address-and-port-dependent' },
      { filtering: 'address-and-port-dependent' },
    ],
    ['easy-answers', { ...hard, ports: 'random' }, { filtering: 'address-dependent' }],
    ['predict', { ...hard, ports: 'sequential' }, { filtering: 'address-and-port-dependent' }],
    ['birthday', { ...hard, ports: 'random' }, { filtering: 'address-and-port-dependent' }],
  ])('are no obstacle where the plan is %s', (_kind, a, b) => {
    expect(directly({ a: [a], b: [b], link })).toEqual(always)
    expect(directly({ a: [b], b: [a], link })).toEqual(always)
  })
})

describe('public sides', () => {
  it('reach each other at once', () => {
    const meeting = new Meeting({ seed: 1, scenario: 'public', a: [], b: [] })
    expect(meeting.run()).toBe(true)
    expect(meeting.a.behaviour).toMatchObject({ translates: false, mapping: 'endpoint-independent' })
    expect(meeting.a.sentAt.length + meeting.b.sentAt.length).toBeLessThan(8)
  })
})
