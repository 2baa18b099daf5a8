/**
 * VUT connections as subjects of the contract suites of io: in a simulated world, and over UDP on loopback.
 *
 * The near side is a `VUDPTransport`; the far side is an engine under a pump, read and written by hand. Which cases do not
 * apply to which, and why, stands here too.
 */
import {
  type IVDatagramPort,
  type VEndpointOptions,
  VFIOCompleted,
  VFIOLost,
  type VIPSocketPeer,
} from '@vio/io'
import { type IVDeviceRig, type IVEndpointRig, type IVFarEnd, VProbeLog } from '@vio/io/testing'
import { type IVReactor, type VLogEntry, VLogLevel, VReactor, VSystemRandom } from '@vio/reactor'
import { VDatagramSocket } from '@vio/sock'
import { SimDatagramPort, SimWorld } from '@vio/vudp/testing'
import { NodeCrypto } from '../../../packages/vudp/src/driver/crypto.js'
import { makeEngine, type VUDPVersion } from '../../../packages/vudp/src/driver/engines.js'
import { VDatagramPump } from '../../../packages/vudp/src/driver/pump.js'
import { VUDPTransport, type VUDPTransportOptions } from '../../../packages/vudp/src/driver/transport.js'
import type { IVUDPEngine } from '../../../packages/vudp/src/proto/engine.js'
import type { VUDPStats } from '../../../packages/vudp/src/proto/stats.js'
import type { Without } from '../../lib/run-suite.js'

export const SECRET_A: Buffer = Buffer.alloc(32, 0xa1)
export const SECRET_B: Buffer = Buffer.alloc(32, 0xb2)

/** The most that is on the way and nobody has read: what the far side holds, and what the near one does. */
const ROAD_BYTES = { 'vut/0.8': 18_000, 'vut/1': 30_000 } as const

/** Small buffers, so that the way is soon full. */
const SIZES = {
  'vut/0.8': { bufLen: 8192 },
  'vut/1': { bufLen: 16_384, maxWindowBytes: 16_384, sendBufferBytes: 8192 },
} as const

const BY_ITSELF =
  'a transport speaks from the start: it connects when its peer proves itself, not when told to'

/** What of connecting a transport does not do. */
export const WITHOUT_CONNECTING: Without = {
  'asks its chain once, before it connects': BY_ITSELF,
  'does not connect when its chain says no': BY_ITSELF,
  'takes a chain for a no that throws': BY_ITSELF,
  'connects when nobody is there to ask': BY_ITSELF,
  'connects once, if it can at all': BY_ITSELF,
  'that is refused ends its chain': BY_ITSELF,
  'tells of its connection on a later turn': BY_ITSELF,
  'asked for its state without a connection': BY_ITSELF,
  'may be told to wait': BY_ITSELF,
  'never connected, closes as a whole': BY_ITSELF,
}

/** The far side of a transport: an engine under a pump. */
export class FarEngine implements IVFarEnd {
  readonly engine: IVUDPEngine
  readonly pump: VDatagramPump<unknown>

  constructor(reactor: IVReactor, port: IVDatagramPort, peer: VIPSocketPeer, version: VUDPVersion) {
    const options = { ...SIZES[version], version, peer, secret: SECRET_B, peerSecret: SECRET_A }
    const means = { port, crypto: new NodeCrypto(), random: new VSystemRandom(), hooks: {} }
    this.engine = makeEngine(options, means)
    this.pump = new VDatagramPump(reactor, { port, machine: this.engine, onEvent: () => undefined })
    this.pump.start()
  }

  write(bytes: Uint8Array): number {
    const size = this.engine.stream.writeSome(bytes)
    this.pump.kick()
    return size
  }

  read(maxBytes: number = Number.MAX_SAFE_INTEGER): Buffer {
    const pieces: Buffer[] = []
    for (let left = maxBytes; left > 0; ) {
      const piece = this.engine.stream.readSome(Math.min(left, 1_000_000))
      if (piece.length === 0) break
      pieces.push(piece)
      left -= piece.length
    }
    this.pump.kick()
    return Buffer.concat(pieces)
  }

  end(): void {
    this.engine.stream.finish()
    this.pump.kick()
  }

  reset(): void {
    this.engine.close(new VFIOLost())
    this.pump.kick()
  }

  get ended(): 'no' | 'clean' | 'lost' {
    const { inputEnd } = this.engine.stream
    if (inputEnd === null) return 'no'
    return inputEnd instanceof VFIOCompleted ? 'clean' : 'lost'
  }
}

/** What the connections of a rig are made on. */
interface Ground {
  readonly reactor: IVReactor
  ports(): Promise<readonly [IVDatagramPort, IVDatagramPort]>
  until(done: () => boolean): Promise<void>
  /** Lets a little time pass. */
  quiet(): Promise<void>
  /** How often nothing may pass in that time until it is quiet. */
  readonly samples: number
  failures(): readonly VLogEntry[]
  stop(): void
}

/** True while a datagram from one port to the other is on its way: on these grounds what is lost is seldom. */
function isOnWay(from: IVDatagramPort, to: IVDatagramPort): boolean {
  return from.closed === null && to.closed === null && to.readable
}

