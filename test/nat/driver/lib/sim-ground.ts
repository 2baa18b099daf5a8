/**
 * A relay and two connecters in a simulated world: the very sessions that run on sockets, on simulated ones.
 */
import { type IVDatagramHandler, type IVDatagramPort, VByteBuffer, VIOLost, VIPSocketPeer } from '@vio/io'
import { VBytePattern, VPatternChecker, VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import {
  type VConnecterEvent,
  VMemoryDirectory,
  type VRelayLeg,
  VRelayServer,
  VRendezvousServer,
  VStunServer,
  type VUDPConnecterOptions,
} from '@vio/nat'
import type { VUDPTransport } from '@vio/vudp'
import { type LinkOptions, SimDatagramPort, type SimHost, type SimRealm, SimWorld } from '@vio/vudp/testing'
import type {
  ConnecterLinkHandlers,
  ConnecterMeans,
} from '../../../../packages/nat/src/driver/connecter-means.js'
import { checkConnecterOptions } from '../../../../packages/nat/src/driver/connecter-options.js'
import { RelayCore } from '../../../../packages/nat/src/driver/relay-core.js'
import { ConnectSession } from '../../../../packages/nat/src/driver/session.js'
import { natCrypto } from '../../lib/nat-crypto.js'
import type { NatChain } from '../../lib/sim-meeting.js'
import { SimSide } from '../../lib/sim-side.js'

export const SERVER_HOSTS: readonly [string, string] = ['203.0.113.10', '203.0.113.11']
const STUN_PORT = 3478
const RELAY_PORT = 3480
const PIECE_BYTES = 5_000
const isServer = ({ host }: VIPSocketPeer): boolean => host.startsWith('203.0.113.')

/** A socket of a simulated host that can be deaf to everybody but the servers, or to these alone. */
class CutPort extends SimDatagramPort {
  readonly #side: SimParty

  constructor(side: SimParty, host: SimHost, port: number) {
    super(side.world, { host, port, segmentsPerCall: 1 })
    this.#side = side
  }

  override receive(handler: IVDatagramHandler, max?: number): number {
    const passing: IVDatagramHandler = {
      handleDatagram: (bytes, start, end, from) => {
        if (!this.#side.isDeafTo(from)) handler.handleDatagram(bytes, start, end, from)
      },
    }
    return max === undefined ? super.receive(passing) : super.receive(passing, max)
  }
}

/** The servers: rendezvous, STUN, relay. */
export class SimRelay {
  readonly world: SimWorld
  relay: VRelayServer
  core: RelayCore
  isDown = false
  /** False: nothing is relayed by UDP, nor asked. */
  hasUDP = true
  /** What comes by the link of a host is so much later. */
  readonly lateMs = new Map<string, number>()
  /** False: as a relay that does not tell its UDP address before there is a leg. */
  tellsPlace = true
  readonly #links = new Set<() => void>()
  #place: { poke: () => void } | null = null
  #generation = 0

  constructor(world: SimWorld) {
    this.world = world
    const { network } = world
    const sides = SERVER_HOSTS.map((address) => new SimSide(world, network.host({ address })))
    const addresses = SERVER_HOSTS.flatMap((host) =>
      [STUN_PORT, STUN_PORT + 1].map((port) => network.peer(host, port)),
    )
    const stun = new VStunServer({ addresses })
    for (const lane of stun.lanes) {
      const { host, port } = addresses[lane.index] as VIPSocketPeer
      const side = sides[SERVER_HOSTS.indexOf(host)] as SimSide
      side.attach({ machine: lane, port: side.open(port), takes: () => !this.isDown && this.hasUDP })
    }
    ;[this.relay, this.core] = this.#begin()
    const [first] = sides
    this.#place =
      first?.attach({
        machine: {
          handleDatagram: (now, from, bytes) => {
            this.relay.handleDatagram(now, from, bytes)
            this.core.flushStreams()
          },
          handleTimeout: (now) => this.relay.handleTimeout(now),
          pollTransmit: (now, batch) => this.relay.pollTransmit(now, batch),
          pollTimeout: () => this.relay.pollTimeout(),
          pollEvent: () => undefined,
        },
        port: first.open(RELAY_PORT),
        takes: () => !this.isDown && this.hasUDP,
      }) ?? null
  }

  /** Everything is forgotten, every link broken; until `ms` later nothing answers. */
  restart(ms: number): void {
    this.isDown = true
    this.core.stop()
    for (const cut of [...this.#links]) cut()
    this.world.after(ms, () => {
      this.isDown = false
      ;[this.relay, this.core] = this.#begin()
    })
  }

  /** A link, which takes 10 ms each way. */
  link(host: string, handlers: ConnecterLinkHandlers): () => void {
    const { world } = this
    const generation = this.#generation
    let isOpen = true
    let told: { onMessage: (bytes: Buffer) => void; onClose: (error?: Error) => void } | undefined
    const cut = (error: Error = new VIOLost('the link broke')): void => {
      if (!isOpen) return
      isOpen = false
      this.#links.delete(cut)
      world.after(10, () => handlers.onClose(error))
      if (generation === this.#generation) told?.onClose()
    }
    const leave = (): void => {
      if (!isOpen) return
      isOpen = false
      this.#links.delete(cut)
      world.after(10, () => told?.onClose())
    }
    world.after(20, () => {
      if (!isOpen) return
      if (this.isDown) {
        isOpen = false
        handlers.onClose(new VIOLost('connection refused'))
        return
      }
      this.#links.add(cut)
      const remote = new VIPSocketPeer(SERVER_HOSTS[0], 3478)
      handlers.onOpen({
        remote,
        send: (bytes) => {
          const sent = Buffer.from(bytes)
          world.after(10, () => {
            if (isOpen) told?.onMessage(sent)
          })
          return isOpen
        },
        close: leave,
      })
      this.core.open((inside) => {
        told = inside
        return {
          remote: new VIPSocketPeer(host, 40_000),
          isOpen: true,
          queuedBytes: 0,
          passedBytes: 0,
          send: (bytes: Uint8Array) => {
            const sent = Buffer.from(bytes)
            world.after(10 + (this.lateMs.get(host) ?? 0), () => {
              if (isOpen) handlers.onBytes(sent)
            })
            return isOpen
          },
          close: () => cut(),
          drop: () => cut(),
        }
      })
    })
    return leave
  }

  #begin(): [VRelayServer, RelayCore] {
    this.#generation += 1
    const { world } = this
    const random = world.random.fork(`relay ${this.#generation}`)
    const relay = new VRelayServer({}, natCrypto, random)
    const directory = new VMemoryDirectory(random, {})
    const at = { host: '', port: RELAY_PORT }
    const stun = SERVER_HOSTS.flatMap((host) => [STUN_PORT, STUN_PORT + 1].map((port) => ({ host, port })))
    const openRelay = (now: number, a: string, b: string): readonly [VRelayLeg, VRelayLeg] | null =>
      relay.openPair(now, [a, b], at)
    const tells = (): boolean => this.tellsPlace
    const options = {
      directory,
      stun,
      openRelay,
      get relay() {
        return tells() ? at : undefined
      },
    }
    const rendezvous = new VRendezvousServer(options, random)
    const kickUDP = (): void => this.#place?.poke()
    return [relay, new RelayCore(world.reactor, { rendezvous, relay, kickUDP })]
  }
}

/** Bytes on their way. */
export interface SimFlowing {
  readonly checker: VPatternChecker
  readonly sink: VProbeConsumer
}

/** One side. */
export class SimParty {
  readonly world: SimWorld
  readonly host: SimHost
  readonly events: (VConnecterEvent & { readonly at: number })[] = []
  readonly session: ConnectSession
  readonly ports: IVDatagramPort[] = []
  transport: VUDPTransport | null = null
  error: Error | null = null
  isReleased = false
  /** Nothing comes in but from the servers. */
  isDirectCut = false
  /** Nothing comes in from the servers. */
  isRelayCut = false
  extraHosts: string[] = []

  constructor(relay: SimRelay, host: SimHost, options: Partial<VUDPConnecterOptions>) {
    this.world = relay.world
    this.host = host
    const { world } = this
    const means: ConnecterMeans = {
      crypto: natCrypto,
      random: world.random.fork(`party ${host.address} ${options.code ?? ''}`),
      hosts: () => [host.address, '127.0.0.1', ...this.extraHosts],
      gateways: () => [],
      bind: (at, done) => {
        let isWanted = true
        world.reactor.schedule(0, () => {
          if (!isWanted) return
          if (at.host === '::') {
            done(new VIOLost('there is no IPv6 here'))
            return
          }
          const port = new CutPort(this, host, at.port)
          this.ports.push(port)
          done(port)
        })
        return () => {
          isWanted = false
        }
      },
      link: (_relay, handlers) => relay.link(host.address, handlers),
    }
    const config = checkConnecterOptions({
      relays: ['relay'],
      ...options,
      onEvent: (event) => this.events.push({ at: world.now, ...event }),
    })
    this.session = new ConnectSession(
      world.reactor,
      { means, config },
      {
        onConnected: (transport) => {
          this.transport = transport
        },
        onFailed: (error) => {
          this.error = error
        },
        onReleased: () => {
          this.isReleased = true
        },
      },
    )
    this.session.start()
  }

  isDeafTo(from: VIPSocketPeer): boolean {
    return isServer(from) ? this.isRelayCut : this.isDirectCut
  }

  get code(): string | undefined {
    return this.of('code')[0]?.code
  }

  /** The events of a type. */
  of<T extends VConnecterEvent['type']>(
    type: T,
  ): (Extract<VConnecterEvent, { type: T }> & { readonly at: number })[] {
    return this.events.filter(
      (event): event is Extract<VConnecterEvent, { type: T }> & { readonly at: number } =>
        event.type === type,
    )
  }

  /** The paths that were used, one after the other. */
  get paths(): string[] {
    return this.of('path').map(({ path }) => path)
  }

  /** Sends a pattern of so many bytes, a piece every 20 ms, and checks the one that comes. */
  flow([own, other]: readonly [number, number], sizeBytes: number, everyMs = 20): SimFlowing {
    const { world } = this
    const transport = this.transport as VUDPTransport
    const pattern = new VBytePattern(own)
    const checker = new VPatternChecker(new VBytePattern(other))
    const source = new VProbeProducer({ reactor: world.reactor })
    const sink: VProbeConsumer = new VProbeConsumer({
      grantAtAttach: null,
      hooks: { received: () => checker.feed(sink.received.pop()) },
    })
    transport.byteConsume.attach(source)
    transport.byteProduce.attach(sink)
    let fed = 0
    world.every(everyMs, () => {
      if (source.queue.length >= PIECE_BYTES) return true
      const size = Math.min(PIECE_BYTES, sizeBytes - fed)
      source.feed(new VByteBuffer(pattern.take(size, fed)))
      fed += size
      if (fed < sizeBytes) return true
      source.end()
      return false
    })
    return { checker, sink }
  }

  /** How many sockets are open. */
  get openPorts(): number {
    return this.ports.filter(({ closed }) => closed === null).length
  }
}

/** What is between the two. */
export interface SimGroundOptions {
  readonly seed: number
  readonly scenario: string
  readonly a?: NatChain
  readonly b?: NatChain
  /** NATs that both have in common, outside of their own. */
  readonly common?: NatChain
  readonly link?: LinkOptions
  /** Options of both. */
  readonly options?: Partial<VUDPConnecterOptions>
  readonly optionsB?: Partial<VUDPConnecterOptions>
}

/** A world with a relay and two sides. */
export class SimGround {
  readonly world: SimWorld
  readonly relay: SimRelay
  readonly a: SimParty
  readonly hosts: readonly [SimHost, SimHost]
  readonly realms: readonly [SimRealm, SimRealm]
  readonly #given: SimGroundOptions
  #b: SimParty | null = null

  constructor(given: SimGroundOptions) {
    this.#given = given
    const { seed, scenario } = given
    this.world = new SimWorld({ seed, scenario, file: 'test/nat/driver', traced: false })
    this.relay = new SimRelay(this.world)
    const inside = this.#common(given.common ?? [])
    const [one, two] = [this.#place(1, given.a ?? [], inside), this.#place(2, given.b ?? [], inside)]
    this.hosts = [one.host, two.host]
    this.realms = [one.realm, two.realm]
    this.a = new SimParty(this.relay, one.host, given.options ?? {})
  }

  get b(): SimParty {
    if (this.#b === null) throw new Error('nobody has joined yet')
    return this.#b
  }

  /** The second one joins. */
  join(): void {
    this.world.runUntil(() => this.a.code !== undefined, { what: 'a code' })
    const { options, optionsB } = this.#given
    const code = this.a.code as string
    this.#b = new SimParty(this.relay, this.hosts[1], { ...options, ...optionsB, code })
  }

  /** Both connect. */
  connect(): this {
    this.join()
    this.world.runUntil(() => this.a.transport !== null && this.b.transport !== null, {
      what: 'a connection',
    })
    return this
  }

  #common(chain: NatChain): SimRealm {
    const { network } = this.world
    return chain.reduce(
      (realm, nat, at) =>
        network.natted({ ...nat, address: at === 0 ? '198.51.100.9' : `100.64.9.${at}` }, realm),
      network.internet,
    )
  }

  #place(number: number, chain: NatChain, inside: SimRealm): { host: SimHost; realm: SimRealm } {
    const { network } = this.world
    let realm = inside
    for (const [at, nat] of chain.entries()) {
      const isOutermost = at === 0 && inside === network.internet
      const address = isOutermost ? `198.51.100.${number}` : `100.64.${number}.${at}`
      realm = network.natted({ ...nat, address }, realm)
    }
    const address = realm === network.internet ? `192.0.2.${number}` : `192.168.${number}.2`
    const link = { delayMs: 10, ...this.#given.link }
    return { host: network.host({ address, realm, up: link, down: link }), realm }
  }
}
