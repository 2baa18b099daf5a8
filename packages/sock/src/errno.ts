/**
 * The system's errors as errors of vio.
 *
 * Decides which of its fields an error keeps: the system's `code` (`ECONNREFUSED`), the call, the address, and the
 * original as `cause`. What was asked for and failed is thrown as a `VSocketError`; what happens to a connection that
 * was there arrives as a `VSocketLost`, the reason of an end. Invariant: every error that a socket reports has passed
 * here, so that no code of the system is lost on the way.
 */
import { constants } from 'node:os'
import { getSystemErrorMap } from 'node:util'
import { VFIOLost, VIOError, VIOLost, VIOTimeout } from '@vio/reactor'

/** What is known of a failed system call. A field that the system did not give is undefined. */
export interface VSystemErrorInfo {
  /** The system's name of the error: `ECONNREFUSED`, `ENOTFOUND`, `ERR_SOCKET_CLOSED`. */
  readonly code: string
  /** The number of the error, as Node gives it: negative. */
  readonly errno: number | undefined
  /** The call that failed: `connect`, `bind`, `read`. */
  readonly syscall: string | undefined
  /** The address or path that it was about. */
  readonly address: string | undefined
  /** The port that it was about. */
  readonly port: number | undefined
}

/** The code of an error that says none. */
const UNKNOWN_CODE = 'UNKNOWN'

/** Something that was asked of a socket failed: to look a name up, to bind, to listen, to connect. */
export class VSocketError extends VIOError implements VSystemErrorInfo {
  override readonly code: string
  readonly errno: number | undefined
  readonly syscall: string | undefined
  readonly address: string | undefined
  readonly port: number | undefined

  constructor(message: string, info: Partial<VSystemErrorInfo> = {}, options?: { cause?: unknown }) {
    super(message, options)
    this.code = info.code ?? UNKNOWN_CODE
    this.errno = info.errno
    this.syscall = info.syscall
    this.address = info.address
    this.port = info.port
  }
}

/** A connection was lost, or never came to be. The value of the `VFIOLost` that a chain's end is told with. */
export class VSocketLost extends VIOLost implements VSystemErrorInfo {
  override readonly code: string
  readonly errno: number | undefined
  readonly syscall: string | undefined
  readonly address: string | undefined
  readonly port: number | undefined

  constructor(message: string, info: Partial<VSystemErrorInfo> = {}, options?: { cause?: unknown }) {
    super(message, options)
    this.code = info.code ?? UNKNOWN_CODE
    this.errno = info.errno
    this.syscall = info.syscall
    this.address = info.address
    this.port = info.port
  }
}

/** As much as can be had from anything that was thrown; of several errors in one (`AggregateError`) the first with a code. */
export function systemErrorInfo(error: unknown): VSystemErrorInfo {
  const fields = isRecord(error) ? error : {}
  const inner = Array.isArray(fields['errors']) ? fields['errors'].filter(isRecord) : []
  const from = inner.find(({ code }) => typeof code === 'string') ?? fields
  const own = textOf(fields['code'])
  return {
    code: own ?? textOf(from['code']) ?? UNKNOWN_CODE,
    errno: numberOf(fields['errno']) ?? numberOf(from['errno']),
    syscall: textOf(fields['syscall']) ?? textOf(from['syscall']),
    address: textOf(fields['address']) ?? textOf(fields['hostname']) ?? textOf(from['address']),
    port: numberOf(fields['port']) ?? numberOf(from['port']),
  }
}

/** An error of the system, to be thrown. `what` says what was being done: `to listen on 127.0.0.1:80`. */
export function socketError(what: string, error: unknown): VSocketError {
  if (error instanceof VSocketError) return error
  return new VSocketError(`${what}: ${messageOf(error)}`, systemErrorInfo(error), { cause: error })
}

/** An error of the system, as the reason of a loss. An error of vio that says itself that it is a loss stays as it is. */
export function socketLost(what: string, error: unknown): VIOLost {
  if (error instanceof VIOLost) return error
  return new VSocketLost(`${what}: ${messageOf(error)}`, systemErrorInfo(error), { cause: error })
}

/** An error of the system, as the failure that ends a direction. A time-out stays what it is. */
export function socketFailure(what: string, error: unknown): VFIOLost {
  return new VFIOLost(error instanceof VIOTimeout ? error : socketLost(what, error))
}

/** The messages of an error; of several in one (`AggregateError`), all of them. */
function messageOf(error: unknown): string {
  if (!isRecord(error)) return String(error)
  const inner = error['errors']
  const own = textOf(error['message']) || textOf(error['code'])
  if (!Array.isArray(inner) || inner.length === 0) return own || 'an error without a message'
  return inner.map(messageOf).join('; ')
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

/** Every name of an error that this system or Node knows, and its number: the system's positive, Node's own negative. */
const NUMBERS: ReadonlyMap<string, number> = numbersByName()

function numbersByName(): Map<string, number> {
  const numbers = new Map<string, number>(Object.entries(constants.errno))
  const ofSystem = new Set(numbers.values())
  for (const [number, [name]] of getSystemErrorMap()) {
    if (!numbers.has(name)) numbers.set(name, ofSystem.has(-number) ? -number : number)
  }
  return numbers
}

/** The number of an error by name: positive for the system's, negative for one that Node made up; undefined for no name. */
export function errnoNumber(name: string): number | undefined {
  return NUMBERS.get(name)
}

/** The name of an error by number, in either sign; undefined for a number that is none. */
export function errnoName(number: number): string | undefined {
  const own = getSystemErrorMap().get(-Math.abs(number))?.[0]
  if (own !== undefined) return own
  for (const [name, value] of NUMBERS) if (value === number || value === -number) return name
  return undefined
}

/** What an error means, in a few words, by its number in either sign. */
export function errnoText(number: number): string {
  const text = getSystemErrorMap().get(-Math.abs(number))?.[1]
  return text ?? errnoName(number) ?? `Unknown system error ${number}`
}
