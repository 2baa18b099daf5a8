/**
 * Bytes that follow from a seed and their position, so that any stretch of any stream can be checked without storing it.
 *
 * Decides nothing about how much is sent or when. Invariant: byte n of a pattern depends on the seed and n alone, and
 * neighbouring stretches differ, so that a stream which lost, doubled or moved bytes does not match.
 */
import { VInvariantError } from '@vio/reactor'

/** Spreads one 32-bit number over all its bits (the finaliser of MurmurHash3). */
function mix(value: number): number {
  let bits = value
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}

function checkPosition(position: number): number {
  if (Number.isSafeInteger(position) && position >= 0) return position
  throw new RangeError(`a position in a pattern is a whole number from 0 on, got ${position}`)
}

/** An endless stream of bytes, any of which is known by its position. */
export class VBytePattern {
  /** The seed: another one, another stream. */
  readonly seed: number
  readonly #key: number

  /** @throws TypeError if the seed is not a whole number */
  constructor(seed = 1) {
    if (!Number.isSafeInteger(seed)) throw new TypeError(`a seed is a whole number, got ${seed}`)
    this.seed = seed
    this.#key = mix((seed >>> 0) ^ 0x9e3779b9) ^ mix(Math.floor(seed / 2 ** 32) >>> 0)
  }

  /** The byte at a position. @throws RangeError for a position that is none */
  byteAt(position: number): number {
    checkPosition(position)
    return (this.#word(Math.floor(position / 4)) >>> ((position % 4) * 8)) & 0xff
  }

  /** Writes the stretch that begins at `position` into `target`. */
  fill(target: Uint8Array, position = 0): void {
    checkPosition(position)
    let word = 0
    for (let at = 0; at < target.length; at += 1) {
      const within = (position + at) % 4
      if (at === 0 || within === 0) word = this.#word(Math.floor((position + at) / 4))
      target[at] = word >>> (within * 8)
    }
  }

  /** The stretch of `length` bytes that begins at `position`, in memory of its own. */
  take(length: number, position = 0): Buffer {
    const bytes = Buffer.allocUnsafe(length)
    this.fill(bytes, position)
    return bytes
  }

  /** The index within `bytes` of the first one that does not belong there; -1 if all are the stretch from `position`. */
  mismatchAt(bytes: Uint8Array, position = 0): number {
    checkPosition(position)
    let word = 0
    for (let at = 0; at < bytes.length; at += 1) {
      const within = (position + at) % 4
      if (at === 0 || within === 0) word = this.#word(Math.floor((position + at) / 4))
      if (bytes[at] !== ((word >>> (within * 8)) & 0xff)) return at
    }
    return -1
  }

  /** @throws VInvariantError if `bytes` are not the stretch from `position`; the message says where they part */
  check(bytes: Uint8Array, position = 0): void {
    const at = this.mismatchAt(bytes, position)
    if (at === -1) return
    const wanted = this.byteAt(position + at)
    throw new VInvariantError(
      `byte ${position + at} of the pattern with seed ${this.seed} is ${wanted}, got ${bytes[at]}`,
    )
  }

  #word(index: number): number {
    // The high half matters from 16 GiB on.
    return mix((index >>> 0) ^ this.#key ^ Math.imul(Math.floor(index / 2 ** 32), 0x27d4eb2f))
  }
}

/** Checks a stream that comes piece by piece against a pattern. */
export class VPatternChecker {
  readonly pattern: VBytePattern
  #position: number

  constructor(pattern: VBytePattern = new VBytePattern(), position = 0) {
    this.pattern = pattern
    this.#position = checkPosition(position)
  }

  /** The position of the byte that is to come next: with a start at 0, how many came. */
  get position(): number {
    return this.#position
  }

  /** Takes the next piece. @throws VInvariantError if it does not continue the pattern */
  feed(bytes: Uint8Array): void {
    this.pattern.check(bytes, this.#position)
    this.#position += bytes.length
  }
}
