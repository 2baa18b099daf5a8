/**
 * Every element with both ends that the contract tests run over.
 */
import type { IVByteConsumer, IVByteProducer, IVTransform, VByteBuffer, VMessageQueue } from '@vio/io'
import {
  VByteDecoder,
  VByteDuplexFilter,
  VByteEncoder,
  VByteFilter,
  VByteRegexDecoder,
  VByteTap,
  VCapture,
  VDeadline,
  VDelimiterDecoder,
  VDelimiterEncoder,
  VDigestTap,
  VFixedSizeDecoder,
  VFixedSizeEncoder,
  VIdleTimeout,
  VLengthPrefixDecoder,
  VLengthPrefixEncoder,
  VLineDecoder,
  VLineEncoder,
  VLogTap,
  VMeter,
  VRateLimit,
  VTrailerCheck,
  VTrailerWriter,
} from '@vio/io/filter'
import {
  BYTE_UNITS,
  type IVFilterSubject,
  type IVFlowUnits,
  MESSAGE_UNITS,
  type VFilterFactory,
  VTestBench,
} from '@vio/io/testing'
import type { Subject } from '../../lib/run-suite.js'
import { Same, ToBytes, ToNumbers, Twice } from './transforms.js'

const SAMPLE: readonly number[] = Array.from({ length: 400 }, (_, at) => (at * 7) & 0xff)

/** Reads units of three bytes and gives them the other way round, with their number in front. */
export class Triples implements IVTransform {
  readonly maxUnit = 3
  #count = 0

