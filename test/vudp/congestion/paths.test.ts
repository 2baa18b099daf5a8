/**
 * What controllers do with a path: rates, queues, shares, and losses by chance.
 */
import { describe, expect, it } from 'vitest'
import { seeds } from '../../lib/runs.js'
import { type PathTerms, runPath } from './path.js'

const DATAGRAM_BITS = 1200 * 8

describe('alone on a clean link', () => {
  it.each([
    ['cubic', 10, 10],
    ['cubic', 10, 100],
    ['cubic', 10, 300],
    ['bbr', 10, 100],
    ['bbr', 10, 300],
    ['reno', 10, 100],
    ['cubic', 100, 10],
    ['cubic', 100, 100],
    ['bbr', 100, 10],
    ['bbr', 100, 100],
  ] as const)('%s uses 0.95 of %d Mbit/s at %d ms', (name, rateMbit, rttMs) => {
    const outcome = runPath({ flows: [name], rateMbit, rttMs, warmS: 10, seconds: 30 })
    expect(outcome.used).toBeGreaterThan(0.95)
  })
})

describe('on a path that holds ten datagrams', () => {
  // The bursts of a pacer alone fill such a queue, and NewReno's pace makes BBR probe every ten rounds.
  it('bbr uses 0.9 of 10 Mbit/s at 10 ms', () => {
    const outcome = runPath({ flows: ['bbr'], rateMbit: 10, rttMs: 10, warmS: 10, seconds: 40 })
    expect(outcome.used).toBeGreaterThan(0.9)
  })
})

describe('a queue of a tenth of a product', () => {
  // Slow start loses a third of a flight there. One cut follows, and no second from the bursts after it: the curve then
  // goes from 0.77 to 1.1 products.
  it('CUBIC uses 0.9 of the link from the first second on', () => {
    const outcome = runPath({ flows: ['cubic'], rateMbit: 50, rttMs: 60, queue: 0.1, warmS: 1, seconds: 11 })
    expect(outcome.used).toBeGreaterThan(0.9)
  })
})

describe('queues', () => {
  it.each([
    [100, 40],
    [50, 60],
    [10, 100],
  ])('BBR does not overfill one of a product, %d Mbit/s at %d ms', (rateMbit, rttMs) => {
    const outcome = runPath({ flows: ['bbr'], rateMbit, rttMs, warmS: 5, seconds: 40 })
    expect(outcome.drops).toBe(0)
    expect(outcome.maxQueue).toBeLessThan(1)
    expect(outcome.meanQueue).toBeLessThan(0.25)
  })

  it('BBR keeps a long queue short, CUBIC fills it', () => {
    const terms = { rateMbit: 50, rttMs: 60, queue: 8, warmS: 10, seconds: 40 }
    expect(runPath({ ...terms, flows: ['bbr'] }).meanQueue).toBeLessThan(0.25)
    expect(runPath({ ...terms, flows: ['cubic'] }).meanQueue).toBeGreaterThan(4)
  })
})

describe('losses by chance', () => {
  const line = { rateMbit: 100, rttMs: 40, warmS: 5, seconds: 20 }

  it.each([
    [0.001, 0.94],
    [0.01, 0.92],
    [0.02, 0.9],
    [0.05, 0.85],
    [0.1, 0.8],
  ])('BBR at %d lost uses %d of 100 Mbit/s', (loss, least) => {
    for (const seed of seeds(3)) {
      expect(runPath({ ...line, flows: ['bbr'], loss, seed }).used).toBeGreaterThan(least)
    }
  })

  it('BBR does not take them for a full link where times of arrival vary', () => {
    const more = { jitterMs: 5 }
    for (const seed of seeds(3)) {
      const outcome = runPath({ ...line, flows: ['bbr'], loss: 0.05, more, warmS: 1, seconds: 6, seed })
      expect(outcome.used).toBeGreaterThan(0.85)
    }
  })

  it('BBR goes on in bursts of losses', () => {
    const more = { burst: { rate: 0.01, length: 8 } }
    for (const seed of seeds(3)) {
      const outcome = runPath({ flows: ['bbr'], rateMbit: 50, rttMs: 60, more, warmS: 5, seconds: 25, seed })
      expect(outcome.used).toBeGreaterThan(0.9)
    }
  })

  // RFC 9438 section 4.3: on such paths CUBIC is as fast as NewReno, whose window is 1.22 / sqrt(loss) datagrams.
  it.each([
    ['cubic', 0.01],
    ['cubic', 0.05],
    ['reno', 0.01],
    ['reno', 0.05],
  ] as const)('%s at %d lost does what the formula says', (name, loss) => {
    const rates = seeds(5).map((seed) => {
      return runPath({ ...line, flows: [name], loss, seconds: 60, seed }).rates[0] ?? 0
    })
    const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length
    const formula = ((1.22 / Math.sqrt(loss)) * DATAGRAM_BITS) / (line.rttMs / 1000) / 1e6
    expect(mean / formula).toBeGreaterThan(0.7)
    expect(mean / formula).toBeLessThan(1.4)
  })
})

