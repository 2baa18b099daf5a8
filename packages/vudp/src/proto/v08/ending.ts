/**
 * How the two directions of a 0.8 connection end.
 *
 * Decides what CLOSE and ACK_CLOSE of the peer mean, which of them our datagrams carry, and when CLOSE is repeated. It does
 * not decide what a conflict does to the connection. Invariant: CLOSE is sent only once everything before it has been
 * acknowledged, so that it never arrives ahead of a gap; its position never changes.
 */
import { FLAG_ACK_CLOSE, FLAG_CLOSE } from './packet.js'
import type { V08Profile } from './profile.js'

/** What an ACK_CLOSE meant. */
export type AckCloseOutcome = 'nothing' | 'closed' | 'aborted'

/** What is left to send of the output. */
export interface OutputLeft {
  readonly waitingBytes: number
  readonly inFlight: number
}

/** The ends of both directions. */
export class Ending08 {
  readonly #profile: V08Profile
  /** The application has ended its output. */
  finishing = false
  /** The application takes no more input. */
  stopped = false
  /** The peer has given its input up before our end. */
  aborted = false
  #output: 'open' | 'closing' | 'closed' = 'open'
  #inputClosed = false
  #closeAt = -1
  #repeatAt = Number.POSITIVE_INFINITY
  #repeats = 0
  #deadlineAt = Number.POSITIVE_INFINITY

  constructor(profile: V08Profile) {
    this.#profile = profile
  }

  /** The position at which the peer's stream ends, -1 while it is unknown. */
  get closeAt(): number {
    return this.#closeAt
  }

  /** True once our end was told and until it is confirmed. */
  get closing(): boolean {
    return this.#output === 'closing'
  }

  /** True once the peer has confirmed our end. */
  get outputClosed(): boolean {
    return this.#output === 'closed'
  }

  /** True once everything up to the peer's end has arrived, or it ended after we gave the input up. */
  get inputClosed(): boolean {
    return this.#inputClosed
  }

  /** True once both directions are through. */
  get complete(): boolean {
    return this.#inputClosed && this.#output === 'closed'
  }

  /** The flags of the next datagram. */
  get flags(): number {
    const close = this.#output === 'open' ? 0 : FLAG_CLOSE
    return this.#inputClosed || this.stopped ? close | FLAG_ACK_CLOSE : close
  }

  /** When CLOSE is to be sent, Infinity for never. */
  get repeatAt(): number {
    return this.#output === 'closing' ? this.#repeatAt : Number.POSITIVE_INFINITY
  }

  /** How often CLOSE was sent by this timer. */
  get repeats(): number {
    return this.#repeats
  }

  /** When waiting for the rest of the end is over, Infinity for never. */
  get deadlineAt(): number {
    return this.#deadlineAt
  }

  /** True if nothing is left before our end, and telling it has not begun. */
  isDue(left: OutputLeft): boolean {
    const wanted = this.finishing || this.aborted
    return this.#output === 'open' && wanted && left.waitingBytes === 0 && left.inFlight === 0
  }

  /** Starts to tell our end. */
  begin(now: number): void {
    this.#output = 'closing'
    this.#repeatAt = now
    this.#deadlineAt = now + this.#profile.closeTimeoutMs
  }

  /** CLOSE was sent because it was due. */
  onCloseSent(now: number, rtoMs: number): void {
    const pause = Math.min(rtoMs * 2 ** Math.min(this.#repeats, 10), this.#profile.maxCloseRepeatMs)
    this.#repeats += 1
    this.#repeatAt = now + pause
  }

  /** Takes a CLOSE at `position`. False if it conflicts with what the peer has sent before, up to `highest`. */
  onClose(position: number, highest: number): boolean {
    if (this.#closeAt !== -1) return this.#closeAt === position
    if (position < highest) return false
    this.#closeAt = position
    return true
  }

  /** Takes an ACK_CLOSE. */
  onAckClose(left: OutputLeft): AckCloseOutcome {
    if (this.#output === 'closed') return 'nothing'
    if (this.#output === 'closing') {
      this.#output = 'closed'
      return 'closed'
    }
    if (this.finishing && left.waitingBytes === 0) {
      // An original that has heard of our end says so before it acknowledges what came with it; it says so again.
      if (left.inFlight > 0) return 'nothing'
      this.#output = 'closed'
      return 'closed'
    }
    this.aborted = true
    return 'aborted'
  }

  /** Looks whether the input has ended, now that everything below `next` has arrived. Returns true if it has since now. */
  lookAtInput(next: number): boolean {
    if (this.#inputClosed || this.#closeAt === -1) return false
    // What is missing of an input that nobody wants will not be sent again.
    this.#inputClosed = this.stopped || next === this.#closeAt
    return this.#inputClosed
  }

  /** Waits for the peer's end of an unwanted input no longer than for an answer. */
  boundInput(now: number): void {
    if (this.closing) return
    const waits = this.#output === 'closed' && this.stopped && !this.#inputClosed
    const latest = waits ? now + this.#profile.closeTimeoutMs : Number.POSITIVE_INFINITY
    this.#deadlineAt = waits ? Math.min(this.#deadlineAt, latest) : latest
  }
}
