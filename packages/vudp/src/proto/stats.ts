/**
 * What a connection counts.
 *
 * Only the shape and the sums that have to hold; each part keeps its own counters. Invariant, once all is settled:
 * `datagramsSent` that elicit an acknowledgement are acknowledged, lost or in flight, and bytes likewise.
 */

/** Counters of a connection. All but the last group only rise. Bytes of datagrams are without IP and UDP headers. */
export interface VUDPStats {
  /** Datagrams that were encoded, of any kind. */
  readonly datagramsSent: number
  readonly bytesSent: number
  /** Datagrams that were taken, of any kind, the dropped ones included. */
  readonly datagramsReceived: number
  readonly bytesReceived: number
  /** Datagrams that were dropped because a check failed (length, tag, mac, AEAD, unknown id). */
  readonly datagramsInvalid: number
  /** Datagrams that were dropped because their number had come before. */
  readonly datagramsRepeated: number
  /** Datagrams in flight at some time: `inFlightSent = inFlightAcked + inFlightLost + inFlightNow`. */
  readonly inFlightSent: number
  readonly inFlightAcked: number
  /** Given up as lost; those that were late after all are in `spuriousLosses` too. */
  readonly inFlightLost: number
  readonly inFlightNow: number
  readonly spuriousLosses: number
  /** Probes of the timer that waits for acknowledgements. */
  readonly timeouts: number
  /** Bytes of streams that the application wrote, that were sent for the first time, again, and acknowledged. */
  readonly streamBytesWritten: number
  readonly streamBytesSent: number
  readonly streamBytesResent: number
  readonly streamBytesAcked: number
  /** Bytes of streams that arrived for the first time, and that the application has read. */
  readonly streamBytesReceived: number
  readonly streamBytesRead: number
  readonly keyUpdates: number
  readonly migrations: number

  /** What holds right now. Times in milliseconds, -1 where unknown. */
  readonly smoothedRttMs: number
  readonly minRttMs: number
  readonly windowBytes: number
  readonly bytesInFlight: number
  /** Bytes a millisecond; Infinity where nothing paces. */
  readonly pacingRate: number
  readonly congestionState: string
  readonly datagramBytes: number
}
