/**
 * Every facade and adapter in one form, so that one set of tests can run over all of them.
 *
 * A reader takes what a chain gives, a writer gives to a chain; an inlet makes a producer of something else, an outlet a
 * consumer. `declaredBytes` is what their documentation says that they hold at most.
 */
import { Readable, Writable } from 'node:stream'
import { ReadableStream, WritableStream } from 'node:stream/web'
import type { IVByteConsumer, IVByteProducer } from '@vio/io'
import { VByteIOPair } from '@vio/io'
import {
  bytesOf,
  fromNodeStream,
  fromWebReadable,
  fromWebWritable,
  producerOf,
  toNodeDuplex,
  toNodeReadable,
  toNodeWritable,
  toWebReadable,
  toWebWritable,
  VByteChannel,
  VStream,
} from '@vio/io/facade'
import { VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import type { IVReactor } from '@vio/reactor'

/** Takes what a chain gives. */
export interface TestReader {
  /** The next bytes; empty at a clean end. Rejects at any other. */
  next(): Promise<Uint8Array>
  /** Leaves before the end. */
  leave(reason: Error): void
}

/** Gives to a chain. */
export interface TestWriter {
  /** Gives bytes. Resolves when more may be given. */
  give(bytes: Uint8Array): Promise<void>
  /** Ends cleanly. Resolves when the chain has carried that out. */
  end(): Promise<void>
  /** Leaves before the end. */
  leave(reason: Error): void
}

/** A kind of facade. */
export interface TestFacade<T, End> {
  readonly name: string
  /** How many bytes it holds at most. */
  readonly declaredBytes: number
  open(end: End, reactor: IVReactor): T
}

const KIB = 1024

function inPair(producer: IVByteProducer): VByteIOPair {
  return new VByteIOPair(new VProbeConsumer({ grantAtAttach: null }), producer)
}

function outPair(consumer: IVByteConsumer, reactor: IVReactor): VByteIOPair {
  return new VByteIOPair(consumer, new VProbeProducer({ reactor }))
}

function readerOfNode(stream: Readable): TestReader {
  const iterator = stream.iterator({ destroyOnReturn: true })[Symbol.asyncIterator]()
  return {
    async next() {
      const { done, value } = await iterator.next()
      return done === true ? Buffer.alloc(0) : (value as Buffer)
    },
    leave: (reason) => void stream.destroy(reason),
  }
}

function writerOfNode(stream: Writable): TestWriter {
  let failure: Error | undefined
  stream.on('error', (error) => {
    failure = error
  })
  const until = (event: string): Promise<void> =>
    new Promise((resolve, reject) => {
      if (failure !== undefined) reject(failure)
      stream.once('error', reject)
      stream.once(event, resolve)
    })
  return {
    give: (bytes) => (stream.write(bytes) ? Promise.resolve() : until('drain')),
    end: () => {
      stream.end()
      return until('finish')
    },
    leave: (reason) => void stream.destroy(reason),
  }
}

/** All that take what a chain gives. */
export const READERS: readonly TestFacade<TestReader, IVByteProducer>[] = [
  {
    name: 'VStream.readSome',
    declaredBytes: 5000,
    open: (producer, reactor) => {
      const stream = new VStream(inPair(producer), { reactor, bufferBytes: 5000 })
      return { next: () => stream.readSome(), leave: (reason) => stream.close(reason) }
    },
  },
  {
    name: 'VStream.readBytes of more than its buffer',
    declaredBytes: 1000,
    open: (producer, reactor) => {
      const stream = new VStream(inPair(producer), { reactor, bufferBytes: 100 })
      return { next: () => stream.readBytes(1000), leave: (reason) => stream.close(reason) }
    },
  },
  {
    name: 'VByteChannel',
    declaredBytes: 4096,
    open: (producer, reactor) => {
      const channel = new VByteChannel(reactor)
      channel.byteIO.attach(inPair(producer))
      return { next: () => channel.recv(), leave: (reason) => channel.abort(reason) }
    },
  },
  {
    name: 'bytesOf',
    declaredBytes: 3000,
    open: (producer, reactor) => {
      const iterator = bytesOf(producer, { reactor, bufferBytes: 3000 })
      return {
        async next() {
          const { done, value } = await iterator.next()
          return done === true ? Buffer.alloc(0) : value
        },
        leave: (reason) => void iterator.throw?.(reason).catch(() => undefined),
      }
    },
  },
  {
    name: 'toNodeReadable',
    declaredBytes: 2 * KIB,
    open: (producer, reactor) =>
      readerOfNode(toNodeReadable(producer, { reactor, readableHighWaterMark: 2 * KIB })),
  },
  {
    name: 'toNodeDuplex',
    declaredBytes: 2 * KIB,
    open: (producer, reactor) =>
      readerOfNode(toNodeDuplex(inPair(producer), { reactor, readableHighWaterMark: 2 * KIB })),
  },
  {
    name: 'toWebReadable',
    declaredBytes: 2 * KIB,
    open: (producer, reactor) => {
      const reader = toWebReadable(producer, { reactor, highWaterMark: 2 * KIB }).getReader()
      return {
        next: async () => (await reader.read()).value ?? new Uint8Array(),
        leave: (reason) => void reader.cancel(reason),
      }
    },
  },
  {
    name: 'toWebReadable with memory of the reader',
    declaredBytes: 2 * KIB,
    open: (producer, reactor) => {
      const reader = toWebReadable(producer, { reactor, highWaterMark: 2 * KIB }).getReader({ mode: 'byob' })
      return {
        next: async () => (await reader.read(new Uint8Array(500))).value ?? new Uint8Array(),
        leave: (reason) => void reader.cancel(reason),
      }
    },
  },
]

/** All that give to a chain. */
export const WRITERS: readonly TestFacade<TestWriter, IVByteConsumer>[] = [
  {
    name: 'VStream.write',
    declaredBytes: 1000,
    open: (consumer, reactor) => {
      const stream = new VStream(outPair(consumer, reactor), { reactor })
      return {
        give: (bytes) => (stream.write(bytes) ? Promise.resolve() : stream.drained()),
        end: () => stream.shutdown(),
        leave: (reason) => stream.close(reason),
      }
    },
  },
  {
    name: 'VByteChannel',
    declaredBytes: 500,
    open: (consumer, reactor) => {
      const channel = new VByteChannel(reactor, 500)
      channel.byteIO.attach(outPair(consumer, reactor))
      return {
        async give(bytes) {
          for (let at = 0; at < bytes.length; ) at += await channel.send(bytes.subarray(at))
        },
        async end() {
          channel.close()
        },
        leave: (reason) => channel.abort(reason),
      }
    },
  },
  {
    name: 'toNodeWritable',
    // Node asks to wait once the mark is reached: one chunk of the test may go beyond it.
    declaredBytes: 2 * KIB + 1000,
    open: (consumer, reactor) =>
      writerOfNode(toNodeWritable(consumer, { reactor, writableHighWaterMark: 2 * KIB })),
  },
  {
    name: 'toNodeDuplex',
    declaredBytes: 2 * KIB + 1000,
    open: (consumer, reactor) =>
      writerOfNode(toNodeDuplex(outPair(consumer, reactor), { reactor, writableHighWaterMark: 2 * KIB })),
  },
  {
    name: 'toWebWritable',
    declaredBytes: 2 * KIB + 1000,
    open: (consumer, reactor) => {
      const writer = toWebWritable(consumer, { reactor, highWaterMark: 2 * KIB }).getWriter()
      writer.closed.catch(() => undefined)
      return {
        async give(bytes) {
          await writer.ready
          writer.write(bytes).catch(() => undefined)
          await writer.ready
        },
        end: () => writer.close(),
        leave: (reason) => void writer.abort(reason),
      }
    },
  },
]

/** What an inlet reads from: `pull` gives the next bytes or null at the end, and may throw; `left` hears of a cancellation. */
export interface NativeSource {
  pull(): Uint8Array | null
  left(reason: unknown): void
}

/** Something else that becomes a producer. */
export interface TestInlet {
  readonly name: string
  /** How many bytes it takes from the source at most before a consumer grants anything, with chunks of 1000. */
  readonly declaredBytes: number
  /** True if the reason of an abort reaches the source. */
  readonly tellsReason: boolean
  open(source: NativeSource, reactor: IVReactor): IVByteProducer
}

/** All that make a producer. */
export const INLETS: readonly TestInlet[] = [
  {
    name: 'producerOf an async iterable',
    declaredBytes: 1000,
    tellsReason: false,
    open: (source, reactor) => {
      async function* iterate(): AsyncGenerator<Uint8Array> {
        let ended = false
        try {
          for (let next = source.pull(); next !== null; next = source.pull()) yield next
          ended = true
        } finally {
          if (!ended) source.left(undefined)
        }
      }
      return producerOf(reactor, iterate()).byteProduce
    },
  },
  {
    name: 'producerOf an iterable',
    declaredBytes: 1000,
    tellsReason: false,
    open: (source, reactor) => {
      function* iterate(): Generator<Uint8Array> {
        let ended = false
        try {
          for (let next = source.pull(); next !== null; next = source.pull()) yield next
          ended = true
        } finally {
          if (!ended) source.left(undefined)
        }
      }
      return producerOf(reactor, iterate()).byteProduce
    },
  },
  {
    name: 'fromNodeStream of a Readable',
    declaredBytes: 2 * KIB + 1000,
    tellsReason: true,
    open: (source, reactor) => {
      const stream = new Readable({
        highWaterMark: 2 * KIB,
        read() {
          try {
            this.push(source.pull())
          } catch (error) {
            this.destroy(error as Error)
          }
        },
        destroy(error, callback) {
          if (!this.readableEnded) source.left(error)
          callback(error)
        },
      })
      return fromNodeStream(reactor, stream).byteProduce
    },
  },
  {
    name: 'fromWebReadable',
    declaredBytes: 1000,
    tellsReason: true,
    open: (source, reactor) => {
      const stream = new ReadableStream<Uint8Array>(
        {
          pull(controller) {
            const next = source.pull()
            if (next === null) controller.close()
            else controller.enqueue(next)
          },
          cancel: (reason) => source.left(reason),
        },
        { highWaterMark: 0 },
      )
      return fromWebReadable(reactor, stream).byteProduce
    },
  },
]

/** What an outlet writes to. `take` resolves when it is done; `ended` and `left` hear of the end. */
export interface NativeTarget {
  take(bytes: Uint8Array): Promise<void>
  ended(): Promise<void>
  left(reason: unknown): void
}

/** Something else that becomes a consumer. */
export interface TestOutlet {
  readonly name: string
  /** How many bytes it takes from the chain at most while the target does not finish its first `take`. */
  readonly declaredBytes: number
  open(target: NativeTarget, reactor: IVReactor): IVByteConsumer
}

/** All that make a consumer. */
export const OUTLETS: readonly TestOutlet[] = [
  {
    name: 'fromNodeStream of a Writable',
    declaredBytes: 2 * KIB + 3 * KIB,
    open: (target, reactor) => {
      const stream = new Writable({
        highWaterMark: 2 * KIB,
        write: (chunk: Buffer, _encoding, callback) =>
          void target.take(chunk).then(() => callback(), callback),
        final: (callback) => void target.ended().then(() => callback(), callback),
        destroy(error, callback) {
          if (!this.writableFinished) target.left(error)
          callback(error)
        },
      })
      return fromNodeStream(reactor, stream, { bufferBytes: 3 * KIB }).byteConsume
    },
  },
  {
    name: 'fromWebWritable',
    declaredBytes: 3 * KIB,
    open: (target, reactor) => {
      const stream = new WritableStream<Uint8Array>({
        write: (chunk) => target.take(chunk),
        close: () => target.ended(),
        abort: (reason) => target.left(reason),
      })
      return fromWebWritable(reactor, stream, { capacityBytes: 3 * KIB }).byteConsume
    },
  },
]
