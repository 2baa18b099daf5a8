/**
 * One address beside the path in use, and the question whether the peer is there (VUT 5, "Trying another path").
 *
 * Decides when the question is put again and when it counts as unanswered. What follows from an answer is decided by
 * `Paths`. Invariant: one question at a time; the data of a question is never used for another one.
 */
import type { VIPSocketPeer } from '@vio/io'
import type { IVRandom } from '@vio/reactor'
import { VUT1 } from '../profile.js'
import type { DatagramBuilder } from './builder.js'
import { FRAME, writeWithBytes } from './frames.js'
import type { Path } from './path.js'

const CHALLENGE_BYTES = 8
const FRAME_BYTES: number = 1 + CHALLENGE_BYTES

/** What is asked. */
export interface ProbeQuestion {
  /** The path that would be used. */
  readonly path: Path
  /** True to move there once it has answered. */
  readonly moves: boolean
  /** How large the datagram with the question is at most. */
  readonly sizeBytes: number
  /** After how long it is put again. */
  readonly waitMs: number
}

/** What came of a question. */
export interface ProbeOutcome {
  readonly path: Path
  readonly moves: boolean
  readonly answered: boolean
}

/** Asks one address at a time. */
export class PathProbe {
  readonly #random: IVRandom
  /** What an answer has to repeat; made with the first question. */
  #data: Buffer | null = null
  #question: ProbeQuestion | null = null
  #isOwed = false
  #sends = 0
  #sentAt = 0
  #againAt = Number.POSITIVE_INFINITY
  #deadline = Number.POSITIVE_INFINITY

  constructor(random: IVRandom) {
    this.#random = random
  }

  /** What is being asked; null if nothing is. */
  get question(): ProbeQuestion | null {
    return this.#question
  }

  /** Where the question has to go now; null if nowhere. */
  get owedPeer(): VIPSocketPeer | null {
    return this.#isOwed ? (this.#question?.path.peer ?? null) : null
  }

  /** When `onTimeout` is due; Infinity for never. */
  get dueAt(): number {
    return Math.min(this.#againAt, this.#deadline)
  }

  /** Asks; whatever was asked before is forgotten. */
  begin(now: number, question: ProbeQuestion): void {
    this.#question = question
    this.#data ??= Buffer.alloc(CHALLENGE_BYTES)
    this.#random.fillSecret(this.#data)
    this.#isOwed = true
    this.#sends = 0
    this.#againAt = now + question.waitMs
    this.#deadline = now + VUT1.validationPtos * Math.max(question.waitMs, VUT1.validationMs)
  }

  /** Asks no more. */
  end(): void {
    this.#question = null
    this.#isOwed = false
    this.#againAt = Number.POSITIVE_INFINITY
    this.#deadline = Number.POSITIVE_INFINITY
  }

  /** An answer has come. Null if it is none to this question. */
  take(now: number, data: Buffer): ProbeOutcome | null {
    const question = this.#question
    if (question === null || this.#data?.equals(data) !== true) return null
    const { path, moves } = question
    // Of a question that was put twice it is not known which one was answered.
    if (this.#sends === 1) path.rtt.update(now - this.#sentAt, 0)
    path.validate(now)
    this.end()
    return { path, moves, answered: true }
  }

  /** Puts it again, or gives up. */
  onTimeout(now: number): ProbeOutcome | null {
    const question = this.#question
    if (question === null) return null
    if (now >= this.#deadline) {
      this.end()
      return { path: question.path, moves: question.moves, answered: false }
    }
    if (now < this.#againAt) return null
    this.#isOwed = true
    this.#againAt = now + question.waitMs
    return null
  }

  /** Writes the question, and fills the datagram up, so that the path shows that it carries this size. */
  write(now: number, builder: DatagramBuilder): void {
    if (this.#data === null || builder.room < FRAME_BYTES) return
    builder.wrote(writeWithBytes(builder.bytes, builder.at, [FRAME.pathChallenge], this.#data))
    builder.bytes.fill(FRAME.padding, builder.at, builder.limit)
    builder.at = builder.limit
    this.#isOwed = false
    this.#sends += 1
    this.#sentAt = now
  }
}
