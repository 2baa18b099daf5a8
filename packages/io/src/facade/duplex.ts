/**
 * Chains as Node streams, and Node streams as chain ends.
 *
 * Decides which of Node's classes stands for what. How bytes pass is told in `node-sides` and `stream-device`. Invariants,
 * both ways: pressure goes through, a clean end is a clean end, anything else destroys the stream with the reason, and a
 * stream that is destroyed takes the chain down.
 */
import { Duplex, Readable, Writable } from 'node:stream'
import { type IVReactor, VFIOCompleted } from '@vio/reactor'
import { VByteEndpoint } from '../chain/endpoint.js'
import type { VEndpointOptions } from '../chain/endpoint-terms.js'
import { VByteIOPair } from '../chain/pair.js'
import { VStreamDevice, type VStreamDeviceOptions } from '../node/stream-device.js'
import { type NodeCallback, ReadSide, WriteSide } from './node-sides.js'
import { consumerEndOf, producerEndOf, reactorOf, type VByteSource, type VByteTarget } from './parts.js'

/** Options of the adapters to Node streams. */
export interface VNodeStreamOptions {
  /** The most bytes that the stream holds for reading. By default Node's own value. */
  readonly readableHighWaterMark?: number
  /** The most written bytes that the stream holds before it asks to wait. By default Node's own value. */
  readonly writableHighWaterMark?: number
  /** Needed only for an end that does not tell its reactor; vio's own do. */
  readonly reactor?: IVReactor
}

interface WrittenChunk {
  readonly chunk: Uint8Array
}

class ChainReadable extends Readable {
  readonly side: ReadSide

  constructor(reactor: IVReactor, highWaterMark: number | undefined) {
    super(highWaterMark === undefined ? {} : { highWaterMark })
    this.side = new ReadSide(reactor, this)
  }

  override _read(): void {
    this.side.read()
  }

  override _destroy(error: Error | null, callback: NodeCallback): void {
    this.side.destroyed(error)
    callback(error)
  }
}

class ChainWritable extends Writable {
  readonly side: WriteSide

  constructor(reactor: IVReactor, highWaterMark: number | undefined) {
    super(highWaterMark === undefined ? {} : { highWaterMark })
    this.side = new WriteSide(reactor, this)
  }

  override _write(chunk: Uint8Array, _encoding: string, callback: NodeCallback): void {
    this.side.write([chunk], callback)
  }

  override _writev(chunks: readonly WrittenChunk[], callback: NodeCallback): void {
    this.side.write(
      chunks.map(({ chunk }) => chunk),
      callback,
    )
  }

  override _final(callback: NodeCallback): void {
    this.side.end(callback)
  }

  override _destroy(error: Error | null, callback: NodeCallback): void {
    this.side.destroyed(error)
    callback(error)
  }
}

class ChainDuplex extends Duplex {
  readonly readSide: ReadSide
  readonly writeSide: WriteSide

  constructor(reactor: IVReactor, options: VNodeStreamOptions) {
    const { readableHighWaterMark, writableHighWaterMark } = options
    super({
      ...(readableHighWaterMark === undefined ? {} : { readableHighWaterMark }),
      ...(writableHighWaterMark === undefined ? {} : { writableHighWaterMark }),
    })
    this.readSide = new ReadSide(reactor, this)
    this.writeSide = new WriteSide(reactor, this)
    this.readSide.intake.joinReverse(this.writeSide.outlet)
    this.writeSide.outlet.joinReverse(this.readSide.intake)
  }

  override _read(): void {
    this.readSide.read()
  }

  override _write(chunk: Uint8Array, _encoding: string, callback: NodeCallback): void {
    this.writeSide.write([chunk], callback)
  }

  override _writev(chunks: readonly WrittenChunk[], callback: NodeCallback): void {
    this.writeSide.write(
      chunks.map(({ chunk }) => chunk),
      callback,
    )
  }

  override _final(callback: NodeCallback): void {
    this.writeSide.end(callback)
  }

  override _destroy(error: Error | null, callback: NodeCallback): void {
    this.writeSide.destroyed(error)
    this.readSide.destroyed(error)
    callback(error)
  }
}

/**
 * Attaches a Node `Duplex` to a pair: it reads what the pair produces and writes what the pair consumes. Each direction
 * ends alone. The memory of what is written is given away; a write is done when the chain has taken it, and `finish` comes
 * when the end was carried out.
 *
 * @throws TypeError if it is no pair, VIOError if the pair is taken or has ended
 */
export function toNodeDuplex(pair: VByteIOPair, options: VNodeStreamOptions = {}): Duplex {
  const duplex = new ChainDuplex(reactorOf(options.reactor, pair?.consumer, pair?.producer), options)
  new VByteIOPair(duplex.readSide.intake, duplex.writeSide.outlet).attach(pair)
  return duplex
}

/** Attaches a Node `Readable` to a producer. @throws TypeError if it is none, VIOError if it is taken or has ended */
export function toNodeReadable(
  source: VByteSource,
  options: Omit<VNodeStreamOptions, 'writableHighWaterMark'> = {},
): Readable {
  const end = producerEndOf(source)
  const readable = new ChainReadable(reactorOf(options.reactor, end), options.readableHighWaterMark)
  readable.side.intake.attach(end)
  return readable
}

/**
 * Attaches a Node `Writable` to a consumer, as `toNodeDuplex` does.
 *
 * @throws TypeError if it is none, VIOError if it is taken or has ended
 */
export function toNodeWritable(
  target: VByteTarget,
  options: Omit<VNodeStreamOptions, 'readableHighWaterMark'> = {},
): Writable {
  const end = consumerEndOf(target)
  const writable = new ChainWritable(reactorOf(options.reactor, end), options.writableHighWaterMark)
  writable.side.outlet.attach(end)
  return writable
}

/**
 * Makes a chain end of a Node stream: a `Readable`, a `Writable` or a `Duplex`. A direction that the stream has not got
 * is closed from the start. The stream belongs to the endpoint from then on.
 *
 * @throws TypeError for anything but a stream of bytes
 */
export function fromNodeStream(
  reactor: IVReactor,
  stream: Readable | Writable,
  options: VEndpointOptions & VStreamDeviceOptions = {},
): VByteEndpoint {
  const device = new VStreamDevice(stream, options)
  const { inputEnd, outputEnd } = device
  const endpoint = new VByteEndpoint(reactor, device, options)
  if (inputEnd instanceof VFIOCompleted) endpoint.closeInput(inputEnd)
  if (outputEnd instanceof VFIOCompleted) endpoint.closeOutput(outputEnd)
  return endpoint
}
