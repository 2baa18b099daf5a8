/**
 * The relay, without sockets: what one leg of a pair sends comes out at the other, by UDP or in a stream.
 *
 * Decides who may bind which leg, what is carried and what is dropped. It looks at nothing that it carries and keeps
 * nothing of it. Invariants: an address is bound only by who knows the leg's token and receives at that address; an answer
 * is never longer than its question; work for a datagram does not grow with the number of pairs; memory is bounded.
 */
import type { VIPSocketPeer, VTransmitBatch } from '@vio/io'
import type { IVRandom } from '@vio/reactor'
import type { IVCrypto, IVMachine } from '@vio/vudp'
import { BoundedQueue, Outbox } from './outbox.js'
import {
  cookieOf,
  encodeBound,
  encodeChallenge,
  encodeRefused,
  isBindRight,
  isRelayControl,
  parseAsk,
  parseBind,
  streamProof,
  type VRelayRefusal,
} from './relay-datagram.js'
import { mayPass, NO_STREAM, otherLeg, type RelayLeg, RelayLegs, type RelayPair } from './relay-legs.js'
import type { VRelayLeg } from './rendezvous-message.js'
import { SourceLimit } from './source-limit.js'

/** Limits of a relay. A limit of Infinity is none. */
export interface VRelayLimits {
  /** How many pairs there are at most, and in how many of them one source has a part. By default 2,000 and 64. */
  readonly maxPairs?: number
  readonly maxPairsPerSource?: number
  /** Bytes a second that one source sends at most, and all together. By default without limit. */
  readonly bytesPerSecondPerSource?: number
  readonly bytesPerSecond?: number
  /** How long a pair may last. By default 24 h. */
  readonly maxMinutes?: number
  /** After how long without a datagram a pair is forgotten. By default 2 min. */
  readonly idleMs?: number
}

/** What a relay has done, in datagrams where nothing else is said. */
export interface VRelayCounts {
  relayed: number
  relayedBytes: number
  /** Of nobody, with a wrong mac, or from who asks for cookies too often. */
  strangers: number
  /** Over a limit of bytes. */
  limited: number
  /** For a leg that is not bound. */
  unbound: number
  pairs: number
  refusedPairs: number
}

/** What is to be done on a stream. */
export interface VRelayStreamOutput {
  readonly stream: number
  /** A datagram to be framed; null: close the stream. */
  readonly datagram: Buffer | null
}

const LEG_BYTES = 8
const TOKEN_BYTES = 32
const KEY_BYTES = 32
const COOKIE_MS = 60_000
const MINUTE = 60_000
const SWEEP_MS = 5_000
const MIN_SWEEP_MS = 20
const MAX_EARLY = 4
const MAX_EARLY_BYTES = 1_500
const MAX_WAITING = 8_192
const MAX_DATAGRAM_BYTES = 65_536
/** Refusals are for those who were known a moment ago; strangers get few. */
const REFUSALS = { perSecond: 1, burst: 4 }
/** Who asks for a cookie needs one a minute; many may be behind one address. */
const COOKIES = { perSecond: 20, burst: 60 }

/** Carries datagrams between the legs of pairs. */
export class VRelayServer implements IVMachine<never> {
  readonly counts: VRelayCounts = {
    relayed: 0,
    relayedBytes: 0,
    strangers: 0,
    limited: 0,
    unbound: 0,
    pairs: 0,
    refusedPairs: 0,
  }
  readonly #suite: IVCrypto
  readonly #random: IVRandom
  readonly #limits: Required<VRelayLimits>
  readonly #legs = new RelayLegs()
  readonly #outbox = new Outbox(MAX_WAITING)
  readonly #streams = new BoundedQueue<VRelayStreamOutput>(MAX_WAITING)
  readonly #key = Buffer.alloc(KEY_BYTES)
  readonly #byteLimits: readonly (SourceLimit | null)[]
  readonly #refusals = new SourceLimit(REFUSALS)
  readonly #cookies = new SourceLimit(COOKIES)
  #sweepAt = Number.POSITIVE_INFINITY
  /** A pair that carries nothing for so long is ended. */
  #quietMs = Number.POSITIVE_INFINITY

