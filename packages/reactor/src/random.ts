/**
 * Where random bytes come from.
 *
 * Keeps two draws apart: what peers and observers may see, and what they must never learn; a seeded source gives the
 * first in a test and can refuse the second. Decides nothing else. Invariant: the system's source gives both from the
 * operating system's generator, and no secret byte is ever kept in a pool of public ones.
 */
import { randomFillSync } from 'node:crypto'

/** A source of random values, passed to whatever needs them. */
export interface IVRandom {
  /** Fills `bytes` with values that may be seen: identifiers, jitter, padding. */
  fillPublic(bytes: Uint8Array): void
  /** Fills `bytes` with values that must stay unknown: keys, nonces of key exchange, tokens. */
  fillSecret(bytes: Uint8Array): void
  /** A public integer from 0 to 2^32 - 1. */
  publicUint32(): number
  /** A public number from 0 on and below 1, with 53 bits. */
  publicDouble(): number
}

const POOL_WORDS = 256

/** The generator of the operating system. */
export class VSystemRandom implements IVRandom {
  readonly #pool = new Uint32Array(POOL_WORDS)
  #used = POOL_WORDS

  fillPublic(bytes: Uint8Array): void {
    randomFillSync(bytes)
  }

  fillSecret(bytes: Uint8Array): void {
    randomFillSync(bytes)
  }

  publicUint32(): number {
    if (this.#used === POOL_WORDS) {
      randomFillSync(this.#pool)
      this.#used = 0
    }
    return this.#pool[this.#used++] as number
  }

  publicDouble(): number {
    return toDouble(this.publicUint32(), this.publicUint32())
  }
}

/** A public integer from 0 on and below `bound`, each equally likely. @throws RangeError unless 1 <= bound <= 2^32 */
export function publicBelow(random: IVRandom, bound: number): number {
  if (!Number.isInteger(bound) || bound < 1 || bound > 2 ** 32) {
    throw new RangeError(`a bound is an integer from 1 to 2^32, got ${bound}`)
  }
  // Above the last multiple of the bound some remainders would come once more often than others.
  const usable = 2 ** 32 - (2 ** 32 % bound)
  for (;;) {
    const drawn = random.publicUint32()
    if (drawn < usable) return drawn % bound
  }
}

/** Joins 53 bits of two words to a number from 0 on and below 1. */
export function toDouble(high: number, low: number): number {
  return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53
}
