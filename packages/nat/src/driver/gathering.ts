/**
 * Finds out at which addresses this side may be reached, and how its NATs behave.
 *
 * Decides what is asked of whom: the machine for its addresses, the relay's STUN server for what it sees, the routers for
 * a port. Nothing waits for any of it; what becomes known later is told later. Invariants: what is told only grows better
 * within one gathering; a further gathering begins with nothing from the one before.
 */
import { type IVDatagramPort, VIPSocketPeer } from '@vio/io'
import { scopeOf } from '../address-scope.js'
import { candidateOf, MAX_CANDIDATES, type VCandidate } from '../candidate.js'
import { classifyNat, type VFilteringSample, type VMappingSample } from '../mapping.js'
import { VNatProbe, type VNatProbeEvent } from '../nat-probe.js'
import { VPortMapper } from '../port-map.js'
import { PORT_MAP_PORT } from '../port-map-message.js'
import type { VWelcome } from '../rendezvous-message.js'
import type { VNatView } from '../strategy.js'
import type { Cancel, ConnecterMeans } from './connecter-means.js'
import type { HubPlace, SocketHub } from './socket-hub.js'

/** What a gathering is made of. */
export interface GatheringOptions {
  readonly hub: SocketHub
  readonly means: ConnecterMeans
  /** The address that the sockets are bound to where that is one of the machine's; null for all. */
  readonly bind: string | null
  readonly portMapping: boolean
  /** Something has become known that the peer was not told. */
  readonly onChange: () => void
}

/** Of each family so many addresses of the machine are told. */
const MAX_HOSTS = 5
/** No lane of a puncher has this number. */
const FILTER_LANE = -1
const isStun = (bytes: Buffer): boolean => (bytes[0] ?? 0xff) < 0x40
const DGRAM = { socketType: 'dgram' } as const

/** One side's addresses. */
export class Gathering {
  readonly #options: GatheringOptions
  readonly #places: HubPlace[] = []
  readonly #probes: HubPlace[] = []
  readonly #mappers = new Map<number, VPortMapper>()
  #cancelFilter: Cancel = () => undefined
  #samples: readonly VMappingSample[] = []
  #filtering: VFilteringSample = {}
  readonly #seen = new Map<number, VIPSocketPeer>()
  readonly #opened = new Map<number, VIPSocketPeer>()
  #open = 0
  #tellsLoopback = false

  constructor(options: GatheringOptions) {
    this.#options = options
  }

  /** True while the first answers of the STUN server are still to come. */
  get isAsking(): boolean {
    return this.#open > 0
  }

  /** True once it is known what comes in, or that nobody can tell. */
  get isComplete(): boolean {
    return this.#open === 0 && (this.nat.filtering !== 'unknown' || !this.#isFiltering)
  }

  #isFiltering = false

