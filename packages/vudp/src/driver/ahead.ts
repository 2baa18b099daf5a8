/**
 * One object that was made before it is asked for.
 *
 * Who waits for an answer has time to make what the answer will need. Decides whether that is worth it: one that was made in
 * vain makes the next ones rare. Invariants: at most one is held, so that thousands of keys hold no more than one; it is
 * given once, and only to the key and for the nonce that it was made with, as using a nonce twice would give the key away.
 */
import { VUT1 } from '../proto/profile.js'

const NONCE: number = VUT1.nonceBytes
/** After objects that were made in vain, at most this many chances are let go before the next. */
const MAX_PAUSE = 64

/** Holds one object of type `C`, made with a key that is known as `K`. */
export class Ahead<K, C> {
  readonly #nonce = new Uint8Array(NONCE)
  #key: K | null = null
  #made: C | null = null
  #pause = 0
  #letGo = 0

  /** True if one had better be made for this key and nonce, and given to `keep`. */
  isWanted(key: K, nonce: Uint8Array): boolean {
    if (this.#made !== null) {
      if (this.#isFor(key, nonce)) return false
      this.#wasInVain()
    }
    if (this.#letGo === 0) return true
    this.#letGo -= 1
    return false
  }

  /** Holds one. */
  keep(key: K, nonce: Uint8Array, made: C): void {
    this.#nonce.set(nonce)
    this.#key = key
    this.#made = made
  }

  /** The one for this key and nonce, which is not held any more; null if it has to be made. */
  take(key: K, nonce: Uint8Array): C | null {
    const made = this.#made
    if (made === null || key !== this.#key) return null
    if (!this.#isFor(key, nonce)) {
      this.#wasInVain()
      return null
    }
    this.#made = null
    this.#key = null
    this.#pause = 0
    return made
  }

  #isFor(key: K, nonce: Uint8Array): boolean {
    if (key !== this.#key) return false
    for (let index = 0; index < NONCE; index += 1) {
      if (nonce[index] !== this.#nonce[index]) return false
    }
    return true
  }

  #wasInVain(): void {
    this.#made = null
    this.#key = null
    this.#pause = Math.min(2 * this.#pause + 1, MAX_PAUSE)
    this.#letGo = this.#pause
  }
}
