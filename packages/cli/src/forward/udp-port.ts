/**
 * A UDP port of this machine, with datagrams one at a time.
 *
 * Decides nothing; it takes batches and leases off the hands of forwards, whose datagrams come singly. Invariant: a
 * datagram that the system does not take now is dropped and counted, as UDP may.
 */
import { type VIPSocketPeer, VTransmitBatch } from '@vio/io'
import { VDatagramSocket, type VDatagramSocketOptions } from '@vio/sock'

/** A bound port. */
export class UDPPort {
  /** Datagrams that were not sent. */
  dropped = 0
  readonly #socket: VDatagramSocket

  /** @param received takes each datagram, whose memory is its own */
  private constructor(socket: VDatagramSocket, received: (bytes: Buffer, from: VIPSocketPeer) => void) {
    this.#socket = socket
    const handler = {
      handleDatagram: (bytes: Buffer, start: number, end: number, from: VIPSocketPeer) =>
        received(Buffer.from(bytes.subarray(start, end)), from),
    }
    // What the other side of a connected port refuses is no reason to give it up.
    socket.onError(() => undefined)
    socket.onReady(() => {
      if (socket.readable) socket.receive(handler)
    })
  }

  /** Binds. @throws (rejects) as `VDatagramSocket.bind` */
  static async bind(
    options: VDatagramSocketOptions,
    received: (bytes: Buffer, from: VIPSocketPeer) => void,
  ): Promise<UDPPort> {
    return new UDPPort(await VDatagramSocket.bind(options), received)
  }

  get localPeer(): VIPSocketPeer {
    return this.#socket.localPeer
  }

  /** Sends one datagram, whose memory is given away; on a connected port to its only peer. */
  send(bytes: Buffer, to: VIPSocketPeer | null = null): void {
    if (this.#socket.closed !== null || bytes.length > this.#socket.maxDatagramBytes) {
      this.dropped += 1
      return
    }
    const batch = new VTransmitBatch(bytes.length === 0 ? Buffer.alloc(1) : bytes)
    batch.begin(to)
    batch.commit(bytes.length)
    this.dropped += 1 - this.#socket.send(batch)
  }

  close(): void {
    this.#socket.close()
  }
}
