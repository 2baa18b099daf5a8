/**
 * Checks of the options of ends, before anything is opened or taken over for them.
 *
 * Decides what is refused. Invariant: an end whose options have passed can be made, so that no descriptor is taken over by
 * an end that then cannot be.
 */
import { isHalfClose, type VEndpointOptions } from '@vio/io'
import { checkSignal } from './signal.js'

/** The options that are looked at. */
interface EndOptions extends VEndpointOptions {
  readonly closeCallback?: () => void
  readonly signal?: AbortSignal
  readonly native?: boolean
}

/** @throws TypeError, RangeError for an option that is of the wrong kind */
export function checkEndOptions(options: EndOptions): void {
  checkSize('maxReadBytes', options.maxReadBytes)
  checkSize('maxWriteBytes', options.maxWriteBytes)
  checkSize('bufferBytes', options.bufferBytes)
  const { halfClosePolicy, closeCallback, native } = options
  if (halfClosePolicy !== undefined && !isHalfClose(halfClosePolicy))
    throw new TypeError('a half-close policy has the flags halfIn and halfOut')
  if (closeCallback !== undefined && typeof closeCallback !== 'function')
    throw new TypeError(`closeCallback is a function, got ${typeof closeCallback}`)
  if (native !== undefined && typeof native !== 'boolean')
    throw new TypeError(`native is true or false, got ${typeof native}`)
  checkSignal(options.signal)
}

/** @throws RangeError unless `value` is undefined or a number of bytes */
export function checkSize(name: string, value: number | undefined): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= 1)) return
  throw new RangeError(`${name} is a whole number of bytes from 1 on, got ${String(value)}`)
}
