/**
 * Runs rows of the checklist over seeds.
 */
import { describe, it } from 'vitest'
import { soaking } from '../../lib/runs.js'
import { type EngineMaker, Rig, type RigOptions } from './rig.js'
import type { Scenario } from './scenarios.js'

/** How a sweep runs. */
export interface Sweep {
  /** The version's name, for titles. */
  readonly version: string
  readonly maker: EngineMaker
  readonly scenarios: readonly Scenario[]
  /** The seeds of each row. */
  readonly seeds: readonly number[]
  /** What side a sends with that seed. */
  readonly bytes: (seed: number) => number
}

/** Where a row draws nothing by chance, this makes each seed a run of its own; it brings nothing out of order. */
const JITTER_MS = 1

/** Runs one row with one seed. */
export function runScenario(scenario: Scenario, maker: EngineMaker, seed: number, bytes: number): void {
  const make = (options: Partial<RigOptions> = {}): Rig => {
    const link = { jitterMs: JITTER_MS, ...options.link }
    return new Rig({ name: scenario.name, seed, maker, bytes, ...options, link })
  }
  scenario.run({ seed, bytes, rig: make })
}

/** What one row may take when the machine is busy. */
const TIMEOUT_MS = 300_000

/** A test for each row, over all seeds. */
export function describeSweep({ version, maker, scenarios, seeds, bytes }: Sweep): void {
  describe(`the checklist, ${version}`, () => {
    const run = (scenario: Scenario): void => {
      const { leastSeeds = 0 } = scenario
      const more = Array.from({ length: leastSeeds - seeds.length }, (_, at) => Math.max(...seeds) + 1 + at)
      for (const seed of [...seeds, ...more]) runScenario(scenario, maker, seed, bytes(seed))
    }
    it.each(scenarios)('$name', run, soaking ? undefined : TIMEOUT_MS)
  })
}
