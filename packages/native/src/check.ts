/**
 * The checks that stand between a caller and the system.
 *
 * Decides what is a descriptor, a range of a buffer, a whole number in bounds. Lengths are taken from the intrinsic
 * getters, so that an object which lies about its length cannot make the system write behind it. Invariant: what
 * passes here names memory that exists for the whole of a synchronous call.
 */
import { constants } from 'node:os'
import { types } from 'node:util'
import { VNativeError } from './errors.js'

/** The greatest descriptor: an `int` of C. */
const MAX_INT = 2 ** 31 - 1

/** Intrinsic getters of typed arrays, which no property of an instance can hide. */
const PROTOTYPE: object = Object.getPrototypeOf(Uint8Array.prototype) as object
const byteLength = getterOf<number>('byteLength')
const byteOffset = getterOf<number>('byteOffset')
const arrayBuffer = getterOf<ArrayBufferLike>('buffer')

/** Refuses what is no descriptor. @throws TypeError for no integer, VNativeError EBADF for one out of range */
export function checkFd(fd: number, syscall: string): void {
  if (!Number.isInteger(fd)) throw new TypeError(`${syscall} takes a descriptor, an integer, got ${show(fd)}`)
  if (fd < 0 || fd > MAX_INT)
    throw new VNativeError(syscall, constants.errno.EBADF, `${fd} is no open descriptor`)
}

/** Refuses what is no integer from `min` to `max`. @throws TypeError, RangeError */
export function checkInteger(value: number, name: string, min: number, max: number = MAX_INT): void {
  if (!Number.isInteger(value)) throw new TypeError(`${name} is an integer, got ${show(value)}`)
  if (value < min || value > max) throw new RangeError(`${name} is from ${min} to ${max}, got ${value}`)
}

/** Refuses what is no boolean. @throws TypeError */
export function checkBoolean(value: boolean, name: string): void {
  if (typeof value !== 'boolean') throw new TypeError(`${name} is true or false, got ${show(value)}`)
}

/** Refuses what is no `Uint8Array` over memory of its own; gives its true length. @throws TypeError */
export function checkBytes(bytes: Uint8Array, name: string): number {
  if (!types.isUint8Array(bytes)) throw new TypeError(`${name} is a Uint8Array, got ${show(bytes)}`)
  if (types.isSharedArrayBuffer(arrayBuffer.call(bytes)))
    throw new TypeError(
      `${name} lies in shared memory, which another thread may change meanwhile: copy it first`,
    )
  return byteLength.call(bytes)
}

/**
 * How many bytes of `bytes` a call may use, from `offset` on.
 *
 * @param length how many are wanted; all that are left unless given
 * @throws TypeError, RangeError if the range does not lie within
 */
export function sizeOfRange(bytes: Uint8Array, offset: number, length: number | undefined): number {
  const size = checkBytes(bytes, 'buffer')
  checkInteger(offset, 'offset', 0, size)
  if (length === undefined) return size - offset
  checkInteger(length, 'length', 0, size - offset)
  return length
}

/** What lies behind a checked offset: the array itself if that is 0, else a view. */
export function behind(bytes: Uint8Array, offset: number): Uint8Array {
  if (offset === 0) return bytes
  // Not `subarray`, which a subclass may have replaced.
  return new Uint8Array(arrayBuffer.call(bytes) as ArrayBuffer, byteOffset.call(bytes) + offset)
}

/** How a value looks in a message. Never fails. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}...` : value)
  if (typeof value === 'symbol') return 'a symbol'
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object'
  return String(value)
}

function getterOf<T>(name: string): () => T {
  const getter = Object.getOwnPropertyDescriptor(PROTOTYPE, name)?.get
  if (getter === undefined) throw new Error(`typed arrays have no ${name}`)
  return getter as () => T
}
