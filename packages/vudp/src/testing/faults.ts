/**
 * What goes wrong on purpose: outages, addresses that change, and somebody who forges.
 *
 * Each fault is scheduled in a world and draws from the world's chance, so that a failure replays. Invariant: a forger
 * knows what passed on the links it watches, and no secret.
 */
import type { VIPSocketPeer } from '@vio/io'
import type { IVRandom } from '@vio/reactor'
import { SimDatagram } from './datagram.js'
import type { SimLink } from './link.js'
import type { SimHost } from './network.js'
import type { SimWorld } from './world.js'

/** All links drop everything from `atMs` on, for `lengthMs`. */
export function blackOut(world: SimWorld, links: readonly SimLink[], atMs: number, lengthMs: number): void {
  world.at(atMs, () => {
    for (const link of links) link.setDown(true)
  })
  world.at(atMs + lengthMs, () => {
    for (const link of links) link.setDown(false)
  })
}

/** Links that are up for `upMs` and down for `downMs`, in turns, until `untilMs`. */
export function flap(
  world: SimWorld,
  links: readonly SimLink[],
  times: { readonly upMs: number; readonly downMs: number; readonly untilMs: number },
): void {
  for (let atMs = times.upMs; atMs < times.untilMs; atMs += times.upMs + times.downMs) {
    blackOut(world, links, atMs, times.downMs)
  }
}

/** What a forger does. */
export type ForgerTrick = 'replay' | 'truncate' | 'flip' | 'flood'

/** All that it can do. */
export const FORGER_TRICKS: readonly ForgerTrick[] = ['replay', 'truncate', 'flip', 'flood']

/** How a forger is made. */
export interface SimForgerOptions {
  /** Where it sits: what is answered to its own address arrives here. */
  readonly host: SimHost
  /** The links whose datagrams it sees. */
  readonly watch: readonly SimLink[]
  /** What it does; by default everything. */
  readonly tricks?: readonly ForgerTrick[]
  /** How often; by default every 5 ms. */
  readonly intervalMs?: number
  /** True to leave the source address as it was seen, false for its own; by default each half of the time. */
  readonly spoofs?: boolean
}

const KEPT = 256
const FLOOD_BYTES = 1_500

/** Records datagrams and sends them again, whole or not. */
export class SimForger {
  /** What it has sent from its own address and what has come back there: the second may be three times the first. */
  readonly own = { sentBytes: 0, receivedBytes: 0 }
  /** Datagrams that it has sent. */
  sent = 0
  readonly #world: SimWorld
  readonly #options: SimForgerOptions
  readonly #random: IVRandom
  readonly #seen: { readonly from: VIPSocketPeer; readonly to: VIPSocketPeer; readonly bytes: Buffer }[] = []
  readonly #port: number
  #count = 0
  #isStopped = false

  constructor(world: SimWorld, options: SimForgerOptions) {
    this.#world = world
    this.#options = options
    this.#random = world.random.fork('forger')
    this.#port = options.host.open(0, (_now, datagram) => {
      this.own.receivedBytes += datagram.bytes.length
    })
    for (const link of options.watch) link.tap((_now, datagram) => this.#record(datagram))
    world.every(options.intervalMs ?? 5, (now) => {
      if (!this.#isStopped) this.#forge(now)
      return !this.#isStopped
    })
  }

  /** It goes home. */
  stop(): void {
    this.#isStopped = true
  }

  #record(datagram: SimDatagram): void {
    this.#seen[this.#count % KEPT] = {
      from: datagram.from,
      to: datagram.to,
      bytes: Buffer.from(datagram.bytes),
    }
    this.#count += 1
  }

  #forge(now: number): void {
    const seen = this.#seen[this.#below(Math.max(1, this.#seen.length))]
    if (seen === undefined) return
    const tricks = this.#options.tricks ?? FORGER_TRICKS
    const bytes = this.#twist(tricks[this.#below(tricks.length)] as ForgerTrick, Buffer.from(seen.bytes))
    const spoofs = this.#options.spoofs ?? this.#below(2) === 0
    const { host } = this.#options
    const from = spoofs ? seen.from : this.#world.network.peer(host.address, this.#port)
    if (!spoofs) this.own.sentBytes += bytes.length
    this.sent += 1
    host.dispatch(now, new SimDatagram(from, seen.to, bytes))
  }

  #twist(trick: ForgerTrick, bytes: Buffer): Buffer {
    if (trick === 'truncate') return bytes.subarray(0, this.#below(bytes.length + 1))
    if (trick === 'flip' && bytes.length > 0) {
      const at = this.#below(bytes.length)
      bytes[at] = (bytes[at] as number) ^ (1 << this.#below(8))
    }
    if (trick !== 'flood') return bytes
    const random = Buffer.alloc(this.#below(FLOOD_BYTES))
    this.#random.fillPublic(random)
    // Half of it begins like the real thing.
    bytes.copy(random, 0, 0, this.#below(2) * Math.min(13, bytes.length, random.length))
    return random
  }

  #below(bound: number): number {
    return this.#random.publicUint32() % bound
  }
}
