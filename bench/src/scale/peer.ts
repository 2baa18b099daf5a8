/**
 * One of the two processes of the scale bench: an endpoint with very many connections, all on one socket.
 *
 * The server answers each message, once it has all of it, with one byte. The client opens connections and sends messages,
 * some at a time, going from one connection to the next.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { VByteConsumer, VByteWriter, VFIOLost, VIOLost, VIPSocketPeer } from '@vio/io'
import { VReactor } from '@vio/reactor'
import { VDatagramSocket } from '@vio/sock'
import { VUDPEndpoint, type VUDPTransport, vudpTag } from '@vio/vudp'
import { answer } from '../lib/processes.js'

const LOOPBACK = '127.0.0.1'
const WINDOW_BYTES = 65_536
/** Loopback carries far more, but what is to be seen is what many datagrams cost. */
const DATAGRAM: { readonly maxSendBytes: number } = { maxSendBytes: 1200 }

/** What was used so far. */
export interface ScaleUsage {
  /** Processor time, in seconds. */
  readonly cpuS: number
  /** Datagrams that were sent. */
  readonly datagrams: number
}

/** What a process can be asked. */
export interface PeerCalls {
  /** Takes a port. */
  bind(): Promise<number>
  /** The server: knows the secrets of the sessions from `first` on. */
  expect(first: number, count: number): number
  /** The client: opens the sessions from `first` on, `atOnce` at a time. Returns how many there are then. */
  open(port: number, first: number, count: number, atOnce: number): Promise<number>
  /** The client: breaks all connections off. */
  drop(): boolean
  /** The size of messages from now on. */
  messageBytes(size: number): number
  /** The client: sends messages, each to the next connection, `atOnce` at a time. Returns how many were answered. */
  messages(count: number, atOnce: number): Promise<number>
  /** How many connections there are. */
  size(): number
  /** Resident memory in bytes, after a collection. */
  memory(): Promise<number>
  usage(): ScaleUsage
}

class Taking extends VByteConsumer {
  readonly #took: (bytes: number) => void

  constructor(reactor: VReactor, took: (bytes: number) => void) {
    super(reactor)
    this.#took = took
  }

  protected override producerAttached(): void {
    this.setReceiveLimit(WINDOW_BYTES)
  }

  protected override dataReceived(data: Buffer): number {
    this.#took(data.length)
    return WINDOW_BYTES
  }
}

/** A connection of the client. */
class Line {
  readonly transport: VUDPTransport
  readonly #writer: VByteWriter
  /** Messages that are not answered; each answer is a byte. */
  readonly #waiting: (() => void)[] = []

  constructor(reactor: VReactor, transport: VUDPTransport) {
    this.transport = transport
    this.#writer = new VByteWriter(reactor)
    this.#writer.byteProduce.attach(transport.byteConsume)
    transport.byteProduce.attach(new Taking(reactor, (bytes) => this.#answered(bytes)).byteConsume)
  }

  async message(): Promise<void> {
    await new Promise<void>((done) => {
      this.#waiting.push(done)
      this.#writer.write(message)
    })
  }

  #answered(count: number): void {
    for (const done of this.#waiting.splice(0, count)) done()
  }
}

const reactor = new VReactor()
reactor.start()
const sessions = new Map<string, number>()
const lines: Line[] = []
let message: Buffer = Buffer.alloc(1)
let socket: VDatagramSocket
let endpoint: VUDPEndpoint

/** The secrets of a session: the client's, the server's. */
function secretsOf(session: number): readonly [Buffer, Buffer] {
  const [client, server] = [Buffer.alloc(32, 'client'), Buffer.alloc(32, 'server')]
  client.writeUInt32BE(session, 28)
  server.writeUInt32BE(session, 28)
  return [client, server]
}

function serve(transport: VUDPTransport): void {
  const writer = new VByteWriter(reactor)
  writer.byteProduce.attach(transport.byteConsume)
  let got = 0
  const taking = new Taking(reactor, (bytes) => {
    got += bytes
    if (got < message.length) return
    got -= message.length
    writer.write('.')
  })
  transport.byteProduce.attach(taking.byteConsume)
}

async function inParts(count: number, atOnce: number, one: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) {
      next += 1
      await one(next - 1)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
}

answer<PeerCalls>({
  bind: async () => {
    socket = await VDatagramSocket.bind({ host: LOOPBACK })
    endpoint = new VUDPEndpoint(reactor, {
      socket,
      incoming: ({ tag }) => {
        const session = sessions.get(tag?.toString('latin1') ?? '')
        if (session === undefined) return null
        const [peerSecret, secret] = secretsOf(session)
        return { ...DATAGRAM, secret, peerSecret }
      },
      onTransport: serve,
    })
    return socket.localPeer.port
  },
  expect: (first, count) => {
    for (let session = first; session < first + count; session += 1) {
      const [client, server] = secretsOf(session)
      sessions.set(vudpTag(server, client).toString('latin1'), session)
    }
    return count
  },
  open: async (port, first, count, atOnce) => {
    const peer = new VIPSocketPeer(LOOPBACK, port)
    await inParts(count, atOnce, async (index) => {
      const [secret, peerSecret] = secretsOf(first + index)
      const line = new Line(reactor, endpoint.connect({ ...DATAGRAM, peer, secret, peerSecret }))
      lines.push(line)
      await line.transport.whenConnected
    })
    return lines.length
  },
  drop: () => {
    const reason = new VFIOLost(new VIOLost('the bench goes on'))
    for (const { transport } of lines.splice(0)) transport.closeIO(reason)
    return true
  },
  messageBytes: (size) => {
    message = Buffer.alloc(size, 1)
    return size
  },
  messages: async (count, atOnce) => {
    await inParts(count, Math.min(atOnce, lines.length), async (index) => {
      await (lines[index % lines.length] as Line).message()
    })
    return count
  },
  size: () => endpoint.size,
  memory: async () => {
    for (let round = 0; round < 4; round += 1) {
      globalThis.gc?.()
      await sleep(50)
    }
    return process.memoryUsage().rss
  },
  usage: () => {
    const { user, system } = process.cpuUsage()
    return { cpuS: (user + system) / 1e6, datagrams: socket.counts.sent }
  },
})
