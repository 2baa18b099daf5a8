/**
 * A greeting that is read without a byte of what lies behind it.
 *
 * Decides how many bytes are still wanted; what a greeting is says `greeting.ts`. Invariant: it never asks for a byte that
 * is not part of the greeting.
 */
import { checkGreeting, type VGreeting, VGreetingReader } from './greeting.js'

/** Where the length of the name stands, and how much comes up to there. */
const LENGTH_AT = 5
const HEAD_BYTES = 6

/** Takes a greeting piece by piece. */
export class GreetingFront {
  readonly #reader = new VGreetingReader()
  #taken = 0
  #sizeBytes = HEAD_BYTES
  #greeting: VGreeting | null = null
  #fault: unknown

  /** How many bytes it takes to go on; 0 once the greeting is whole, or it is none. */
  get needed(): number {
    return this.#greeting !== null || this.#fault !== undefined ? 0 : this.#sizeBytes - this.#taken
  }

  /** Takes up to `needed` bytes. */
  push(bytes: Uint8Array): void {
    const piece = bytes.subarray(0, this.needed)
    const length = piece[LENGTH_AT - this.#taken]
    if (this.#taken <= LENGTH_AT && length !== undefined) this.#sizeBytes = HEAD_BYTES + length
    this.#taken += piece.length
    try {
      this.#greeting = this.#reader.push(piece)?.greeting ?? null
    } catch (error) {
      this.#fault = error
    }
  }

  /** Holds what came against what was to come. @throws VCommandError that says what the other side is */
  check(wanted: VGreeting): void {
    if (this.#greeting === null) throw this.#fault
    checkGreeting(this.#greeting, wanted)
  }
}
