/**
 * Who a datagram belongs to, by the octets that stand in it: connection ids, tags and reset tokens.
 *
 * Decides by the octets alone. Looking up makes no object and mostly looks at two places in memory, however many ids there
 * are, as it is done for each datagram. Where an id is noted depends on all its octets and on a random number, as a peer may
 * choose its tokens. Invariant: what was added is found until it is removed, and nothing else is.
 */
import { randomBytes } from 'node:crypto'

/** Words of a slot: the id itself, zeros behind it. */
const WORDS = 4
const LONGEST = 4 * WORDS
const FIRST_SLOTS = 16
/** The part of the slots that may be taken. */
const MOST_TAKEN = 0.6

/** Ids of 4, 8, 12 or 16 bytes, and their owners. */
export class IdTable<T> {
  readonly #seed: number = randomBytes(4).readInt32BE(0)
  #words = new Int32Array(WORDS * FIRST_SLOTS)
  /** How long the id in a slot is; 0 for none. */
  #lengths = new Uint8Array(FIRST_SLOTS)
  #owners: (T | undefined)[] = new Array<T | undefined>(FIRST_SLOTS).fill(undefined)
  #mask = FIRST_SLOTS - 1
  #size = 0

  /** How many ids there are. */
  get size(): number {
    return this.#size
  }

  /** Adds an id; its bytes are copied. One that is there already keeps its owner, and false is returned. */
  add(id: Uint8Array, owner: T): boolean {
    const bytes = viewOf(id)
    if (this.#slotOf(bytes, 0, bytes.length) >= 0) return false
    if (this.#size >= MOST_TAKEN * (this.#mask + 1)) this.#grow()
    this.#put([wordAt(bytes, 0), wordAt(bytes, 4), wordAt(bytes, 8), wordAt(bytes, 12)], bytes.length, owner)
    this.#size += 1
    return true
  }

  /** Removes an id of this owner. One that it does not have is ignored. */
  remove(id: Uint8Array, owner: T): void {
    const bytes = viewOf(id)
    const slot = this.#slotOf(bytes, 0, bytes.length)
    if (slot < 0 || this.#owners[slot] !== owner) return
    this.#size -= 1
    this.#close(slot)
  }

  /** The owner of the id of `length` bytes at `at`; undefined if there is none, or not so many bytes. */
  find(bytes: Buffer, at: number, length: number): T | undefined {
    if (at < 0 || at + length > bytes.length) return undefined
    const slot = this.#slotOf(bytes, at, length)
    return slot < 0 ? undefined : this.#owners[slot]
  }

  #slotOf(bytes: Buffer, at: number, length: number): number {
    const [words, lengths, mask] = [this.#words, this.#lengths, this.#mask]
    const first = bytes.readInt32BE(at)
    const second = length > 4 ? bytes.readInt32BE(at + 4) : 0
    const third = length > 8 ? bytes.readInt32BE(at + 8) : 0
    const fourth = length > 12 ? bytes.readInt32BE(at + 12) : 0
    for (let slot = this.#hash(first, second, third, fourth) & mask; ; slot = (slot + 1) & mask) {
      const has = lengths[slot]
      if (has === 0) return -1
      const word = WORDS * slot
      if (words[word] !== first || words[word + 1] !== second || has !== length) continue
      if (words[word + 2] === third && words[word + 3] === fourth) return slot
    }
  }

  #hash(first: number, second: number, third: number, fourth: number): number {
    let hash = Math.imul(first ^ this.#seed, 0x9e37_79b1)
    hash = Math.imul((hash ^ (hash >>> 15)) + second, 0x85eb_ca77)
    hash = Math.imul((hash ^ (hash >>> 13)) + third, 0xc2b2_ae3d)
    hash = Math.imul((hash ^ (hash >>> 16)) + fourth, 0x27d4_eb2f)
    return hash ^ (hash >>> 15)
  }

  #put(id: readonly [number, number, number, number], length: number, owner: T | undefined): void {
    let slot = this.#hash(...id) & this.#mask
    while (this.#lengths[slot] !== 0) slot = (slot + 1) & this.#mask
    this.#words.set(id, WORDS * slot)
    this.#lengths[slot] = length
    this.#owners[slot] = owner
  }

  #idIn(slot: number, words: Int32Array = this.#words): [number, number, number, number] {
    const [first = 0, second = 0, third = 0, fourth = 0] = words.subarray(WORDS * slot, WORDS * slot + WORDS)
    return [first, second, third, fourth]
  }

  /** Empties a slot, and has those that stand behind it only because it was taken move up. */
  #close(empty: number): void {
    const mask = this.#mask
    let hole = empty
    for (let slot = (hole + 1) & mask; this.#lengths[slot] !== 0; slot = (slot + 1) & mask) {
      const home = this.#hash(...this.#idIn(slot)) & mask
      // It may not stand before its home.
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue
      this.#words.copyWithin(WORDS * hole, WORDS * slot, WORDS * slot + WORDS)
      this.#lengths[hole] = this.#lengths[slot] as number
      this.#owners[hole] = this.#owners[slot]
      hole = slot
    }
    this.#lengths[hole] = 0
    this.#owners[hole] = undefined
  }

  #grow(): void {
    const [words, lengths, owners] = [this.#words, this.#lengths, this.#owners]
    const slots = 2 * lengths.length
    this.#words = new Int32Array(WORDS * slots)
    this.#lengths = new Uint8Array(slots)
    this.#owners = new Array<T | undefined>(slots).fill(undefined)
    this.#mask = slots - 1
    for (let slot = 0; slot < lengths.length; slot += 1) {
      const length = lengths[slot] as number
      if (length > 0) this.#put(this.#idIn(slot, words), length, owners[slot])
    }
  }
}

/** @throws RangeError for an id that no table can hold */
function viewOf(id: Uint8Array): Buffer {
  if (id.length === 0 || id.length > LONGEST || id.length % 4 !== 0) {
    throw new RangeError(`an id has 4, 8, 12 or ${LONGEST} bytes, got ${id.length}`)
  }
  return Buffer.from(id.buffer, id.byteOffset, id.length)
}

/** Words are signed: a small integer is no object. */
function wordAt(bytes: Buffer, at: number): number {
  return at < bytes.length ? bytes.readInt32BE(at) : 0
}
