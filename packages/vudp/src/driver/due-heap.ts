/**
 * Which of many is due first.
 *
 * A heap of four branches whose members know their place, so that a new time costs no search. The times stand beside each
 * other, apart from the members: finding a place looks at no member, as those of thousands are in no cache. Invariant: a
 * member is in the heap if and only if its time is finite.
 */

const BRANCHES = 4
const FIRST_SLOTS = 16

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
  #times = new Float64Array(FIRST_SLOTS)

  /** When the first one is due; Infinity for never. */
  get nextAt(): number {
    return this.#members.length === 0 ? Number.POSITIVE_INFINITY : (this.#times[0] as number)
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
    if (dueAt === Number.POSITIVE_INFINITY) this.#remove(member)
    else if (member.heapSlot === -1) this.#rise(member, dueAt, this.#added(member))
    else if (isEarlier) this.#rise(member, dueAt, member.heapSlot)
    else this.#sink(member, dueAt, member.heapSlot)
  }

  #added(member: M): number {
    const slot = this.#members.length
    this.#members.push(member)
    if (slot === this.#times.length) {
      const times = new Float64Array(2 * slot)
      times.set(this.#times)
      this.#times = times
    }
    return slot
  }

  #remove(member: M): void {
    const slot = member.heapSlot
    if (slot === -1) return
    member.heapSlot = -1
    const last = this.#members.pop()
    if (last === undefined || last === member) return
    const { dueAt } = last
    const above = (slot - 1) >> 2
    if (slot > 0 && (this.#times[above] as number) > dueAt) this.#rise(last, dueAt, slot)
    else this.#sink(last, dueAt, slot)
  }

  #rise(member: M, dueAt: number, from: number): void {
    const times = this.#times
    let slot = from
    while (slot > 0) {
      const above = (slot - 1) >> 2
      const time = times[above] as number
      if (time <= dueAt) break
      this.#put(this.#members[above] as M, time, slot)
      slot = above
    }
    this.#put(member, dueAt, slot)
  }

  #sink(member: M, dueAt: number, from: number): void {
    const times = this.#times
    const { length } = this.#members
    let slot = from
    for (let below = BRANCHES * slot + 1; below < length; below = BRANCHES * slot + 1) {
      let least = below
      const end = Math.min(below + BRANCHES, length)
      for (let each = below + 1; each < end; each += 1) {
        if ((times[each] as number) < (times[least] as number)) least = each
      }
      const time = times[least] as number
      if (time >= dueAt) break
      this.#put(this.#members[least] as M, time, slot)
      slot = least
    }
    this.#put(member, dueAt, slot)
  }

  #put(member: M, dueAt: number, slot: number): void {
    this.#members[slot] = member
    this.#times[slot] = dueAt
    member.heapSlot = slot
  }
}