  constructor(limits: VRelayLimits, suite: IVCrypto, random: IVRandom) {
    this.#limits = {
      maxPairs: 2_000,
      maxPairsPerSource: 64,
      bytesPerSecondPerSource: Number.POSITIVE_INFINITY,
      bytesPerSecond: Number.POSITIVE_INFINITY,
      maxMinutes: 24 * 60,
      idleMs: 2 * MINUTE,
      ...limits,
    }
    this.#suite = suite
    this.#random = random
    random.fillSecret(this.#key)
    const { bytesPerSecondPerSource, bytesPerSecond } = this.#limits
    this.#byteLimits = [byteLimit(bytesPerSecondPerSource), byteLimit(bytesPerSecond)]
  }

  /** How many pairs there are. */
  get openPairs(): number {
    return this.#legs.pairs.size
  }

  /** Opens a pair for two sources; null if a limit is reached. `host` and `port` are where the legs are told to go. */
  openPair(
    now: number,
    sources: readonly [string, string],
    at: { readonly host: string; readonly port: number },
  ): readonly [VRelayLeg, VRelayLeg] | null {
    const { maxPairs, maxPairsPerSource } = this.#limits
    const isFull = sources.some((source) => this.#legs.pairsOf(source) >= maxPairsPerSource)
    if (isFull || this.openPairs >= maxPairs) {
      this.counts.refusedPairs += 1
      return null
    }
    const drawn = sources.map((source) => ({
      id: this.#draw(LEG_BYTES).toString('hex'),
      token: this.#draw(TOKEN_BYTES),
      source,
    }))
    this.#legs.add(now, drawn)
    this.counts.pairs += 1
    this.#sweepAt = Math.min(this.#sweepAt, now + SWEEP_MS)
    const told = drawn.map(({ id, token }) => ({ leg: id, token: token.toString('base64'), ...at }))
    return told as unknown as readonly [VRelayLeg, VRelayLeg]
  }

  handleDatagram(now: number, from: VIPSocketPeer, bytes: Buffer): void {
    if (isRelayControl(bytes)) {
      this.#bind(now, from, bytes)
      return
    }
    const leg = this.#legs.atPeer(from)
    if (leg === undefined) this.counts.strangers += 1
    else this.#relay(now, leg, Buffer.from(bytes))
  }

  /** Binds a leg to a stream, if `mac` proves it for the stream's nonce. Returns false if it does not. */
  openStream(
    now: number,
    stream: number,
    leg: string,
    proof: { readonly mac: Uint8Array; readonly nonce: Uint8Array },
  ): boolean {
    const found = this.#legs.find(leg)
    const wanted = found && streamProof(this.#suite, found.token, proof.nonce)
    if (found === undefined || wanted === undefined || !this.#suite.equal(wanted, proof.mac)) {
      this.counts.strangers += 1
      return false
    }
    const before = this.#legs.bindStream(found, stream)
    if (before !== NO_STREAM) this.#streams.push({ stream: before, datagram: null })
    this.#nowBound(now, found)
    return true
  }

  /** A datagram has come in a stream. */
  handleStream(now: number, stream: number, datagram: Buffer): void {
    const leg = this.#legs.atStream(stream)
    if (leg === undefined) this.counts.strangers += 1
    else this.#relay(now, leg, datagram)
  }

  /** A stream is closed. */
  closeStream(stream: number): void {
    this.#legs.dropStream(stream)
  }

  /** What is to be done next on a stream. */
  pollStream(): VRelayStreamOutput | undefined {
    return this.#streams.shift()
  }

  /** From now on, ends every pair that has carried nothing for `quietMs`, legs that are only held open too; both are told. */
  retire(now: number, quietMs: number): void {
    this.#quietMs = quietMs
    this.#sweep(now)
  }

  /** Ends every pair; both legs of each are told. */
  drain(): void {
    for (const pair of [...this.#legs.pairs]) this.#end(pair, 'closing')
  }

  handleTimeout(now: number): void {
    if (now >= this.#sweepAt) this.#sweep(now)
  }

  pollTransmit(_now: number, batch: VTransmitBatch): boolean {
    return this.#outbox.poll(batch)
  }

  pollTimeout(): number {
    return this.#sweepAt
  }

  pollEvent(): undefined {
    return undefined
  }

  #bind(now: number, from: VIPSocketPeer, bytes: Buffer): void {
    const bind = parseBind(bytes)
    if (bind === null) {
      const nonce = parseAsk(bytes)
      if (nonce !== null) {
        this.#giveCookie(now, from, nonce)
        return
      }
      this.counts.strangers += 1
      return
    }
    const leg = this.#legs.find(bind.leg)
    if (leg === undefined) {
      this.counts.strangers += 1
      if (this.#refusals.allows(now, from.host))
        this.#outbox.push(from, encodeRefused(bind.leg, 'unknown-leg'))
      return
    }
    if (!isBindRight(this.#suite, leg.token, bytes)) {
      this.counts.strangers += 1
      return
    }
    const cookies = [0, COOKIE_MS].map((agoMs) => this.#cookieFor(now - agoMs, from))
    if (!cookies.some((cookie) => this.#suite.equal(cookie, bind.cookie))) {
      this.#outbox.push(from, encodeChallenge(leg.id, this.#cookieFor(now, from)))
      return
    }
    const { stream, udp } = leg
    if (udp === null || !udp.equals(from)) this.#legs.bindPeer(leg, from)
    if (stream !== NO_STREAM) this.#streams.push({ stream, datagram: null })
    this.#outbox.push(from, encodeBound(this.#suite, leg.token, leg.id, bind.cookie))
    this.#nowBound(now, leg)
  }

  /** Who has no leg yet may show already that it receives where it says. */
  #giveCookie(now: number, from: VIPSocketPeer, nonce: string): void {
    if (this.#cookies.allows(now, from.host))
      this.#outbox.push(from, encodeChallenge(nonce, this.#cookieFor(now, from)))
    else this.counts.strangers += 1
  }

  #cookieFor(now: number, from: VIPSocketPeer): Buffer {
    return cookieOf(this.#suite, this.#key, String(from), String(Math.floor(now / COOKIE_MS)))
  }

  /** What came for it before it was bound goes out now. */
  #nowBound(now: number, leg: RelayLeg): void {
    leg.pair.lastAt = now
    for (const bytes of leg.early.splice(0)) this.#deliver(leg, bytes)
  }

  #relay(now: number, from: RelayLeg, bytes: Buffer): void {
    const to = otherLeg(from)
    if (to === undefined) return
    if (!mayPass(now, from, bytes.length, this.#byteLimits)) {
      this.counts.limited += 1
      return
    }
    from.pair.lastAt = now
    from.pair.carriedAt = now
    from.pair.bytes += bytes.length
    if (this.#deliver(to, bytes)) return
    this.counts.unbound += 1
    if (to.early.length < MAX_EARLY && bytes.length <= MAX_EARLY_BYTES) to.early.push(bytes)
  }

  #deliver(to: RelayLeg, bytes: Buffer): boolean {
    if (to.udp !== null) this.#outbox.push(to.udp, bytes)
    else if (to.stream !== NO_STREAM) this.#streams.push({ stream: to.stream, datagram: bytes })
    else return false
    this.counts.relayed += 1
    this.counts.relayedBytes += bytes.length
    return true
  }

  #sweep(now: number): void {
    const { idleMs, maxMinutes } = this.#limits
    for (const pair of [...this.#legs.pairs]) {
      if (now - pair.openedAt >= maxMinutes * MINUTE) this.#end(pair, 'time-used-up')
      else if (now - pair.carriedAt >= this.#quietMs) this.#end(pair, 'closing')
      else if (now - pair.lastAt >= idleMs) this.#end(pair, 'unknown-leg')
    }
    const nextMs = Math.max(MIN_SWEEP_MS, Math.min(SWEEP_MS, this.#quietMs / 4))
    this.#sweepAt = this.openPairs > 0 ? now + nextMs : Number.POSITIVE_INFINITY
  }

  #end(pair: RelayPair, reason: VRelayRefusal): void {
    for (const leg of pair.legs) {
      if (leg.udp !== null) this.#outbox.push(leg.udp, encodeRefused(leg.id, reason))
      if (leg.stream !== NO_STREAM) this.#streams.push({ stream: leg.stream, datagram: null })
    }
    this.#legs.remove(pair)
  }

  #draw(sizeBytes: number): Buffer {
    const bytes = Buffer.alloc(sizeBytes)
    this.#random.fillSecret(bytes)
    return bytes
  }
}

/** One second's worth may come at once, and a datagram always. */
function byteLimit(perSecond: number): SourceLimit | null {
  return perSecond === Number.POSITIVE_INFINITY
    ? null
    : new SourceLimit({ perSecond, burst: Math.max(perSecond, MAX_DATAGRAM_BYTES) })
}
