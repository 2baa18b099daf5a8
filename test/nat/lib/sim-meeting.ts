/**
 * Two hosts behind NATs that find out what these are, tell each other and punch, in a simulated world.
 *
 * The exchange itself is a function call here: it has tests of its own.
 */
import type { VIPSocketPeer } from '@vio/io'
import {
  candidateOf,
  classifyNat,
  isRelayControl,
  pairCandidates,
  planPunch,
  readCandidates,
  type VCandidate,
  type VCandidateText,
  type VFilteringSample,
  VLanePeers,
  type VMappingSample,
  type VNatBehaviour,
  VNatProbe,
  VPuncher,
  type VPunchPlan,
  VRelayClient,
  type VRelayLeg,
  VRelayServer,
  VStunServer,
  writeCandidates,
} from '@vio/nat'
import { KIND } from '@vio/vudp'
import { type LinkOptions, type NatOptions, SimWorld } from '@vio/vudp/testing'
import { VUDPConnection } from '../../../packages/vudp/src/proto/connection.js'
import { natCrypto } from './nat-crypto.js'
import { SimSide } from './sim-side.js'

/** What a side tells the other. */
interface Told {
  readonly candidates: VCandidateText[]
  readonly behaviour: VNatBehaviour
}

export const SERVER_HOSTS: readonly [string, string] = ['203.0.113.10', '203.0.113.11']
const STUN_PORT = 3478
const RELAY_PORT = 3480
const DELAY_MS = 10

/** One of the two. */
export class Party {
  readonly side: SimSide
  readonly port: number
  readonly peers = new VLanePeers()
  readonly lanePorts: number[]
  behaviour: VNatBehaviour = classifyNat([])
  mapped: VIPSocketPeer | undefined
  plan: VPunchPlan | undefined
  puncher: VPuncher | undefined
  connectedAt = -1
  /** When a connection over the relay stood. */
  relayedAt = -1
  /** When PUNCH datagrams left. */
  readonly sentAt: number[] = []
  readonly #secret: Buffer
  #samples: readonly VMappingSample[] = []
  #filtering: VFilteringSample = {}
  #probesLeft = 2

  constructor(side: SimSide, secret: Buffer) {
    this.side = side
    this.port = side.open()
    this.lanePorts = [this.port]
    this.#secret = secret
  }

  get secret(): Buffer {
    return this.#secret
  }

  get isKnown(): boolean {
    return this.#probesLeft === 0
  }

