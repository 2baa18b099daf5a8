/**
 * Where rooms are kept: the interface, so that several servers can share one directory, and the directory in memory.
 *
 * Decides who is in which room, how long a room lives and that it serves two parties once. What parties say is passed on
 * and not looked at. Invariants: a room has two parties at most, ever; one that was used or burnt lets nobody in again;
 * numbers of rooms that are over rest for a while, so that a late guest does not meet a stranger.
 */
import { type IVRandom, publicBelow } from '@vio/reactor'
import type { VRefusal, VRoomEnd } from './rendezvous-error.js'
import type { VRelayLeg } from './rendezvous-message.js'

/** Who is in a room: a name that is unique among all servers, and the address that limits count by. */
export interface VRoomParty {
  readonly id: string
  readonly source: string
  /** What the other party is handed when both are there. */
  readonly share: string
}

/** What a party in a room is told. */
export type VRoomNotice =
  | {
      readonly type: 'joined'
      readonly session: string
      readonly share: string
      readonly relay?: VRelayLeg | undefined
    }
  | { readonly type: 'pass'; readonly data: string }
  | { readonly type: 'left'; readonly reason: VRoomEnd }

/** The answer to `create` and `join`. */
export type VRoomAnswer =
  | {
      readonly ok: true
      readonly room: number
      readonly lifeMs: number
      readonly other?: VRoomParty | undefined
    }
  | { readonly ok: false; readonly reason: VRefusal }

/**
 * Keeps rooms. An answer may come at once or later; notices go to whoever `onNotice` names.
 */
export interface IVRoomDirectory {
  /** Opens a room, by the number that is wished for or any that is free. */
  create(
    now: number,
    party: VRoomParty,
    wished: number | undefined,
    answer: (answer: VRoomAnswer) => void,
  ): void
  /** Lets the second party into a room. */
  join(now: number, room: number, party: VRoomParty, answer: (answer: VRoomAnswer) => void): void
  /** Tells the other party of a room. */
  publish(now: number, room: number, from: string, notice: VRoomNotice): void
  /** Ends a room: the other party is told why, and nobody comes in again. */
  take(now: number, room: number, from: string, reason: VRoomEnd): void
  /** Ends the rooms whose time is over; both parties are told. */
  expire(now: number): void
  /** When `expire` has something to do. */
  pollTimeout(): number
  /** Names who delivers notices to parties. */
  onNotice(deliver: (now: number, party: string, notice: VRoomNotice) => void): void
}

/** Options of the directory in memory. */
export interface VMemoryDirectoryOptions {
  /** How long a room lives. By default 10 min. */
  readonly lifeMs?: number
  /** How many rooms there are at most, and from one source. By default 10,000 and 32. */
  readonly maxRooms?: number
  readonly maxRoomsPerSource?: number
  /** How long the number of a room that is over rests. By default 1 min. */
  readonly restMs?: number
}

interface Room {
  readonly number: number
  readonly creator: VRoomParty
  joiner: VRoomParty | null
  expiresAt: number
  isOver: boolean
}

const MAX_NUMBER = 999_999
const MIN_NUMBERS = 99
/** Numbers are drawn from so many times as many as there are rooms, so that they stay short and are seldom taken. */
const SPREAD = 4
const NEVER = Number.POSITIVE_INFINITY

/** Rooms in the memory of one process. */
export class VMemoryDirectory implements IVRoomDirectory {
  readonly #random: IVRandom
  readonly #options: Required<VMemoryDirectoryOptions>
  readonly #rooms = new Map<number, Room>()
  readonly #bySource = new Map<string, number>()
  #open = 0
  /** Nothing expires before this. */
  #nextAt = NEVER
  #deliver: (now: number, party: string, notice: VRoomNotice) => void = () => {}

  constructor(random: IVRandom, options: VMemoryDirectoryOptions = {}) {
    this.#random = random
    const defaults = { lifeMs: 600_000, maxRooms: 10_000, maxRoomsPerSource: 32, restMs: 60_000 }
    this.#options = { ...defaults, ...options }
  }

  /** How many rooms are open. */
  get openRooms(): number {
    return this.#open
  }

