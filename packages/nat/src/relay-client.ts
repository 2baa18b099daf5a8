/**
 * A party's side of a relay, as a machine: it binds the address of its socket to its leg and keeps it bound.
 *
 * Decides when BIND leaves. Before there is a leg it can ask for the cookie of its address, and keep it fresh, so that the
 * first BIND is one that the relay takes. What is relayed does not pass here: once bound, whatever is sent to the relay's
 * address comes out at the other party, and the other way round. Invariants: nothing goes anywhere but to the relay; it is
 * bound only after the relay has shown that it knows the token too.
 */
import type { VIPSocketPeer, VTransmitBatch } from '@vio/io'
import type { IVRandom } from '@vio/reactor'
import type { IVCrypto, IVMachine } from '@vio/vudp'
import { BoundedQueue, Outbox } from './outbox.js'
import { encodeAsk, encodeBind, openAnswer, openCookie, type VRelayRefusal } from './relay-datagram.js'
import type { VRelayLeg } from './rendezvous-message.js'

/** Options of a client. */
export interface VRelayClientOptions {
  /** The relay's UDP address. */
  readonly relay: VIPSocketPeer
  /** The leg, where it is known already; else `bind` names it. */
  readonly leg?: Pick<VRelayLeg, 'leg' | 'token'>
  /** After how long it binds anew, so that the way through NATs stays open. By default 15 s. */
  readonly refreshMs?: number
}

/** What a client tells. */
export type VRelayClientEvent =
  /**
   * A BIND with a cookie of the relay has left, and the leg was never bound before: what is sent to the relay now comes
   * behind it and passes, unless the two are lost or overtake each other.
   */
  | { readonly type: 'binding' }
  | { readonly type: 'bound' }
  /**
   * It was bound anew after `refreshMs`. `moved`: the relay saw another address than before, so the NAT had forgotten the
   * mapping, or has another one.
   */
  | { readonly type: 'refreshed'; readonly moved: boolean }
  /** The relay does not answer over UDP; it is asked further. Told once until it is bound (again). */
  | { readonly type: 'unreachable' }
  | { readonly type: 'refused'; readonly reason: VRelayRefusal }

const FIRST_MS = 250
const MAX_MS = 2_000
const REFRESH_MS = 15_000
const TRIES = 4
const COOKIE_BYTES = 16
/** Two challenges in a row are an answer and a change of keys; more is somebody else's doing. */
const MAX_CHALLENGES = 3
/** For so long a cookie is good in any case: who is asked for another one before has another address. */
const COOKIE_MS = 60_000
/** A cookie that waits for its leg is renewed so often, which keeps the way through NATs open too. */
const COOKIE_REFRESH_MS = 25_000
const NONCE_BYTES = 8
const NO_COOKIE = Buffer.alloc(COOKIE_BYTES)
const NEVER = Number.POSITIVE_INFINITY

/** Binds one leg. It begins with `start`. */
export class VRelayClient implements IVMachine<VRelayClientEvent> {
  readonly #relay: VIPSocketPeer
  readonly #suite: IVCrypto
  #leg = ''
  #token: Buffer = Buffer.alloc(0)
  #nonce = ''
  #refreshMs: number
  readonly #outbox = new Outbox()
  readonly #events = new BoundedQueue<VRelayClientEvent>()
  #cookie: Buffer = NO_COOKIE
  #state: 'new' | 'asking' | 'binding' | 'bound' | 'over' = 'new'
  #dueAt = NEVER
  #delayMs = FIRST_MS
  #tries = 0
  #challenges = 0
  #cookieAt = Number.NEGATIVE_INFINITY
  #hasMoved = false
  #isOnItsWay = false
  #wasBound = false
  #hasToTell = false

  constructor(options: VRelayClientOptions, suite: IVCrypto) {
    this.#relay = options.relay
    this.#suite = suite
    if (options.leg !== undefined) this.#know(options.leg)
    this.#refreshMs = options.refreshMs ?? REFRESH_MS
  }

  /** True while the leg is bound to the address of this socket, as far as is known. */
  get isBound(): boolean {
    return this.#state === 'bound'
  }

  /** After how long it binds anew; holds from the next time on. */
  get refreshMs(): number {
    return this.#refreshMs
  }

  set refreshMs(ms: number) {
    this.#refreshMs = ms
  }

  /** True once what is sent to the relay can be expected to pass: see the event `binding`. Stays so. */
  get isOnItsWay(): boolean {
    return this.#isOnItsWay
  }

