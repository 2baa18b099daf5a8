/**
 * The links of a rendezvous server: who is at them, how many there are, and when their time is over.
 *
 * Decides nothing about messages. Invariants: a link that was removed is found by nothing any more; no call looks at all
 * links, unless the time of one of them is over.
 */
import type { VRendezvousReader } from './rendezvous-message.js'
import type { VRoomParty } from './room-directory.js'

/** One link. */
export interface RendezvousLink {
  readonly id: number
  readonly party: Omit<VRoomParty, 'share'>
  readonly reader: VRendezvousReader
  /** Drawn for it, for proofs. */
  readonly nonce: Buffer
  room: number
  state: 'idle' | 'asking' | 'in-room' | 'over' | 'handed-over'
  passes: number
  passedBytes: number
  faults: number
  /** When it is closed; set by `limit` alone. */
  deadline: number
}

const NEVER = Number.POSITIVE_INFINITY

/** All links that are open. */
export class RendezvousLinks {
  readonly #byId = new Map<number, RendezvousLink>()
  readonly #byParty = new Map<string, RendezvousLink>()
  readonly #perSource = new Map<string, number>()
  /** No link's time is over before this. */
  #nextAt = NEVER

  /** How many there are. */
  get size(): number {
    return this.#byId.size
  }

  /** Each of them; a new array. */
  get all(): RendezvousLink[] {
    return [...this.#byId.values()]
  }

  /** How many a source has. */
  countOf(source: string): number {
    return this.#perSource.get(source) ?? 0
  }

  /** True while a link is open. */
  has(link: RendezvousLink): boolean {
    return this.#byId.get(link.id) === link
  }

  /** The link of a number. */
  find(id: number): RendezvousLink | undefined {
    return this.#byId.get(id)
  }

  /** The link of a party. */
  ofParty(party: string): RendezvousLink | undefined {
    return this.#byParty.get(party)
  }

  /** Adds one. */
  add(link: RendezvousLink): void {
    const { id, source } = link.party
    this.#byId.set(link.id, link)
    this.#byParty.set(id, link)
    this.#perSource.set(source, this.countOf(source) + 1)
    this.limit(link, link.deadline)
  }

  /** Forgets one. */
  remove(link: RendezvousLink): void {
    const { id, source } = link.party
    this.#byId.delete(link.id)
    this.#byParty.delete(id)
    const left = this.countOf(source) - 1
    if (left > 0) this.#perSource.set(source, left)
    else this.#perSource.delete(source)
  }

  /** Sets when a link is closed. */
  limit(link: RendezvousLink, deadline: number): void {
    link.deadline = deadline
    this.#nextAt = Math.min(this.#nextAt, deadline)
  }

  /** When `due` may find something. */
  get dueAt(): number {
    return this.#nextAt
  }

  /** Those whose time is over. */
  due(now: number): RendezvousLink[] {
    if (now < this.#nextAt) return []
    this.#nextAt = NEVER
    const due: RendezvousLink[] = []
    for (const link of this.#byId.values()) {
      if (now >= link.deadline) due.push(link)
      else this.#nextAt = Math.min(this.#nextAt, link.deadline)
    }
    return due
  }
}
