/**
 * `VRelayHost`: a whole relay in one process, as `vut relay` runs it.
 *
 * Decides which ports there are, in which order everything begins and ends, and what the limits are where none are named.
 * What is said is the rendezvous', what is carried the relay's. Invariants: after `listen` has failed nothing is left open;
 * after `close` nothing is; no secret and nothing of what is carried is kept or logged.
 */
import { cpuUsage, memoryUsage } from 'node:process'
import { VFIOCompleted, VIOError, VIPSocketPeer } from '@vio/io'
import { type IVRandom, type IVReactor, VSystemRandom } from '@vio/reactor'
import {
  type VSocketError,
  VTCPClientSocketAgent,
  VTCPListeningSocket,
  type VTLSIdentity,
  VTLSServerContext,
  type VTLSServerOptions,
} from '@vio/sock'
import { VNodeCrypto } from '@vio/vudp'
import { VRelayServer } from '../relay-server.js'
import { VRendezvousServer } from '../rendezvous-server.js'
import { type IVRoomDirectory, VMemoryDirectory } from '../room-directory.js'
import { DEFAULT_LINK_BYTES } from './link.js'
import { DEFAULT_RELAY_PORT } from './relay-address.js'
import { RelayCore } from './relay-core.js'
import { RelayHTTP } from './relay-http.js'
import { RelayIntake } from './relay-intake.js'
import { checkQuotas, type VRelayQuotas } from './relay-quotas.js'
import { relayMetrics, relayStats, type VRelayStats } from './relay-stats.js'
import { type BoundSockets, bindRelayUDP, RelayUDP, type RelayUDPPlan } from './relay-udp.js'

/** Options of a relay. */
export interface VRelayHostOptions {
  /** The numeric address to listen on. By default '': all addresses. */
  readonly host?: string
  /** The port of TCP, TLS, WebSocket and UDP. By default 3478; 0 for any. */
  readonly port?: number
  /** The second port of STUN. By default the one after `port`; 0 for any. */
  readonly otherPort?: number
  /** Two numeric addresses of this machine, by which STUN tells more about NATs; TCP is taken on both. By default one. */
  readonly stunHosts?: readonly [string, string]
  /** Key and certificate. By default TLS and wss are not spoken. */
  readonly tls?: VTLSServerOptions
  /** Where `/healthz` and `/metrics` are answered. By default nowhere. */
  readonly http?: { readonly host: string; readonly port: number }
  readonly quotas?: VRelayQuotas
  /** How long a connection may take until it is a link. By default 10,000 ms. */
  readonly handshakeMs?: number
  /** Where rooms are kept. By default in the memory of this process. */
  readonly directory?: IVRoomDirectory
  /** By default the system's. */
  readonly random?: IVRandom
}

const DEFAULT_HANDSHAKE_MS = 10_000
const DEFAULT_DRAIN_MS = 10_000
/** While it drains a pair may be silent for so much of the time that it has, and no longer than that. */
const QUIET_SHARE = 0.2
const MAX_QUIET_MS = 60_000
const CLOSE_MS = 3_000
const PORT_TRIES = 8
const TICK_MS = 50
const MAX_PORT = 65_535
const SPARE_CONNECTIONS = 256
const SPARE_PER_SOURCE = 16

/** What there is while it runs. */
interface Running {
  /** One for each address; all have the same port. */
  readonly listeners: readonly VTCPListeningSocket[]
  readonly udp: RelayUDP
  readonly http: RelayHTTP | null
  readonly intake: RelayIntake
  readonly core: RelayCore
  readonly relay: VRelayServer
  readonly rendezvous: VRendezvousServer
}

/**
 * A relay.
 *
 * ```ts
 * await using relay = new VRelayHost(reactor, { port: 3478, http: { host: '127.0.0.1', port: 9100 } })
 * await relay.listen()
 * console.log(String(relay.address))
 * ```
 */
export class VRelayHost implements AsyncDisposable {
  readonly reactor: IVReactor
  readonly #options: VRelayHostOptions
  readonly #random: IVRandom
  readonly #directory: IVRoomDirectory
  readonly #tls: VTLSServerContext | null
  readonly #quotas: Required<VRelayQuotas>
  #state: 'new' | 'starting' | 'running' | 'draining' | 'closed' = 'new'
  #running: Running | null = null
  #startedAt = 0
  #closing: Promise<void> | null = null