describe('two flows on one link', () => {
  function shares(terms: Partial<PathTerms> & Pick<PathTerms, 'flows'>, count: number): number[] {
    return seeds(count).map((seed) => {
      const line = { rateMbit: 20, rttMs: 40, laterMs: 5_000, warmS: 40, seconds: 110 }
      const { rates } = runPath({ ...line, ...terms, seed })
      return (rates[0] ?? 0) / (rates[1] ?? 1)
    })
  }

  it.each([
    ['cubic and cubic', { flows: ['cubic', 'cubic'] }, 1],
    ['cubic and cubic in a short queue', { flows: ['cubic', 'cubic'], queue: 0.3 }, 1],
    ['reno and cubic', { flows: ['reno', 'cubic'] }, 1],
    ['bbr and bbr', { flows: ['bbr', 'bbr'] }, 3],
    ['bbr and bbr in a short queue', { flows: ['bbr', 'bbr'], queue: 0.3 }, 3],
    ['bbr and bbr in a long queue', { flows: ['bbr', 'bbr'], queue: 4 }, 3],
    ['bbr and bbr with losses by chance', { flows: ['bbr', 'bbr'], loss: 0.01 }, 3],
    ['bbr and cubic', { flows: ['bbr', 'cubic'] }, 3],
    ['bbr and cubic in a short queue', { flows: ['bbr', 'cubic'], queue: 0.3 }, 3],
    ['bbr and cubic in a long queue', { flows: ['bbr', 'cubic'], queue: 4 }, 3],
  ] as const)('%s share within a half and two', (_name, terms, count) => {
    for (const share of shares(terms, count)) {
      expect(share).toBeGreaterThan(0.5)
      expect(share).toBeLessThan(2)
    }
  })

  it('BBR leaves CUBIC a sixth of a fast link', () => {
    // A probe in a full queue costs CUBIC a third of its window, and six seconds of growing.
    const line = { rateMbit: 100, rttMs: 40, warmS: 30, seconds: 60 }
    for (const share of shares({ ...line, flows: ['bbr', 'cubic'] }, 2)) expect(share).toBeLessThan(5)
  })

  it('BBR does not drive others out where the queue is too short to be seen', () => {
    const terms = { rateMbit: 50, rttMs: 60, queue: 1 / 20, laterMs: 4_000, warmS: 20, seconds: 60 }
    for (const seed of seeds(2)) {
      const two = runPath({ ...terms, flows: ['bbr', 'bbr'], seed })
      expect(two.drops / (two.used * terms.rateMbit * 40e6)).toBeLessThan(0.02 / DATAGRAM_BITS)
      const [bbr, cubic] = runPath({ ...terms, flows: ['bbr', 'cubic'], seed }).rates
      expect((cubic ?? 0) / (bbr ?? 1)).toBeGreaterThan(0.1)
    }
  })
})

describe('a link whose rate changes', () => {
  it.each([
    ['cubic', 20, 5],
    ['cubic', 5, 20],
    ['bbr', 20, 5],
    ['bbr', 5, 20],
  ] as const)('%s goes from %d to %d Mbit/s within ten seconds', (name, rateMbit, after) => {
    const then = { atS: 10, rateMbit: after }
    const outcome = runPath({ flows: [name], rateMbit, rttMs: 50, then, warmS: 20, seconds: 35 })
    expect(outcome.used).toBeGreaterThan(0.93)
  })
})

describe('datagrams that overtake each other', () => {
  it.each(['cubic', 'bbr'] as const)('do not stop %s', (name) => {
    const more = { late: { rate: 0.02, ms: 5 } }
    const outcome = runPath({ flows: [name], rateMbit: 50, rttMs: 60, more, warmS: 5, seconds: 20 })
    expect(outcome.used).toBeGreaterThan(0.9)
  })
})
