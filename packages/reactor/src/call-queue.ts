/**
 * The calls that wait for their time, and the groups they belong to.
 *
 * Keeps heap and groups in step; the reactor decides when what is due runs. Invariant: a call is in the heap exactly
 * while it waits, and in its group exactly while it is in the heap.
 */
import type { VScheduledCall } from './scheduled-call.js'
import { TimerHeap } from './timer-heap.js'

/** Holds waiting calls by time and by group. */
export class CallQueue {
  readonly #heap = new TimerHeap<VScheduledCall>()
  readonly #groups = new Map<unknown, Set<VScheduledCall>>()

  /** The number of calls that wait. */
  get size(): number {
    return this.#heap.size
  }

  /** When the next call is due; `Infinity` if none is. */
  get nextDueAt(): number {
    return this.#heap.nextDueAt
  }

  /** How many calls were ever added: a mark for `popDue`. */
  get added(): number {
    return this.#heap.inserted
  }

  /** Adds a call, to run at `dueAt`. A call that waits already is left as it is. */
  add(call: VScheduledCall, dueAt: number): void {
    if (TimerHeap.holds(call)) return
    this.#heap.insert(call, dueAt)
    const group = call.callGroup
    if (group === null) return
    const members = this.#groups.get(group)
    if (members === undefined) this.#groups.set(group, new Set([call]))
    else members.add(call)
  }

  /** Removes a call; one that does not wait is ignored. */
  remove(call: VScheduledCall): void {
    if (!TimerHeap.holds(call)) return
    this.#heap.remove(call)
    this.#leaveGroup(call)
  }

  /** Removes and returns the next call that is due at `now` and was among the first `added`. */
  popDue(now: number, added: number): VScheduledCall | undefined {
    const call = this.#heap.popDue(now, added)
    if (call !== undefined) this.#leaveGroup(call)
    return call
  }

  /** The calls of a group that wait, in the order in which they joined it. */
  membersOf(group: unknown): readonly VScheduledCall[] {
    return [...(this.#groups.get(group) ?? [])]
  }

  /** Removes all calls and returns them. */
  clear(): readonly VScheduledCall[] {
    this.#groups.clear()
    return this.#heap.clear()
  }

  #leaveGroup(call: VScheduledCall): void {
    const group = call.callGroup
    if (group === null) return
    const members = this.#groups.get(group)
    if (members?.delete(call) === true && members.size === 0) this.#groups.delete(group)
  }
}
