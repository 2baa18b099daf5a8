/**
 * A party's side of a relay, as a machine: it binds the address of its socket to its leg and keeps it bound.
 *
 * Decides when BIND leaves. What is relayed does not pass here: once bound, whatever is sent to the relay's address comes
 * out at the other party, and the other way round. Invariants: nothing goes anywhere but to the relay; it is bound only
 * after the relay has shown that it knows the token too.
 */
import type { VIPSocketPeer, VTransmitBatch } from '@vio/io'
import type { IVCrypto, IVMachine } from '@vio/vudp'
import { BoundedQueue, Outbox } from './outbox.js'
import { encodeBind, openAnswer, type VRelayRefusal } from './relay-datagram.js'
import type { VRelayLeg } from './rendezvous-message.js'

/** Options of a client. */
export interface VRelayClientOptions {
  /** The relay's UDP address. */
  readonly relay: VIPSocketPeer
  readonly leg: Pick<VRelayLeg, 'leg' | 'token'>
  /** After how long it binds anew, so that the way through NATs stays open. By default 15 s. */
  readonly refreshMs?: number
}

/** What a client tells. */
export type VRelayClientEvent =
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
const NEVER = Number.POSITIVE_INFINITY

/** Binds one leg. It begins with `start`. */
export class VRelayClient implements IVMachine<VRelayClientEvent> {
  readonly #relay: VIPSocketPeer
  readonly #suite: IVCrypto
  readonly #leg: string
  readonly #token: Buffer
  #refreshMs: number
  readonly #outbox = new Outbox()
  readonly #events = new BoundedQueue<VRelayClientEvent>()
  #cookie: Buffer = Buffer.alloc(COOKIE_BYTES)
  #state: 'new' | 'binding' | 'bound' | 'over' = 'new'
  #dueAt = NEVER
  #delayMs = FIRST_MS
  #tries = 0
  #challenges = 0
  #cookieAt = Number.NEGATIVE_INFINITY
  #hasMoved = false

  constructor(options: VRelayClientOptions, suite: IVCrypto) {
    this.#relay = options.relay
    this.#suite = suite
    this.#leg = options.leg.leg
    this.#token = Buffer.from(options.leg.token, 'base64')
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

  /** Begins. */
  start(now: number): void {
    if (this.#state === 'new') this.refresh(now)
  }

  /** Binds anew at once: the address of this socket may have changed. */
  refresh(now: number): void {
    if (this.#state === 'over') return
    if (this.#state === 'new') this.#state = 'binding'
    this.#tries = 0
    this.#challenges = 0
    this.#delayMs = FIRST_MS
    this.#bind(now)
  }

  /** Asks no further. The relay forgets the leg in time. */
  stop(): void {
    this.#state = 'over'
    this.#dueAt = NEVER
    this.#outbox.clear()
  }

  handleDatagram(now: number, from: VIPSocketPeer, bytes: Buffer): void {
    if (this.#state === 'new' || this.#state === 'over' || !from.equals(this.#relay)) return
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
    if (this.#tries === TRIES) {
      this.#state = 'binding'
      this.#events.push({ type: 'unreachable' })
    }
    this.#bind(now)
  }

  pollTransmit(_now: number, batch: VTransmitBatch): boolean {
    return this.#outbox.poll(batch)
  }

  pollTimeout(): number {
    return this.#dueAt
  }

  pollEvent(): VRelayClientEvent | undefined {
    return this.#events.shift()
  }

  #challenged(now: number, cookie: Buffer): void {
    if (this.#challenges >= MAX_CHALLENGES) return
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
    this.#tries = 0
    this.#challenges = 0
    this.#delayMs = FIRST_MS
    this.#dueAt = now + this.#refreshMs
    this.#events.push(isNews ? { type: 'bound' } : { type: 'refreshed', moved })
  }

  #bind(now: number): void {
    this.#tries += 1
    this.#send()
    this.#dueAt = now + this.#delayMs
    this.#delayMs = Math.min(2 * this.#delayMs, MAX_MS)
  }

  #send(): void {
    this.#outbox.push(this.#relay, encodeBind(this.#suite, this.#token, this.#leg, this.#cookie))
  }
}
