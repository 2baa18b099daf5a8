/**
 * Why a meeting did not come about, by names that both sides and their programs understand.
 *
 * Decides the list of names and what is said to a person. Invariant: a name that somebody else sends and that is not in
 * the list is reported as such, never as one of the list.
 */
import { VIOError } from '@vio/io'

const REFUSALS = {
  version: 'the relay speaks another version of the protocol: bring both up to date',
  'unknown-message': 'the relay does not know this message: bring both up to date',
  malformed: 'what was sent is no message of the protocol',
  'out-of-turn': 'this message has no place here',
  'no-such-room': 'there is no such room: look at the number of the code, or the code is too old',
  'room-full': 'somebody has used this code already: a code serves once, make a new one',
  'room-closed': 'this code is used up: make a new one',
  'room-taken': 'this number is in use: leave it out and take the one that is given',
  'too-many-rooms': 'too many rooms are open from here or in all: try again later',
  'too-many-connections': 'too many connections are open from here or in all: try again later',
  'too-often': 'too many requests from here: wait a minute',
  'too-much': 'more was sent through this room than it carries',
  'no-relay': 'this relay carries no data for this meeting: its limits are reached',
} as const

/** What a server refuses with. */
export type VRefusal = keyof typeof REFUSALS

/** Why a room is over. */
export type VRoomEnd = 'done' | 'gone' | 'burnt' | 'expired' | 'closing'

const ENDS: Readonly<Record<VRoomEnd, string>> = {
  done: 'the other side has finished',
  gone: 'the other side has gone',
  burnt: 'wrong words were tried: nobody can use this code any more, make a new one',
  expired: 'nobody came in time: the code is no longer valid, make a new one',
  closing: 'the relay is being shut down: try again in a minute',
}

/** A meeting failed. `reason` says why, for programs. */
export class VRendezvousError extends VIOError {
  override readonly code = 'V_NAT_RENDEZVOUS'
  /** A refusal, the end of a room, or what this side has found out by itself. */
  readonly reason: VRefusal | VRoomEnd | 'wrong-words' | 'timeout' | 'link-lost' | 'bad-answer'

  constructor(reason: VRendezvousError['reason'], message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.reason = reason
  }
}

/** The error of a refusal, `about` what. */
export function refusalError(reason: VRefusal, about = ''): VRendezvousError {
  return new VRendezvousError(reason, `${REFUSALS[reason]}${about === '' ? '' : ` (${about})`}`)
}

/** The error of the end of a room. */
export function roomEndError(reason: VRoomEnd): VRendezvousError {
  return new VRendezvousError(reason, ENDS[reason])
}

/** True for the name of a refusal. */
export function isRefusal(value: unknown): value is VRefusal {
  return typeof value === 'string' && Object.hasOwn(REFUSALS, value)
}

/** True for the name of an end. */
export function isRoomEnd(value: unknown): value is VRoomEnd {
  return typeof value === 'string' && Object.hasOwn(ENDS, value)
}
