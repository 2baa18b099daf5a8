/**
 * A simulated NAT, in the terms of RFC 4787.
 *
 * Decides which outer port an inner address gets, who may answer to it and how long; the addresses behind it are a realm
 * of its own (`network`). Invariant: no two living mappings have the same outer port.
 */
import type { VIPSocketPeer } from '@vio/io'
import type { IVRandom } from '@vio/reactor'
import type { SimDatagram } from './datagram.js'

/** On what a mapping, or what may pass it inward, depends. */
export type NatDependence = 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent'

/** How a NAT behaves. */
export interface NatOptions {
  /** Its address towards the outside. */
  readonly address: string
  /** When an inner address is given another outer port; by default 'endpoint-independent': never. */
  readonly mapping?: NatDependence
  /** Who may send inward; by default 'address-and-port-dependent': only who was sent to. */
  readonly filtering?: NatDependence
  /** How outer ports are chosen; by default 'preserving': the inner one if it is free. */
  readonly ports?: 'preserving' | 'sequential' | 'random'
  /** True if inner addresses reach each other by their outer ones; by default not. */
  readonly hairpin?: boolean
  /** How long a mapping lives without being used outward; by default 2 minutes. */
  readonly mappingLifeMs?: number
}

interface Mapping {
  readonly key: string
  readonly inner: VIPSocketPeer
  readonly port: number
  /** The outer addresses it has sent to, with the filter's precision, and when. */
  readonly allowed: Map<string, number>
  usedAt: number
}

const FIRST_PORT = 1_024
const LAST_PORT = 65_535
const DEFAULT_LIFE_MS = 120_000

/** The table of one NAT. It translates; carrying is the network's. */
export class SimNat {
  /** How often a datagram from outside was refused. */
  refused = 0
  readonly #options: Required<NatOptions>
  readonly #random: IVRandom
  readonly #byKey = new Map<string, Mapping>()
  readonly #byPort = new Map<number, Mapping>()
  /** Ports that a rebinding has taken away: no new mapping gets one of them at once. */
  readonly #burnt = new Set<number>()
  #address: string
  #nextPort = 40_000

  constructor(options: NatOptions, random: IVRandom) {
    this.#options = {
      mapping: 'endpoint-independent',
      filtering: 'address-and-port-dependent',
      ports: 'preserving',
      hairpin: false,
      mappingLifeMs: DEFAULT_LIFE_MS,
      ...options,
    }
    this.#random = random
    this.#address = options.address
  }

  /** Its address towards the outside. */
  get address(): string {
    return this.#address
  }

  /** True if it carries from its inside to its inside. */
  get hairpin(): boolean {
    return this.#options.hairpin
  }

  /** How many mappings it holds, old ones included. */
  get mappings(): number {
    return this.#byPort.size
  }

  /** Forgets all mappings, so that every flow gets another port; and the address, if another one is given. */
  rebind(address: string = this.#address): void {
    this.#burnt.clear()
    for (const port of this.#byPort.keys()) this.#burnt.add(port)
    this.#byKey.clear()
    this.#byPort.clear()
    this.#address = address
  }

  /** The outer port for a datagram that leaves; undefined if there is none left. */
  outward(now: number, datagram: SimDatagram): number | undefined {
    const key = `${datagram.from} ${precise(this.#options.mapping, datagram.to)}`
    let mapping = this.#byKey.get(key)
    if (mapping === undefined || this.#isOld(now, mapping)) {
      if (mapping !== undefined) this.#forget(mapping)
      mapping = this.#create(now, key, datagram.from)
      if (mapping === undefined) return undefined
    }
    mapping.usedAt = now
    mapping.allowed.set(precise(this.#options.filtering, datagram.to), now)
    return mapping.port
  }

  /** The inner address for a datagram from outside; undefined if it may not pass. */
  inward(now: number, datagram: SimDatagram): VIPSocketPeer | undefined {
    const mapping = this.#byPort.get(datagram.to.port)
    if (mapping !== undefined && !this.#isOld(now, mapping)) {
      const sentAt = mapping.allowed.get(precise(this.#options.filtering, datagram.from))
      if (sentAt !== undefined && now - sentAt <= this.#options.mappingLifeMs) return mapping.inner
    }
    this.refused += 1
    return undefined
  }

  #isOld(now: number, mapping: Mapping): boolean {
    return now - mapping.usedAt > this.#options.mappingLifeMs
  }

  #forget(mapping: Mapping): void {
    this.#byKey.delete(mapping.key)
    this.#byPort.delete(mapping.port)
  }

  #create(now: number, key: string, inner: VIPSocketPeer): Mapping | undefined {
    const port = this.#choosePort(now, inner.port)
    if (port === undefined) return undefined
    const mapping: Mapping = { key, inner, port, allowed: new Map(), usedAt: now }
    this.#byKey.set(key, mapping)
    this.#byPort.set(port, mapping)
    return mapping
  }

  #choosePort(now: number, wanted: number): number | undefined {
    const { ports } = this.#options
    if (ports === 'preserving' && this.#isFree(now, wanted)) return wanted
    for (let tries = 0; tries <= LAST_PORT; tries += 1) {
      const port = ports === 'random' ? this.#randomPort() : this.#followingPort()
      if (this.#isFree(now, port)) return port
    }
    return undefined
  }

  #randomPort(): number {
    return FIRST_PORT + (this.#random.publicUint32() % (LAST_PORT - FIRST_PORT + 1))
  }

  #followingPort(): number {
    const port = this.#nextPort
    this.#nextPort = port === LAST_PORT ? FIRST_PORT : port + 1
    return port
  }

  #isFree(now: number, port: number): boolean {
    if (this.#burnt.has(port)) return false
    const mapping = this.#byPort.get(port)
    if (mapping === undefined) return true
    if (!this.#isOld(now, mapping)) return false
    this.#forget(mapping)
    return true
  }
}

/** As much of an address as `dependence` looks at. */
function precise(dependence: NatDependence, peer: VIPSocketPeer): string {
  if (dependence === 'endpoint-independent') return ''
  return dependence === 'address-dependent' ? peer.host : peer.toString()
}