  /** @throws VTLSInputError for a key or a certificate that cannot be used, VRelayQuotaError for a quota that is none */
  constructor(reactor: IVReactor, options: VRelayHostOptions = {}) {
    this.reactor = reactor
    this.#options = options
    this.#random = options.random ?? new VSystemRandom()
    this.#quotas = checkQuotas(options.quotas ?? {})
    this.#tls = options.tls === undefined ? null : new VTLSServerContext(options.tls)
    const { maxRooms, maxRoomsPerSource, roomMs: lifeMs } = this.#quotas
    this.#directory =
      options.directory ?? new VMemoryDirectory(this.#random, { maxRooms, maxRoomsPerSource, lifeMs })
  }

  /** What the port is bound to; null before `listen` and after the end. */
  get address(): VIPSocketPeer | null {
    return this.#running?.listeners[0]?.address ?? null
  }

  /** What the HTTP port is bound to; null without one. */
  get httpAddress(): VIPSocketPeer | null {
    return this.#running?.http?.address ?? null
  }

  /** True for TLS and wss. */
  get isSecure(): boolean {
    return this.#tls !== null
  }

  /** Shows another certificate from the next connection on. @throws VTLSInputError; VIOError for a relay without TLS */
  setIdentity(identity: VTLSIdentity): void {
    if (this.#tls === null)
      throw new VIOError('this relay was begun without a certificate; begin it with one')
    this.#tls.setIdentity(identity)
  }

  /**
   * Binds all ports and begins.
   *
   * @throws VIOError if it was called before; (rejects) VSocketError with the system's code, such as EADDRINUSE
   */
  async listen(): Promise<void> {
    if (this.#state !== 'new') throw new VIOError('this relay was begun before; make a new one')
    this.#state = 'starting'
    const { http: wanted } = this.#options
    const http = wanted === undefined ? null : this.#makeHTTP()
    try {
      if (wanted !== undefined) await http?.listen(wanted.host, wanted.port)
      const { listeners, sockets, plan } = await this.#bindAll()
      this.#running = { listeners, http, ...this.#makeServers(sockets, plan) }
    } catch (error) {
      this.#state = 'closed'
      await http?.close()
      throw error
    }
    this.#startedAt = this.reactor.time()
    this.#state = 'running'
    this.#running.udp.start()
    for (const listener of this.#running.listeners) listener.listen()
  }

  /** Its numbers. */
  stats(): VRelayStats {
    const running = this.#running
    if (running === null) throw new VIOError('this relay does not run')
    return relayStats({
      ...running,
      uptimeMs: this.reactor.time() - this.#startedAt,
      isDraining: this.#state === 'draining',
      rooms: this.#directory instanceof VMemoryDirectory ? this.#directory.openRooms : 0,
    })
  }

  /**
   * Ends in order: takes nobody new, ends all rooms, and gives relayed pairs until `deadlineMs` from now. A pair that
   * carries nothing for a fifth of that, a minute at most, is told at once, and those that are left at the end; nobody
   * waits for the rest once there is none. `/healthz` answers 503 meanwhile. Resolves when everything is closed.
   */
  async drain(deadlineMs: number = DEFAULT_DRAIN_MS): Promise<void> {
    const running = this.#running
    if (this.#state === 'running' && running !== null) {
      this.#state = 'draining'
      closeAll(running.listeners)
      running.intake.close()
      running.core.drain()
      running.relay.retire(this.reactor.time(), Math.min(deadlineMs * QUIET_SHARE, MAX_QUIET_MS))
      running.core.flush()
      await this.#until(() => running.relay.openPairs === 0 || this.#state !== 'draining', deadlineMs)
    }
    await this.close()
  }

  /** Ends at once: relayed pairs are told, and links have 3 s to take what waits. Idempotent. */
  async close(): Promise<void> {
    this.#closing ??= this.#close()
    await this.#closing
  }

  /** Closes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    const running = this.#running
    this.#state = 'closed'
    if (running === null) return
    const { listeners, intake, core, relay, udp, http } = running
    closeAll(listeners)
    intake.close()
    core.drain()
    relay.drain()
    core.flush()
    core.closeAll(true)
    // Word to the legs at sockets leaves in the next turn.
    await this.#until(() => false, TICK_MS)
    await this.#until(() => intake.openConnections === 0, CLOSE_MS)
    core.closeAll(false)
    await this.#until(() => intake.openConnections === 0, CLOSE_MS)
    core.stop()
    await udp.close()
    await http?.close()
    this.#running = null
  }

  /** Waits for a condition, or until it is late. */
  #until(isDone: () => boolean, lateMs: number): Promise<void> {
    const endsAt = this.reactor.time() + lateMs
    return new Promise((over) => {
      const look = (): void => {
        if (isDone() || this.reactor.time() >= endsAt) over()
        else this.reactor.schedule(Math.min(TICK_MS, Math.max(1, endsAt - this.reactor.time())), look)
      }
      look()
    })
  }

  #makeHTTP(): RelayHTTP {
    return new RelayHTTP({
      isHealthy: () => this.#state === 'running',
      metrics: () => {
        const { user, system } = cpuUsage()
        const usage = { cpuSeconds: (user + system) / 1e6, memoryBytes: memoryUsage.rss() }
        return this.#running === null ? '' : relayMetrics(this.stats(), usage)
      },
    })
  }

  /** TCP and UDP on one number. Where any will do, another one is tried if the first is taken for one of them. */
  async #bindAll(): Promise<Pick<Running, 'listeners'> & { sockets: BoundSockets; plan: RelayUDPPlan }> {
    const { host = '', port = DEFAULT_RELAY_PORT, stunHosts = null } = this.#options
    const hosts = host === '' ? [host] : new Set([host, ...(stunHosts ?? [])])
    for (let triesLeft = port === 0 ? PORT_TRIES : 1; ; triesLeft -= 1) {
      const listeners: VTCPListeningSocket[] = []
      try {
        for (const each of hosts) {
          const listener = this.#makeListener()
          await listener.bind(new VIPSocketPeer(each, listeners[0]?.port ?? port))
          listeners.push(listener)
        }
        const plan = this.#planFor(host, listeners[0]?.port ?? port)
        return { listeners, sockets: await bindRelayUDP(plan), plan }
      } catch (error) {
        closeAll(listeners)
        if (triesLeft <= 1 || (error as VSocketError).code !== 'EADDRINUSE') throw error
      }
    }
  }

  #planFor(host: string, port: number): RelayUDPPlan {
    const { stunPerSecond } = this.#quotas
    return {
      host,
      port,
      otherPort: this.#otherPort(port),
      stunHosts: this.#options.stunHosts ?? null,
      stunLimit: { perSecond: stunPerSecond, burst: 3 * stunPerSecond },
    }
  }

