/**
 * Every ordered pair of the 27 behaviours of NATs: what they are is found out, the plan is kept, and where it promises a
 * direct path there is one.
 */
import type { NatDependence, NatOptions } from '@vio/vudp/testing'
import { describe, expect, it } from 'vitest'
import { seeds } from '../../lib/runs.js'
import { Meeting, type Party } from '../lib/sim-meeting.js'

type Behaviour = Required<Pick<NatOptions, 'mapping' | 'filtering' | 'ports'>>

const DEPENDENCES: readonly NatDependence[] = [
  'endpoint-independent',
  'address-dependent',
  'address-and-port-dependent',
]
const PORTS = ['preserving', 'sequential', 'random'] as const
const SHORT: Readonly<Record<NatDependence, string>> = {
  'endpoint-independent': 'ei',
  'address-dependent': 'ad',
  'address-and-port-dependent': 'apd',
}

/** To the relay and back: two to bind the leg, two for the handshake, which passes the relay each time, one for its last part. */
const ROUND_TRIP_MS = 20
const RELAY_ROUND_TRIPS = 5

const BEHAVIOURS: readonly Behaviour[] = DEPENDENCES.flatMap((mapping) =>
  DEPENDENCES.flatMap((filtering) => PORTS.map((ports) => ({ mapping, filtering, ports }))),
)

function nameOf({ mapping, filtering, ports }: Behaviour): string {
  return `${SHORT[mapping]}/${SHORT[filtering]}/${ports}`
}

function checkParty(party: Party, behaviour: Behaviour): void {
  const { mapping, filtering } = party.behaviour
  expect([mapping, filtering]).toEqual([behaviour.mapping, behaviour.filtering])
  const { plan, puncher } = party
  if (plan === undefined || puncher === undefined) throw new Error('no plan was made')
  expect(party.sentAt.length).toBeLessThanOrEqual(2 * plan.maxPackets)
  expect(party.peakPerSecond).toBeLessThanOrEqual(plan.packetsPerSecond)
}

/** Whatever the NATs are: over the relay there is a connection at once. */
function checkRelay({ a, b, startedAt }: Meeting): void {
  for (const { relayedAt } of [a, b]) {
    expect(relayedAt - startedAt).toBeGreaterThan(0)
    expect(relayedAt - startedAt).toBeLessThanOrEqual(RELAY_ROUND_TRIPS * ROUND_TRIP_MS)
  }
}

describe.each(BEHAVIOURS.map((a) => [nameOf(a), a] as const))('behind a NAT that is %s', (nameA, a) => {
  it.each(BEHAVIOURS.map((b) => [nameOf(b), b] as const))('reaches one behind %s', (nameB, b) => {
    for (const seed of seeds(3, 100)) {
      const scenario = `${nameA} to ${nameB}`
      const meeting = new Meeting({ seed, scenario, a: [a], b: [b] })
      const isHard = [a, b].filter(({ mapping }) => mapping !== 'endpoint-independent').length
      const expected = isHard < 2
      const isDirect = meeting.run(expected ? 120_000 : 5_000)
      checkParty(meeting.a, a)
      checkParty(meeting.b, b)
      expect([meeting.a.plan?.expectsDirect, meeting.b.plan?.expectsDirect]).toEqual([expected, expected])
      checkRelay(meeting)
      if (expected && !isDirect)
        throw meeting.world.failure('no direct path was found where one was promised')
    }
  })
})
