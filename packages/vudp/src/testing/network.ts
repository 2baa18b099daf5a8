/**
 * Who reaches whom in a simulated universe: realms of addresses, hosts in them, and NATs between them.
 *
 * A realm delivers what is addressed within it; what is not goes out by its NAT, if it has one, into the realm around
 * it. So a home network, a carrier's NAT and the internet are three realms, one in the other. Links belong to hosts; two
 * hosts that are given the same link share it. Invariant: a datagram that nobody takes is counted, not lost silently.
 */
import { VIPSocketPeer } from '@vio/io'
import type { IVRandom } from '@vio/reactor'
import { type ISimHop, SimDatagram } from './datagram.js'
import type { SimEventQueue } from './event-queue.js'
import { type LinkOptions, SimLink } from './link.js'
import { type NatOptions, SimNat } from './nat.js'

/** Takes what arrives at a port of a host. */
export type SimReceiver = (now: number, datagram: SimDatagram) => void

/** How a host is connected. */
export interface SimHostOptions {
  /** Its address. */
  readonly address: string
  /** Where it is; by default in the outermost realm. */
  readonly realm?: SimRealm
  /** From it; a link, or what one is made with. By default perfect. */
  readonly up?: SimLink | LinkOptions
  /** To it. */
  readonly down?: SimLink | LinkOptions
}

/** What a network is made with. */
export interface SimNetworkOptions {
  readonly events: SimEventQueue
  /** The random stream of that name. */
  readonly draw: (name: string) => IVRandom
  /** Told of every datagram that a host sends and of every one that arrives. */
  readonly seen?: (now: number, kind: 'send' | 'arrive' | 'nobody', datagram: SimDatagram) => void
}

/** Addresses that reach each other without a NAT. */
export class SimRealm implements ISimHop {
  /** Towards the realm around it; undefined for the outermost. */
  readonly nat: SimNat | undefined
  readonly #outer: SimRealm | undefined
  readonly #network: SimNetwork
  readonly #places = new Map<string, ISimHop>()

  constructor(network: SimNetwork, outer?: SimRealm, nat?: SimNat) {
    this.#network = network
    this.#outer = outer
    this.nat = nat
    if (outer !== undefined && nat !== undefined) outer.claim(nat.address, new NatDoor(network, this, nat))
  }

  /** Gives an address to a place. @throws RangeError if it is taken */
  claim(address: string, place: ISimHop): void {
    if (this.#places.has(address)) throw new RangeError(`the address ${address} is taken in this realm`)
    this.#places.set(address, place)
  }

  /** Takes an address away from its place. */
  release(address: string): void {
    this.#places.delete(address)
  }

  /** The NAT forgets its mappings, and moves to another outer address if one is given. */
  rebind(address?: string): void {
    if (this.nat === undefined) throw new RangeError('this realm has no NAT that could be bound anew')
    const before = this.nat.address
    this.nat.rebind(address)
    if (address === undefined || address === before) return
    this.#outer?.release(before)
    this.#outer?.claim(address, new NatDoor(this.#network, this, this.nat))
  }

  accept(now: number, datagram: SimDatagram): void {
    const place = this.#places.get(datagram.to.host)
    if (place !== undefined) place.accept(now, datagram)
    else if (this.nat === undefined || this.#outer === undefined) this.#network.nobody(now, datagram)
    else this.#leave(now, datagram, this.nat, this.#outer)
  }

  #leave(now: number, datagram: SimDatagram, nat: SimNat, outer: SimRealm): void {
    const isHairpin = datagram.to.host === nat.address
    const port = isHairpin && !nat.hairpin ? undefined : nat.outward(now, datagram)
    if (port === undefined) {
      this.#network.nobody(now, datagram)
      return
    }
    datagram.from = this.#network.peer(nat.address, port)
    outer.accept(now, datagram)
  }
}

/** Where a NAT is found from outside. */
class NatDoor implements ISimHop {
  readonly #network: SimNetwork
  readonly #inner: SimRealm
  readonly #nat: SimNat

  constructor(network: SimNetwork, inner: SimRealm, nat: SimNat) {
    this.#network = network
    this.#inner = inner
    this.#nat = nat
  }

