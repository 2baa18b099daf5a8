/**
 * Who a datagram belongs to, by the octets that stand in it: connection ids, tags and reset tokens.
 *
 * Decides by the octets alone. Looking up makes no object, as it is done for each datagram. Invariant: what was added is
 * found until it is removed, and nothing else is.
 */

interface Slot<T> {
  readonly id: Buffer
  readonly owner: T
  next: Slot<T> | undefined
}

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
    const key = copy.readUInt32BE(0)
    this.#slots.set(key, { id: copy, owner, next: this.#slots.get(key) })
    this.#size += 1
    return true
  }

  /** Removes an id of this owner. One that it does not have is ignored. */
  remove(id: Uint8Array, owner: T): void {
    const bytes = Buffer.from(id.buffer, id.byteOffset, id.length)
    const key = bytes.readUInt32BE(0)
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
    for (let slot = this.#slots.get(bytes.readUInt32BE(at)); slot !== undefined; slot = slot.next) {
      const { id } = slot
      if (id.length === length && id.compare(bytes, at, at + length) === 0) return slot.owner
    }
    return undefined
  }
}
