/**
 * The counters of the parts of a VUT/1 connection, joined to what an application is given.
 *
 * Decides nothing; each part counts its own.
 */
import type { VUDPStats } from '../stats.js'
import type { V1Parts } from './parts.js'

/** The counters as they are now. */
export function statsOf(parts: V1Parts): VUDPStats {
  const { counts, recovery, streams, protection } = parts
  const path = parts.paths.current
  return {
    datagramsSent: counts.sent,
    bytesSent: counts.sentBytes,
    datagramsReceived: counts.received,
    bytesReceived: counts.receivedBytes,
    datagramsInvalid: counts.invalid,
    datagramsRepeated: counts.repeated,
    inFlightSent: recovery.counts.sent,
    inFlightAcked: recovery.counts.acked,
    inFlightLost: recovery.counts.lost,
    inFlightNow: recovery.outstandingCount,
    spuriousLosses: recovery.counts.spurious,
    timeouts: recovery.counts.timeouts,
    streamBytesWritten: streams.counts.written,
    streamBytesSent: streams.counts.sent,
    streamBytesResent: streams.counts.resent,
    streamBytesAcked: streams.counts.acked,
    streamBytesReceived: streams.counts.received,
    streamBytesRead: streams.counts.read,
    keyUpdates: protection?.generation ?? 0,
    migrations: parts.paths.migrations,
    smoothedRttMs: path.rtt.hasSample ? path.rtt.smoothedMs : -1,
    minRttMs: path.rtt.hasSample ? path.rtt.minMs : -1,
    windowBytes: path.congestion.windowBytes,
    bytesInFlight: path.inFlightBytes,
    pacingRate: path.congestion.pacingRate,
    congestionState: path.congestion.state,
    datagramBytes: path.datagramBytes,
  }
}
