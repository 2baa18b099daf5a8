/**
 * Two ports joined in memory: what one sends the other has at once. No time passes and nothing is lost, unless told.
 */
import {
  checkBatch,
  type IVDatagramCounts,
  type IVDatagramHandler,
  type IVDatagramPort,
  noDatagramCounts,
  type VFailure,
  VFIOCompleted,
  VIOClosed,
  VIPSocketPeer,
  type VTransmitBatch,
} from '@vio/io'

/** One of two ports. */
export class MemoryPort implements IVDatagramPort {
  readonly localPeer: VIPSocketPeer
  readonly remotePeer: VIPSocketPeer | null = null
  readonly maxDatagramBytes: number = 65_507
  readonly segmentsPerCall: number = 64
  readonly dontFragment: boolean = true
  readonly receiveBufferBytes: number = 4_000_000
  readonly sent: { readonly bytes: Buffer; readonly to: VIPSocketPeer }[] = []
  readonly #counts = noDatagramCounts()
  readonly #waiting: { readonly bytes: Buffer; readonly from: VIPSocketPeer }[] = []
  other: MemoryPort | null = null
  /** How many segments a call takes at most; 0: it refuses. */
  takes: number = Number.POSITIVE_INFINITY
  /** Thrown by the next send. */
  failure: Error | null = null
  listener: (fromLoop?: boolean) => void = () => undefined
  closed: VFailure | null = null

  constructor(host: string, port: number) {
    this.localPeer = new VIPSocketPeer(host, port)
  }

  get counts(): IVDatagramCounts {
    return this.#counts
  }

  get readable(): boolean {
    return this.#waiting.length > 0
  }

  get writable(): boolean {
    return this.takes > 0
  }

  onReady(changed: (fromLoop?: boolean) => void): void {
    this.listener = changed
  }

  onError(): void {
    // There are none.
  }

  receive(handler: IVDatagramHandler, maxDatagrams: number = this.#waiting.length): number {
    let count = 0
    while (count < maxDatagrams && this.closed === null) {
      const next = this.#waiting.shift()
      if (next === undefined) break
      count += 1
      this.#counts.received += 1
      // Somewhere in the memory of the port, as with one that reads many at a time.
      const memory = Buffer.concat([Buffer.alloc(7), next.bytes, Buffer.alloc(3)])
      handler.handleDatagram(memory, 7, 7 + next.bytes.length, next.from)
    }
    return count
  }

  send(batch: VTransmitBatch): number {
    if (this.closed !== null) throw new VIOClosed('the port is closed')
    const { failure } = this
    this.failure = null
    if (failure !== null) throw failure
    const to = checkBatch(batch, this)
    const count = Math.min(batch.count, this.takes)
    for (let left = count; left > 0; left -= 1) {
      const end = Math.min(batch.start + batch.segmentBytes, batch.end)
      const bytes = Buffer.from(batch.buffer.subarray(batch.start, end))
      batch.remove(1)
      this.#counts.sent += 1
      this.sent.push({ bytes, to })
      if (this.other?.localPeer.equals(to) === true) this.other.arrive(bytes, this.localPeer)
    }
    return count
  }

  /** A datagram arrives, brought by the loop itself if that is said. */
  arrive(bytes: Buffer, from: VIPSocketPeer, fromLoop = false): void {
    this.#waiting.push({ bytes, from })
    this.listener(fromLoop)
  }

  close(reason: VFailure = new VFIOCompleted()): void {
    if (this.closed !== null) return
    this.closed = reason
    this.#waiting.length = 0
    this.listener()
  }
}

/** Two ports that are joined. */
export function memoryPorts(): readonly [MemoryPort, MemoryPort] {
  const [a, b] = [new MemoryPort('127.0.0.1', 1111), new MemoryPort('127.0.0.1', 2222)]
  a.other = b
  b.other = a
  return [a, b]
}