  push(input: VByteBuffer, output: VByteBuffer): void {
    while (input.length >= 3) {
      const [a = 0, b = 0, c = 0] = input.pop(3)
      output.append(Uint8Array.of(this.#count & 0xff, c, b, a))
      this.#count += 1
    }
  }
}

/** Keeps up to eight bytes inside, and gives them sorted; the rest at the end. */
export class Sorted implements IVTransform {
  #kept: number[] = []

  get held(): number {
    return this.#kept.length
  }

  push(input: VByteBuffer, output: VByteBuffer): void {
    for (const byte of input.pop()) {
      this.#kept.push(byte)
      if (this.#kept.length === 8) this.#give(output)
    }
  }

  end(output: VByteBuffer): boolean {
    this.#give(output)
    return true
  }

  #give(output: VByteBuffer): void {
    output.append(Uint8Array.from(this.#kept.sort((a, b) => a - b)))
    this.#kept = []
  }
}

export function triples(sample: readonly number[]): number[] {
  const result: number[] = []
  for (let at = 0; at + 3 <= sample.length; at += 3) {
    result.push((at / 3) & 0xff, ...sample.slice(at, at + 3).toReversed())
  }
  return result
}

export function sorted(sample: readonly number[]): number[] {
  const result: number[] = []
  for (let at = 0; at < sample.length; at += 8) {
    result.push(...sample.slice(at, at + 8).sort((a, b) => a - b))
  }
  return result
}

interface Parts {
  readonly consumer: unknown
  readonly producer: unknown
  readonly held: () => number
  readonly maxHeld: number
  readonly input?: IVFlowUnits
  readonly output?: IVFlowUnits
  readonly sample?: readonly number[]
  readonly result?: readonly number[]
  readonly incomplete?: readonly (readonly number[])[]
}

function subject(build: (bench: VTestBench) => Parts): VFilterFactory {
  return (): IVFilterSubject => {
    const bench = new VTestBench()
    const parts = build(bench)
    const sample = parts.sample ?? SAMPLE
    return {
      bench,
      consumer: parts.consumer as IVByteConsumer,
      producer: parts.producer as IVByteProducer,
      input: parts.input ?? BYTE_UNITS,
      output: parts.output ?? BYTE_UNITS,
      sample,
      result: parts.result ?? sample,
      maxHeld: parts.maxHeld,
      held: parts.held,
      incomplete: parts.incomplete ?? [],
    }
  }
}

/** A tap: while the consumer below is there it holds nothing, and at most what had been granted when it left. */
function tap(build: (bench: VTestBench) => VByteTap): VFilterFactory {
  return subject((bench) => {
    const element = build(bench)
    const { byteConsume: consumer, byteProduce: producer } = element
    return { consumer, producer, held: () => element.heldBytes, maxHeld: 50 }
  })
}

class WatchingTap extends VByteTap {
  protected override passing(): void {}
}

/** A tap that lets 10 bytes through, then 10 more each time they have passed. */
class RationingTap extends VByteTap {
  #left = 0

  protected override attached(): void {
    this.#ration()
  }

  protected override passing(_data: VByteBuffer, count: number): void {
    this.#left -= count
    if (this.#left <= 0) this.reactor.schedule(1, () => this.#ration())
  }

  #ration(): void {
    this.#left = 10
    this.allowFurther(10)
  }
}

interface FilterParts {
  readonly transform: () => IVTransform
  readonly capacity: number
  /** What one run of the transform adds to what is held, at most. */
  readonly overshoot: number
  readonly sample?: readonly number[]
  readonly incomplete?: readonly (readonly number[])[]
  readonly result?: readonly number[]
}

function filter(parts: FilterParts): VFilterFactory {
  return subject((bench) => {
    const element = new VByteFilter(bench.reactor, parts.transform(), { capacity: parts.capacity })
    return {
      ...parts,
      consumer: element.byteConsume,
      producer: element.byteProduce,
      held: () => element.held,
      maxHeld: parts.capacity + parts.overshoot,
    }
  })
}

const decoder = subject((bench) => {
  const element = new VByteDecoder<number>(bench.reactor, new ToNumbers(), { capacity: 16 })
  const { byteConsume: consumer, messageProduce: producer } = element
  return { consumer, producer, held: () => element.held, maxHeld: 32, output: MESSAGE_UNITS }
})

const encoder = subject((bench) => {
  const element = new VByteEncoder<number>(bench.reactor, new ToBytes(), { capacity: 16 })
  const { messageConsume: consumer, byteProduce: producer } = element
  return { consumer, producer, held: () => element.held, maxHeld: 32, input: MESSAGE_UNITS }
})

/** A trailer behind the bytes, and its check behind that. */
const trailers = subject((bench) => {
  const first = new VByteFilter(bench.reactor, new VTrailerWriter(), { capacity: 16 })
  const second = new VByteFilter(bench.reactor, new VTrailerCheck(), { capacity: 16 })
  first.byteProduce.attach(second.byteConsume)
  const held = (): number => first.held + second.held
  return { consumer: first.byteConsume, producer: second.byteProduce, held, maxHeld: 36 }
})

/** A hundred frames of three bytes, each behind its length. */
const PREFIXED: readonly number[] = Array.from({ length: 100 }, (_, at) => [3, at, 255 - at, 10]).flat()

/** A hundred frames of three letters, each with a byte behind it that is in none of them. */
function separated(separator: number): readonly number[] {
  return Array.from({ length: 100 }, (_, at) => [97 + (at % 26), 98, 99, separator]).flat()
}

interface FramingParts<M> {
  readonly decoder: () => IVTransform<VByteBuffer, VMessageQueue<M>>
  readonly encoder: () => IVTransform<VMessageQueue<M>, VByteBuffer>
  readonly sample: readonly number[]
}

/** A framing taken off and put on again: one unit of bytes in the decoder, one frame behind it, and two in the encoder. */
function framing<M>(parts: FramingParts<M>): VFilterFactory {
  return subject((bench) => {
    const decoder = parts.decoder()
    const first = new VByteDecoder<M>(bench.reactor, decoder, { capacity: decoder.maxUnit ?? 1 })
    const second = new VByteEncoder<M>(bench.reactor, parts.encoder(), { capacity: 1 })
    first.messageProduce.attach(second.messageConsume)
    const held = (): number => first.held + second.held
    const { byteConsume: consumer } = first
    return { ...parts, consumer, producer: second.byteProduce, held, maxHeld: 4 * (decoder.maxUnit ?? 1) }
  })
}

/** A time that no case waits for. */
const LATE_MS = 1e12

/** A decoder and an encoder behind each other: from bytes to bytes by way of messages. */
const both = subject((bench) => {
  const first = new VByteDecoder<number>(bench.reactor, new ToNumbers(), { capacity: 16 })
  const second = new VByteEncoder<number>(bench.reactor, new ToBytes(), { capacity: 16 })
  first.messageProduce.attach(second.messageConsume)
  const held = (): number => first.held + second.held
  return { consumer: first.byteConsume, producer: second.byteProduce, held, maxHeld: 64 }
})

/** Three taps and a filter: neighbours that are vio's own. */
const row = subject((bench) => {
  const taps = [
    new VByteTap(bench.reactor),
    new WatchingTap(bench.reactor),
    new VByteTap(bench.reactor),
  ] as const
  const element = new VByteFilter(bench.reactor, new Same(), { capacity: 16 })
  taps[0].byteProduce.attach(taps[1].byteConsume)
  taps[1].byteProduce.attach(element.byteConsume)
  element.byteProduce.attach(taps[2].byteConsume)
  const held = (): number => element.held + taps.reduce((sum, each) => sum + each.heldBytes, 0)
  return { consumer: taps[0].byteConsume, producer: taps[2].byteProduce, held, maxHeld: 66 }
})

function duplex(direction: 'inbound' | 'outbound'): VFilterFactory {
  return subject((bench) => {
    const inbound = new VByteFilter(bench.reactor, new Same(), { capacity: 16 })
    const outbound = new VByteFilter(bench.reactor, new Same(), { capacity: 16 })
    const element = new VByteDuplexFilter(inbound, outbound)
    const own = direction === 'inbound' ? inbound : outbound
    const [consumer, producer] =
      direction === 'inbound'
        ? [element.deviceIO.consumer, element.appIO.producer]
        : [element.appIO.consumer, element.deviceIO.producer]
    return { consumer, producer, held: () => own.held, maxHeld: 16 }
  })
}

/** All of them. */
export const FILTERS: readonly Subject<VFilterFactory>[] = [
  { name: 'VByteTap', factory: tap((bench) => new VByteTap(bench.reactor)) },
  { name: 'VByteTap that watches', factory: tap((bench) => new WatchingTap(bench.reactor)) },
  { name: 'a tap that rations', factory: tap((bench) => new RationingTap(bench.reactor)) },
  { name: 'VMeter', factory: tap((bench) => new VMeter(bench.reactor)) },
  { name: 'VRateLimit', factory: tap((bench) => new VRateLimit(bench.reactor, { bytesPerSecond: 5000 })) },
  { name: 'VIdleTimeout', factory: tap((bench) => new VIdleTimeout(bench.reactor, { idleMs: LATE_MS })) },
  { name: 'VDeadline', factory: tap((bench) => new VDeadline(bench.reactor, { afterMs: LATE_MS })) },
  { name: 'VDigestTap', factory: tap((bench) => new VDigestTap(bench.reactor)) },
  { name: 'VLogTap', factory: tap((bench) => new VLogTap(bench.reactor, { sink: () => undefined })) },
  {
    name: 'VTrailerWriter and VTrailerCheck',
    factory: trailers,
    without: {
      'behind all that it holds': 'behind an unclean end nobody can tell the last bytes from a digest',
    },
  },
  {
    name: 'VByteFilter of the same size',
    factory: filter({ transform: () => new Same(), capacity: 16, overshoot: 0 }),
  },
  {
    name: 'VByteFilter of the same size that holds one byte',
    factory: filter({ transform: () => new Same(), capacity: 1, overshoot: 0 }),
  },
  {
    name: 'VByteFilter that doubles',
    factory: filter({
      transform: () => new Twice(),
      capacity: 16,
      overshoot: 16,
      result: SAMPLE.flatMap((each) => [each, each]),
    }),
  },
  {
    name: 'VByteFilter that reads units',
    factory: filter({
      transform: () => new Triples(),
      capacity: 9,
      overshoot: 3,
      sample: SAMPLE.slice(0, 399),
      result: triples(SAMPLE.slice(0, 399)),
      incomplete: [[1], [1, 2], SAMPLE.slice(0, 200)],
    }),
  },
  {
    name: 'VByteFilter that keeps bytes inside',
    factory: filter({ transform: () => new Sorted(), capacity: 16, overshoot: 0, result: sorted(SAMPLE) }),
  },
  { name: 'VByteDecoder', factory: decoder },
  { name: 'VByteEncoder', factory: encoder },
  { name: 'VByteDecoder and VByteEncoder', factory: both },
  {
    name: 'VLengthPrefixDecoder and VLengthPrefixEncoder',
    factory: framing({
      decoder: () => new VLengthPrefixDecoder('u8', { maxFrameBytes: 3 }),
      encoder: () => new VLengthPrefixEncoder('u8'),
      sample: PREFIXED,
    }),
  },
  {
    name: 'VDelimiterDecoder and VDelimiterEncoder',
    factory: framing({
      decoder: () => new VDelimiterDecoder(0, { maxFrameBytes: 3 }),
      encoder: () => new VDelimiterEncoder(0),
      sample: separated(0),
    }),
  },
  {
    name: 'VLineDecoder and VLineEncoder',
    factory: framing({
      decoder: () => new VLineDecoder({ maxLineBytes: 3 }),
      encoder: () => new VLineEncoder(),
      sample: separated(10),
    }),
  },
  {
    name: 'VByteRegexDecoder and VDelimiterEncoder',
    factory: framing({
      decoder: () => new VByteRegexDecoder(/[;,]/, { maxFrameBytes: 3, maxSeparatorChars: 1 }),
      encoder: () => new VDelimiterEncoder(';'),
      sample: separated(59),
    }),
  },
  {
    name: 'VFixedSizeDecoder and VFixedSizeEncoder',
    factory: framing({
      decoder: () => new VFixedSizeDecoder(4),
      encoder: () => new VFixedSizeEncoder(4),
      sample: SAMPLE,
    }),
  },
  {
    name: 'a tap of VCapture',
    factory: tap((bench) => new VCapture(bench.reactor, () => undefined).conversation().inbound),
  },
  { name: 'a row of taps and a filter', factory: row },
  { name: 'VByteDuplexFilter inbound', factory: duplex('inbound') },
  { name: 'VByteDuplexFilter outbound', factory: duplex('outbound') },
]
