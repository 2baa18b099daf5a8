/**
 * The options of endpoints, and what they come to.
 *
 * Decides the defaults and what is a wrong option. Endpoints with the same options share what is made of them, as a server
 * has thousands of them.
 */
import type { IVReactor } from '@vio/reactor'
import { type IVHalfClose, isHalfClose, VHalfClose } from '../half-close.js'
import { describeValue } from '../limit.js'
import { type FlowTerms, flowTermsOf } from './flow-terms.js'
import { BYTES, type ByteKind } from './kind.js'

/** The default of `maxReadBytes` and `maxWriteBytes`. */
export const DEFAULT_TRANSFER_BYTES = 65_536

/** The policy of endpoints that were given none. */
const HALF_CLOSE: IVHalfClose = new VHalfClose()

/** Options of `VByteEndpoint`. */
export interface VEndpointOptions {
  /** The most bytes that are read in one turn. By default 65,536. */
  readonly maxReadBytes?: number
  /** The most bytes that are written in one turn. By default 65,536. */
  readonly maxWriteBytes?: number
  /** The most bytes that wait to be written. By default `maxWriteBytes`. */
  readonly bufferBytes?: number
  /** Which direction may close alone. By default both. */
  readonly halfClosePolicy?: IVHalfClose
}

/** The terms of endpoints: their sizes, what may close alone, and the calls `C` that their ends make. */
export interface EndpointTerms<C> extends FlowTerms<ByteKind> {
  /** The most bytes that are read in one turn. */
  readonly maxReadBytes: number
  /** The most bytes that are written in one turn. */
  readonly maxWriteBytes: number
  /** The most bytes that wait to be written. */
  readonly bufferBytes: number
  readonly halfClosePolicy: IVHalfClose
  readonly calls: C
}

/** The terms of the endpoint of each reactor that was made last: connections come in rows that are alike. */
const lastOf = new WeakMap<IVReactor, EndpointTerms<unknown>>()

/**
 * The terms that the options come to: those of the endpoint before, if they are the same.
 *
 * @throws RangeError for a size below 1, TypeError without a reactor or for what is no policy
 */
export function endpointTermsOf<C>(
  reactor: IVReactor,
  options: VEndpointOptions,
  calls: C,
): EndpointTerms<C> {
  const maxWriteBytes = sizeOption('maxWriteBytes', options.maxWriteBytes ?? DEFAULT_TRANSFER_BYTES)
  const maxReadBytes = sizeOption('maxReadBytes', options.maxReadBytes ?? DEFAULT_TRANSFER_BYTES)
  const bufferBytes = sizeOption('bufferBytes', options.bufferBytes ?? maxWriteBytes)
  const halfClosePolicy = options.halfClosePolicy ?? HALF_CLOSE
  const last = lastOf.get(reactor)
  const isSame =
    last?.maxReadBytes === maxReadBytes &&
    last.maxWriteBytes === maxWriteBytes &&
    last.bufferBytes === bufferBytes &&
    last.halfClosePolicy === halfClosePolicy &&
    last.calls === calls
  if (isSame) return last as EndpointTerms<C>
  const { kind } = flowTermsOf(reactor, BYTES)
  checkPolicy(halfClosePolicy)
  const terms = { reactor, kind, maxReadBytes, maxWriteBytes, bufferBytes, halfClosePolicy, calls }
  lastOf.set(reactor, terms)
  return terms
}

/** @throws TypeError if it is no policy */
export function checkPolicy(policy: IVHalfClose): IVHalfClose {
  if (isHalfClose(policy)) return policy
  throw new TypeError(`a half-close policy has the flags halfIn and halfOut, got ${describeValue(policy)}`)
}

function sizeOption(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new RangeError(`${name} is a whole number of bytes from 1 on, got ${describeValue(value)}`)
}