/** What has passed so far. */
function bytesOf(side: { stats(): VUDPStats }): number {
  const { bytesSent, streamBytesReceived } = side.stats()
  return bytesSent + streamBytesReceived
}

/** Options of a transport that the rig leaves to the case. */
export type RigOptions = VEndpointOptions & Partial<Omit<VUDPTransportOptions, 'socket' | 'peer'>>

/** Makes the connections of a rig. */
function rigOn(ground: Ground, version: VUDPVersion): IVEndpointRig {
  const made: { near: VUDPTransport; far: FarEngine; port: IVDatagramPort }[] = []
  return {
    reactor: ground.reactor,
    log: new VProbeLog(),
    roadBytes: ROAD_BYTES[version],
    connected: async (options) => {
      const [nearPort, farPort] = await ground.ports()
      const near = new VUDPTransport(ground.reactor, {
        ...SIZES[version],
        ...options,
        version,
        socket: nearPort,
        peer: farPort.localPeer,
        secret: SECRET_A,
        peerSecret: SECRET_B,
      })
      const far = new FarEngine(ground.reactor, farPort, nearPort.localPeer, version)
      made.push({ near, far, port: farPort })
      await ground.until(() => near.device.connected && far.engine.connected)
      await ground.quiet()
      return { near, far }
    },
    connectable: () => {
      throw new Error(BY_ITSELF)
    },
    until: ground.until,
    quiet: async () => {
      // Quiet is when nothing has passed for longer than an acknowledgement may be put off, and all that was sent is there.
      const passed = (): number =>
        made.reduce((sum, { near, far }) => sum + bytesOf(near) + bytesOf(far.engine), 0)
      const onWay = (): boolean =>
        made.some(({ near, port }) => isOnWay(near.sock, port) || isOnWay(port, near.sock))
      for (let [before, same] = [-1, 0]; same < ground.samples || onWay(); ) {
        await ground.quiet()
        const now = passed()
        same = now === before ? same + 1 : 0
        before = now
      }
    },
    failures: ground.failures,
    close: () => {
      for (const { near, far, port } of made) {
        near.sock.close()
        far.pump.stop()
        port.close()
      }
      ground.stop()
    },
  }
}

/** The devices under the ends of a rig, alone: nobody attaches to the endpoints, so they read nothing. */
export function deviceRigOf(rig: IVEndpointRig): IVDeviceRig {
  return {
    connected: async () => {
      const { near, far } = await rig.connected()
      return { device: near.device, far }
    },
    until: rig.until,
    quiet: rig.quiet,
    close: () => rig.close(),
  }
}

function watchFailures(reactor: IVReactor): readonly VLogEntry[] {
  const failures: VLogEntry[] = []
  // Cases make errors on purpose: they are looked at, not printed.
  for (const watcher of reactor.log.watchers) reactor.log.removeWatcher(watcher)
  reactor.log.addWatcher({
    watch: (entry) => {
      if (entry.level >= VLogLevel.error) failures.push(entry)
    },
  })
  return failures
}

/** Connections in a simulated world, whose links delay by 2 ms. */
export function simRig(version: VUDPVersion, link: { readonly loss?: number } = {}): IVEndpointRig {
  const world = new SimWorld({ seed: 7, scenario: 'contract', traced: false })
  const failures = watchFailures(world.reactor)
  let hosts = 0
  const nextPort = (): IVDatagramPort => {
    hosts += 1
    const host = world.network.host({ address: `10.0.0.${hosts}`, up: { delayMs: 2, ...link } })
    return new SimDatagramPort(world, { host })
  }
  const ground: Ground = {
    reactor: world.reactor,
    ports: async () => [nextPort(), nextPort()],
    until: async (done) => {
      for (let moments = 0; !done(); moments += 1) {
        if (moments > 20_000) throw new Error('what the case waits for has not happened')
        world.advance(10)
      }
    },
    samples: 1,
    quiet: async () => world.advance(link.loss === undefined ? 100 : 3000),
    failures: () => failures,
    stop: () => world.reactor.stop(),
  }
  return rigOn(ground, version)
}

/** Connections over UDP on loopback. */
export function loopbackRig(version: VUDPVersion): IVEndpointRig {
  const reactor = new VReactor()
  const failures = watchFailures(reactor)
  reactor.start()
  const ground: Ground = {
    reactor,
    ports: async () => {
      const bind = (): Promise<VDatagramSocket> => VDatagramSocket.bind({ host: '127.0.0.1' })
      return [await bind(), await bind()]
    },
    until,
    // VUT/1 puts an acknowledgement off by 25 ms.
    samples: 3,
    quiet: () => sleep(version === 'vut/1' ? 10 : 3),
    failures: () => failures,
    stop: () => reactor.stop(),
  }
  return rigOn(ground, version)
}

/** Waits in real time, by looking again and again. */
export async function until(done: () => boolean, limitMs = 20_000): Promise<void> {
  const giveUpAt = Date.now() + limitMs
  while (!done()) {
    if (Date.now() > giveUpAt) throw new Error('what the case waits for has not happened')
    await sleep(1)
  }
}

/** Lets real time pass. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
