/**
 * Chains of vio over sockets: the endpoints of `@vio/sock` with consumers and producers attached to them.
 */
import { VByteConsumer, type VByteEndpoint, VByteProducer, VByteWriter, VFIOCompleted } from '@vio/io'
import { VReactor } from '@vio/reactor'
import {
  type Flow,
  type FlowTerms,
  type Mode,
  type Served,
  type Stack,
  Tally,
  TRANSFER_BYTES,
} from './stack.js'
import { Ends, type Transport } from './vio-ends.js'

const held: unknown[] = []

/** Counts, and lets a window of bytes be on their way. */
class Counting extends VByteConsumer {
  readonly #add: (bytes: number) => void
  readonly #over: () => void

  constructor(reactor: VReactor, add: (bytes: number) => void, over: () => void = () => undefined) {
    super(reactor)
    this.#add = add
    this.#over = over
  }

  protected override producerAttached(): void {
    this.setReceiveLimit(2 * TRANSFER_BYTES)
  }

  protected override dataReceived(data: Buffer): number {
    this.#add(data.length)
    return 2 * TRANSFER_BYTES
  }

  protected override consumerClosed(): void {
    this.#over()
  }
}

/** Takes what comes, like a listener that does nothing. */
class Idle extends VByteConsumer {
  protected override dataReceived(): void {}
}

/** Gives chunks of one size until a load is through. */
class Chunks extends VByteProducer {
  readonly #chunk: Buffer
  #left = 0

  constructor(reactor: VReactor, chunkBytes: number) {
    super(reactor)
    this.#chunk = Buffer.alloc(chunkBytes, 1)
  }

  start(loadBytes: number): void {
    this.#left = loadBytes
    this.triggerProduction()
  }

  protected override produce(maxBytes: number): Uint8Array | null {
    if (this.#left <= 0) return null
    if (maxBytes >= 0 && maxBytes < this.#chunk.length) return null
    this.#left -= this.#chunk.length
    return this.#chunk
  }

  protected override hasPending(): boolean {
    return this.#left > 0
  }
}

class VioStack implements Stack {
  readonly #reactor = new VReactor()
  readonly #ends: Ends

  constructor(transport: Transport) {
    this.#reactor.start()
    this.#ends = new Ends(this.#reactor, transport)
  }

  async serve(mode: Mode, loadBytes: number): Promise<Served> {
    let accepted = 0
    const port = await this.#ends.listen((end) => {
      accepted += 1
      this.#serveOn(end, mode, loadBytes)
    })
    return { port, accepted: () => accepted }
  }

  async flow({ port, chunkBytes, echo }: FlowTerms): Promise<Flow> {
    const end = await this.#ends.connect(port)
    const tally = new Tally()
    const source = new Chunks(this.#reactor, chunkBytes)
    source.byteProduce.attach(end.byteConsume)
    end.byteProduce.attach(new Counting(this.#reactor, (bytes) => tally.add(bytes)).byteConsume)
    return {
      run: async (loadBytes) => {
        const arrived = tally.next(echo ? loadBytes : 1)
        source.start(loadBytes)
        return echo ? await arrived : (await arrived) * loadBytes
      },
    }
  }

  async cycle(port: number): Promise<void> {
    const end = this.#ends.begin(port)
    await new Promise<void>((done) => {
      end.byteProduce.attach(new Counting(this.#reactor, () => undefined, done).byteConsume)
    })
  }

  async hold(port: number): Promise<void> {
    this.#holdOn(await this.#ends.connect(port))
  }

  #serveOn(end: VByteEndpoint, mode: Mode, loadBytes: number): void {
    if (mode === 'echo') end.byteProduce.attach(end.byteConsume)
    else if (mode === 'sink') this.#sinkOn(end, loadBytes)
    else if (mode === 'hold') this.#holdOn(end)
    else {
      end.byteProduce.attach(new Counting(this.#reactor, () => undefined).byteConsume)
      end.closeOutput(new VFIOCompleted())
    }
  }

  #sinkOn(end: VByteEndpoint, loadBytes: number): void {
    const writer = new VByteWriter(this.#reactor)
    writer.byteProduce.attach(end.byteConsume)
    let left = loadBytes
    const counting = new Counting(this.#reactor, (bytes) => {
      left -= bytes
      if (left > 0) return
      left += loadBytes
      writer.write('.')
    })
    end.byteProduce.attach(counting.byteConsume)
  }

  /** Nobody writes, so nothing is attached that would; as in `net-stack.ts`, it is heard if something comes. */
  #holdOn(end: VByteEndpoint): void {
    end.byteProduce.attach(new Idle(this.#reactor).byteConsume)
    held.push(end)
  }
}

/** Makes the stack over sockets of Node, or over native ones. */
export function vioStack(transport: Transport): Stack {
  return new VioStack(transport)
}
