/**
 * Networks that change under a live connection: other addresses, NATs that forget, outages, sleep.
 */
import type { NatOptions } from '@vio/vudp/testing'
import { describe, expect, it } from 'vitest'
import { seeds } from '../../lib/runs.js'
import { begin, finish, HARD, HOME, untilPath } from './lib/flows.js'
import { SimGround, type SimGroundOptions } from './lib/sim-ground.js'

type Nat = Omit<NatOptions, 'address'>

const SIZE = 500_000

/** Both connected, and on a direct path where there is one. */
function each(
  options: Omit<SimGroundOptions, 'seed' | 'scenario'>,
  path: 'direct' | 'relay',
  call: (ground: SimGround) => void,
): void {
  const scenario = expect.getState().currentTestName ?? 'changes'
  for (const seed of seeds(3, 50)) {
    const ground = new SimGround({ seed, scenario, ...options }).connect()
    untilPath(ground, path)
    const both = begin(ground, SIZE)
    ground.world.advance(500)
    call(ground)
    finish(ground, both, SIZE)
  }
}

const PAIRS: readonly [string, 'direct' | 'relay', Nat, Nat][] = [
  ['direct', 'direct', HOME, HOME],
  ['relayed', 'relay', HARD, HARD],
]

describe.each(PAIRS)('a %s connection', (_name, path, a, b) => {
  it.each([0, 1] as const)('goes on when side %i gets another address', (side) => {
    each({ a: [a], b: [b] }, path, (ground) => {
      const party = side === 0 ? ground.a : ground.b
      party.host.move(`192.168.${side + 1}.77`)
      ground.world.advance(5_000)
      expect(party.of('warning').map(({ code }) => code)).toContain('network-changed')
    })
  })

  it('goes on when both get other addresses at once', () => {
    each({ a: [a], b: [b] }, path, (ground) => {
      ground.a.host.move('192.168.1.77')
      ground.b.host.move('192.168.2.77')
    })
  })

  it.each([undefined, '198.51.100.77'])(
    'goes on when the NAT forgets everything and has the address %s',
    (to) => {
      each({ a: [a], b: [b] }, path, (ground) => ground.realms[0].rebind(to))
    },
  )

  it('goes on after an outage of ten seconds', () => {
    each({ a: [a], b: [b] }, path, (ground) => {
      for (const side of [ground.a, ground.b]) {
        side.isDirectCut = true
        side.isRelayCut = true
      }
      ground.world.advance(10_000)
      for (const side of [ground.a, ground.b]) {
        side.isDirectCut = false
        side.isRelayCut = false
      }
    })
  })

  it('goes on after the machine has slept for fifteen seconds', () => {
    each({ a: [a], b: [b] }, path, (ground) => ground.world.standStill(15_000))
  })
})

describe('a mapping that dies after five seconds of silence', () => {
  it('does not end a connection that says nothing for minutes', () => {
    const short = { mappingLifeMs: 5_000 }
    const scenario = expect.getState().currentTestName ?? 'silence'
    for (const seed of seeds(3, 50)) {
      const nat = { ...HOME, ...short }
      const ground = new SimGround({ seed, scenario, a: [nat], b: [nat] }).connect()
      ground.world.advance(180_000)
      expect(ground.a.transport?.stats().bytesReceived).toBeGreaterThan(0)
      finish(ground, begin(ground, SIZE), SIZE)
    }
  })

  it('is learned at the relay: after a minute the way stays open', () => {
    const nat = { ...HARD, mappingLifeMs: 5_000 }
    const scenario = expect.getState().currentTestName ?? 'life'
    for (const seed of seeds(3, 50)) {
      const ground = new SimGround({ seed, scenario, a: [nat], b: [nat], options: { path: 'relay' } })
      ground.connect().world.advance(120_000)
      const flow = ground.b.flow([2, 1], 1_000)
      const here = ground.a.flow([1, 2], 1_000)
      const beganAt = ground.world.now
      ground.world.runUntil(() => here.checker.position === 1_000 && flow.checker.position === 1_000)
      // A round trip is 40 ms; a way that is closed would wait for a PING, or for a time-out.
      expect(ground.world.now - beganAt).toBeLessThanOrEqual(100)
    }
  })
})
