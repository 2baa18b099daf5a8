/**
 * What is still said after a 0.8 connection has ended: the last datagram, again and again for a while.
 *
 * Decides when the last datagram goes out, asked for or not, and when it is enough. The originals say it once; where it is
 * lost, the other side waits for ever. Invariant: two ends that answer each other fall silent all the same.
 */
import type { V08Profile } from './profile.js'

/** The time after the end. */
export class Linger08 {
  readonly #profile: V08Profile
  #owed = false
  #begun = false
  #from = 0
  #until = 0
  #repeats = 0
  #repeatAt = Number.POSITIVE_INFINITY
  #answers = 0
  #answerFrom = 0

  constructor(profile: V08Profile) {
    this.#profile = profile
  }

  /** True if the last datagram has to go out now. */
  get owed(): boolean {
    return this.#owed
  }

  /** True once it has begun. */
  get begun(): boolean {
    return this.#begun
  }

  /** When something is due: a repetition, or the end of it all. */
  get dueAt(): number {
    return Math.min(this.#repeatAt, this.#until)
  }

  /** Begins, for `ms`: the last datagram is owed. With 0 it is said once. */
  begin(now: number, ms: number): void {
    if (this.#begun) return
    this.#begun = true
    this.#owed = true
    this.#from = now
    this.#until = now + ms
    this.#answerFrom = now
    if (ms > 0) this.#plan()
  }

  /** A datagram came that deserves an answer. Each answer is given after a longer pause than the one before. */
  answer(now: number): void {
    if (now < this.#answerFrom) return
    this.#owed = true
    this.#answers += 1
    this.#answerFrom = now + this.#profile.minRtoMs * 2 ** this.#answers
  }

  /** The last datagram went out. */
  onSent(): void {
    this.#owed = false
  }

  /** Does what is due. */
  onTimer(now: number): void {
    if (now < this.#repeatAt) return
    this.#owed = true
    this.#repeats += 1
    this.#plan()
  }

  /** True if nothing more will be said. */
  isOver(now: number): boolean {
    return this.#begun && now >= this.#until && !this.#owed
  }

  /** Each pause is as long as all those before together: short at first, when it is of most use. */
  #plan(): void {
    const left = this.#profile.lingerRepeats - this.#repeats
    const span = this.#until - this.#from
    this.#repeatAt = left > 0 ? this.#from + span / 2 ** left : Number.POSITIVE_INFINITY
  }
}