  accept(now: number, datagram: SimDatagram): void {
    const to = this.#nat.inward(now, datagram)
    if (to === undefined) {
      this.#network.nobody(now, datagram)
      return
    }
    datagram.to = to
    this.#inner.accept(now, datagram)
  }
}

/** A host: an address, two links and the ports that are open on it. */
export class SimHost implements ISimHop {
  readonly up: SimLink
  readonly down: SimLink
  readonly realm: SimRealm
  readonly #network: SimNetwork
  readonly #ports = new Map<number, SimReceiver>()
  readonly #arrival: ISimHop
  #address: string
  #nextPort = 50_000

  constructor(network: SimNetwork, options: SimHostOptions) {
    this.#network = network
    this.#address = options.address
    this.realm = options.realm ?? network.internet
    this.up = network.link(`${options.address} up`, options.up)
    this.down = network.link(`${options.address} down`, options.down)
    this.#arrival = { accept: (now, datagram) => this.#arrive(now, datagram) }
    this.realm.claim(options.address, this)
  }

  /** Its address. */
  get address(): string {
    return this.#address
  }

  /** Moves to another address. What is on its way to the old one finds nobody. */
  move(address: string): void {
    this.realm.claim(address, this)
    this.realm.release(this.#address)
    this.#address = address
  }

  /** Opens a port, any free one for 0, and returns its number. @throws RangeError if it is taken */
  open(port: number, receiver: SimReceiver): number {
    const chosen = port === 0 ? this.#nextPort++ : port
    if (this.#ports.has(chosen)) throw new RangeError(`port ${chosen} of ${this.#address} is taken`)
    this.#ports.set(chosen, receiver)
    return chosen
  }

  /** Closes a port. */
  close(port: number): void {
    this.#ports.delete(port)
  }

  /** Sends a datagram from a port of this host. */
  send(now: number, port: number, to: VIPSocketPeer, bytes: Buffer): void {
    this.dispatch(now, new SimDatagram(this.#network.peer(this.#address, port), to, bytes))
  }

  /** Sends a datagram as it is, whatever its source address says. */
  dispatch(now: number, datagram: SimDatagram): void {
    this.#network.seen(now, 'send', datagram)
    this.up.send(now, datagram, this.realm)
  }

  accept(now: number, datagram: SimDatagram): void {
    this.down.send(now, datagram, this.#arrival)
  }

  #arrive(now: number, datagram: SimDatagram): void {
    const receiver = this.#ports.get(datagram.to.port)
    if (receiver === undefined || datagram.to.host !== this.#address) {
      this.#network.nobody(now, datagram)
      return
    }
    this.#network.seen(now, 'arrive', datagram)
    receiver(now, datagram)
  }
}

/** All realms, hosts and links of one universe. */
export class SimNetwork {
  /** The outermost realm. */
  readonly internet: SimRealm
  /** How many datagrams found nobody, or no way through a NAT. */
  unreached = 0
  readonly seen: NonNullable<SimNetworkOptions['seen']>
  readonly #options: SimNetworkOptions
  readonly #peers = new Map<string, VIPSocketPeer>()
  #links = 0

  constructor(options: SimNetworkOptions) {
    this.#options = options
    this.seen = options.seen ?? (() => {})
    this.internet = new SimRealm(this)
  }

  /** A host. */
  host(options: SimHostOptions): SimHost {
    return new SimHost(this, options)
  }

  /** A realm behind a NAT, whose outer side is in `outer` (by default in the outermost realm). */
  natted(options: NatOptions, outer: SimRealm = this.internet): SimRealm {
    return new SimRealm(this, outer, new SimNat(options, this.#options.draw(`nat ${options.address}`)))
  }

  /** A link. One that is given already is returned. */
  link(name: string, options: SimLink | LinkOptions = {}): SimLink {
    if (options instanceof SimLink) return options
    const number = this.#links++
    const { events, draw } = this.#options
    return new SimLink(name, { events, draw: (part) => draw(`link ${number} ${part}`) }, options)
  }

  /** The peer value of an address, the same one each time. */
  peer(address: string, port: number): VIPSocketPeer {
    const key = `${address} ${port}`
    let peer = this.#peers.get(key)
    if (peer === undefined) {
      peer = new VIPSocketPeer(address, port, { socketType: 'dgram' })
      this.#peers.set(key, peer)
    }
    return peer
  }

  /** A datagram that nobody takes. */
  nobody(now: number, datagram: SimDatagram): void {
    this.unreached += 1
    this.seen(now, 'nobody', datagram)
  }
}
