/**
 * How a wrong value is named in a message: its kind, and what it is where that is short. Nothing here throws.
 */
import { type IVDeviceOwner, VIOError } from '@vio/io'

/** Does nothing: what is called where nobody wants to be. One for all, as each of its own would cost memory. */
export const NOTHING = (): void => undefined

/** The owner of a device that nobody has taken yet. */
export const NO_OWNER: IVDeviceOwner = { deviceChanged: NOTHING }

/** A value as an error message shows it. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string')
    return value.length > 80 ? `a text of ${value.length} characters` : `'${value}'`
  if (typeof value === 'object' && value !== null) return `a ${value.constructor?.name ?? 'object'}`
  return typeof value === 'function' ? 'a function' : String(value)
}

/** A whole number from `min` on. @throws RangeError that names the option and both values */
export function sizeOption(name: string, value: number, min = 1): number {
  if (Number.isSafeInteger(value) && value >= min) return value
  throw new RangeError(`${name} is a whole number from ${min} on, got ${describeValue(value)}`)
}

/** A whole number from 1 on, or Infinity (the default) for no limit. @throws RangeError as `sizeOption` */
export function limitOption(name: string, value: number = Number.POSITIVE_INFINITY): number {
  return value === Number.POSITIVE_INFINITY ? value : sizeOption(name, value)
}

/** A time in milliseconds; Infinity for none. @throws RangeError that names the option and both values */
export function timeOption(name: string, value: number): number {
  if (typeof value === 'number' && value >= 0) return value
  throw new RangeError(`${name} is a time in milliseconds from 0 on, got ${describeValue(value)}`)
}

/** True or false. @throws TypeError that names the option and the value */
export function checkFlag(name: string, value: boolean): boolean {
  if (typeof value === 'boolean') return value
  throw new TypeError(`${name} is true or false, got ${describeValue(value)}`)
}

/** True for a Node that does not ignore `reusePort`. */
export function knowsReusePort(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12)
}

/** @throws VIOError on a Node that would ignore it in silence */
export function checkReusePort(): void {
  const { node } = process.versions
  if (knowsReusePort(node)) return
  throw new VIOError(`reusePort needs Node 22.12 or 23.1, this is ${node}: it would be ignored in silence`)
}
