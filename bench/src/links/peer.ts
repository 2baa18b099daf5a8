/**
 * One of the two hosts of a VUT connection over a link, as a process that was started in its place.
 *
 * The receiver counts what has arrived at the application, over a span that begins with the connection; the sender writes as
 * fast as it may. Options are the defaults but for the congestion controller.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { VByteConsumer, VByteProducer, VIPSocketPeer } from '@vio/io'
import { VReactor } from '@vio/reactor'
import { VDatagramSocket } from '@vio/sock'
import { type VCongestionName, type VUDPStats, VUDPTransport } from '@vio/vudp'
import { answer } from '../lib/processes.js'

const CHUNK: Buffer = Buffer.alloc(65_536, 1)
const WINDOW_BYTES = 1 << 20
const SECRETS: readonly [Buffer, Buffer] = [Buffer.alloc(32, 'sender'), Buffer.alloc(32, 'receiver')]

/** Where a host is to connect to. */
export interface LinkTerms {
  readonly isSender: boolean
  readonly host: string
  readonly port: number
  readonly congestion: VCongestionName
}

/** What was used and counted. */
export interface LinkUsage {
  /** Processor time of this process so far, in seconds. */
  readonly cpuS: number
  readonly stats: VUDPStats
}

/** What a host can be asked. */
export interface PeerCalls {
  /** Takes a port at an address. */
  bind(host: string): Promise<number>
  /** Connects to the other host. */
  connect(terms: LinkTerms): Promise<boolean>
  /** Sends from now on, without an end. */
  send(): boolean
  /** How many bytes arrive within this span from now on. */
  receive(spanMs: number): Promise<number>
  usage(): LinkUsage
}

class Counting extends VByteConsumer {
  bytes = 0

  protected override producerAttached(): void {
    this.setReceiveLimit(WINDOW_BYTES)
  }

  protected override dataReceived(data: Buffer): number {
    this.bytes += data.length
    return WINDOW_BYTES
  }
}

class Endless extends VByteProducer {
  #isOn = false

  start(): void {
    this.#isOn = true
    this.triggerProduction()
  }

  protected override produce(maxBytes: number): Uint8Array | null {
    if (!this.#isOn || maxBytes === 0) return null
    return maxBytes < 0 || maxBytes >= CHUNK.length ? CHUNK : CHUNK.subarray(0, maxBytes)
  }

  protected override hasPending(): boolean {
    return this.#isOn
  }
}

const reactor = new VReactor()
reactor.start()
const [counting, endless] = [new Counting(reactor), new Endless(reactor)]
let socket: VDatagramSocket
let transport: VUDPTransport

answer<PeerCalls>({
  bind: async (host) => {
    socket = await VDatagramSocket.bind({ host })
    return socket.localPeer.port
  },
  connect: async ({ isSender, host, port, congestion }) => {
    const [secret, peerSecret] = isSender ? SECRETS : SECRETS.toReversed()
    transport = new VUDPTransport(reactor, {
      socket,
      peer: new VIPSocketPeer(host, port),
      secret: secret as Buffer,
      peerSecret: peerSecret as Buffer,
      congestion,
    })
    transport.byteProduce.attach(counting.byteConsume)
    endless.byteProduce.attach(transport.byteConsume)
    await transport.whenConnected
    return true
  },
  send: () => {
    endless.start()
    return true
  },
  receive: async (spanMs) => {
    const before = counting.bytes
    await sleep(spanMs)
    return counting.bytes - before
  },
  usage: () => {
    const { user, system } = process.cpuUsage()
    return { cpuS: (user + system) / 1e6, stats: transport.stats() }
  },
})
