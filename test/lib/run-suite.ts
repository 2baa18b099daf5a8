/**
 * Runs a contract suite in vitest, over one implementation.
 *
 * Decides which cases are left out: those that the implementation names, each with the reason. Invariant: an entry that
 * leaves nothing out, or gives no reason, fails, so that the list never says more than is true.
 */
import type { IVContractCase } from '@vio/reactor/testing'
import { describe, expect, it } from 'vitest'

/** Cases that are left out: an id, or words of a title, and why. */
export type Without = Readonly<Record<string, string>>

/** One implementation of what a suite is about. */
export interface Subject<F> {
  readonly name: string
  readonly factory: F
  readonly without?: Without
}

/** Runs the cases of `suite` on what `factory` makes, except those of `without`. */
export function runSuite<F>(
  name: string,
  suite: readonly IVContractCase<F>[],
  factory: F,
  without: Without = {},
): void {
  describe(name, () => {
    const words = Object.keys(without)
    for (const { title, run } of suite) {
      if (!words.some((word) => title.includes(word))) it(title, () => run(factory))
    }
    if (words.length === 0) return
    it('leaves out only what it names, and says why', () => {
      for (const [word, reason] of Object.entries(without)) {
        expect(reason, `the reason for leaving out "${word}"`).toMatch(/\w+ \w+/)
        const count = suite.filter(({ title }) => title.includes(word)).length
        expect(count, `cases that "${word}" leaves out`).toBeGreaterThan(0)
      }
    })
  })
}

/** Runs a suite over all implementations of a list. */
export function runSuiteOver<F>(suite: readonly IVContractCase<F>[], subjects: readonly Subject<F>[]): void {
  for (const { name, factory, without } of subjects) runSuite(name, suite, factory, without)
}
