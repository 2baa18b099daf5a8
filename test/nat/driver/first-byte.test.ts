/**
 * How soon the first byte of two sessions comes, in simulated time, and what waits for the proof all the same.
 */
import { describe, expect, it, vi } from 'vitest'
import { Introduction } from '../../../packages/nat/src/introduction.js'
import { seeds } from '../../lib/runs.js'
import { begin, finish, HARD, HOME } from './lib/flows.js'
import { type SimFlowing, SimGround, type SimGroundOptions, type SimParty } from './lib/sim-ground.js'

const each = (
  options: Omit<SimGroundOptions, 'seed' | 'scenario'>,
  call: (ground: SimGround) => void,
): void => {
  const scenario = expect.getState().currentTestName ?? 'session'
  for (const seed of seeds(5, 30)) call(new SimGround({ seed, scenario, ...options }))
}

/** Half a round trip between a host and the relay; a round trip from host to host, by the relay or not, is four of them. */
const HALF_MS = 10

describe('from both having joined to the first byte, in half round trips of a link', () => {
  /** When the first byte of either came, and when the relay had heard from both. */
  function halves(ground: SimGround): { toJoiner: number; toMaker: number } {
    ground.join()
    const { world, a, b } = ground
    const sending = (party: SimParty, patterns: readonly [number, number]): (() => number) => {
      let flowing: SimFlowing | null = null
      let at = -1
      return () => {
        if (flowing === null && party.transport !== null) flowing = party.flow(patterns, 1_000, 1)
        if (at < 0 && (flowing?.checker.position ?? 0) > 0) at = world.now
        return at
      }
    }
    const arrived = [sending(b, [2, 1]), sending(a, [1, 2])]
    world.runUntil(() => arrived.map((at) => at()).every((at) => at >= 0), { what: 'the first bytes' })
    const [toJoiner = 0, toMaker = 0] = arrived.map((at) => (at() - joinedAt(ground)) / HALF_MS)
    return { toJoiner, toMaker }
  }

  function joinedAt({ a, b }: SimGround): number {
    const heard = [a, b].map(({ events }) =>
      events.find((event) => event.type === 'phase' && event.phase === 'authenticating'),
    )
    return Math.max(...heard.map((event) => event?.at ?? 0)) - HALF_MS
  }

  it('by the relay, five from who made the code, and seven from who joined', () => {
    each({ a: [HARD], b: [HARD], options: { path: 'relay' } }, (ground) => {
      expect(halves(ground)).toEqual({ toJoiner: 5, toMaker: 7 })
    })
  })

  it('where both paths are allowed, as many', () => {
    each({ a: [HOME], b: [HOME] }, (ground) => {
      expect(halves(ground)).toEqual({ toJoiner: 5, toMaker: 7 })
    })
  })

  it('on a direct path, which takes two halves each way, nine and eleven', () => {
    each({ a: [HOME], b: [HOME], options: { path: 'direct' } }, (ground) => {
      expect(halves(ground)).toEqual({ toJoiner: 9, toMaker: 11 })
    })
  })

  it('by the relay without its cookie, as from a relay that is not asked for it, two more', () => {
    each({ a: [HARD], b: [HARD], options: { path: 'relay' } }, (ground) => {
      ground.relay.tellsPlace = false
      expect(halves(ground)).toEqual({ toJoiner: 7, toMaker: 9 })
    })
  })
})

describe('before the other side has proved that it knows the words', () => {
  it('nobody is told of a connection, though its handshake is over', () => {
    each({ a: [HARD], b: [HARD], options: { path: 'relay' } }, (ground) => {
      ground.join()
      const { world, a, b } = ground
      const isThere = () => b.of('phase').some(({ phase }) => phase === 'authenticating')
      world.runUntil(isThere, { what: 'both' })
      ground.relay.lateMs.set(b.host.address, 400)
      world.runUntil(() => b.paths.length > 0, { what: 'the end of the handshake' })
      world.advance(100)
      expect([a.transport !== null, b.transport]).toEqual([true, null])
      world.runUntil(() => b.transport !== null, { what: 'the proof' })
      expect(b.of('phase').some(({ phase }) => phase === 'exchanging')).toBe(true)
      finish(ground, begin(ground, 10_000), 10_000)
    })
  })

  it('its answer to the handshake is not heard, nor anything else of it', () => {
    each({ a: [HARD], b: [HARD], options: { path: 'relay' } }, (ground) => {
      ground.join()
      const { world, a, b } = ground
      world.runUntil(() => a.of('phase').some(({ phase }) => phase === 'authenticating'), { what: 'both' })
      ground.relay.lateMs.set(a.host.address, 400)
      world.advance(300)
      expect([a.transport, b.transport, a.paths, b.paths]).toEqual([null, null, [], []])
      ground.world.runUntil(() => a.transport !== null && b.transport !== null, { what: 'a connection' })
      finish(ground, begin(ground, 10_000), 10_000)
    })
  })
})

describe('the other side, if it knows the words but goes on as another version does', () => {
  it('is refused by name, and nothing is left', () => {
    each({ a: [HARD], b: [HARD] }, (ground) => {
      const drawn = vi.spyOn(Introduction.prototype, 'secrets', 'get').mockImplementation(() => ({
        own: Buffer.alloc(32, 7),
        peer: Buffer.alloc(32, 9),
      }))
      ground.join()
      ground.world.runUntil(() => ground.a.error !== null && ground.b.error !== null, { what: 'the end' })
      drawn.mockRestore()
      for (const { error } of [ground.a, ground.b]) {
        expect(error).toMatchObject({ reason: 'bad-answer' })
        expect(error?.message).toMatch(/same version on both sides/)
      }
      ground.world.runUntil(() => ground.a.isReleased && ground.b.isReleased, { what: 'the release of both' })
      expect([ground.a.openPorts, ground.b.openPorts]).toEqual([0, 0])
    })
  })
})
