/**
 * Checks of the sizes and times that filters are told.
 *
 * Decides how a wrong option is refused: at once, with its name, what was given and what would do.
 */
import { describeValue } from '../limit.js'

/** Returns `value`. @throws RangeError unless it is a whole number from `least` to `most` */
export function wholeOption(
  name: string,
  value: number,
  least = 1,
  most: number = Number.MAX_SAFE_INTEGER,
): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value
  const range = most === Number.MAX_SAFE_INTEGER ? `from ${least} on` : `from ${least} to ${most}`
  throw new RangeError(`${name} is a whole number ${range}, got ${describeValue(value)}`)
}

/** Returns `value`. @throws RangeError unless it is a number above 0; Infinity is one */
export function positiveOption(name: string, value: number): number {
  if (typeof value === 'number' && value > 0) return value
  throw new RangeError(`${name} is a number above 0, got ${describeValue(value)}`)
}

/** Returns `value`. @throws TypeError unless it is one of `choices` */
export function choiceOption<T extends string>(name: string, value: T, choices: readonly T[]): T {
  if (choices.includes(value)) return value
  const listed = choices.map((choice) => `'${choice}'`).join(', ')
  throw new TypeError(`${name} is one of ${listed}, got ${describeValue(value)}`)
}