  #otherPort(port: number): number {
    const { otherPort, port: wanted } = this.#options
    return otherPort ?? (wanted === 0 || port === MAX_PORT ? 0 : port + 1)
  }

  #makeListener(): VTCPListeningSocket {
    return new VTCPListeningSocket(this.reactor, null, {
      acceptHost: (peer) => peer instanceof VIPSocketPeer && (this.#running?.intake.mayAccept(peer) ?? false),
      factory: ({ sock, peer }) => {
        const agent = new VTCPClientSocketAgent(this.reactor, sock, { peer, keepAlive: true, noDelay: true })
        this.#running?.intake.accept(agent, peer as VIPSocketPeer)
        return agent
      },
    })
  }

  #makeServers(sockets: BoundSockets, plan: RelayUDPPlan): Omit<Running, 'listeners' | 'http'> {
    const { reactor } = this
    const random = this.#random
    const quotas = this.#quotas
    const relay = new VRelayServer(quotas, new VNodeCrypto(), random)
    const udp = new RelayUDP(reactor, sockets, { plan, relay, onTurn: () => core.flushStreams() })
    const rendezvous = new VRendezvousServer(
      {
        directory: this.#directory,
        stun: udp.stun,
        relay: udp.at,
        maxLinks: quotas.maxConnections,
        maxLinksPerSource: quotas.maxConnectionsPerSource,
        entering: { perSecond: quotas.entersPerMinute / 60, burst: quotas.maxEntersAtOnce },
        messages: { perSecond: quotas.messagesPerSecond, burst: 10 * quotas.messagesPerSecond },
        openRelay: (now, creator, joiner) => relay.openPair(now, [creator, joiner], udp.at),
      },
      random,
    )
    const core = new RelayCore(reactor, { rendezvous, relay, kickUDP: () => udp.kick() })
    const intake = new RelayIntake(reactor, {
      tls: this.#tls,
      // A little more than there may be links: who is over that limit is told so by name.
      maxConnections: quotas.maxConnections + SPARE_CONNECTIONS,
      maxConnectionsPerSource: quotas.maxConnectionsPerSource + SPARE_PER_SOURCE,
      handshakeMs: this.#options.handshakeMs ?? DEFAULT_HANDSHAKE_MS,
      maxQueuedBytes: DEFAULT_LINK_BYTES,
      onLink: (make) => core.open(make),
    })
    return { udp, intake, core, relay, rendezvous }
  }
}

function closeAll(listeners: readonly VTCPListeningSocket[]): void {
  for (const listener of listeners) listener.closeIO(new VFIOCompleted())
}
