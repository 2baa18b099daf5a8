/**
 * The bench harness: order of the turns, what a ratio is, and that a subject which loses bytes cannot report a rate.
 */
import { describe, expect, it } from 'vitest'
import {
  type Bench,
  type BenchSubject,
  formatReport,
  measureInTurn,
  median,
  runBench,
} from '../../bench/src/harness.js'

/** A subject that notes its runs in `order` and delivers its whole load. */
function subject(name: string, order: string[] = [], more: Partial<BenchSubject> = {}): BenchSubject {
  const run = (): number => order.push(name) && 10
  return { subject: name, unit: 'calls/s', load: 10, run, ...more }
}

function bench(subjects: readonly BenchSubject[], ratios: Bench['ratios'] = []): Bench {
  return {
    name: 'planted',
    what: 'subjects of a test',
    subjects: () => subjects,
    ratios,
    rounds: 5,
    measure: { warmMs: 0, timedMs: 0 },
  }
}

function after(delayMs: number, done: () => void): Promise<number> {
  return new Promise((resolve) => {
    setTimeout(() => {
      done()
      resolve(10)
    }, delayMs)
  })
}

/** One untimed and one timed run of a subject a round. */
const ONE_RUN = { rounds: 5, warmMs: 0, timedMs: 0 }

describe('measureInTurn', () => {
  it('lets the subjects take turns, after a warm-up round that does not count', async () => {
    const order: string[] = []
    const rates = await measureInTurn([subject('a', order), subject('b', order)], ONE_RUN)
    expect(order.join('')).toBe('aabb'.repeat(6))
    expect([...rates.values()].map((each) => each.length)).toEqual([5, 5])
  })

  it('prepares before each run and does not let it count as work', async () => {
    const order: string[] = []
    const prepare = async (): Promise<void> => void order.push('p')
    await measureInTurn([subject('a', order, { prepare })], ONE_RUN)
    expect(order.join('')).toBe('papa'.repeat(6))
  })

  it('begins each subject anew once a round, before its untimed runs', async () => {
    const order: string[] = []
    const begin = async (): Promise<void> => void order.push('b')
    await measureInTurn([subject('a', order, { begin })], ONE_RUN)
    expect(order.join('')).toBe('baa'.repeat(6))
  })

  it('runs a subject until its time is used up, untimed first', async () => {
    const order: string[] = []
    const slow = subject('s', [], { run: () => after(10, () => order.push('s')) })
    await measureInTurn([slow], { rounds: 5, warmMs: 15, timedMs: 1 })
    // Two runs of 10 ms to warm up, or one on a machine that stood still, and one that is timed.
    expect(order.length).toBeGreaterThanOrEqual(2 * 6)
    expect(order.length).toBeLessThanOrEqual(3 * 6)
  })

  it('refuses fewer than five rounds and two subjects of one name', async () => {
    await expect(measureInTurn([subject('a')], { rounds: 4 })).rejects.toThrow(RangeError)
    await expect(measureInTurn([subject('a'), subject('a')], { rounds: 5 })).rejects.toThrow(RangeError)
  })

  it('throws when a run does not deliver its load', async () => {
    const short = subject('short', [], { run: () => 9 })
    await expect(measureInTurn([short], { rounds: 5 })).rejects.toThrow('short: 9 arrived of a load of 10')
  })
})

describe('runBench', () => {
  it('reports values and ratios, and skips a ratio whose subject is absent', async () => {
    const absent = subject('rare', [], { absent: 'rare is not installed' })
    const ratios = [
      { key: 'a_vs_b', of: 'a', over: 'b' },
      { key: 'a_vs_rare', of: 'a', over: 'rare' },
    ]
    const report = await runBench(bench([subject('a'), subject('b'), absent], ratios))
    expect(report.results.map((each) => each.subject)).toEqual(['a', 'b'])
    expect(Object.keys(report.ratios)).toEqual(['a_vs_b'])
    expect(report.ratios['a_vs_b']).toBeGreaterThan(0)
    expect(report.skipped).toEqual({ a_vs_rare: 'rare is not installed' })
  })

  it('leaves `skipped` out when nothing was, and refuses a ratio of an unknown subject', async () => {
    expect(await runBench(bench([subject('a')]))).not.toHaveProperty('skipped')
    const unknown = bench([subject('a')], [{ key: 'a_vs_c', of: 'a', over: 'c' }])
    await expect(runBench(unknown)).rejects.toThrow('unknown subject c')
  })

  it('takes the value of a subject that measures by itself, and of two pairs of a ratio the lesser one', async () => {
    const order: string[] = []
    const values = { a: 8, b: 2, c: 30, d: 10 }
    const subjects = Object.entries(values).map(([name, value]) =>
      subject(name, order, { value: () => Promise.resolve(value) }),
    )
    const ratio = { key: 'least', of: 'a', over: 'b', orLess: { of: 'c', over: 'd' } }
    const report = await runBench(bench(subjects, [ratio]))
    expect(report.results.map((each) => each.value)).toEqual([8, 2, 30, 10])
    expect(report.ratios).toEqual({ least: 3 })
    const others = [
      { of: 'c', over: 'd' },
      { of: 'b', over: 'a' },
    ]
    const several = await runBench(bench(subjects, [{ ...ratio, orLess: others }]))
    expect(several.ratios).toEqual({ least: 0.25 })
    expect(order).toEqual([])
    const absent = subjects.map((each) => (each.subject === 'd' ? { ...each, absent: 'no room' } : each))
    expect((await runBench(bench(absent, [ratio]))).skipped).toEqual({ least: 'no room' })
  })

  it('marks a missed target in the table', () => {
    const planted = bench([], [{ key: 'a_vs_b', of: 'a', over: 'b', target: 8 }])
    const results = [{ subject: 'a', unit: 'MB/s', value: 3 }]
    const table = formatReport(planted, { name: 'planted', results, ratios: { a_vs_b: 7 } })
    expect(table).toContain('a_vs_b: 7 times  [a over b]  (wanted 8: MISSED)')
  })
})

describe('median', () => {
  it('is the middle value, or the mean of the two middle ones', () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, 3, 2])).toBe(2.5)
    expect(() => median([])).toThrow(RangeError)
  })
})
