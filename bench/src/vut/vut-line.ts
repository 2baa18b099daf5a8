/**
 * A VUT connection on a socket of `node:dgram`, with its defaults but for the size of datagrams.
 */
import { readMemory, VByteConsumer, VByteProducer, VIPSocketPeer } from '@vio/io'
import { VReactor } from '@vio/reactor'
import { VDatagramSocket } from '@vio/sock'
import { VUDPTransport } from '@vio/vudp'
import type { Line, LineEnd } from './line.js'

const WINDOW_BYTES = 1 << 20
const SECRETS = { client: Buffer.alloc(32, 'client'), server: Buffer.alloc(32, 'server') }

class Receiver extends VByteConsumer {
  got: (bytes: Uint8Array) => void = () => undefined

  protected override producerAttached(): void {
    this.setReceiveLimit(WINDOW_BYTES)
  }

  protected override dataReceived(data: Buffer): number {
    this.got(data)
    // As a consumer does that has done all with them: nobody has kept any.
    readMemory.giveBack(data)
    return WINDOW_BYTES
  }
}

/** Gives small writes at once, and a chunk over and over while a load is due. */
class Sender extends VByteProducer {
  readonly #waiting: Uint8Array[] = []
  #chunk: Buffer = Buffer.alloc(0)
  #left = 0

  write(bytes: Uint8Array): void {
    this.#waiting.push(bytes)
    this.triggerProduction()
  }

  load(chunk: Buffer, loadBytes: number): void {
    this.#chunk = chunk
    this.#left = loadBytes
    this.triggerProduction()
  }

  protected override produce(maxBytes: number): Uint8Array | null {
    const size = this.#waiting[0]?.length ?? Math.min(this.#left, this.#chunk.length)
    if (size === 0 || (maxBytes >= 0 && maxBytes < size)) return null
    const small = this.#waiting.shift()
    if (small !== undefined) return small
    this.#left -= size
    return size === this.#chunk.length ? this.#chunk : this.#chunk.subarray(0, size)
  }

  protected override hasPending(): boolean {
    return this.#waiting.length > 0 || this.#left > 0
  }
}

/** One side of a connection. `sizeBytes` fixes the size of datagrams; without it the largest one is searched. */
export async function vutEnd(isServer: boolean, sizeBytes?: number): Promise<LineEnd> {
  const reactor = new VReactor()
  reactor.start()
  const socket = await VDatagramSocket.bind({ host: '127.0.0.1', port: 0 })
  const [own, far] = isServer ? (['server', 'client'] as const) : (['client', 'server'] as const)
  return {
    port: socket.localPeer?.port ?? 0,
    connect: async (farPort) => {
      const transport = new VUDPTransport(reactor, {
        socket,
        peer: new VIPSocketPeer('127.0.0.1', farPort),
        secret: SECRETS[own],
        peerSecret: SECRETS[far],
        ...(sizeBytes === undefined ? {} : { maxSendBytes: sizeBytes }),
      })
      const [receiver, sender] = [new Receiver(reactor), new Sender(reactor)]
      sender.byteProduce.attach(transport.byteConsume)
      transport.byteProduce.attach(receiver.byteConsume)
      await transport.whenConnected
      return lineOf(receiver, sender)
    },
  }
}

function lineOf(receiver: Receiver, sender: Sender): Line {
  return {
    onBytes: (got) => {
      receiver.got = got
    },
    write: (bytes) => sender.write(bytes),
    writeLoad: (chunk, loadBytes) => sender.load(chunk, loadBytes),
  }
}
