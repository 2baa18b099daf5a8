/**
 * Paths that change under a live connection, in simulated networks: not a byte is lost, and both sides agree in the end.
 */
import { describe, expect, it } from 'vitest'
import { seeds } from '../../lib/runs.js'
import { type BothFlows, begin, finish, HARD, HOME, untilPath } from './lib/flows.js'
import { SimGround, type SimGroundOptions } from './lib/sim-ground.js'

const SIZE = 1_500_000

function each(
  count: number,
  options: Omit<SimGroundOptions, 'seed' | 'scenario'>,
  call: (ground: SimGround) => void,
): void {
  const scenario = expect.getState().currentTestName ?? 'moves'
  for (const seed of seeds(count, 100)) call(new SimGround({ seed, scenario, ...options }))
}

/** Two that hear each other only by the relay at first. */
function relayedFirst(ground: SimGround): BothFlows {
  ground.join()
  for (const side of [ground.a, ground.b]) side.isDirectCut = true
  ground.world.runUntil(() => ground.a.transport !== null && ground.b.transport !== null)
  untilPath(ground, 'relay')
  const both = begin(ground, SIZE)
  ground.world.advance(500)
  return both
}

describe('a relayed connection under traffic', () => {
  it('moves to the direct path as soon as there is one, and loses nothing', () => {
    each(4, { a: [HOME], b: [HOME] }, (ground) => {
      const both = relayedFirst(ground)
      for (const side of [ground.a, ground.b]) side.isDirectCut = false
      untilPath(ground, 'direct')
      // Both have moved once, and nobody has gone back and forth.
      for (const { paths } of [ground.a, ground.b]) expect(paths).toEqual(['relay', 'direct'])
      finish(ground, both, SIZE)
    })
  })

  it('does so on links that lose and mix up', () => {
    const link = { loss: 0.05, jitterMs: 8, reorder: { rate: 0.05, by: 3 } }
    each(3, { a: [HOME], b: [HARD], link }, (ground) => {
      const both = relayedFirst(ground)
      for (const side of [ground.a, ground.b]) side.isDirectCut = false
      finish(ground, both, SIZE)
      expect(ground.a.paths).toContain('relay')
    })
  })

  it('goes back to the relay when the direct path dies, and to the direct path when that lives again', () => {
    each(4, { a: [HOME], b: [HOME] }, (ground) => {
      const both = relayedFirst(ground)
      for (const side of [ground.a, ground.b]) side.isDirectCut = false
      untilPath(ground, 'direct')
      for (const side of [ground.a, ground.b]) side.isDirectCut = true
      untilPath(ground, 'relay', 30_000)
      ground.world.advance(3_000)
      for (const side of [ground.a, ground.b]) side.isDirectCut = false
      untilPath(ground, 'direct', 400_000)
      finish(ground, both, SIZE)
    })
  })

  it('leaves a path that is dead in one direction only', () => {
    each(3, { a: [HOME], b: [HOME] }, (ground) => {
      const both = relayedFirst(ground)
      for (const side of [ground.a, ground.b]) side.isDirectCut = false
      untilPath(ground, 'direct')
      ground.a.isDirectCut = true
      untilPath(ground, 'relay', 30_000)
      finish(ground, both, SIZE)
    })
  })
})

describe('a relay that is restarted', () => {
  it('under a relayed connection is met again, and not a byte is lost', () => {
    each(3, { a: [HARD], b: [HARD] }, (ground) => {
      ground.connect()
      const both = begin(ground, SIZE)
      ground.world.advance(500)
      ground.relay.restart(3_000)
      finish(ground, both, SIZE)
      // It knew nobody any more, and yet has carried for both.
      expect(ground.relay.relay.counts.relayedBytes).toBeGreaterThan(0)
    })
  })

  it('under a direct connection is not missed', () => {
    each(3, { a: [HOME], b: [HOME] }, (ground) => {
      ground.connect()
      untilPath(ground, 'direct')
      const both = begin(ground, SIZE)
      ground.relay.restart(60_000)
      finish(ground, both, SIZE)
    })
  })
})

describe('where UDP does not reach the relay', () => {
  it('a stream does, within two seconds', () => {
    each(3, { a: [HARD], b: [HARD] }, (ground) => {
      ground.relay.hasUDP = false
      ground.connect()
      const joinedAt = ground.b.of('phase').find(({ phase }) => phase === 'authenticating')?.at ?? 0
      expect(ground.world.now - joinedAt).toBeLessThanOrEqual(2_000)
      const both = begin(ground, 100_000)
      expect(ground.a.of('path').at(-1)).toMatchObject({ path: 'relay', via: 'stream' })
      finish(ground, both, 100_000)
    })
  })
})