  /** How the NAT of this side behaves, as far as is known. */
  get nat(): VNatView {
    const { mapping, filtering, nextPorts } = classifyNat(this.#samples, this.#filtering)
    return { mapping, filtering, nextPorts }
  }

  /** Where this side is seen by others; undefined while not known. */
  get outer(): VIPSocketPeer | undefined {
    return this.#seen.get(4) ?? this.#seen.get(6)
  }

  /** Every address that this side may be reached at. */
  get candidates(): VCandidate[] {
    const { hub } = this.#options
    const all: VCandidate[] = []
    for (const { localPeer } of hub.main) {
      this.#hostsOf(localPeer).forEach((host, rank) => {
        all.push(candidateOf('host', new VIPSocketPeer(host, localPeer.port, DGRAM), rank))
      })
    }
    for (const peer of this.#opened.values()) all.push(candidateOf('mapped', peer))
    for (const peer of this.#seen.values()) all.push(candidateOf('server-reflexive', peer))
    return all.slice(0, 2 * MAX_CANDIDATES)
  }

  /** The relay has told where its STUN server is; `relay` is the relay's own address, `others` are further ones. */
  askServers(stun: VWelcome['stun'], relay: VIPSocketPeer): void {
    if (relay.isLocal) this.#tellsLoopback = true
    // What was asked before is of no interest any more; what was found holds until it is known better.
    for (const probe of this.#probes.splice(0)) probe.remove()
    this.#open = 0
    const places = stun.map(
      ({ host, port }) => new VIPSocketPeer(host === '' ? relay.host : host, port, DGRAM),
    )
    for (const version of [4, 6]) {
      const [server, ...others] = places.filter(({ ipVersion }) => ipVersion === version)
      const socket = this.#options.hub.main.find(({ localPeer }) => localPeer.ipVersion === version)
      if (server === undefined || socket === undefined) continue
      // Where the server has one address, its other port tells a part of it.
      const atOther = others.filter(({ port }) => port !== server.port)
      const other = atOther.find(({ host }) => host !== server.host) ?? atOther[0]
      this.#probe(socket, server, other)
      if (other !== undefined) this.#probeFiltering(socket, server, other)
    }
  }

  /** Asks the routers for a port. */
  askRouters(): void {
    const { hub, means, portMapping } = this.#options
    const [gateway] = means.gateways()
    const socket = hub.main.find(({ localPeer }) => localPeer.ipVersion === 4)
    if (!portMapping || gateway === undefined || socket === undefined) return
    const [own] = this.#hostsOf(socket.localPeer).filter((host) => scopeOf(host) === 'private')
    if (own === undefined) return
    const local = new VIPSocketPeer(own, socket.localPeer.port, DGRAM)
    const mapper = new VPortMapper({ gateway, local }, means.random)
    const place = hub.attach({
      machine: mapper,
      takes: (_bytes, from) => from.port === PORT_MAP_PORT && from.host === gateway,
      onEvent: (event) => {
        if (event.type === 'mapped') this.#opened.set(4, event.external)
        else this.#opened.delete(4)
        this.#options.onChange()
      },
    })
    this.#mappers.set(4, mapper)
    this.#places.push(place)
    mapper.start(hub.reactor.time())
    place.poke()
  }

  /** Gives ports back to routers, and ends. */
  close(): void {
    this.#cancelFilter()
    for (const probe of this.#probes.splice(0)) probe.remove()
    for (const mapper of this.#mappers.values()) mapper.release()
    for (const place of this.#places.splice(0)) {
      place.poke()
      place.remove()
    }
  }

  #hostsOf({ host, ipVersion }: VIPSocketPeer): readonly string[] {
    const { bind, means } = this.#options
    if (bind !== null && scopeOf(bind) !== 'none') return bind === host ? [host] : [bind]
    const own = means.hosts().filter((each) => each.includes(':') === (ipVersion === 6))
    const far = own.filter((each) => !['none', 'host', 'link'].includes(scopeOf(each)))
    const near = own.filter((each) => scopeOf(each) === 'host')
    // Loopback is of use where both are on one machine: then the relay is, too, or there is no other address.
    const told = this.#tellsLoopback || far.length === 0 ? [...far, ...near] : far
    return told.slice(0, MAX_HOSTS)
  }

  #probe(socket: IVDatagramPort, server: VIPSocketPeer, other: VIPSocketPeer | undefined): void {
    const { hub, means } = this.#options
    const version = server.ipVersion
    const probe = new VNatProbe({ test: 'mapping', local: socket.localPeer, server, other }, means.random)
    this.#open += 1
    const done = (event: VNatProbeEvent): void => {
      if (event.type === 'mapped') this.#see(version, event.mapped, socket)
      else {
        this.#open -= 1
        place.remove()
        this.#probes.splice(this.#probes.indexOf(place), 1)
        if (version === 4 || this.#samples.length === 0) this.#samples = event.samples
      }
      this.#options.onChange()
    }
    const place = hub.attach({ machine: probe, takes: isStun, onEvent: done })
    this.#probes.push(place)
    probe.start(hub.reactor.time())
    place.poke()
  }

  #see(version: number, mapped: VIPSocketPeer, socket: IVDatagramPort): void {
    const isOwn =
      this.#hostsOf(socket.localPeer).includes(mapped.host) && mapped.port === socket.localPeer.port
    if (!isOwn) this.#seen.set(version, mapped)
  }

  /** On a socket of its own, which has sent to one address only. */
  #probeFiltering(socket: IVDatagramPort, server: VIPSocketPeer, other: VIPSocketPeer): void {
    const { hub, means } = this.#options
    this.#cancelFilter()
    this.#isFiltering = true
    let cancel: Cancel = () => undefined
    const end = (): void => {
      cancel()
      this.#isFiltering = false
      hub.drop(FILTER_LANE)
      this.#cancelFilter = () => undefined
    }
    this.#cancelFilter = end
    cancel = means.bind({ host: socket.localPeer.host, port: 0 }, (port) => {
      if (port instanceof Error) {
        end()
        return
      }
      hub.add(FILTER_LANE, port)
      const probe = new VNatProbe({ test: 'filtering', local: port.localPeer, server, other }, means.random)
      const place = hub.attach({
        machine: probe,
        lane: FILTER_LANE,
        takes: isStun,
        onEvent: (event) => {
          if (event.type !== 'done') return
          this.#filtering = event.filtering
          end()
          this.#options.onChange()
        },
      })
      cancel = () => place.remove()
      probe.start(hub.reactor.time())
      place.poke()
    })
  }
}
