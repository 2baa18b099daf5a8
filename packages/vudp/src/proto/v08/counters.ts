/**
 * What a 0.8 connection has counted, in the shape that all versions share.
 *
 * Decides nothing. Invariant: datagrams with data that were sent are acknowledged, given up or in flight.
 */
import type { VUDPStats } from '../stats.js'
import type { Recovery08 } from './recovery.js'
import type { SendBuffer08 } from './send-buffer.js'
import type { Stream08 } from './stream.js'

/** Counters that no part keeps for itself. */
export class Counters08 {
  datagramsSent = 0
  bytesSent = 0
  datagramsReceived = 0
  bytesReceived = 0
  datagramsInvalid = 0
  datagramsRepeated = 0
  /** Datagrams with data. */
  dataSent = 0
  streamBytesSent = 0
  streamBytesResent = 0
  streamBytesReceived = 0
}

/** The parts that know the rest. */
export interface CountedParts {
  readonly send: SendBuffer08
  readonly recovery: Recovery08
  readonly stream: Stream08
  readonly maxDataBytes: number
  readonly maxDatagramBytes: number
  readonly helloBytes: number
}

/** The counters as they stand. */
export function statsOf(counters: Counters08, parts: CountedParts): VUDPStats {
  const { send, recovery, stream } = parts
  const { rto, congestion } = recovery
  return {
    datagramsSent: counters.datagramsSent,
    bytesSent: counters.bytesSent,
    datagramsReceived: counters.datagramsReceived,
    bytesReceived: counters.bytesReceived,
    datagramsInvalid: counters.datagramsInvalid,
    datagramsRepeated: counters.datagramsRepeated,
    inFlightSent: counters.dataSent,
    inFlightAcked: recovery.ackedCount,
    inFlightLost: recovery.lostCount,
    inFlightNow: send.segments.count,
    spuriousLosses: 0,
    timeouts: recovery.timeouts,
    streamBytesWritten: stream.writtenBytes,
    streamBytesSent: counters.streamBytesSent,
    streamBytesResent: counters.streamBytesResent,
    streamBytesAcked: Math.max(send.ackedTo - parts.helloBytes - send.droppedBytes, 0),
    streamBytesReceived: counters.streamBytesReceived,
    streamBytesRead: stream.readBytes,
    keyUpdates: 0,
    migrations: 0,
    smoothedRttMs: rto.srttMs,
    minRttMs: rto.minRttMs,
    windowBytes: Math.floor(congestion.window) * parts.maxDataBytes,
    bytesInFlight: send.nextSeq - send.ackedTo,
    pacingRate: Number.POSITIVE_INFINITY,
    congestionState: recovery.state,
    datagramBytes: parts.maxDatagramBytes,
  }
}