  /** Finds out how the NAT behaves. */
  probe(world: SimWorld): void {
    const [ip1, ip2] = SERVER_HOSTS
    const server = world.network.peer(ip1, STUN_PORT)
    const other = world.network.peer(ip2, STUN_PORT + 1)
    for (const test of ['mapping', 'filtering'] as const) {
      const port = test === 'mapping' ? this.port : this.side.open()
      const probe = new VNatProbe(
        { test, local: this.side.local(port), server, other },
        world.random.fork(`stun ${this.side.host.address} ${test}`),
      )
      const attached = this.side.attach({
        machine: probe,
        port,
        takes: (bytes) => (bytes[0] ?? 0xff) < 0x40,
        onEvent: (_now, event) => {
          if (event.type !== 'done') return
          if (test === 'mapping') this.#samples = event.samples
          else this.#filtering = event.filtering
          this.#probesLeft -= 1
          if (this.#probesLeft > 0) return
          this.behaviour = classifyNat(this.#samples, this.#filtering)
          this.mapped = this.#samples[0]?.mapped
        },
      })
      probe.start(world.now)
      attached.poke()
    }
  }

  /** All own addresses. */
  get candidates(): VCandidate[] {
    const own = [candidateOf('host', this.side.local(this.port))]
    if (this.mapped !== undefined) own.push(candidateOf('server-reflexive', this.mapped))
    return own
  }

  tell(): Told {
    const told: Told = { candidates: writeCandidates(this.candidates), behaviour: this.behaviour }
    return JSON.parse(JSON.stringify(told)) as Told
  }

  /** Binds a leg of the relay and lets a connection of its own run over it. */
  useRelay(world: SimWorld, leg: VRelayLeg, peerSecret: Buffer): void {
    const relay = world.network.peer(leg.host, leg.port)
    const random = world.random.fork(`relay ${this.side.host.address}`)
    const secrets = { secret: relayed(this.#secret), peerSecret: relayed(peerSecret) }
    const engine = new VUDPConnection({ ...secrets, peer: relay }, { crypto: natCrypto, random })
    const client = new VRelayClient({ relay, leg }, natCrypto)
    const bound = this.side.attach({
      machine: client,
      port: this.port,
      takes: isRelayControl,
      onEvent: (_now, { type }) => {
        if (type !== 'bound' || this.relayedAt >= 0) return
        const connection = this.side.attach({
          machine: engine,
          port: this.port,
          takes: ([kind = 0], from) => kind >= 0x40 && from.equals(relay),
          onEvent: (now, event) => {
            if (event.type === 'connected') this.relayedAt = now
          },
        })
        connection.poke()
      },
    })
    client.start(world.now)
    bound.poke()
  }

  /** Punches towards the other, and lets a connection find its way over what is heard. */
  meet(world: SimWorld, other: Told, peerSecret: Buffer): void {
    const remote = readCandidates(other.candidates)
    const targets = pairCandidates(this.candidates, remote).map(({ remote: { peer } }) => peer)
    const outer = remote.find(({ kind }) => kind === 'server-reflexive')?.peer
    this.plan = planPunch(this.behaviour, other.behaviour)
    const random = world.random.fork(`punch ${this.side.host.address}`)
    const puncher = new VPuncher(
      { secret: this.#secret, peerSecret, plan: this.plan, targets, outer },
      natCrypto,
      random,
    )
    this.puncher = puncher
    for (const { index } of puncher.lanes.slice(1)) this.lanePorts[index] = this.side.open()
    const first = targets[0]
    if (first === undefined) return
    const engine = new VUDPConnection(
      { secret: this.#secret, peerSecret, peer: first, handshakeTimeoutMs: 120_000 },
      { crypto: natCrypto, random },
    )
    const connection = this.side.attach({
      machine: engine,
      port: this.port,
      everyPort: true,
      takes: (bytes, from) =>
        (bytes[0] ?? 0) >= 0x40 &&
        bytes[0] !== KIND.punch &&
        from.port !== RELAY_PORT &&
        !isRelayControl(bytes),
      nameOf: (port, from) => this.peers.nameOf(this.lanePorts.indexOf(port), from),
      send: (name, bytes) => {
        // The puncher's are counted; the connection would add its own.
        if (bytes[0] === KIND.punch) return
        const { lane, peer } = this.peers.resolve(name)
        this.side.host.send(world.now, this.lanePorts[lane] ?? this.port, peer, bytes)
      },
      onEvent: (now, event) => {
        if (event.type !== 'connected') return
        this.connectedAt = now
        puncher.stop()
      },
    })
    this.#attachLanes(world, puncher, (now, name) => {
      engine.addCandidate(now, name)
      connection.poke()
    })
    puncher.start(world.now)
    connection.poke()
  }

  /** Gives each lane of the puncher its port; `heard` is told under which name the other side was heard. */
  #attachLanes(world: SimWorld, puncher: VPuncher, heard: (now: number, name: VIPSocketPeer) => void): void {
    for (const lane of puncher.lanes) {
      const attached = this.side.attach({
        machine: lane,
        port: this.lanePorts[lane.index] as number,
        takes: ([kind]) => kind === KIND.punch,
        send: (peer, bytes) => {
          this.sentAt.push(world.now)
          this.side.host.send(world.now, this.lanePorts[lane.index] as number, peer, bytes)
        },
        onEvent: (now, event) => {
          if (event.type !== 'heard') return
          const name = this.peers.nameOf(event.lane, event.peer)
          if (name !== null) heard(now, name)
        },
      })
      if (lane.index === 0) world.at(world.now, () => attached.poke())
    }
  }

  /** The most PUNCH datagrams that left within one second. */
  get peakPerSecond(): number {
    let peak = 0
    for (let from = 0, to = 0; to < this.sentAt.length; to += 1) {
      while ((this.sentAt[to] as number) - (this.sentAt[from] as number) >= 1_000) from += 1
      peak = Math.max(peak, to - from + 1)
    }
    return peak
  }
}

/** Behind what a side is, from the outside to the inside; none for a public address. */
export type NatChain = readonly Omit<NatOptions, 'address'>[]

/** How a meeting is made. */
export interface MeetingOptions {
  readonly seed: number
  readonly scenario: string
  readonly a: NatChain
  readonly b: NatChain
  /** NATs that both have in common, outside of their own. */
  readonly common?: NatChain
  /** What the links of both sides do, besides taking 10 ms. */
  readonly link?: LinkOptions
}

/** A world with a STUN server and two sides. */
export class Meeting {
  readonly world: SimWorld
  readonly a: Party
  readonly b: Party
  readonly #relay: VRelayServer
  readonly #link: LinkOptions

  constructor(options: MeetingOptions) {
    const { seed, scenario } = options
    this.#link = { delayMs: DELAY_MS, ...options.link }
    this.world = new SimWorld({ seed, scenario, file: 'test/nat/simulation', traced: false })
    this.#relay = new VRelayServer({}, natCrypto, this.world.random.fork('relay'))
    this.#serve()
    const { network } = this.world
    let realm = network.internet
    for (const [at, nat] of (options.common ?? []).entries()) {
      realm = network.natted({ ...nat, address: at === 0 ? '198.51.100.9' : `100.64.9.${at}` }, realm)
    }
    const inside = options.common === undefined ? undefined : realm
    this.a = this.#party(1, options.a, inside)
    this.b = this.#party(2, options.b, inside)
  }

  /** Both find out about their NATs, and then try to reach each other; true if they did within `withinMs`. */
  run(withinMs = 60_000): boolean {
    const { world, a, b } = this
    a.probe(world)
    b.probe(world)
    world.runUntil(() => a.isKnown && b.isKnown, { what: 'the judgement of both NATs' })
    const [toldA, toldB] = [a.tell(), b.tell()]
    const legs = this.#relay.openPair(world.now, [a.side.host.address, b.side.host.address], {
      host: SERVER_HOSTS[0],
      port: RELAY_PORT,
    })
    this.startedAt = world.now
    // The relay and the punching start together.
    if (legs !== null) {
      a.useRelay(world, legs[0], b.secret)
      b.useRelay(world, legs[1], a.secret)
    }
    a.meet(world, toldB, b.secret)
    b.meet(world, toldA, a.secret)
    const until = world.now + withinMs
    while (world.now < until && !(this.isConnected && this.isRelayed)) world.advance(50)
    return this.isConnected
  }

  /** When both knew of each other. */
  startedAt = 0

  /** True once a connection over the relay stood. */
  get isRelayed(): boolean {
    return this.a.relayedAt >= 0 && this.b.relayedAt >= 0
  }

  get isConnected(): boolean {
    return this.a.connectedAt >= 0 && this.b.connectedAt >= 0
  }

  #serve(): void {
    const { network } = this.world
    const sides = SERVER_HOSTS.map((address) => new SimSide(this.world, network.host({ address })))
    const addresses = SERVER_HOSTS.flatMap((host) =>
      [STUN_PORT, STUN_PORT + 1].map((port) => network.peer(host, port)),
    )
    const server = new VStunServer({ addresses })
    for (const lane of server.lanes) {
      const { host, port } = addresses[lane.index] as VIPSocketPeer
      const side = sides[SERVER_HOSTS.indexOf(host)] as SimSide
      side.attach({ machine: lane, port: side.open(port) })
    }
    const [first] = sides
    first?.attach({ machine: this.#relay, port: first.open(RELAY_PORT) })
  }

  #party(
    number: number,
    chain: NatChain,
    inside: ReturnType<SimWorld['network']['natted']> | undefined,
  ): Party {
    const { network, random } = this.world
    const outermost = inside === undefined || inside === network.internet
    let realm = inside ?? network.internet
    for (const [at, nat] of chain.entries()) {
      const address = at === 0 && outermost ? `198.51.100.${number}` : `100.64.${number}.${at + 1}`
      realm = network.natted({ ...nat, address }, realm)
    }
    const isPublic = chain.length === 0 && outermost
    const address = isPublic
      ? `203.0.113.7${number}`
      : chain.length === 0
        ? `192.168.9.${number}`
        : `192.168.${number}.2`
    const host = network.host({ address, realm, up: this.#link, down: this.#link })
    const secret = Buffer.alloc(32)
    random.fork(`secret ${number}`).fillSecret(secret)
    return new Party(new SimSide(this.world, host), secret)
  }
}

/** Another secret, for the connection over the relay. */
function relayed(secret: Buffer): Buffer {
  return natCrypto.hmac(secret, Buffer.from('relay'))
}
