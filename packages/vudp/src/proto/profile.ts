/**
 * The constants of VUT/1, in one frozen record.
 *
 * Every number that the protocol fixes or recommends stands here, once, with its unit in its name; what an application
 * may choose is in the config. VUT 0.8 has a record of its own with its engine. What is one file's own way to do a thing
 * stands in that file.
 */

/** The shape of the record. Sizes in bytes, times in milliseconds, unless the name says otherwise. */
export interface V1Profile {
  /** The name of the version, and its number on the wire. */
  readonly name: string
  readonly version: number

  // Secrets and handshake (VUT 1 to 3).
  readonly minSecretBytes: number
  readonly maxSecretBytes: number
  readonly maxContextBytes: number
  readonly maxUserDataBytes: number
  readonly tagBytes: number
  readonly idBytes: number
  readonly macBytes: number
  readonly tokenBytes: number
  readonly initBytes: number
  readonly punchBytes: number
  readonly handshakeTimeoutMs: number
  readonly initFirstDelayMs: number
  readonly initMaxDelayMs: number
  readonly punchFirstDelayMs: number
  readonly punchMaxDelayMs: number
  readonly maxCandidates: number
  /** Failed checks of one source in a second after which further ones are dropped unseen, and sources watched. */
  readonly maxFailuresPerSecond: number
  readonly watchedSources: number
  /** Checks a second for all sources over that number together. */
  readonly sharedChecksPerSecond: number
  readonly waitingLong: number
  readonly amplification: number
  readonly maxResetsPerSecond: number
  readonly minResetBytes: number

  // Packet protection (VUT 3).
  readonly headerBytes: number
  readonly tagOfAeadBytes: number
  readonly nonceBytes: number
  readonly maxNumber: number
  readonly replayWindow: number
  readonly maxDatagramsPerKey: number
  readonly maxFailuresPerKey: number
  readonly oldKeyPtos: number

  // Parameters when absent (VUT 3).
  readonly idleTimeoutMs: number
  readonly streamLimitBytes: number
  readonly totalLimitFactor: number
  readonly maxStreams: number
  readonly ackDelayMs: number
  readonly maxAckDelayMs: number
  readonly datagramBytes: number
  readonly largestDatagramBytes: number

  // Frames and acknowledgements (VUT 4, 5).
  readonly maxAckRanges: number
  readonly ackEveryDatagrams: number
  readonly ackDelayUnitUs: number
  /** What is offered as parameter 0a, and the part of a round trip that an acknowledgement may be put off by. */
  readonly ackFrequency: number
  /** So many datagrams pass at most where a round trip is not short: more would come as one burst to whoever sends. */
  readonly ackMostOfLong: number
  readonly ackRttParts: number
  /** The least that this part counts as, and where a round trip is short: there, time is short for the processor. */
  readonly ackPartMs: number
  readonly ackShortRttMs: number
  readonly ackPartOfShortMs: number
  /** At high rates too few datagrams may come: an acknowledgement waits no longer than this part of a round trip. */
  readonly ackDelayRttParts: number
  /** Ranges out of order that a stream may hold; beyond, the connection ends. */
  readonly maxGaps: number
  /** Streams that ask about their limit again in one round. */
  readonly blockedPerRound: number
  /** Ranges from which on an acknowledgement asks to be acknowledged itself, so that old ones can be dropped. */
  readonly pingAtRanges: number
  readonly maxReasonBytes: number
  readonly maxCloseRepeats: number
  readonly localIds: number
  readonly maxIdSequence: number
  readonly maxMissingIds: number
  readonly maxPathResponses: number

  // Recovery (VUT 5, RFC 9002).
  readonly packetThreshold: number
  readonly maxPacketThreshold: number
  readonly timeThreshold: number
  readonly maxTimeThreshold: number
  readonly granularityMs: number
  readonly initialRttMs: number
  readonly persistentCongestionPtos: number
  readonly maxPtoMs: number
  readonly maxQuietPtoMs: number
  readonly goodPathMs: number
  readonly ptoProbes: number
  readonly initialWindowDatagrams: number
  readonly keptLostRecords: number

  // Flow control (VUT 4).
  readonly maxWindowBytes: number
  readonly sendBufferBytes: number
  readonly datagramQueue: number

