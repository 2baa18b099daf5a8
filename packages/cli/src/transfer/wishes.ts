/**
 * What a transfer of files wants of its connection.
 *
 * Decides how much passes at once. A datagram on one machine holds nearly 64 KiB: with as little in a turn, each would be
 * followed by a small one with the rest. Invariant: what waits stays within a few megabytes.
 */
import type { VTransportWishes } from '../meeting.js'

const TURN_BYTES = 1_048_576

/** Larger turns than the default. */
export const TRANSFER_WISHES: VTransportWishes = {
  maxReadBytes: TURN_BYTES,
  maxWriteBytes: TURN_BYTES,
  bufferBytes: TURN_BYTES,
}
