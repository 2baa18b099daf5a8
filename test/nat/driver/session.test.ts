/**
 * The sessions of two connecters in simulated networks: which path is used, and that it changes without losing a byte.
 */
import { describe, expect, it } from 'vitest'
import { seeds } from '../../lib/runs.js'
import { begin, finish, HARD, HOME, untilPath } from './lib/flows.js'
import { SimGround, type SimGroundOptions } from './lib/sim-ground.js'

const each = (
  options: Omit<SimGroundOptions, 'seed' | 'scenario'>,
  call: (ground: SimGround) => void,
): void => {
  const scenario = expect.getState().currentTestName ?? 'session'
  for (const seed of seeds(3, 50)) call(new SimGround({ seed, scenario, ...options }))
}

describe('two sessions', () => {
  it('behind homely NATs end on a direct path', () => {
    each({ a: [HOME], b: [HOME] }, (ground) => {
      ground.connect()
      untilPath(ground, 'direct')
      finish(ground, begin(ground, 100_000), 100_000)
    })
  })

  it('behind hard NATs stay with the relay, and say why', () => {
    each({ a: [HARD], b: [HARD] }, (ground) => {
      ground.connect()
      finish(ground, begin(ground, 100_000), 100_000)
      expect(ground.a.of('path').at(-1)).toMatchObject({ path: 'relay', relay: 'relay', via: 'udp' })
      expect(ground.a.of('path').at(-1)?.why).toMatch(/chooses? a new port/)
    })
  })

  it('behind one NAT that keeps them apart stay with the relay, and say that it is one', () => {
    each({ common: [{ ...HOME, hairpin: false }], a: [HOME], b: [HOME] }, (ground) => {
      ground.connect().world.advance(5_000)
      for (const side of [ground.a, ground.b]) {
        expect(new Set(side.paths)).toEqual(new Set(['relay']))
        expect(side.of('path').at(-1)?.why).toContain('behind the same NAT, 198.51.100.9')
      }
      finish(ground, begin(ground, 10_000), 10_000)
    })
  })
})

describe('a hard NAT and one that lets in whom it has sent to', () => {
  it.each([
    ['the hard side makes the code', [HARD], [HOME]],
    ['the hard side joins', [HOME], [HARD]],
  ] as const)('end on a direct path by many ports, most of which are closed again; %s', (_name, a, b) => {
    each({ a, b }, (ground) => {
      ground.connect()
      untilPath(ground, 'direct', 300_000)
      for (const side of [ground.a, ground.b]) {
        expect(side.of('path').at(-1)).toMatchObject({ kind: 'birthday' })
        expect(side.openPorts).toBeLessThanOrEqual(2)
      }
      finish(ground, begin(ground, 50_000), 50_000)
    })
  })

  it('stay with the relay where many ports are not allowed', () => {
    each({ a: [HARD], b: [HOME], options: { birthday: false } }, (ground) => {
      ground.connect()
      ground.world.advance(60_000)
      expect(ground.a.paths).toEqual(['relay'])
      expect([ground.a.openPorts, ground.b.openPorts]).toEqual([1, 1])
      finish(ground, begin(ground, 10_000), 10_000)
    })
  })
})