  // Path (VUT 5).
  readonly keepAliveMs: number
  readonly idlePtos: number
  readonly consentMs: number
  readonly validationPtos: number
  /** What a PTO counts at least for the time that a path has to prove itself (RFC 9000 section 8.2.4). */
  readonly validationMs: number
  readonly mtuSteps: readonly number[]
  /** The largest payload over Ethernet: what is tried where nothing is known, or fragmentation cannot be forbidden. */
  readonly ordinaryV4Bytes: number
  readonly ordinaryV6Bytes: number
  readonly mtuProbes: number
  readonly mtuRaiseMs: number
  readonly blackHoleLosses: number
  readonly closePtos: number
  /** The same after a clean end, unless the peer answers it, and as time at least. */
  readonly cleanClosePtos: number
  readonly cleanCloseMs: number
}

/** The constants of VUT/1 (docs/vut-wire.md). */
export const VUT1: V1Profile = Object.freeze({
  name: 'vut/1',
  version: 1,

  // Secrets and handshake (VUT 1 to 3).
  minSecretBytes: 16,
  maxSecretBytes: 64,
  maxContextBytes: 255,
  maxUserDataBytes: 256,
  tagBytes: 8,
  idBytes: 8,
  macBytes: 16,
  tokenBytes: 16,
  initBytes: 1200,
  punchBytes: 29,
  handshakeTimeoutMs: 15_000,
  initFirstDelayMs: 250,
  initMaxDelayMs: 2_000,
  punchFirstDelayMs: 250,
  punchMaxDelayMs: 2_000,
  maxCandidates: 8,
  maxFailuresPerSecond: 8,
  watchedSources: 64,
  sharedChecksPerSecond: 256,
  waitingLong: 32,
  amplification: 3,
  maxResetsPerSecond: 10,
  minResetBytes: 21,

  // Packet protection (VUT 3).
  headerBytes: 13,
  tagOfAeadBytes: 16,
  nonceBytes: 12,
  maxNumber: 2 ** 53 - 1,
  replayWindow: 4096,
  maxDatagramsPerKey: 2 ** 23,
  maxFailuresPerKey: 2 ** 36,
  oldKeyPtos: 3,

  // Parameters when absent (VUT 3).
  idleTimeoutMs: 30_000,
  streamLimitBytes: 1_048_576,
  totalLimitFactor: 1.5,
  maxStreams: 100,
  ackDelayMs: 25,
  maxAckDelayMs: 16_383,
  datagramBytes: 1200,
  largestDatagramBytes: 65_507,

  // Frames and acknowledgements (VUT 4, 5).
  maxAckRanges: 32,
  ackEveryDatagrams: 2,
  ackDelayUnitUs: 8,
  ackFrequency: 32,
  ackMostOfLong: 10,
  ackRttParts: 64,
  ackPartMs: 1,
  ackShortRttMs: 8,
  ackPartOfShortMs: 2,
  ackDelayRttParts: 4,
  maxGaps: 8_192,
  blockedPerRound: 16,
  pingAtRanges: 6,
  maxReasonBytes: 128,
  maxCloseRepeats: 64,
  localIds: 4,
  maxIdSequence: 65_535,
  maxMissingIds: 64,
  maxPathResponses: 8,

  // Recovery (VUT 5, RFC 9002).
  packetThreshold: 3,
  maxPacketThreshold: 128,
  timeThreshold: 9 / 8,
  maxTimeThreshold: 2,
  granularityMs: 1,
  initialRttMs: 333,
  persistentCongestionPtos: 3,
  maxPtoMs: 2_000,
  maxQuietPtoMs: 60_000,
  goodPathMs: 30_000,
  ptoProbes: 2,
  initialWindowDatagrams: 10,
  keptLostRecords: 64,

  // Flow control (VUT 4).
  maxWindowBytes: 16_777_216,
  sendBufferBytes: 1_048_576,
  datagramQueue: 256,

  // Path (VUT 5).
  keepAliveMs: 15_000,
  idlePtos: 3,
  consentMs: 30_000,
  validationPtos: 3,
  validationMs: 1_000,
  mtuSteps: Object.freeze([1280, 1400, 1452, 1472, 2972, 4052, 8952, 16_344, 32_728, 65_507]),
  ordinaryV4Bytes: 1472,
  ordinaryV6Bytes: 1452,
  mtuProbes: 3,
  mtuRaiseMs: 600_000,
  blackHoleLosses: 4,
  closePtos: 3,
  cleanClosePtos: 8,
  cleanCloseMs: 5_000,
})
