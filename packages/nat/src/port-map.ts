/**
 * Asks the router to let a port in, as a machine: by PCP and NAT-PMP at once, and what answers first is kept up.
 *
 * Decides when requests are repeated and renewed, and what is to be believed of a router. Where the router is, the driver
 * finds out. Invariants: nothing goes to anybody but the router, and nothing is believed that comes from another address;
 * a port that is told is open until `lost` is told, as far as the router keeps its word.
 */
import { VIPSocketPeer, type VTransmitBatch } from '@vio/io'
import type { IVRandom } from '@vio/reactor'
import type { IVMachine } from '@vio/vudp'
import { scopeOf } from './address-scope.js'
import { BoundedQueue, Outbox } from './outbox.js'
import {
  decodePortMap,
  encodeAddressRequest,
  encodePcpRequest,
  encodePmpRequest,
  PORT_MAP_PORT,
  type PortMapAnswer,
  type VPortMapProtocol,
} from './port-map-message.js'

/** Options of a mapper. */
export interface VPortMapperOptions {
  /** The router's inner address. */
  readonly gateway: string
  /** The own address and port that are to be reached. */
  readonly local: VIPSocketPeer
  /** The outer port that is wished for. By default that of `local`. */
  readonly externalPort?: number
  /** For how long at a time the port is asked for, in seconds. By default 7,200. */
  readonly lifetimeS?: number
}

/** What a mapper tells. */
export type VPortMapEvent =
  /** The port is open at this address. Told again when it changes. */
  | { readonly type: 'mapped'; readonly external: VIPSocketPeer; readonly protocol: VPortMapProtocol }
  /** It is open no longer. The router is asked further. */
  | { readonly type: 'lost' }
  /** The router speaks neither protocol, or refuses. `result` is the last number that it gave, 0 if it was silent. */
  | { readonly type: 'unavailable'; readonly result: number }

/** How one protocol repeats its requests. */
interface Way {
  readonly protocol: VPortMapProtocol
  readonly firstMs: number
  readonly tries: number
  tried: number
  delayMs: number
  dueAt: number
}

const NEVER = Number.POSITIVE_INFINITY
const SECOND = 1_000
const NONCE_BYTES = 12
const LIFETIME_S = 7_200
/** A router that renews for less is asked no more often than this. */
const MIN_RENEW_MS = 5_000
const MAX_JITTER = 0.1
const WRONG_VERSION = 1
const OTHER: Readonly<Record<VPortMapProtocol, VPortMapProtocol>> = { pcp: 'nat-pmp', 'nat-pmp': 'pcp' }

/** Keeps one UDP port of the router open. It begins with `start`. */
export class VPortMapper implements IVMachine<VPortMapEvent> {
  readonly #options: VPortMapperOptions
  readonly #random: IVRandom
  readonly #router: VIPSocketPeer
  readonly #nonce = Buffer.alloc(NONCE_BYTES)
  readonly #outbox = new Outbox()
  readonly #events = new BoundedQueue<VPortMapEvent>()
  #ways: Way[] = []
  #state: 'new' | 'asking' | 'open' | 'over' = 'new'
  #host = ''
  #external: VIPSocketPeer | null = null
  #expiresAt = NEVER
  #lastResult = 0