  /** Asks for the cookie of this socket's address, and keeps it fresh until there is a leg. Before `bind`, or never. */
  ask(now: number, random: IVRandom): void {
    if (this.#state !== 'new') return
    const nonce = Buffer.alloc(NONCE_BYTES)
    random.fillSecret(nonce)
    this.#nonce = nonce.toString('hex')
    this.#state = 'asking'
    this.#again(now)
  }

  /** Begins to bind a leg, once. */
  bind(now: number, leg: Pick<VRelayLeg, 'leg' | 'token'>): void {
    if (this.#state !== 'new' && this.#state !== 'asking') return
    this.#know(leg)
    this.start(now)
  }

  /** Begins, where the leg was named with the options. */
  start(now: number): void {
    if (this.#leg === '' || (this.#state !== 'new' && this.#state !== 'asking')) return
    this.#state = 'binding'
    if (now - this.#cookieAt >= COOKIE_MS) this.#cookie = NO_COOKIE
    this.refresh(now)
  }

  /** Binds anew at once: the address of this socket may have changed. Before there is a leg, asks anew. */
  refresh(now: number): void {
    if (this.#state === 'over' || this.#state === 'new') return
    this.#tries = 0
    this.#challenges = 0
    this.#delayMs = FIRST_MS
    this.#again(now)
  }

  /** Asks no further. The relay forgets the leg in time. */
  stop(): void {
    this.#state = 'over'
    this.#dueAt = NEVER
    this.#outbox.clear()
  }

  handleDatagram(now: number, from: VIPSocketPeer, bytes: Buffer): void {
    if (this.#state === 'new' || this.#state === 'over' || !from.equals(this.#relay)) return
    const cookie = this.#nonce === '' ? null : openCookie(this.#nonce, bytes)
    if (cookie !== null) {
      this.#given(now, cookie)
      return
    }
    if (this.#state === 'asking') return
    const own = { token: this.#token, leg: this.#leg, cookie: this.#cookie }
    const answer = openAnswer(this.#suite, own, bytes)
    if (answer?.type === 'challenge') this.#challenged(now, answer.cookie)
    else if (answer?.type === 'bound') this.#bound(now)
    else if (answer?.type === 'refused') {
      this.stop()
      this.#events.push(answer)
    }
  }

  handleTimeout(now: number): void {
    if (now < this.#dueAt) return
    this.#challenges = 0
    if (this.#tries === TRIES && this.#state !== 'asking') {
      this.#state = 'binding'
      this.#events.push({ type: 'unreachable' })
    }
    this.#again(now)
  }

  pollTransmit(_now: number, batch: VTransmitBatch): boolean {
    if (this.#outbox.poll(batch)) return true
    if (this.#hasToTell) {
      this.#hasToTell = false
      this.#isOnItsWay = true
      this.#events.push({ type: 'binding' })
    }
    return false
  }

  pollTimeout(): number {
    return this.#dueAt
  }

  pollEvent(): VRelayClientEvent | undefined {
    return this.#events.shift()
  }

  #know({ leg, token }: Pick<VRelayLeg, 'leg' | 'token'>): void {
    this.#leg = leg
    this.#token = Buffer.from(token, 'base64')
  }

  /** The cookie that was asked for. A leg may have come meanwhile: its BIND without a cookie had left already. */
  #given(now: number, cookie: Buffer): void {
    const isNews = !cookie.equals(this.#cookie)
    this.#cookie = cookie
    this.#cookieAt = now
    if (this.#state === 'asking') {
      this.#rest(now, COOKIE_REFRESH_MS)
      return
    }
    this.#nonce = ''
    if (isNews) this.#send()
  }

  #challenged(now: number, cookie: Buffer): void {
    // It was asked for twice, once for the address and once for the leg, and one BIND has it already.
    if (cookie.equals(this.#cookie) || this.#challenges >= MAX_CHALLENGES) return
    this.#challenges += 1
    if (this.#challenges === 1 && now - this.#cookieAt < COOKIE_MS) this.#hasMoved = true
    this.#cookie = cookie
    this.#cookieAt = now
    this.#send()
    this.#dueAt = now + this.#delayMs
  }

  #bound(now: number): void {
    const isNews = this.#state !== 'bound'
    const moved = this.#hasMoved
    this.#hasMoved = false
    this.#state = 'bound'
    this.#wasBound = true
    this.#rest(now, this.#refreshMs)
    this.#events.push(isNews ? { type: 'bound' } : { type: 'refreshed', moved })
  }

  /** All is well until then. */
  #rest(now: number, ms: number): void {
    this.#tries = 0
    this.#challenges = 0
    this.#delayMs = FIRST_MS
    this.#dueAt = now + ms
  }

  #again(now: number): void {
    this.#tries += 1
    this.#send()
    this.#dueAt = now + this.#delayMs
    this.#delayMs = Math.min(2 * this.#delayMs, this.#state === 'asking' ? COOKIE_REFRESH_MS : MAX_MS)
  }

  #send(): void {
    if (this.#state === 'asking') this.#outbox.push(this.#relay, encodeAsk(this.#nonce))
    else {
      this.#outbox.push(this.#relay, encodeBind(this.#suite, this.#token, this.#leg, this.#cookie))
      this.#hasToTell ||= this.#cookie !== NO_COOKIE && !this.#wasBound
    }
  }
}
