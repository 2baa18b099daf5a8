/**
 * Which of many is due first.
 *
 * A binary heap whose members know their place, so that a new time costs no search. Invariant: a member is in the heap if
 * and only if its time is finite.
 */

/** A member of a heap. */
export class DueMember {
  /** When it is due; Infinity for never. Changed by the heap alone. */
  dueAt: number = Number.POSITIVE_INFINITY
  /** Its place in the heap, -1 outside. Changed by the heap alone. */
  heapSlot = -1
}

/** Members by their times. */
export class DueHeap<M extends DueMember> {
  readonly #members: M[] = []

  /** When the first one is due; Infinity for never. */
  get nextAt(): number {
    return this.#members[0]?.dueAt ?? Number.POSITIVE_INFINITY
  }

  /** The one that is due first, undefined if none is. */
  get first(): M | undefined {
    return this.#members[0]
  }

  /** How many have a time. */
  get size(): number {
    return this.#members.length
  }

  /** Gives a member another time. */
  set(member: M, dueAt: number): void {
    if (member.dueAt === dueAt) return
    const isEarlier = dueAt < member.dueAt
    member.dueAt = dueAt
    if (dueAt === Number.POSITIVE_INFINITY) {
      this.#remove(member)
      return
    }
    if (member.heapSlot === -1) {
      member.heapSlot = this.#members.length
      this.#members.push(member)
      this.#rise(member)
    } else if (isEarlier) this.#rise(member)
    else this.#sink(member)
  }

  #remove(member: M): void {
    const slot = member.heapSlot
    if (slot === -1) return
    member.heapSlot = -1
    const last = this.#members.pop()
    if (last === undefined || last === member) return
    this.#put(last, slot)
    this.#rise(last)
    this.#sink(last)
  }

  #rise(member: M): void {
    let slot = member.heapSlot
    while (slot > 0) {
      const above = this.#members[(slot - 1) >> 1] as M
      if (above.dueAt <= member.dueAt) break
      this.#put(above, slot)
      slot = (slot - 1) >> 1
    }
    this.#put(member, slot)
  }

  #sink(member: M): void {
    let slot = member.heapSlot
    for (;;) {
      const left = slot * 2 + 1
      const [first, second] = [this.#members[left], this.#members[left + 1]]
      if (first === undefined) break
      const isSecond = second !== undefined && second.dueAt < first.dueAt
      const below = isSecond ? second : first
      if (below.dueAt >= member.dueAt) break
      this.#put(below, slot)
      slot = isSecond ? left + 1 : left
    }
    this.#put(member, slot)
  }

  #put(member: M, slot: number): void {
    this.#members[slot] = member
    member.heapSlot = slot
  }
}
