/**
 * Two sides of one connection in a world of their own, as the scenarios use them.
 *
 * Side a sends most, and is the initiator with every other pair of seeds. A scenario changes links and sides as it likes;
 * what has to hold afterwards is written here once, so that no scenario can forget it. Invariant: whatever fails says
 * seed, scenario and digest, and how to run it again.
 */
import type { VIPSocketPeer } from '@vio/io'
import {
  type LinkOptions,
  type NatOptions,
  type SimHost,
  SimOracle,
  SimPeer,
  type SimRealm,
  SimWorld,
  type StreamScript,
} from '@vio/vudp/testing'
import type { VUDPOptions } from '../../../packages/vudp/src/proto/config.js'
import type { IVUDPEngine } from '../../../packages/vudp/src/proto/engine.js'
import { Stream } from '../../../packages/vudp/src/proto/v1/stream.js'
import { V08Connection } from '../../../packages/vudp/src/proto/v08/connection.js'
import { watchLimits } from './watches.js'

/** What an engine is made with. */
export interface EngineTerms {
  readonly world: SimWorld
  readonly side: 'a' | 'b'
  readonly secret: Buffer
  readonly peerSecret: Buffer
  readonly peer: VIPSocketPeer
  readonly options: Partial<VUDPOptions>
}

/** Makes the engines of one version. */
export type EngineMaker = (terms: EngineTerms) => IVUDPEngine

/** How a rig is made. */
export interface RigOptions {
  readonly name: string
  readonly seed: number
  readonly maker: EngineMaker
  /** What a sends; b sends a tenth of it. */
  readonly bytes: number
  /** Both directions, and each. */
  readonly link?: LinkOptions
  readonly up?: LinkOptions
  readonly down?: LinkOptions
  /** Puts a behind a NAT, and b behind another one. */
  readonly nat?: NatOptions
  readonly natB?: NatOptions
  /** When the sides begin; by default at once. */
  readonly startA?: number
  readonly startB?: number
  /** Options of both engines, and of each. */
  readonly options?: Partial<VUDPOptions>
  readonly optionsA?: Partial<VUDPOptions>
  readonly optionsB?: Partial<VUDPOptions>
  /** What the sides do; by default both write all and finish. */
  readonly scriptA?: Partial<StreamScript>
  readonly scriptB?: Partial<StreamScript>
}

const PORT = 5000
const PUBLIC_A = '198.51.100.1'
const PRIVATE_A = '10.0.0.2'
const PUBLIC_B = '203.0.113.9'
const PRIVATE_B = '192.168.1.9'
const DELAY_MS = 20
const FILE = 'test/vudp/simulation'

/** Two sides and what is around them. */
export class Rig {
  readonly world: SimWorld
  readonly hostA: SimHost
  readonly hostB: SimHost
  readonly realmA: SimRealm
  readonly realmB: SimRealm
  readonly a: SimPeer
  readonly b: SimPeer
  readonly oracle: SimOracle
  readonly bytes: number

  constructor(options: RigOptions) {
    const { name, seed, bytes } = options
    this.bytes = bytes
    this.world = new SimWorld({ seed, scenario: name, file: FILE })
    const { network } = this.world
    const common = { delayMs: DELAY_MS, ...options.link }
    const behind = (nat: NatOptions | undefined): SimRealm =>
      nat === undefined ? network.internet : network.natted(nat)
    this.realmA = behind(options.nat)
    this.realmB = behind(options.natB)
    const addressA = options.nat === undefined ? PUBLIC_A : PRIVATE_A
    const addressB = options.natB === undefined ? PUBLIC_B : PRIVATE_B
    this.hostA = network.host({ address: addressA, realm: this.realmA, up: { ...common, ...options.up } })
    this.hostB = network.host({ address: addressB, realm: this.realmB, up: { ...common, ...options.down } })
    const seenA = network.peer(options.nat?.address ?? PUBLIC_A, PORT)
    const seenB = network.peer(options.natB?.address ?? PUBLIC_B, PORT)
    this.a = this.#side('a', this.hostA, seenB, options)
    this.b = this.#side('b', this.hostB, seenA, options)
    this.oracle = new SimOracle(this.world, this.a, this.b)
    watchLimits(this)
  }

  /** Both links. */
  get links(): [SimHost['up'], SimHost['up']] {
    return [this.hostA.up, this.hostB.up]
  }

  /** Runs until both sides know each other. */
  connect(withinMs = 15_000): void {
    const { a, b } = this
    this.world.runUntil(() => a.isConnected && b.isConnected, { withinMs, what: 'the connection' })
  }

