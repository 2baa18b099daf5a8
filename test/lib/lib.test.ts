/**
 * The helpers of the tests themselves: run counts, skipping with a reason, the last line of a run.
 */
import { describe, expect, it, vi } from 'vitest'
import type { TestModule } from 'vitest/node'
import { propertyRuns, runs, seeds, soaking } from './runs.js'
import { skipUnless } from './skip.js'
import { formatTally, tallyOf } from './skip-reporter.js'

type Outcome = { state: 'passed' | 'failed' | 'skipped'; note?: string }

/** As much of a module as the tally reads. */
function moduleOf(outcomes: Outcome[], loadErrors = 0, hookErrors = 0): TestModule {
  const allSuites = (): unknown[] => [{ errors: () => new Array(hookErrors).fill({}) }]
  const allTests = (): unknown[] => outcomes.map((outcome) => ({ result: () => outcome }))
  return {
    errors: () => new Array(loadErrors).fill({}),
    children: { allTests, allSuites },
  } as unknown as TestModule
}

describe('tallyOf', () => {
  it('counts tests by outcome and skipped tests by reason', () => {
    const skipped: Outcome = { state: 'skipped', note: 'there is no moon' }
    const tally = tallyOf(
      [moduleOf([{ state: 'passed' }, skipped]), moduleOf([skipped, { state: 'skipped' }])],
      0,
    )
    expect(formatTally(tally).split('\n')).toEqual([
      'skipped: 3',
      '  2 because there is no moon',
      '  1 because no reason given',
      'Tests: 1 passed, 0 failed, 3 skipped',
    ])
  })

  it('counts a file that did not load, a failed hook and an error outside of tests as failures', () => {
    const tally = tallyOf([moduleOf([], 1), moduleOf([{ state: 'failed' }], 0, 1)], 1)
    expect(formatTally(tally)).toMatch(/^Tests: 0 passed, 4 failed, 0 skipped$/m)
  })
})

describe('skipUnless', () => {
  it('hands the reason on, and refuses an empty one', () => {
    const skip = vi.fn()
    const context = { skip } as unknown as Parameters<typeof skipUnless>[0]
    skipUnless(context, false, 'there is no moon')
    skipUnless(context, true, 'there is no moon')
    expect(skip.mock.calls).toEqual([
      [true, 'there is no moon'],
      [false, 'there is no moon'],
    ])
    expect(() => skipUnless(context, false, ' ')).toThrow(TypeError)
  })
})

describe('runs and seeds', () => {
  it('takes the count that fits the kind of run', () => {
    expect(runs(2_000, 20_000)).toBe(soaking ? 20_000 : 2_000)
    expect(propertyRuns(10).numRuns).toBe(soaking ? 500 : 10)
  })

  it('replays the one seed of V_SEED and refuses a text that is none', () => {
    vi.stubEnv('V_SEED', '')
    expect(seeds(3, 3)).toEqual([1, 2, 3])
    expect(propertyRuns(3, 3)).toEqual({ numRuns: 3 })
    vi.stubEnv('V_SEED', '77')
    expect(seeds(3)).toEqual([77])
    expect(propertyRuns(3, 3)).toEqual({ numRuns: 3, seed: 77 })
    vi.stubEnv('V_SEED', 'x')
    expect(() => seeds(3)).toThrow('V_SEED is "x"')
    vi.unstubAllEnvs()
  })
})
