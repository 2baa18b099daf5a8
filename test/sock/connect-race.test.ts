/**
 * `ConnectRace`: the order and the times of attempts, as tables, and every course that outcomes can take.
 */
import { describe, expect, it } from 'vitest'
import { ConnectRace, interleaveFamilies } from '../../packages/sock/src/connect-race.js'
import { seeds } from '../lib/runs.js'

const NEVER = Number.POSITIVE_INFINITY

function race(count: number, endsAt = NEVER): ConnectRace {
  return new ConnectRace(0, { count, attemptDelayMs: 250, endsAt })
}

/** What the race asks for now, as text. */
function actions(of: ConnectRace): string[] {
  const told: string[] = []
  for (let action = of.pollAction(); action !== undefined; action = of.pollAction()) {
    told.push(action.kind === 'lost' ? `lost${action.late ? ' late' : ''}` : `${action.kind} ${action.index}`)
  }
  return told
}

describe('ConnectRace', () => {
  it('tries one address, and says how that came out', () => {
    const won = race(1)
    expect(actions(won)).toEqual(['attempt 0'])
    expect(won.pollTimeout()).toBe(NEVER)
    won.handleConnected(0)
    expect(actions(won)).toEqual(['won 0'])
    const lost = race(1)
    actions(lost)
    lost.handleFailed(5, 0)
    expect(actions(lost)).toEqual(['lost'])
  })

  it('starts the next attempt 250 ms after the one before, and not earlier', () => {
    const three = race(3)
    expect(actions(three)).toEqual(['attempt 0'])
    expect(three.pollTimeout()).toBe(250)
    three.handleTimeout(249)
    expect(actions(three)).toEqual([])
    three.handleTimeout(250)
    expect(actions(three)).toEqual(['attempt 1'])
    expect(three.pollTimeout()).toBe(500)
    three.handleTimeout(530)
    expect(actions(three)).toEqual(['attempt 2'])
    expect(three.pollTimeout()).toBe(NEVER)
  })

  it('starts the next attempt at once when the newest fails, or none is left', () => {
    const newest = race(4)
    actions(newest)
    newest.handleTimeout(250)
    actions(newest)
    newest.handleFailed(300, 1)
    expect(actions(newest)).toEqual(['attempt 2'])
    expect(newest.pollTimeout()).toBe(550)
    newest.handleFailed(310, 0)
    expect(actions(newest)).toEqual([])
    newest.handleFailed(320, 2)
    expect(actions(newest)).toEqual(['attempt 3'])
    newest.handleFailed(330, 3)
    expect(actions(newest)).toEqual(['lost'])
  })

  it('gives the losers up when one wins, and takes no outcome after that', () => {
    const three = race(3)
    actions(three)
    three.handleTimeout(250)
    three.handleTimeout(500)
    actions(three)
    three.handleConnected(1)
    expect(actions(three)).toEqual(['giveUp 0', 'giveUp 2', 'won 1'])
    three.handleConnected(0)
    three.handleFailed(600, 2)
    three.handleTimeout(NEVER)
    expect(actions(three)).toEqual([])
    expect(three.pollTimeout()).toBe(NEVER)
  })

  it('gives everything up when its time is over, or nobody wants it [VE-S20]', () => {
    const late = race(2, 300)
    actions(late)
    late.handleTimeout(250)
    expect(late.pollTimeout()).toBe(300)
    actions(late)
    late.handleTimeout(300)
    expect(actions(late)).toEqual(['giveUp 0', 'giveUp 1', 'lost late'])
    const unwanted = race(2)
    actions(unwanted)
    unwanted.handleGivenUp()
    expect(actions(unwanted)).toEqual(['giveUp 0'])
    expect(unwanted.pollTimeout()).toBe(NEVER)
  })

  it('never carries out an attempt that was asked for when the race ended', () => {
    const two = race(2)
    actions(two)
    two.handleTimeout(250)
    two.handleConnected(0)
    expect(actions(two)).toEqual(['won 0'])
  })

  it.each(seeds(200))('ends once, leaves nothing open, and tries each address once (seed %i)', (seed) => {
    let state = seed * 2_654_435_761
    const random = (below: number): number => {
      state = (Math.imul(state ^ (state >>> 15), 0x2c1b_3c6d) + 0x9e37_79b9) >>> 0
      return state % below
    }
    const count = 1 + random(6)
    const endsAt = random(3) === 0 ? 100 + random(2000) : NEVER
    const run = race(count, endsAt)
    const open = new Set<number>()
    const tried: number[] = []
    let outcomes = 0
    let now = 0
    for (let step = 0; step < 200 && outcomes === 0; step += 1) {
      for (const action of actions(run)) {
        const [kind, index] = action.split(' ')
        if (kind === 'attempt') {
          tried.push(Number(index))
          open.add(Number(index))
        } else if (kind === 'giveUp') expect(open.delete(Number(index)), action).toBe(true)
        else {
          if (kind === 'won') expect(open.delete(Number(index))).toBe(true)
          outcomes += 1
        }
      }
      const [some] = [...open].slice(random(open.size + 1))
      if (some !== undefined && random(3) === 0) run.handleConnected(some)
      else if (some !== undefined) {
        open.delete(some)
        run.handleFailed(now, some)
      } else if (run.pollTimeout() !== NEVER) {
        now = run.pollTimeout()
        run.handleTimeout(now)
      }
    }
    expect(outcomes).toBe(1)
    expect(open.size).toBe(0)
    expect(tried).toEqual(tried.map((_, at) => at))
    expect(now).toBeLessThanOrEqual(endsAt === NEVER ? 250 * count : endsAt)
  })
})

describe('interleaveFamilies', () => {
  it.each([
    ['', ''],
    ['4', '4'],
    ['66 4', '6 4 6'],
    ['444 66', '4 6 4 6 4'],
    ['6 4444', '6 4 4 4 4'],
  ])('orders %s as %s', (given, wanted) => {
    const peers = [...given.replaceAll(' ', '')].map((digit, at) => ({
      family: digit === '4' ? ('inet' as const) : ('inet6' as const),
      at,
    }))
    const mixed = interleaveFamilies(peers)
    expect(mixed.map(({ family }) => (family === 'inet' ? '4' : '6')).join(' ')).toBe(wanted)
    for (const family of ['inet', 'inet6']) {
      const order = mixed.filter((peer) => peer.family === family).map(({ at }) => at)
      expect(order).toEqual(order.toSorted((a, b) => a - b))
    }
  })
})
