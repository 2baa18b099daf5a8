/**
 * Every constant of VUT 0.8, in one frozen record.
 *
 * Two kinds stand here: what the wire fixes, which no option can change, and what the originals chose or left open,
 * which may be replaced for one connection. No other file of this version has such a number in it.
 */

/** The constants that a 0.8 connection runs by. Times in ms, sizes in octets. */
export interface V08Profile {
  /** The text that opens each stream. */
  readonly hello: string
  /** The largest UDP payload: 576 less an IPv4 header of 60 and a UDP header of 8. */
  readonly maxDatagramBytes: number
  /** The most stream data in one datagram that is sent. */
  readonly maxDataBytes: number
  /** The right edge of the window on both sides until the connection is validated. */
  readonly helloWindow: number
  /** The advertised right edges are multiples of the receive buffer divided by this. */
  readonly windowSteps: number
  /** The buffer size that congestion control starts from, whatever the buffers are. */
  readonly nominalWindow: number
  /** The edges that the originals advertise with their own buffers are multiples of this, behind the hello. */
  readonly originalStep: number
  /** The most acknowledgements that are owed to segments out of order; further ones are left out. */
  readonly maxOwedAcks: number
  /** The size of the buffers for receiving and for sending. */
  readonly bufferBytes: number
  /** The most segments that are kept out of order; a further one is as good as lost. */
  readonly maxQueuedSegments: number
  /** Retransmission time-out before the first sample. */
  readonly initialRtoMs: number
  readonly minRtoMs: number
  readonly maxRtoMs: number
  /** The pause between two hellos once the peer's has arrived; before, it is `initialRtoMs`. The originals go on doubling. */
  readonly heardHelloMs: number
  /** After so many back-offs in a row the round-trip estimate is forgotten. */
  readonly backoffsToForget: number
  /** Segments that may be in flight at the start and after a pause. */
  readonly initialWindowSegments: number
  /** Segments that may be in flight after a loss, and always. */
  readonly minWindowSegments: number
  /** Duplicate acknowledgements that mean a loss. */
  readonly duplicateAcks: number
  /** How long the hello exchange may take. The originals try for ever. */
  readonly handshakeTimeoutMs: number
  /** How long nothing may come from the peer while an answer is owed. The originals wait for ever. */
  readonly silenceTimeoutMs: number
  /** The longest pause between two repetitions of CLOSE. The originals repeat it once at most. */
  readonly maxCloseRepeatMs: number
  /** How long ending may take once nothing but the end is left. The originals wait for ever. */
  readonly closeTimeoutMs: number
  /** How long datagrams are answered after the end. The originals do not. */
  readonly lingerMs: number
  /** How often the last datagram is sent without being asked for, spread over the lingering. */
  readonly lingerRepeats: number
  /** Silence after which the hello, which is old data by then, asks for an answer. The originals are silent for ever. */
  readonly keepAliveMs: number
}

/** VUT 0.8 as the originals speak it, with the limits of its own that a careful peer needs. */
export const PROFILE_08: V08Profile = Object.freeze({
  hello: 'VUDPTransport-0.8',
  maxDatagramBytes: 508,
  maxDataBytes: 463,
  helloWindow: 128,
  windowSteps: 5,
  nominalWindow: 65_535,
  originalStep: 13_107,
  maxOwedAcks: 64,
  bufferBytes: 65_536,
  maxQueuedSegments: 1024,
  initialRtoMs: 3000,
  minRtoMs: 100,
  maxRtoMs: 60_000,
  heardHelloMs: 500,
  backoffsToForget: 5,
  initialWindowSegments: 2,
  minWindowSegments: 1,
  duplicateAcks: 3,
  handshakeTimeoutMs: 30_000,
  silenceTimeoutMs: 120_000,
  maxCloseRepeatMs: 3000,
  closeTimeoutMs: 30_000,
  lingerMs: 4000,
  lingerRepeats: 5,
  keepAliveMs: 15_000,
})
