/**
 * The errors of byte I/O: those that only io throws, and the families it shares with the reactor.
 *
 * What a caller does wrong throws at once and changes nothing. What a peer or the system does wrong arrives as the
 * reason of an end (`VFailure`), and is not thrown.
 */
import { VIOError } from '@vio/reactor'

export {
  VError,
  VFailure,
  VFIOCompleted,
  VFIOEnded,
  VFIOError,
  VFIOException,
  VFIOLost,
  VInvariantError,
  VIOClosed,
  VIOCompleted,
  VIOEnded,
  VIOError,
  VIOException,
  VIOLost,
  VIOMissingControl,
  VIOTimeout,
} from '@vio/reactor'

/**
 * A producer offered bytes to a consumer that had no credit left. Nothing was taken.
 *
 * The producer's accounting is wrong, so vio's own producers abort the chain when they meet it.
 */
export class VIOLimitExceeded extends VIOError {
  override readonly code = 'V_IO_LIMIT_EXCEEDED'
  /** The cumulative limit that the consumer had notified. */
  readonly limit: number
  /** What had been consumed under that limit. */
  readonly consumed: number
  /** How much was offered on top. */
  readonly offered: number

  constructor(limit: number, consumed: number, offered: number) {
    super(
      `offered ${offered} to a consumer that has consumed ${consumed} of its limit of ${limit}; ` +
        'wait for canProduce with a higher limit',
    )
    this.limit = limit
    this.consumed = consumed
    this.offered = offered
  }
}

/** One unit of a protocol is larger than its declared maximum. Thrown by transforms; ends a chain as lost. */
export class VIOOversize extends VIOError {
  override readonly code = 'V_IO_OVERSIZE'
  /** The largest size that is allowed, in bytes. */
  readonly maxBytes: number
  /** The size that was met, in bytes: the announced one, or what had been held when the search was given up. */
  readonly sizeBytes: number

  constructor(what: string, sizeBytes: number, maxBytes: number) {
    super(
      `${what} of ${sizeBytes} bytes is over the maximum of ${maxBytes}; raise the maximum or refuse the peer`,
    )
    this.sizeBytes = sizeBytes
    this.maxBytes = maxBytes
  }
}

/** Bytes do not follow the protocol that a transform reads. Thrown by transforms; ends a chain as lost. */
export class VIOMalformed extends VIOError {
  override readonly code = 'V_IO_MALFORMED'
}
