/**
 * How a test leaves itself out.
 *
 * A test that needs what this machine or this Node may not have says so at run time and gives the reason; the reporter
 * (skip-reporter) counts the reasons at the end. `it.skip` gives none and is not used.
 */
import type { TestContext } from 'vitest'

/**
 * Ends the running test as skipped unless `condition` holds. `reason` says what is missing, in words that fit behind
 * "skipped because": "this Node has no SO_REUSEPORT".
 */
export function skipUnless(context: TestContext, condition: boolean, reason: string): void {
  if (reason.trim() === '') throw new TypeError('skipUnless got an empty reason; say what is missing')
  context.skip(!condition, reason)
}