  constructor(options: VPortMapperOptions, random: IVRandom) {
    this.#options = options
    this.#random = random
    this.#router = new VIPSocketPeer(options.gateway, PORT_MAP_PORT, { socketType: 'dgram' })
    random.fillSecret(this.#nonce)
  }

  /** Where the port is open; null while it is not. */
  get external(): VIPSocketPeer | null {
    return this.#external
  }

  /** Asks the router. */
  start(now: number): void {
    if (this.#state !== 'new') return
    this.#state = 'asking'
    // The repetitions are those of the RFCs: 6886 section 3.1, 6887 section 8.1.1.
    this.#ways = [way('pcp', now, 3_000, 5), way('nat-pmp', now, 250, 9)]
    this.handleTimeout(now)
  }

  /** Gives the port back, once, and ends. */
  release(): void {
    if (this.#state === 'over') return
    const [held] = this.#ways
    this.#outbox.clear()
    if (this.#external !== null && held !== undefined) this.#ask(held.protocol, 0)
    this.#external = null
    this.#end()
  }

  handleDatagram(now: number, from: VIPSocketPeer, bytes: Buffer): void {
    if (this.#state === 'new' || this.#state === 'over' || !from.equals(this.#router)) return
    const answer = decodePortMap(bytes)
    if (answer === null) return
    if (answer.type === 'refused') this.#refused(answer)
    else if (this.#isOurs(answer)) this.#take(now, answer)
  }

  handleTimeout(now: number): void {
    if (now >= this.#expiresAt) this.#lose(now)
    for (const each of [...this.#ways]) {
      if (now < each.dueAt) continue
      if (each.tried < each.tries) this.#try(now, each)
      else if (this.#state === 'open')
        this.#renewAt(now + Math.max(MIN_RENEW_MS, (this.#expiresAt - now) / 2))
      else this.#giveUp(each)
    }
  }

  pollTransmit(_now: number, batch: VTransmitBatch): boolean {
    return this.#outbox.poll(batch)
  }

  pollTimeout(): number {
    return Math.min(this.#expiresAt, ...this.#ways.map(({ dueAt }) => dueAt))
  }

  pollEvent(): VPortMapEvent | undefined {
    return this.#events.shift()
  }

  #try(now: number, each: Way): void {
    each.tried += 1
    const jitter = 1 + MAX_JITTER * (2 * this.#random.publicDouble() - 1)
    each.dueAt = now + each.delayMs * jitter
    each.delayMs *= 2
    if (each.protocol === 'nat-pmp' && this.#host === '')
      this.#outbox.push(this.#router, encodeAddressRequest())
    this.#ask(each.protocol, this.#options.lifetimeS ?? LIFETIME_S)
  }

  #ask(protocol: VPortMapProtocol, lifetimeS: number): void {
    const { local } = this.#options
    const wished = this.#external?.port ?? this.#options.externalPort ?? local.port
    // Who gives a port back by NAT-PMP names no outer one.
    const isReturn = lifetimeS === 0 && protocol === 'nat-pmp'
    const request = { internalPort: local.port, externalPort: isReturn ? 0 : wished, lifetimeS }
    const bytes =
      protocol === 'pcp' ? encodePcpRequest(request, local.host, this.#nonce) : encodePmpRequest(request)
    this.#outbox.push(this.#router, bytes)
  }

  #isOurs(answer: Exclude<PortMapAnswer, { type: 'refused' }>): boolean {
    if (answer.type === 'address') return this.#ways.some(({ protocol }) => protocol === 'nat-pmp')
    if (answer.internalPort !== this.#options.local.port) return false
    if (!this.#ways.some(({ protocol }) => protocol === answer.protocol)) return false
    return answer.protocol === 'nat-pmp' || answer.nonce?.equals(this.#nonce) === true
  }

  #take(now: number, answer: Exclude<PortMapAnswer, { type: 'refused' }>): void {
    if (answer.type === 'address') {
      this.#host = answer.host
      return
    }
    const host = answer.host ?? this.#host
    const isUsable = scopeOf(host) !== 'none' && answer.externalPort !== 0 && answer.lifetimeS > 0
    // By NAT-PMP the address comes on its own; without it the port is of no use, and is asked for again.
    if (!isUsable) return
    this.#ways = this.#ways.filter(({ protocol }) => protocol === answer.protocol)
    this.#state = 'open'
    this.#expiresAt = now + answer.lifetimeS * SECOND
    const share = 1 / 2 + this.#random.publicDouble() / 8
    this.#renewAt(now + Math.max(MIN_RENEW_MS, answer.lifetimeS * SECOND * share))
    const external = new VIPSocketPeer(host, answer.externalPort, { socketType: 'dgram' })
    if (this.#external?.equals(external) === true) return
    this.#external = external
    this.#events.push({ type: 'mapped', external, protocol: answer.protocol })
  }

  /** The protocol that is kept up asks again, from then on as at the beginning. */
  #renewAt(dueAt: number): void {
    for (const each of this.#ways) {
      each.tried = 0
      each.delayMs = each.firstMs
      each.dueAt = dueAt
    }
  }

  #refused({ protocol, result }: Extract<PortMapAnswer, { type: 'refused' }>): void {
    // Each protocol is refused in the form of the other by a router that speaks only that one.
    const meant = result === WRONG_VERSION ? OTHER[protocol] : protocol
    const each = this.#ways.find((known) => known.protocol === meant)
    if (each === undefined || this.#state !== 'asking') return
    if (result !== WRONG_VERSION) this.#lastResult = result
    this.#giveUp(each)
  }

  #giveUp(each: Way): void {
    this.#ways = this.#ways.filter((other) => other !== each)
    if (this.#ways.length > 0) return
    this.#end()
    this.#events.push({ type: 'unavailable', result: this.#lastResult })
  }

  #lose(now: number): void {
    this.#external = null
    this.#expiresAt = NEVER
    this.#host = ''
    this.#state = 'asking'
    this.#renewAt(now)
    this.#events.push({ type: 'lost' })
  }

  #end(): void {
    this.#state = 'over'
    this.#expiresAt = NEVER
    for (const each of this.#ways) each.dueAt = NEVER
  }
}

function way(protocol: VPortMapProtocol, now: number, firstMs: number, tries: number): Way {
  return { protocol, firstMs, tries, tried: 0, delayMs: firstMs, dueAt: now }
}
