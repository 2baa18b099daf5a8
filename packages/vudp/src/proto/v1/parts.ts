/**
 * The parts of one VUT/1 connection, as those who join them see them.
 *
 * Decides nothing. Invariant: `protection` and `connected` are set once, in this order.
 */
import type { V1Config, VUDPMeans } from '../config.js'
import type { AckState } from './ack-state.js'
import type { Closing } from './closing.js'
import type { Handshake } from './handshake.js'
import type { ConnectionIds } from './ids.js'
import type { Liveness } from './liveness.js'
import type { Paths } from './paths.js'
import type { Protection } from './protection.js'
import type { Recovery } from './recovery.js'
import type { Streams } from './streams.js'
import type { Tracer } from './tracer.js'
import type { UnreliableQueue } from './unreliable.js'

/** Counters of datagrams; they only rise. */
export interface DatagramCounts {
  sent: number
  sentBytes: number
  received: number
  receivedBytes: number
  invalid: number
  repeated: number
}

/** All parts. */
export interface V1Parts {
  readonly config: V1Config
  readonly means: VUDPMeans
  readonly handshake: Handshake
  readonly ids: ConnectionIds
  readonly paths: Paths
  readonly recovery: Recovery
  readonly acks: AckState
  readonly streams: Streams
  readonly unreliable: UnreliableQueue
  readonly closing: Closing
  readonly liveness: Liveness
  readonly counts: DatagramCounts
  /** Null where nobody listens. */
  readonly tracer: Tracer | null
  /** Null before there are keys. */
  protection: Protection | null
  /** True once the peer has proved itself. */
  connected: boolean
  /** The number of the next DATA datagram. */
  nextNumber: number
}

/** What frames do that is no affair of a single part. */
export interface FrameEvents {
  onClose(now: number, code: number, text: Buffer): void
  onUnreliable(bytes: Buffer): void
}
