/**
 * Who a datagram belongs to, by the octets that stand in it: connection ids, tags and reset tokens.
 *
 * Decides by the octets alone. Looking up makes no object, as it is done for each datagram. Invariant: what was added is
 * found until it is removed, and nothing else is.
 */

interface Slot<T> {
  readonly id: Buffer
  /** The second four bytes of it, where there are so many: with the key they tell most ids. */
  readonly second: number
  readonly length: number
  readonly owner: T
  next: Slot<T> | undefined
}

/** An id of eight bytes is told by two words, so that nothing of it has to be looked at: it would not be in any cache. */
const TWO_WORDS = 8

/** Ids of any lengths from 4 bytes on, and their owners. */
export class IdTable<T> {
  readonly #slots = new Map<number, Slot<T>>()
  #size = 0

  /** How many ids there are. */
  get size(): number {
    return this.#size
  }

  /** Adds an id; its bytes are copied. One that is there already keeps its owner, and false is returned. */
  add(id: Uint8Array, owner: T): boolean {
    const copy = Buffer.from(id)
    if (this.find(copy, 0, copy.length) !== undefined) return false
    const key = copy.readInt32BE(0)
    this.#slots.set(key, {
      id: copy,
      second: secondOf(copy, 0, copy.length),
      length: copy.length,
      owner,
      next: this.#slots.get(key),
    })
    this.#size += 1
    return true
  }

  /** Removes an id of this owner. One that it does not have is ignored. */
  remove(id: Uint8Array, owner: T): void {
    const bytes = Buffer.from(id.buffer, id.byteOffset, id.length)
    const key = bytes.readInt32BE(0)
    let before: Slot<T> | undefined
    for (let slot = this.#slots.get(key); slot !== undefined; slot = slot.next) {
      if (slot.owner === owner && slot.id.equals(bytes)) {
        if (before !== undefined) before.next = slot.next
        else if (slot.next !== undefined) this.#slots.set(key, slot.next)
        else this.#slots.delete(key)
        this.#size -= 1
        return
      }
      before = slot
    }
  }

  /** The owner of the id of `length` bytes at `at`; undefined if there is none, or not so many bytes. */
  find(bytes: Buffer, at: number, length: number): T | undefined {
    if (at < 0 || at + length > bytes.length) return undefined
    let slot = this.#slots.get(bytes.readInt32BE(at))
    if (slot === undefined) return undefined
    const second = secondOf(bytes, at, length)
    for (; slot !== undefined; slot = slot.next) {
      if (slot.second !== second || slot.length !== length) continue
      if (length === TWO_WORDS || slot.id.compare(bytes, at, at + length) === 0) return slot.owner
    }
    return undefined
  }
}

/** The words are signed: a small integer is no object. */
function secondOf(bytes: Buffer, at: number, length: number): number {
  return length >= TWO_WORDS ? bytes.readInt32BE(at + 4) : 0
}
