/**
 * What the contract cases assert with: a few comparisons that need no test runner and no module of Node.
 *
 * Invariant: every failure says what was looked at, what it was and what it should have been.
 */
import { VInvariantError } from '@vio/reactor'

/** A class of errors. */
export type ErrorClass = abstract new (...args: never[]) => Error

/** How a value is shown in a failure. */
function show(value: unknown): string {
  if (typeof value === 'function') return value.name === '' ? 'a function' : value.name
  if (value instanceof Error) return `${value.constructor.name} (${value.message})`
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value.constructor.name
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 600 ? `${text.slice(0, 600)}...` : text
}

/** Fails the case. */
export function fail(message: string): never {
  throw new VInvariantError(message)
}

/** @throws VInvariantError unless `condition` holds */
export function check(condition: boolean, message: string): asserts condition {
  if (!condition) fail(message)
}

/** @throws VInvariantError unless both are the same value */
export function equal<T>(actual: T, expected: T, what: string): void {
  if (!Object.is(actual, expected)) fail(`${what}: ${show(actual)}, wanted ${show(expected)}`)
}

/** @throws VInvariantError unless both lists have the same values in the same order */
export function sameList(actual: readonly unknown[], expected: readonly unknown[], what: string): void {
  const same = actual.length === expected.length && actual.every((each, at) => Object.is(each, expected[at]))
  if (!same) fail(`${what}: ${show(actual)}, wanted ${show(expected)}`)
}

/** Runs `body`, which has to throw, and returns what it threw. */
export function thrownBy(body: () => unknown, what: string): unknown {
  try {
    body()
  } catch (error) {
    return error
  }
  return fail(`${what}: nothing was thrown`)
}

/** @throws VInvariantError unless `body` throws an error of that class, or a subclass of it */
export function throwsA(body: () => unknown, type: ErrorClass, what: string): Error {
  const thrown = thrownBy(body, what)
  if (!(thrown instanceof type)) return fail(`${what}: threw ${show(thrown)}, wanted ${type.name}`)
  return thrown
}