  create(
    now: number,
    party: VRoomParty,
    wished: number | undefined,
    answer: (answer: VRoomAnswer) => void,
  ): void {
    this.expire(now)
    const { maxRooms, maxRoomsPerSource, lifeMs } = this.#options
    const fromHere = this.#bySource.get(party.source) ?? 0
    if (this.#rooms.size >= maxRooms || fromHere >= maxRoomsPerSource) {
      answer({ ok: false, reason: 'too-many-rooms' })
      return
    }
    if (wished !== undefined && this.#rooms.has(wished)) {
      answer({ ok: false, reason: 'room-taken' })
      return
    }
    const number = wished ?? this.#drawNumber()
    const expiresAt = now + lifeMs
    this.#rooms.set(number, { number, creator: party, joiner: null, expiresAt, isOver: false })
    this.#nextAt = Math.min(this.#nextAt, expiresAt)
    this.#bySource.set(party.source, fromHere + 1)
    this.#open += 1
    answer({ ok: true, room: number, lifeMs })
  }

  join(now: number, number: number, party: VRoomParty, answer: (answer: VRoomAnswer) => void): void {
    this.expire(now)
    const room = this.#rooms.get(number)
    const reason = refusalOf(room)
    if (room === undefined || reason !== undefined) {
      answer({ ok: false, reason: reason ?? 'no-such-room' })
      return
    }
    room.joiner = party
    answer({ ok: true, room: number, lifeMs: room.expiresAt - now, other: room.creator })
  }

  publish(now: number, number: number, from: string, notice: VRoomNotice): void {
    const other = this.#otherOf(number, from)
    if (other !== undefined) this.#deliver(now, other.id, notice)
  }

  take(now: number, number: number, from: string, reason: VRoomEnd): void {
    const room = this.#rooms.get(number)
    if (room === undefined || room.isOver || !isIn(room, from)) return
    this.publish(now, number, from, { type: 'left', reason })
    this.#end(now, room)
  }

  expire(now: number): void {
    if (now < this.#nextAt) return
    const due = [...this.#rooms.values()].filter(({ expiresAt }) => now >= expiresAt)
    for (const room of due) {
      if (room.isOver) {
        this.#rooms.delete(room.number)
        continue
      }
      this.#end(now, room)
      for (const party of [room.creator, room.joiner]) {
        if (party !== null) this.#deliver(now, party.id, { type: 'left', reason: 'expired' })
      }
    }
    this.#nextAt = NEVER
    for (const { expiresAt } of this.#rooms.values()) this.#nextAt = Math.min(this.#nextAt, expiresAt)
  }

  pollTimeout(): number {
    return this.#nextAt
  }

  onNotice(deliver: (now: number, party: string, notice: VRoomNotice) => void): void {
    this.#deliver = deliver
  }

  #end(now: number, room: Room): void {
    room.isOver = true
    room.expiresAt = now + this.#options.restMs
    this.#nextAt = Math.min(this.#nextAt, room.expiresAt)
    this.#open -= 1
    const { source } = room.creator
    const left = (this.#bySource.get(source) ?? 1) - 1
    if (left > 0) this.#bySource.set(source, left)
    else this.#bySource.delete(source)
  }

  #otherOf(number: number, from: string): VRoomParty | undefined {
    const room = this.#rooms.get(number)
    if (room === undefined || room.isOver || !isIn(room, from)) return undefined
    return (room.creator.id === from ? room.joiner : room.creator) ?? undefined
  }

  #drawNumber(): number {
    const numbers = Math.min(MAX_NUMBER, Math.max(MIN_NUMBERS, SPREAD * (this.#rooms.size + 1)))
    for (;;) {
      const number = 1 + publicBelow(this.#random, numbers)
      if (!this.#rooms.has(number)) return number
    }
  }
}

function isIn({ creator, joiner }: Room, party: string): boolean {
  return creator.id === party || joiner?.id === party
}

function refusalOf(room: Room | undefined): VRefusal | undefined {
  if (room === undefined) return 'no-such-room'
  if (room.isOver) return 'room-closed'
  return room.joiner === null ? undefined : 'room-full'
}
