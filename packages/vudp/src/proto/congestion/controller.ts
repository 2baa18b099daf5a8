/**
 * What a congestion controller is told and what it answers.
 *
 * A controller decides two numbers: how much may be in flight (`windowBytes`) and how fast it may leave
 * (`pacingRate`). It is told of each datagram that left, was acknowledged or was lost, and does its sums once per
 * batch. What is lost, what has to be sent again and when a probe is due stay with the caller, and so does the count of
 * what is in flight. Invariant: the caller's records are the only memory per datagram; a controller allocates nothing
 * for one.
 */

/**
 * What the sender keeps of one datagram that counts as in flight. The caller owns the record, writes the first group
 * before `onSent` and may use it again for another datagram once this one was acknowledged or given up; the controller
 * writes the second group in `onSent` and reads it in `onAck` and `onLoss`.
 */
export interface IVSentRecord {
  /** The datagram's number; rises with each one sent. */
  number: number
  /** Bytes that it counts for, header and tag included. */
  sizeBytes: number
  /** When it left. */
  sentAt: number

  /** The bytes that had been delivered when it left. */
  deliveredBytes: number
  /** When the newest of these deliveries was told. */
  deliveredAt: number
  /** When the first datagram of the flight left that this one's rate is measured over. */
  firstSentAt: number
  /** The bytes that had been lost when it left. */
  lostBytes: number
  /** The bytes in flight right after it left, itself included. */
  inFlightBytes: number
  /** True if the application had left room in the window before it. */
  isAppLimited: boolean
}

/** A record for a sender's pool, with all fields at zero. */
export function createSentRecord(): IVSentRecord {
  return {
    number: 0,
    sizeBytes: 0,
    sentAt: 0,
    deliveredBytes: 0,
    deliveredAt: 0,
    firstSentAt: 0,
    lostBytes: 0,
    inFlightBytes: 0,
    isAppLimited: false,
  }
}

/** The round-trip times of the path, as `Rtt` keeps them; milliseconds. */
export interface IVRttView {
  /** True once there was a sample; before, the others hold initial values. */
  readonly hasSample: boolean
  /** The newest sample, less what the peer says it waited. */
  readonly latestMs: number
  readonly smoothedMs: number
  readonly varianceMs: number
  /** The least raw sample of the path; Infinity before the first. */
  readonly minMs: number
}

/** What every controller is built from. */
export interface IVCongestionOptions {
  /** The size of a full datagram at first. */
  readonly datagramBytes: number
  /** The path's round-trip times, which the caller keeps up to date. */
  readonly rtt: IVRttView
  /** A public random number from 0 on and below 1; spreads the probing of flows that share a link. By default 0.5 for ever. */
  readonly random?: () => number
  /** Datagrams in the initial window; by default 10. */
  readonly initialDatagrams?: number
  /** The most that `windowBytes` ever says; by default no bound. */
  readonly maxWindowBytes?: number
}

/**
 * One congestion controller for one path.
 *
 * The order of calls: `onSent` for each datagram; for each ACK, first `onAck` for every datagram that it newly
 * acknowledges, then `onLoss` for every one it gives up, then `onBatchEnd` once. A loss timer that gives datagrams up
 * does the same without `onAck`. `windowBytes` and `pacingRate` hold from `onBatchEnd` (and `onSent`) on.
 */
export interface IVCongestion {
  /** 'cubic', 'bbr', 'reno' or 'fixed'. */
  readonly name: string
  /** What it is about, for traces: 'slow-start', 'recovery', 'probe-up', ... */
  readonly state: string
  /** The most that may be in flight; at least two datagrams. */
  readonly windowBytes: number
  /** Where slow start ends; Infinity while it is not known, and always for controllers without it. */
  readonly ssthreshBytes: number
  /** How fast to send, in bytes per millisecond; Infinity for no pacing. */
  readonly pacingRate: number
  /** The path's estimated rate in bytes per millisecond; 0 while it is not known. For stats. */
  readonly deliveryRate: number

  /**
   * A datagram that counts as in flight has left, of which the first group of fields is set.
   *
   * @param inFlightBytes what is in flight now, the datagram included
   */
  onSent(now: number, packet: IVSentRecord, inFlightBytes: number): void
  /** The datagram was acknowledged for the first time and had not been given up. */
  onAck(now: number, packet: IVSentRecord): void
  /** The datagram was given up as lost. Not called for probes of a larger datagram size (RFC 9000 section 14.4). */
  onLoss(now: number, packet: IVSentRecord): void
  /**
   * All of one ACK, or of one expiry of the loss timer, was told.
   *
   * @param inFlightBytes what is in flight now
   * @param rttMs the new sample of the round-trip time that the ACK gave, less the peer's delay; -1 if it gave none
   */
  onBatchEnd(now: number, inFlightBytes: number, rttMs: number): void
  /**
   * A datagram was acknowledged after it had been given up: it was late, not lost. Called instead of `onAck`, before
   * the `onBatchEnd` of that ACK. Undoes the reaction to its loss once no true loss of that reaction is left.
   */
  onSpurious(now: number, packet: IVSentRecord): void
  /** Everything sent over a long time was lost (RFC 9002 section 7.6). */
  onPersistentCongestion(now: number): void
  /** There was room in the window and the pacer, and nothing to send. Call it whenever a sending round ends so. */
  onAppLimited(inFlightBytes: number): void
  /** The full datagram has another size from now on. */
  setDatagramBytes(sizeBytes: number): void
}

/** The controllers that an option may name. */
export type VCongestionName = 'cubic' | 'bbr' | 'reno'
