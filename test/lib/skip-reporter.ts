/**
 * The last words of a test run: every reason for which tests were skipped, and the count on a line of its own.
 *
 * Stands behind vitest's own reporter, which tells the details. Invariant: the last line reads
 * `Tests: N passed, N failed, N skipped`, where a file that could not be loaded, a group whose hook failed and an
 * error that belongs to no test count as one failure each: the line never looks better than the exit code.
 */
import type { Reporter, SerializedError, TestModule, Vitest } from 'vitest/node'

/** What the last line counts, and why tests were skipped. */
export interface RunTally {
  passed: number
  failed: number
  skipped: number
  /** How many tests were skipped for each reason. */
  readonly reasons: Map<string, number>
}

/** Reporter of the reasons and the counts; named in vitest.config.ts. */
export class SkipReporter implements Reporter {
  #vitest: Vitest | undefined

  onInit(vitest: Vitest): void {
    this.#vitest = vitest
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    this.#vitest?.logger.log(formatTally(tallyOf(modules, errors.length)))
  }
}

// vitest constructs what a reporter file exports as its default.
export default SkipReporter

/** Counts the tests of a run, with `strayErrors` errors that belong to none of them. */
export function tallyOf(modules: readonly TestModule[], strayErrors: number): RunTally {
  const tally: RunTally = { passed: 0, failed: strayErrors, skipped: 0, reasons: new Map() }
  for (const module of modules) {
    if (module.errors().length > 0) tally.failed += 1
    for (const suite of module.children.allSuites()) if (suite.errors().length > 0) tally.failed += 1
    for (const test of module.children.allTests()) {
      const result = test.result()
      if (result.state === 'passed') tally.passed += 1
      else if (result.state === 'failed') tally.failed += 1
      else {
        tally.skipped += 1
        const reason = (result.state === 'skipped' ? result.note : undefined) ?? 'no reason given'
        tally.reasons.set(reason, (tally.reasons.get(reason) ?? 0) + 1)
      }
    }
  }
  return tally
}

/** The text at the end of a run. */
export function formatTally(tally: RunTally): string {
  const lines = [`skipped: ${tally.skipped}`]
  for (const [reason, count] of tally.reasons) lines.push(`  ${count} because ${reason}`)
  lines.push(`Tests: ${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped`)
  return lines.join('\n')
}
