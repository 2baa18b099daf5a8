/**
 * A party's side of a meeting, without sockets: into a room, a key from the spoken words, offers under that key.
 *
 * Decides the order of it, and how long each step may take. The link to the server and what the offers contain are for
 * others. Invariants: an offer leaves so that only somebody who knows the words can read it, and none is read before the
 * other side has proved that it does; one wrong guess ends it, and the server is told to burn the code; it ends in `offer` or
 * in exactly one `failed`.
 */
import type { IVRandom } from '@vio/reactor'
import { Introduction, type VMeetingSecrets } from './introduction.js'
import { readOffer, type VOffer, writeOffer } from './offer.js'
import { BoundedQueue } from './outbox.js'
import { refusalError, roomEndError, VRendezvousError } from './rendezvous-error.js'
import {
  encodeRendezvous,
  type VMessageFault,
  type VRelayLeg,
  type VRendezvousMessage,
  VRendezvousReader,
  type VWelcome,
} from './rendezvous-message.js'
import type { IVNatCrypto } from './suite.js'

/** How a party comes into its room. */
export interface VRendezvousOptions {
  /** The number of the room to enter; undefined to open one. */
  readonly join?: number
  /** The number that a room is to have that is opened; by default any. */
  readonly create?: number
  /** What was spoken, or will be. */
  readonly words: readonly string[]
  /** How long the server may take to answer, and the other side with its next step. By default 20 s. */
  readonly stepMs?: number
}

/** What a party learns on the way. */
export type VRendezvousEvent =
  | { readonly type: 'welcome'; readonly welcome: VWelcome }
  /** The room is open: the code can be told. */
  | { readonly type: 'room'; readonly room: number; readonly lifeMs: number }
  /** The other one is there. `secrets`: of a connection with it, if it knows the words. */
  | { readonly type: 'joined'; readonly relay: VRelayLeg | undefined; readonly secrets: VMeetingSecrets }
  /** It has said the same words. */
  | { readonly type: 'authenticated' }
  /** What it told. More may follow, when its addresses change. */
  | { readonly type: 'offer'; readonly offer: VOffer }
  /** The other one needs the room no longer. */
  | { readonly type: 'left' }
  | { readonly type: 'failed'; readonly error: VRendezvousError }

const STEP_MS = 20_000
/** A link on which nothing is said is kept open, and found out about when it is dead, by asking so often. */
const PING_MS = 30_000
const MAX_PINGS = 2
const LINK_LOST = 'the connection to the relay was lost before the other side was met'
const NEVER = Number.POSITIVE_INFINITY

/** One meeting. The bytes of the link go in and come out; the link is closed when `isOver`. */
export class VRendezvousClient {
  readonly #options: VRendezvousOptions
  readonly #introduction: Introduction
  readonly #reader = new VRendezvousReader()
  readonly #output = new BoundedQueue<Buffer>(Number.POSITIVE_INFINITY)
  readonly #events = new BoundedQueue<VRendezvousEvent>()
  readonly #waiting: VOffer[] = []
  #state: 'new' | 'entering' | 'waiting' | 'meeting' | 'met' | 'over' = 'new'
  #room = 0
  #deadline = NEVER
  #pingAt = NEVER
  #pings = 0

