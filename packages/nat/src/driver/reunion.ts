/**
 * Two sides of a live connection that meet again, because the relay has forgotten them or their addresses are others.
 *
 * Decides in which room that is: numbers and words follow from the secrets of the connection, so that both know them and
 * nobody else does. Who leads opens the rooms, the other one looks for them. Invariant: no room is used twice; between two
 * tries there is a pause, which grows.
 */
import type { IVReactor, VScheduledCall } from '@vio/reactor'
import type { VOffer } from '../offer.js'
import { VRendezvousError } from '../rendezvous-error.js'
import type { VRelayLeg } from '../rendezvous-message.js'
import { deriveKey } from '../suite.js'
import type { ConnecterMeans } from './connecter-means.js'
import { Meeting, type MeetingRelay } from './meeting.js'

/** What it is made of. */
export interface ReunionOptions {
  readonly reactor: IVReactor
  readonly means: ConnecterMeans
  readonly relays: readonly string[]
  readonly secret: Buffer
  readonly peerSecret: Buffer
  readonly answerMs: number
  readonly onJoined: (at: MeetingRelay, leg: VRelayLeg | undefined) => void
  readonly onAuthenticated: () => void
  readonly onOffer: (offer: VOffer) => void
}

const FIRST_PAUSE_MS = 500
const MAX_PAUSE_MS = 8_000
/** The other side may have come further: it is looked for in so many rooms. */
const WINDOW = 3
const FIRST_ROOM = 100_000
const ROOMS = 900_000
/** Who opens a room waits so long for the other side; a connection does not live much longer without a path. */
const WAIT_MS = 120_000

/** Meets again, as often as it has to. */
export class Reunion {
  readonly #options: ReunionOptions
  readonly #leads: boolean
  readonly #key: Buffer
  #meeting: Meeting | null = null
  #number = 0
  #offset = 0
  #hasMet = false
  #pauseMs = FIRST_PAUSE_MS
  #timer: VScheduledCall | null = null
  #isWanted = false

  constructor(options: ReunionOptions) {
    const { secret, peerSecret, means } = options
    this.#options = options
    this.#leads = Buffer.compare(secret, peerSecret) > 0
    const both = this.#leads ? [secret, peerSecret] : [peerSecret, secret]
    this.#key = deriveKey(means.crypto, Buffer.concat(both), 'meet again')
  }

  /** True while the other side is looked for, or was found and the room is open. */
  get isWanted(): boolean {
    return this.#isWanted
  }

  /** Looks for the other side. Without effect while it does. */
  start(): void {
    if (this.#isWanted) return
    this.#isWanted = true
    this.#pauseMs = FIRST_PAUSE_MS
    this.#try()
  }

  /** Tells the other side, as soon as it is there. */
  offer(offer: VOffer): void {
    this.#meeting?.offer(offer)
  }

  /** Looks no more. */
  stop(): void {
    this.#isWanted = false
    this.#timer?.cancel()
    this.#timer = null
    const meeting = this.#meeting
    this.#meeting = null
    meeting?.close()
  }

  #try(): void {
    const { reactor, means, relays, answerMs, onJoined, onAuthenticated, onOffer } = this.#options
    const room = this.#roomOf(this.#number + this.#offset)
    const meeting: Meeting = new Meeting({
      reactor,
      means,
      relays,
      code: this.#leads ? null : room,
      ...(this.#leads ? { opens: room } : {}),
      answerMs,
      meetMs: WAIT_MS,
      onWelcome: () => undefined,
      onCode: () => undefined,
      onJoined: (at, leg) => {
        this.#hasMet = true
        onJoined(at, leg)
      },
      onAuthenticated,
      onOffer,
      onLeft: () => this.#over(meeting, true),
      onWarning: () => undefined,
      onFailed: (error) => this.#over(meeting, this.#isUsed(error)),
    })
    this.#meeting = meeting
    this.#hasMet = false
    meeting.start()
  }

  /** True if a room of that number will not do any more. */
  #isUsed(error: Error): boolean {
    if (this.#hasMet) return true
    const isUsed = ['room-taken', 'room-closed', 'room-full', 'burnt']
    return error instanceof VRendezvousError && isUsed.includes(error.reason)
  }

  #over(meeting: Meeting, isUsed: boolean): void {
    if (meeting !== this.#meeting) return
    this.#meeting = null
    meeting.close()
    if (isUsed) {
      this.#number += this.#offset + 1
      this.#offset = 0
    } else if (!this.#leads) this.#offset = (this.#offset + 1) % WINDOW
    if (this.#hasMet) {
      // Both know what they need; the next time begins when it is asked for.
      this.#isWanted = false
      return
    }
    this.#timer = this.#options.reactor.schedule(this.#pauseMs, () => this.#try())
    this.#pauseMs = Math.min(2 * this.#pauseMs, MAX_PAUSE_MS)
  }

  #roomOf(number: number): { readonly room: number; readonly words: readonly string[] } {
    const drawn = this.#options.means.crypto.hmac(this.#key, Buffer.from(`room ${number}`))
    return {
      room: FIRST_ROOM + (drawn.readUInt32BE(0) % ROOMS),
      words: [drawn.toString('base64', 4, 32)],
    }
  }
}
