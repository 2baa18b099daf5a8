/**
 * Stateless reset: what answers a DATA datagram of a connection that nobody knows any more (VUT 2).
 *
 * Decides which datagrams are answered and how often. It is used by whoever owns the socket, as there is no connection
 * then. Invariants: a RESET is never answered; each answer is shorter than its cause; at most ten leave in a second.
 */
import type { VUDPMeans } from '../config.js'
import { VUT1 } from '../profile.js'
import { resetToken } from './key-schedule.js'
import { encodeReset, isData } from './packet.js'

const SECOND_MS = 1000

/** Answers what belongs to no connection. */
export class StatelessReset {
  readonly #means: VUDPMeans
  readonly #resetKey: Uint8Array
  #count = 0
  #since = Number.NEGATIVE_INFINITY

  /** @param resetKey what the tokens of this endpoint's connections are made with */
  constructor(means: VUDPMeans, resetKey: Uint8Array) {
    this.#means = means
    this.#resetKey = resetKey
  }

  /** The answer to a datagram that no connection takes; null if it gets none. */
  answer(now: number, bytes: Buffer): Buffer | null {
    if (!isData(bytes[0] ?? 0) || bytes.length <= VUT1.minResetBytes || !this.#mayAnswer(now)) return null
    const token = resetToken(this.#means.crypto, this.#resetKey, bytes.subarray(1, 1 + VUT1.idBytes))
    return encodeReset(this.#means.random, token, bytes.length)
  }

  #mayAnswer(now: number): boolean {
    if (now - this.#since >= SECOND_MS) {
      this.#since = now
      this.#count = 0
    }
    if (this.#count >= VUT1.maxResetsPerSecond) return false
    this.#count += 1
    return true
  }
}