  constructor(options: VRendezvousOptions, suite: IVNatCrypto, random: IVRandom) {
    this.#options = options
    this.#introduction = new Introduction(
      { isJoiner: options.join !== undefined, words: options.words },
      suite,
      random,
    )
  }

  /** True once nothing more will come: after `failed`, or `done`. */
  get isOver(): boolean {
    return this.#state === 'over'
  }

  /** The link is there. The server speaks first. */
  start(now: number): void {
    this.#deadline = now + this.#stepMs
    this.#pingAt = now + PING_MS
  }

  /** Tells the other side, as soon as it is there. May be called again later. */
  offer(_now: number, offer: VOffer): void {
    if (this.#state === 'over') return
    if (this.#state === 'met' || this.#state === 'meeting') this.#sendOffer(offer)
    else this.#waiting.push(offer)
  }

  /** Nothing more is needed of the room. */
  done(): void {
    if (this.#state === 'over') return
    if (this.#state !== 'new' && this.#state !== 'entering') this.#send({ type: 'done' })
    this.#end()
  }

  /** Bytes of the link. */
  handleBytes(now: number, bytes: Uint8Array): void {
    this.#reader.push(bytes)
    this.#pings = 0
    if (this.#state !== 'over') this.#pingAt = now + PING_MS
    while (this.#state !== 'over') {
      const next = this.#reader.next()
      if (next === undefined) return
      this.#take(now, next)
    }
  }

  /** The link is closed. */
  handleClose(_now: number): void {
    if (this.#state !== 'over') this.#loseLink()
  }

  /** Does what is due. */
  handleTimeout(now: number): void {
    if (now >= this.#pingAt) this.#ping(now)
    if (now < this.#deadline) return
    const isMeeting = this.#state === 'meeting'
    if (isMeeting) this.#send({ type: 'burn' })
    const what = isMeeting ? 'the other side' : 'the relay'
    this.#fail(new VRendezvousError('timeout', `${what} did not answer within ${this.#stepMs} ms`))
  }

  /** When something is due. */
  pollTimeout(): number {
    return Math.min(this.#deadline, this.#pingAt)
  }

  /** The next bytes for the link. */
  pollOutput(): Buffer | undefined {
    return this.#output.shift()
  }

  /** What was learned. */
  pollEvent(): VRendezvousEvent | undefined {
    return this.#events.shift()
  }

  get #stepMs(): number {
    return this.#options.stepMs ?? STEP_MS
  }

  #take(now: number, message: VRendezvousMessage | VMessageFault): void {
    switch (message.type) {
      case 'welcome':
        this.#welcomed(now, message)
        break
      case 'created':
        this.#created(message)
        break
      case 'joined':
        this.#joined(now, message)
        break
      case 'pass':
        this.#passed(Buffer.from(message.data, 'base64'))
        break
      case 'left':
        this.#left(message)
        break
      case 'refused':
        this.#fail(refusalError(message.reason, message.about))
        break
      case 'pong':
        break
      case 'fault':
        this.#fail(refusalError(message.reason, message.about))
        break
      default:
        this.#fail(refusalError('out-of-turn', message.type))
    }
  }

  #welcomed(now: number, welcome: VWelcome): void {
    if (this.#state !== 'new') {
      this.#fail(refusalError('out-of-turn', 'welcome'))
      return
    }
    this.#state = 'entering'
    this.#deadline = now + this.#stepMs
    this.#events.push({ type: 'welcome', welcome })
    const { join, create } = this.#options
    if (join !== undefined) this.#room = join
    const share = this.#introduction.share.toString('base64')
    this.#send(
      join === undefined ? { type: 'create', room: create, share } : { type: 'join', room: join, share },
    )
  }

  #created({ room, lifeMs }: Extract<VRendezvousMessage, { type: 'created' }>): void {
    if (this.#state !== 'entering' || this.#isJoiner) {
      this.#fail(refusalError('out-of-turn', 'created'))
      return
    }
    this.#state = 'waiting'
    this.#room = room
    // The server ends the room in time.
    this.#deadline = NEVER
    this.#events.push({ type: 'room', room, lifeMs })
  }

  #joined(now: number, message: Extract<VRendezvousMessage, { type: 'joined' }>): void {
    const expected = this.#isJoiner ? 'entering' : 'waiting'
    if (this.#state !== expected) {
      this.#fail(refusalError('out-of-turn', 'joined'))
      return
    }
    this.#state = 'meeting'
    this.#deadline = now + this.#stepMs
    const place = { room: this.#room, session: message.session }
    const proof = this.#introduction.begin(Buffer.from(message.share, 'base64'), place)
    const { secrets } = this.#introduction
    if (proof === null || secrets === null) {
      this.#reject(badAnswer('the other side sent what has no place in this meeting'))
      return
    }
    this.#events.push({ type: 'joined', relay: message.relay, secrets })
    this.#pass(proof)
    for (const offer of this.#waiting.splice(0)) this.#sendOffer(offer)
  }

  /** A message of the other party. */
  #passed(bytes: Buffer): void {
    const step = this.#introduction.take(bytes)
    if (step.type === 'met') this.#met()
    else if (step.type === 'plain') this.#read(step.plain ?? Buffer.alloc(0))
    else if (step.type === 'wrong-words') this.#reject(wrongWords())
    else this.#reject(badAnswer('the other side sent what has no place in this meeting'))
  }

  #met(): void {
    this.#state = 'met'
    this.#deadline = NEVER
    this.#events.push({ type: 'authenticated' })
  }

  #read(plain: Buffer): void {
    try {
      this.#events.push({ type: 'offer', offer: readOffer(plain) })
    } catch (cause) {
      // The other side is the right one, but what it says cannot be used: there is no going on from here.
      this.#reject(badAnswer('the other side sent an offer that cannot be read', cause))
    }
  }

  #left({ reason }: Extract<VRendezvousMessage, { type: 'left' }>): void {
    if (this.#state === 'met' && (reason === 'done' || reason === 'gone' || reason === 'expired')) {
      this.#events.push({ type: 'left' })
      this.#end()
    } else this.#fail(roomEndError(this.#state === 'meeting' && reason === 'gone' ? 'burnt' : reason))
  }

  get #isJoiner(): boolean {
    return this.#options.join !== undefined
  }

  #sendOffer(offer: VOffer): void {
    const sealed = this.#introduction.seal(writeOffer(offer))
    if (sealed !== undefined) this.#pass(sealed)
  }

  #pass(bytes: Buffer): void {
    this.#send({ type: 'pass', data: bytes.toString('base64') })
  }

  #send(message: VRendezvousMessage): void {
    this.#output.push(encodeRendezvous(message))
  }

  /** Somebody tried wrong words, or does not keep to the rules: the code is burnt for everybody. */
  #reject(error: VRendezvousError): void {
    this.#send({ type: 'burn' })
    this.#fail(error)
  }

  #ping(now: number): void {
    this.#pingAt = now + PING_MS
    this.#pings += 1
    if (this.#pings > MAX_PINGS) this.#loseLink()
    else this.#send({ type: 'ping' })
  }

  /** Once both have met, the room is no longer needed; before that, there is no going on. */
  #loseLink(): void {
    if (this.#state === 'met') {
      this.#events.push({ type: 'left' })
      this.#end()
    } else this.#fail(new VRendezvousError('link-lost', LINK_LOST))
  }

  #fail(error: VRendezvousError): void {
    this.#events.push({ type: 'failed', error })
    this.#end()
  }

  #end(): void {
    this.#state = 'over'
    this.#deadline = NEVER
    this.#pingAt = NEVER
  }
}

function wrongWords(): VRendezvousError {
  return new VRendezvousError(
    'wrong-words',
    'the words on the two sides are not the same: the code is used up, make a new one',
  )
}

function badAnswer(message: string, cause?: unknown): VRendezvousError {
  return new VRendezvousError('bad-answer', message, { cause })
}
