/**
 * What a stage of a chain costs, beside the ways that Node, the Web and rxjs offer.
 *
 * Every subject moves the same chunks through the same number of stages that do nothing, and counts at the end what
 * arrived. Ours are the public classes with finite limits: the sink grants a window and renews it as bytes leave.
 * The others run with their defaults, which give them back-pressure of their own (rxjs has none).
 */
import { PassThrough, pipeline, Readable, Writable } from 'node:stream'
import { type VByteBuffer, VByteConsumer, VByteProducer } from '@vio/io'
import { VByteFilter, VByteTap, type VByteThrough } from '@vio/io/filter'
import { type IVReactor, VReactor } from '@vio/reactor'
import { map, Observable } from 'rxjs'
import type { Bench, BenchSubject } from './harness.js'

/** What the sink of a chain of ours allows ahead. */
const WINDOW_BYTES = 262_144
const STAGES = [1, 4, 16] as const
const SIZES = [
  { name: '1k', sizeBytes: 1024, chunks: 100_000 },
  { name: '64k', sizeBytes: 65_536, chunks: 50_000 },
] as const

/** One load: so many chunks of one size through so many stages. */
interface Load {
  readonly stages: number
  readonly sizeBytes: number
  readonly chunks: number
}

class Source extends VByteProducer {
  readonly #chunk: Buffer
  #left: number

  constructor(reactor: IVReactor, load: Load) {
    super(reactor)
    this.#chunk = Buffer.alloc(load.sizeBytes, 1)
    this.#left = load.chunks
  }

  protected override produce(maxBytes: number): Uint8Array | null {
    if (this.#left === 0) {
      this.endProduce(true)
      return null
    }
    if (maxBytes >= 0 && maxBytes < this.#chunk.length) return null
    this.#left -= 1
    return this.#chunk
  }
}

class Sink extends VByteConsumer {
  readonly #done: (bytes: number) => void
  #bytes = 0

  constructor(reactor: IVReactor, done: (bytes: number) => void) {
    super(reactor)
    this.#done = done
  }

  protected override producerAttached(): void {
    this.setReceiveLimit(WINDOW_BYTES)
  }

  protected override dataReceived(data: Buffer): number {
    this.#bytes += data.length
    return WINDOW_BYTES
  }

  protected override dataEnded(clean: boolean): void {
    this.#done(clean ? this.#bytes : -1)
  }
}

const PASS = {
  push(input: VByteBuffer, output: VByteBuffer): void {
    input.moveTo(output)
  },
}

function ours(reactor: IVReactor, load: Load, stage: () => VByteThrough): Promise<number> {
  return new Promise((resolve) => {
    let from = new Source(reactor, load).byteProduce
    for (let at = 0; at < load.stages; at += 1) {
      const element = stage()
      from.attach(element.byteConsume)
      from = element.byteProduce
    }
    from.attach(new Sink(reactor, resolve).byteConsume)
  })
}

function* chunksOf(load: Load): Generator<Buffer, void, undefined> {
  const chunk = Buffer.alloc(load.sizeBytes, 1)
  for (let left = load.chunks; left > 0; left -= 1) yield chunk
}

function nodeStreams(load: Load): Promise<number> {
  const chunks = chunksOf(load)
  let bytes = 0
  const source = new Readable({
    read() {
      let more = true
      while (more) {
        const next = chunks.next()
        more = this.push(next.done ? null : next.value) && !next.done
      }
    },
  })
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      done()
    },
  })
  const stages = Array.from({ length: load.stages }, () => new PassThrough())
  return new Promise((resolve, reject) => {
    pipeline([source, ...stages, sink], (error) => (error ? reject(error) : resolve(bytes)))
  })
}

async function webStreams(load: Load): Promise<number> {
  const chunks = chunksOf(load)
  let bytes = 0
  let readable = new ReadableStream<Buffer>({
    pull(controller) {
      const next = chunks.next()
      if (next.done) controller.close()
      else controller.enqueue(next.value)
    },
  })
  for (let at = 0; at < load.stages; at += 1)
    readable = readable.pipeThrough(new TransformStream<Buffer, Buffer>())
  const sink = new WritableStream<Buffer>({
    write(chunk) {
      bytes += chunk.length
    },
  })
  await readable.pipeTo(sink)
  return bytes
}

async function* pass(from: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  for await (const chunk of from) yield chunk
}

async function* source(load: Load): AsyncGenerator<Buffer, void, undefined> {
  yield* chunksOf(load)
}

async function asyncGenerators(load: Load): Promise<number> {
  let from: AsyncIterable<Buffer> = source(load)
  for (let at = 0; at < load.stages; at += 1) from = pass(from)
  let bytes = 0
  for await (const chunk of from) bytes += chunk.length
  return bytes
}

function rxjs(load: Load): number {
  let from = new Observable<Buffer>((subscriber) => {
    for (const chunk of chunksOf(load)) subscriber.next(chunk)
    subscriber.complete()
  })
  for (let at = 0; at < load.stages; at += 1) from = from.pipe(map((chunk) => chunk))
  let bytes = 0
  from.subscribe((chunk) => {
    bytes += chunk.length
  })
  return bytes
}

type Way = (load: Load) => number | Promise<number>

function subjects(): BenchSubject[] {
  // One reactor for the whole run: it does not keep the process alive.
  const reactor = new VReactor()
  reactor.start()
  const ways: ReadonlyArray<readonly [string, Way]> = [
    ['tap', (load) => ours(reactor, load, () => new VByteTap(reactor))],
    ['filter', (load) => ours(reactor, load, () => new VByteFilter(reactor, PASS))],
    ['node', nodeStreams],
    ['web', webStreams],
    ['generators', asyncGenerators],
    ['rxjs', rxjs],
  ]
  return SIZES.flatMap((size) =>
    STAGES.flatMap((stages) =>
      ways.map(([way, run]) => ({
        subject: `${way}${stages}_${size.name}`,
        unit: 'chunks/s',
        load: size.chunks * size.sizeBytes,
        loadPerUnit: size.sizeBytes,
        run: () => run({ stages, sizeBytes: size.sizeBytes, chunks: size.chunks }),
      })),
    ),
  )
}

/** Bytes through 1, 4 and 16 stages that pass them unchanged. */
export const bench: Bench = {
  name: 'chain',
  what: 'bytes through 1, 4 and 16 stages that do nothing, in chunks of 1 and 64 KiB',
  subjects,
  ratios: [
    { key: 'tap16_1k_vs_node', of: 'tap16_1k', over: 'node16_1k', target: 8 },
    { key: 'tap16_64k_vs_node', of: 'tap16_64k', over: 'node16_64k', target: 8 },
    { key: 'tap16_1k_vs_web', of: 'tap16_1k', over: 'web16_1k', target: 100 },
    { key: 'filter16_1k_vs_node', of: 'filter16_1k', over: 'node16_1k', target: 2 },
    { key: 'filter16_64k_vs_node', of: 'filter16_64k', over: 'node16_64k', target: 2 },
    { key: 'tap16_1k_vs_rxjs', of: 'tap16_1k', over: 'rxjs16_1k' },
    { key: 'tap16_1k_vs_generators', of: 'tap16_1k', over: 'generators16_1k' },
  ],
  rounds: 7,
}
