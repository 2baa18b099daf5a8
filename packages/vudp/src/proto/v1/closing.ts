/**
 * The end of a connection on the wire (VUT 5).
 *
 * Decides when CLOSE leaves and how long it is answered for. Why the connection ends is decided by others. Invariants: a
 * connection ends once; after its end it sends CLOSE only, at most one for each datagram that comes, and at last nothing.
 */
import type { VFailure } from '@vio/io'
import { VUT1 } from '../profile.js'
import type { DatagramBuilder } from './builder.js'
import { FRAME, numbersSize, writeWithBytes } from './frames.js'

/** How far the end has come. */
export type ClosingState = 'open' | 'closing' | 'draining' | 'drained'

const NO_TEXT: Buffer = Buffer.alloc(0)

/** The end of one connection. */
export class Closing {
  #state: ClosingState = 'open'
  #reason: VFailure | null = null
  #code = 0
  #text: Buffer = NO_TEXT
  #owes = false
  #repeats = 0
  #until = Number.POSITIVE_INFINITY

  get state(): ClosingState {
    return this.#state
  }

  /** Why it ended; null while it has not. */
  get reason(): VFailure | null {
    return this.#reason
  }

  /** True if CLOSE has to leave. */
  get owesClose(): boolean {
    return this.#owes
  }

  /** When it is over for good; Infinity while it is open, and afterwards. */
  get dueAt(): number {
    return this.#until
  }

  /** We end it, and say so until `until`. Returns false if it has ended. */
  begin(reason: VFailure, code: number, text: string, until: number): boolean {
    if (this.#state !== 'open') return false
    this.#state = 'closing'
    this.#reason = reason
    this.#code = code
    this.#text = Buffer.from(text).subarray(0, VUT1.maxReasonBytes)
    this.#owes = true
    this.#until = until
    return true
  }

  /** The peer ends it: one CLOSE tells it that we know. Returns false if it had ended before. */
  beginByPeer(reason: VFailure, code: number, until: number): boolean {
    if (this.#state === 'drained') return false
    const wasOpen = this.#state === 'open'
    // We said it first, and the peer has heard it: nothing is left to say.
    this.#owes = wasOpen
    this.#state = wasOpen ? 'draining' : this.#state
    if (wasOpen) {
      this.#reason = reason
      this.#code = code
      this.#until = until
    } else this.drain()
    return wasOpen
  }

  /** It ends without a word. Returns false if it had ended before. */
  beginSilently(reason: VFailure): boolean {
    const wasOpen = this.#state === 'open'
    if (wasOpen) this.#reason = reason
    this.drain()
    return wasOpen
  }

  /** Something came after the end: it is told again. */
  onDatagram(): void {
    if (this.#state === 'closing' && this.#repeats < VUT1.maxCloseRepeats) this.#owes = true
  }

  /** Nothing more is sent. */
  drain(): void {
    this.#state = 'drained'
    this.#owes = false
    this.#until = Number.POSITIVE_INFINITY
  }

  /** Writes CLOSE. */
  write(builder: DatagramBuilder): void {
    const text = this.#text
    const numbers = [FRAME.close, this.#code, text.length]
    if (numbersSize(...numbers) + text.length > builder.room) return
    builder.at = writeWithBytes(builder.bytes, builder.at, numbers, text)
    this.#owes = false
    this.#repeats += 1
  }
}