  /** Runs until both sides are over, and looks at everything that holds then and from then on. */
  finish(withinMs = 60_000): void {
    const { a, b, world } = this
    world.runUntil(() => a.isDrained && b.isDrained, { withinMs, what: 'the end of both sides' })
    this.demand(() => this.oracle.checkEnd())
    this.#checkRest()
    const sent = a.counts.sent + b.counts.sent
    world.advance(300_000)
    if (a.counts.sent + b.counts.sent !== sent) throw world.failure('something was sent after the end')
    this.demand(() => this.oracle.checkEnd())
  }

  /** Like `finish`, and all arrived, and both say that it ended cleanly. */
  finishClean(withinMs = 60_000): void {
    this.finish(withinMs)
    this.demand(() => this.oracle.checkClean())
    this.#checkClean(this.a, this.b)
    this.#checkClean(this.b, this.a)
  }

  /** Runs a check; what it throws says how to see it again. */
  demand(check: () => void): void {
    try {
      check()
    } catch (error) {
      throw this.world.failure(error instanceof Error ? error.message : String(error), error)
    }
  }

  /** Fails unless it holds. */
  expect(holds: boolean, message: string): void {
    if (!holds) throw this.world.failure(message)
  }

  /** Nothing is held that nobody can ask for any more, and all that arrived and left was counted. */
  #checkRest(): void {
    for (const { side, engine, streams, counts } of [this.a, this.b]) {
      for (const [id, { stream }] of streams) {
        const { unflushedBytes, readable } = stream
        this.expect(
          unflushedBytes === 0,
          `side ${side} holds ${unflushedBytes} bytes of stream ${id} to send`,
        )
        const keptBytes = stream instanceof Stream && !readable ? stream.input.buffer.keptBytes : 0
        this.expect(keptBytes === 0, `side ${side} keeps ${keptBytes} bytes for what stream ${id} has read`)
      }
      const heldBytes = engine instanceof V08Connection && !engine.stream.readable ? engine.memoryBytes : 0
      this.expect(heldBytes === 0, `side ${side} holds ${heldBytes} bytes`)
      const { datagramsReceived, datagramsSent } = engine.stats()
      // VUT 0.8 counts none once it is drained.
      const isCounted = engine instanceof V08Connection || datagramsReceived === counts.received
      this.expect(isCounted, `side ${side} counts ${datagramsReceived} of ${counts.received} received`)
      this.expect(
        datagramsSent === counts.sent,
        `side ${side} counts ${datagramsSent} of ${counts.sent} sent`,
      )
    }
  }

  /** What one side wrote is what it sent, what was acknowledged, and what the other side received and has read. */
  #checkClean(from: SimPeer, to: SimPeer): void {
    let written = 0
    for (const each of from.streams.values()) written += each.written
    const { streamBytesWritten, streamBytesSent, streamBytesAcked } = from.engine.stats()
    const { streamBytesReceived, streamBytesRead } = to.engine.stats()
    const all = [streamBytesWritten, streamBytesSent, streamBytesAcked, streamBytesReceived, streamBytesRead]
    this.expect(
      all.every((bytes) => bytes === written),
      `of ${written} bytes from side ${from.side} were written, sent, acknowledged, received and read: ${all.join(', ')}`,
    )
  }

  #side(side: 'a' | 'b', host: SimHost, peer: VIPSocketPeer, rig: RigOptions): SimPeer {
    const { world } = this
    // Who has the greater secret begins.
    const [first, second] = (world.seed >> 1) % 2 === 0 ? [0xa0, 0x0b] : [0x0b, 0xa0]
    const secretA = Buffer.alloc(32, first)
    const secretB = Buffer.alloc(32, second)
    world.random.fork('secret a').fillSecret(secretA.subarray(1))
    world.random.fork('secret b').fillSecret(secretB.subarray(1))
    const [secret, peerSecret] = side === 'a' ? [secretA, secretB] : [secretB, secretA]
    const options = { ...rig.options, ...(side === 'a' ? rig.optionsA : rig.optionsB) }
    const writeBytes = side === 'a' ? rig.bytes : Math.ceil(rig.bytes / 10)
    const script = { writeBytes, finishes: true, ...(side === 'a' ? rig.scriptA : rig.scriptB) }
    const engine = (): IVUDPEngine => rig.maker({ world, side, secret, peerSecret, peer, options })
    const startAtMs = (side === 'a' ? rig.startA : rig.startB) ?? 0
    return new SimPeer(world, { host, port: PORT, side, script, engine, startAtMs })
  }
}
