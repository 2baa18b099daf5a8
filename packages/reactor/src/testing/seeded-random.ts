/**
 * Random values that a seed decides.
 *
 * One seed gives one sequence, on every machine; a named sub-stream does not change when another one is drawn from more
 * often, so that a new draw in one part of a test leaves the rest as it was. Invariant: a fork depends on the seed and
 * its name alone, not on what was drawn before. The generator is sfc32, and nothing about it is secret.
 */
import { type IVRandom, toDouble } from '../random.js'
import { TextHash } from './hash.js'

const WARM_UP = 12

/**
 * A generator for tests.
 *
 * @example
 * const random = new VSeededRandom(seed)
 * const loss = random.fork('loss')
 * const lost = loss.publicDouble() < 0.05
 */
export class VSeededRandom implements IVRandom {
  /** The seed, with the names of the forks that led here. */
  readonly seed: string
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: number | string) {
    this.seed = String(seed)
    const hash = new TextHash()
    hash.update(this.seed)
    const [high, low] = hash.words
    hash.update('/')
    this.#a = high
    this.#b = low
    this.#c = hash.words[0]
    for (let round = 0; round < WARM_UP; round += 1) this.publicUint32()
  }

  /** The sub-stream of that name: always the same for one seed and one name. */
  fork(name: string): VSeededRandom {
    return new VSeededRandom(`${this.seed}/${name}`)
  }

  publicUint32(): number {
    const sum = (this.#a + this.#b + this.#counter) >>> 0
    this.#counter = (this.#counter + 1) >>> 0
    this.#a = (this.#b ^ (this.#b >>> 9)) >>> 0
    this.#b = (this.#c + (this.#c << 3)) >>> 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) >>> 0
    return sum
  }

  publicDouble(): number {
    return toDouble(this.publicUint32(), this.publicUint32())
  }

  fillPublic(bytes: Uint8Array): void {
    for (let index = 0; index < bytes.length; index += 1) bytes[index] = this.publicUint32() >>> 24
  }

  /** Fills with predictable bytes: a test wants its keys to come out the same too. Never use it outside of one. */
  fillSecret(bytes: Uint8Array): void {
    this.fillPublic(bytes)
  }
}
