/**
 * Loss recovery of VUT 0.8: which segments go out again, and how many may be in flight.
 *
 * Decides what is lost, from duplicate acknowledgements (RFC 2581, with the partial acknowledgements of RFC 6582) and from
 * one timer (RFC 2988). It encodes nothing. Invariant: `pipe` is never negative, and the timer runs if and only if
 * something is in flight.
 */
import { Congestion08 } from './congestion.js'
import type { V08Profile } from './profile.js'
import { RtoEstimator08 } from './rto.js'
import type { SegmentQueue } from './segments.js'

/** What is lost, and when to look again. */
export class Recovery08 {
  readonly rto: RtoEstimator08
  readonly congestion: Congestion08
  /** Transmissions of segments that were given up: each was followed by another one of the same segment. */
  lostCount = 0
  /** Segments that were acknowledged. */
  ackedCount = 0
  /** How often the timer expired. */
  timeouts = 0
  readonly #profile: V08Profile
  readonly #segments: SegmentQueue
  #duplicates = 0
  #recovering = false
  /** Losses below this position belong to the window that was halved last. */
  #recoverTo = 0
  /** Segments from the first index up to the second are lost and go out again as the window allows. */
  #resendNext = 0
  #resendStop = 0
  /** The oldest segment goes out again whatever the window says. */
  #urgent = false
  #timerAt = Number.POSITIVE_INFINITY
  #lastDataAt = Number.NEGATIVE_INFINITY

  constructor(profile: V08Profile, segments: SegmentQueue) {
    this.#profile = profile
    this.#segments = segments
    this.rto = new RtoEstimator08(profile)
    this.congestion = new Congestion08(profile)
  }

  /** When the timer expires; Infinity while nothing is in flight. */
  get timerAt(): number {
    return this.#timerAt
  }

  /** When data was sent last, -Infinity before. */
  get lastDataAt(): number {
    return this.#lastDataAt
  }

  /** Segments that are thought to be on their way. */
  get pipe(): number {
    return this.#segments.count - (this.#resendStop - this.#resendNext)
  }

  /** What the window makes of the present: for people. */
  get state(): string {
    if (this.#recovering) return 'recovery'
    return this.congestion.window <= this.congestion.threshold ? 'slow-start' : 'avoidance'
  }

  /** The index of the segment that has to go out again now, -1 for none. */
  get resendIndex(): number {
    if (this.#urgent && this.#segments.count > 0) return 0
    const owed = this.#resendNext < this.#resendStop && this.pipe + 1 <= this.congestion.window
    return owed ? this.#resendNext : -1
  }

  /** True if the window lets another new segment out. */
  get mayOpen(): boolean {
    return this.#resendNext >= this.#resendStop && this.pipe + 1 <= this.congestion.window
  }

  /** The oldest segment is to go out again at once. */
  hurry(): void {
    this.#urgent = this.#segments.count > 0
  }

  /** A new segment is about to go out. */
  onOpening(now: number): void {
    const paused = this.#segments.count === 0 && now - this.#lastDataAt > this.rto.rtoMs
    if (paused) this.congestion.onPause()
    if (this.#timerAt === Number.POSITIVE_INFINITY) this.#timerAt = now + this.rto.rtoMs
    this.#lastDataAt = now
  }

  /** The segment at `index` went out again. */
  onResent(index: number, now: number): void {
    this.#segments.markResent(index, now)
    this.lostCount += 1
    this.#lastDataAt = now
    if (index === 0) this.#urgent = false
    if (index === this.#resendNext && this.#resendNext < this.#resendStop) this.#resendNext += 1
  }

  /** Takes an acknowledgement of everything below `ack`, which ends a segment in flight. */
  onAck(ack: number, now: number): void {
    const segments = this.#segments
    let acked = 0
    let sentAt = -1
    let ambiguous = false
    while (segments.count > 0 && segments.endOf(0) <= ack) {
      ambiguous ||= segments.wasResent(0)
      sentAt = segments.sentAt(0)
      segments.shift()
      acked += 1
    }
    this.ackedCount += acked
    // What was sent again tells no round trip (Karn), nor does what had to wait for it at the other end.
    if (ambiguous) this.rto.onProgress()
    else this.rto.sample(now - sentAt)
    this.#resendNext = Math.max(this.#resendNext - acked, 0)
    this.#resendStop = Math.max(this.#resendStop - acked, 0)
    this.#urgent = false
    this.#duplicates = 0
    this.#adjustWindow(ack, acked)
    this.#timerAt = segments.count === 0 ? Number.POSITIVE_INFINITY : now + this.rto.rtoMs
  }

  /** Takes an acknowledgement that says the same as the one before, with nothing else in it. */
  onDuplicate(): void {
    if (this.#recovering) {
      this.congestion.onFurtherDuplicate()
      return
    }
    this.#duplicates += 1
    if (this.#duplicates < this.#profile.duplicateAcks || this.#segments.start < this.#recoverTo) return
    this.congestion.onFastRetransmit(this.#segments.count, this.#duplicates)
    this.#recovering = true
    this.#recoverTo = this.#segments.end
    this.#urgent = true
  }

  /** Something came in between: the duplicates were not in a row. */
  onOther(): void {
    if (!this.#recovering) this.#duplicates = 0
  }

  /** Does what is due. `quiet`: the peer cannot take what is in flight, so that its silence says nothing of the network. */
  onTimer(now: number, quiet: boolean): void {
    if (now < this.#timerAt) return
    this.timeouts += 1
    this.rto.backOff()
    this.#timerAt = now + this.rto.rtoMs
    this.#duplicates = 0
    if (quiet) {
      this.#urgent = true
      return
    }
    this.congestion.onTimeout(this.#segments.count)
    this.#recovering = false
    this.#recoverTo = this.#segments.end
    this.#resendNext = 0
    this.#resendStop = this.#segments.count
  }

  /** Does what is due before the connection is validated: the hello goes out again, soon if the peer was `heard`. */
  onHelloTimer(now: number, heard: boolean): void {
    if (now < this.#timerAt) return
    this.timeouts += 1
    this.#timerAt = now + (heard ? this.#profile.heardHelloMs : this.#profile.initialRtoMs)
    this.#urgent = true
  }

  /** The peer's hello has arrived: ours goes out again, in case that the peer was not there the first time. */
  onHello(now: number): void {
    this.hurry()
    this.#timerAt = Math.min(this.#timerAt, now + this.#profile.heardHelloMs)
  }

  /** Nothing is in flight any more: it was dropped. */
  onDropped(): void {
    this.lostCount += this.#segments.count
    this.#resendNext = 0
    this.#resendStop = 0
    this.#urgent = false
    this.#recovering = false
    this.#timerAt = Number.POSITIVE_INFINITY
  }

  #adjustWindow(ack: number, acked: number): void {
    if (!this.#recovering) {
      this.congestion.onAck(acked)
      return
    }
    if (ack >= this.#recoverTo) {
      this.#recovering = false
      this.congestion.onRecovered()
      return
    }
    this.congestion.onPartialAck(acked)
    this.#urgent = true
  }
}
