/**
 * Arithmetic of cumulative limits.
 *
 * A limit counts from the moment of attachment; credit is what is left of it. Inside vio "unlimited" is `Infinity`;
 * at the boundary null and negative numbers mean the same. Only the value that `consume` returns may lower a limit.
 */

/** No limit. */
export const UNLIMITED: number = Number.POSITIVE_INFINITY

/**
 * Reads a limit as it comes over a boundary: null and negative numbers are unlimited.
 *
 * @throws TypeError if it is neither null nor a whole number nor Infinity
 */
export function limitOf(value: number | null): number {
  if (value === null) return UNLIMITED
  const whole = Number.isSafeInteger(value) || value === UNLIMITED || value === -UNLIMITED
  if (!whole) {
    throw new TypeError(`a limit is a whole number, negative or null for none, got ${describeValue(value)}`)
  }
  return value < 0 ? UNLIMITED : value
}

/** How a wrong value is shown in an error message: short, and without running any of its code. */
export function describeValue(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (typeof value === 'number' || typeof value === 'boolean') return `${typeof value} ${value}`
  if (typeof value === 'string') return `string ${JSON.stringify(value.slice(0, 40))}`
  return `a value of type ${typeof value}`
}
