/**
 * The UDP sockets of a relay: STUN on all of them, relayed datagrams on the first.
 *
 * Decides which sockets there are and which datagram is for whom. Where the host has two addresses to show, there are four
 * sockets, as RFC 5780 wants; else two ports of the one address, which tell at least whether a NAT gives each destination a
 * port of its own. Invariants: either all sockets are bound or none is; a datagram that cannot be sent costs nobody else's.
 */
import type { VIPSocketPeer, VTransmitBatch } from '@vio/io'
import type { IVReactor } from '@vio/reactor'
import { VDatagramSocket, type VSocketError } from '@vio/sock'
import { type IVMachine, VDatagramPump } from '@vio/vudp'
import type { VLane } from '../lane.js'
import type { VRelayServer } from '../relay-server.js'
import type { VSourceLimitOptions } from '../source-limit.js'
import { VStunServer, type VStunServerCounts } from '../stun-server.js'

/** Where the sockets are to be. */
export interface RelayUDPPlan {
  /** Numeric; empty: all addresses of this machine. */
  readonly host: string
  readonly port: number
  /** The second port of STUN; 0: any. */
  readonly otherPort: number
  /** The two addresses that STUN is answered at, instead of `host`. */
  readonly stunHosts: readonly [string, string] | null
  readonly stunLimit: VSourceLimitOptions | undefined
}

const MAGIC_COOKIE = 0x2112a442
const STUN_HEADER_BYTES = 20
const COOKIE_AT = 4
const NO_IPV6: readonly string[] = ['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL']
const ANY_IPV4 = '0.0.0.0'
const ANY_IPV6 = '::'

/** Bound sockets, not driven yet. */
export type BoundSockets = readonly VDatagramSocket[]

/** Binds what a plan asks for. @throws (rejects) VSocketError with the system's code */
export async function bindRelayUDP(plan: RelayUDPPlan): Promise<BoundSockets> {
  const { stunHosts, host, port, otherPort } = plan
  const bound: VDatagramSocket[] = []
  try {
    for (const each of stunHosts ?? [host]) {
      // The other address has the same two ports.
      bound.push(await bindOne(each, bound[0]?.localPeer.port ?? port))
      bound.push(await bindOne(each, bound[1]?.localPeer.port ?? otherPort))
    }
    return bound
  } catch (error) {
    for (const socket of bound) socket.close()
    throw error
  }
}

async function bindOne(host: string, port: number): Promise<VDatagramSocket> {
  if (host !== '') return await VDatagramSocket.bind({ host, port })
  try {
    return await VDatagramSocket.bind({ host: ANY_IPV6, port })
  } catch (error) {
    if (!NO_IPV6.includes((error as VSocketError).code)) throw error
    return await VDatagramSocket.bind({ host: ANY_IPV4, port })
  }
}

/** Both servers on the one port: what has STUN's cookie is STUN's. */
class FirstPort implements IVMachine<never> {
  readonly #lane: VLane<never>
  readonly #relay: VRelayServer

  constructor(lane: VLane<never>, relay: VRelayServer) {
    this.#lane = lane
    this.#relay = relay
  }

  handleDatagram(now: number, from: VIPSocketPeer, bytes: Buffer): void {
    if (isStun(bytes)) this.#lane.handleDatagram(now, from, bytes)
    else this.#relay.handleDatagram(now, from, bytes)
  }

  handleTimeout(now: number): void {
    if (now >= this.#lane.pollTimeout()) this.#lane.handleTimeout(now)
    this.#relay.handleTimeout(now)
  }

  pollTransmit(now: number, batch: VTransmitBatch): boolean {
    return this.#lane.pollTransmit(now, batch) || this.#relay.pollTransmit(now, batch)
  }

  pollTimeout(): number {
    return Math.min(this.#lane.pollTimeout(), this.#relay.pollTimeout())
  }

  pollEvent(): undefined {
    return undefined
  }
}

/** STUN and relay on sockets. */
export class RelayUDP {
  /** Addresses of STUN for the welcome; an empty host stands for that of the control connection. */
  readonly stun: readonly { readonly host: string; readonly port: number }[]
  /** Where legs are reached. */
  readonly at: { readonly host: string; readonly port: number }
  readonly #sockets: BoundSockets
  readonly #server: VStunServer
  readonly #pumps: readonly VDatagramPump<never>[]

  constructor(
    reactor: IVReactor,
    sockets: BoundSockets,
    parts: { readonly plan: RelayUDPPlan; readonly relay: VRelayServer; readonly onTurn: () => void },
  ) {
    const { plan, relay, onTurn } = parts
    const addresses = sockets.map(({ localPeer }) => localPeer)
    const limit = plan.stunLimit === undefined ? {} : { limit: plan.stunLimit }
    this.#sockets = sockets
    this.#server = new VStunServer({ addresses, ...limit })
    const { lanes } = this.#server
    const isNamed = plan.stunHosts !== null
    this.stun = addresses.map(({ host, port }) => ({ host: isNamed ? host : '', port }))
    this.at = { ...(this.stun[0] ?? { host: '', port: plan.port }) }
    this.#pumps = sockets.map((port, at) => {
      const lane = lanes[at] as VLane<never>
      const pump = new VDatagramPump<never>(reactor, {
        port,
        machine: at === 0 ? new FirstPort(lane, relay) : lane,
        onEvent: () => undefined,
        // A forged source may be an address that nothing can be sent to.
        onSendError: () => undefined,
        ...(at === 0 ? { onTurn } : {}),
      })
      lane.wake = () => pump.kick()
      return pump
    })
  }

  /** What was asked by STUN, on all sockets. */
  get stunCounts(): VStunServerCounts {
    return this.#server.counts
  }

  /** Datagrams that the sockets had no room for on the way in. */
  get droppedDatagrams(): number {
    return this.#sockets.reduce((sum, { counts }) => sum + counts.dropped, 0)
  }

  /** Begins. */
  start(): void {
    for (const pump of this.#pumps) pump.start()
  }

  /** The relay was called from outside. */
  kick(): void {
    this.#pumps[0]?.kick()
  }

  /** Sends what is with the sockets already, and lets them go. */
  async close(): Promise<void> {
    for (const pump of this.#pumps) pump.stop()
    await Promise.all(this.#sockets.map((socket) => socket[Symbol.asyncDispose]()))
  }
}

function isStun(bytes: Buffer): boolean {
  const isLong = bytes.length >= STUN_HEADER_BYTES && ((bytes[0] ?? 0xff) & 0xc0) === 0
  return isLong && bytes.readUInt32BE(COOKIE_AT) === MAGIC_COOKIE
}
