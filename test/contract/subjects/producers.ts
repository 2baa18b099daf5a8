/**
 * Every implementation of a producer that the contract tests run over.
 */
import type { IVByteProducer } from '@vio/io'
import { VByteEndpoint } from '@vio/io'
import { VByteDecoder, VByteDuplexFilter, VByteEncoder, VByteFilter, VByteTap } from '@vio/io/filter'
import {
  BYTE_UNITS,
  createDevicePair,
  type IVFlowUnits,
  type IVProducerSubject,
  MESSAGE_UNITS,
  type VProducerFactory,
  VTestBench,
} from '@vio/io/testing'
import { VFIOCompleted, VFIOLost, VIOLost } from '@vio/reactor'
import type { Subject } from '../../lib/run-suite.js'
import {
  RecordedAgent,
  RecordedMessageAgent,
  RecordedMessageProducer,
  RecordedProducer,
  RecordedWAgent,
  RecordedWriter,
} from './hooked.js'
import type { ProducerCore } from './record.js'
import { Same, ToBytes, ToNumbers, Twice } from './transforms.js'

const HOOKS = ['consumerAttached', 'consumerDetached', 'producerAborted']

/** What a subject with hooks offers to the one who moves it. */
interface Moved {
  give(count: number): void
  finish(clean: boolean, reason?: Error): void
}

function hooked(bench: VTestBench, core: ProducerCore, moved: Moved, end: () => unknown): IVProducerSubject {
  return {
    side: 'producer',
    bench,
    end: end() as IVByteProducer,
    again: end,
    units: BYTE_UNITS,
    hooks: HOOKS,
    controlName: 'subject.control',
    give: (count) => moved.give(count),
    finish: (clean, reason) => moved.finish(clean, reason),
    failNext: (error) => {
      core.fail = error
    },
  }
}

function baseProducer(): IVProducerSubject {
  const bench = new VTestBench()
  const element = new RecordedProducer(bench)
  return hooked(bench, element.output, element, () => element.byteProduce)
}

function messageProducer(): IVProducerSubject {
  const bench = new VTestBench()
  const element = new RecordedMessageProducer(bench)
  return { ...hooked(bench, element.output, element, () => element.messageProduce), units: MESSAGE_UNITS }
}

function writer(): IVProducerSubject {
  const bench = new VTestBench()
  const element = new RecordedWriter(bench)
  return hooked(bench, element.output, element, () => element.byteProduce)
}

function agentProducer(): IVProducerSubject {
  const bench = new VTestBench()
  const element = new RecordedAgent(bench)
  return hooked(bench, element.output, element, () => element.byteProduce)
}

function messageAgentProducer(): IVProducerSubject {
  const bench = new VTestBench()
  const element = new RecordedMessageAgent(bench)
  return { ...hooked(bench, element.output, element, () => element.messageProduce), units: MESSAGE_UNITS }
}

function wagentProducer(): IVProducerSubject {
  const bench = new VTestBench()
  const element = new RecordedWAgent(bench)
  return hooked(bench, element.output, element, () => element.byteProduce)
}

/** The probe is written against the interfaces alone: the hand-written implementation. */
function handWritten(units: IVFlowUnits): VProducerFactory {
  return () => {
    const bench = new VTestBench()
    const end = units.source({ name: 'subject', log: bench.log, reactor: bench.reactor })
    let next = 0
    return {
      side: 'producer',
      bench,
      end,
      again: () => end,
      units,
      hooks: HOOKS,
      controlName: 'subject.control',
      give: (count) => {
        end.feed(units.make(next, count))
        next += count
      },
      finish: (clean, reason) => end.end(clean, reason),
      failNext: () => undefined,
    }
  }
}

/** An element that passes on what a producer above it gives. */
interface Through {
  readonly consume: unknown
  readonly produce: () => unknown
  /** What comes out. */
  readonly units?: IVFlowUnits
  /** True if the element takes messages. */
  readonly messages?: boolean
  readonly failNext: (error: Error) => void
}

/** The one above is a producer of vio's own, so that failures are logged. */
function through(build: (bench: VTestBench) => Through): VProducerFactory {
  return () => {
    const bench = new VTestBench()
    const parts = build(bench)
    const above =
      parts.messages === true
        ? new RecordedMessageProducer(bench, { name: 'above' })
        : new RecordedProducer(bench, { name: 'above' })
    const produce = 'byteProduce' in above ? above.byteProduce : above.messageProduce
    produce.attach(parts.consume as never)
    bench.settle()
    return {
      side: 'producer',
      bench,
      end: parts.produce() as IVByteProducer,
      again: parts.produce,
      units: parts.units ?? BYTE_UNITS,
      hooks: [],
      controlName: 'above.control',
      give: (count) => above.give(count),
      finish: (clean, reason) => above.finish(clean, reason),
      failNext: parts.failNext,
    }
  }
}

/** A tap whose user does something that fails. */
class FailingTap extends VByteTap {
  broken: Error | undefined

  protected override passing(): void {
    if (this.broken !== undefined) throw this.broken
  }
}

const plainTap = through((bench) => {
  const element = new VByteTap(bench.reactor)
  return { consume: element.byteConsume, produce: () => element.byteProduce, failNext: () => undefined }
})

/** Two taps: what the second has above it is vio's own. */
const twoTaps = through((bench) => {
  const [first, second] = [new VByteTap(bench.reactor), new VByteTap(bench.reactor)]
  first.byteProduce.attach(second.byteConsume)
  return { consume: first.byteConsume, produce: () => second.byteProduce, failNext: () => undefined }
})

const failingTap = through((bench) => {
  const element = new FailingTap(bench.reactor)
  const failNext = (error: Error): void => {
    element.broken = error
  }
  return { consume: element.byteConsume, produce: () => element.byteProduce, failNext }
})

function failingTransform(transform: { fail: Error | undefined }): Through['failNext'] {
  return (error) => {
    transform.fail = error
  }
}

const sameFilter = through((bench) => {
  const transform = new Same()
  const element = new VByteFilter(bench.reactor, transform)
  return {
    consume: element.byteConsume,
    produce: () => element.byteProduce,
    failNext: failingTransform(transform),
  }
})

/** A filter that gives every second byte of one that doubled them: the sizes change, the bytes do not. */
class EverySecond extends Same {
  #odd = false

  protected override pass(...[input, output]: Parameters<Same['pass']>): void {
    for (const byte of input.pop()) {
      if (!this.#odd) output.append(Uint8Array.of(byte))
      this.#odd = !this.#odd
    }
  }
}

const changingFilters = through((bench) => {
  const transform = new EverySecond()
  const first = new VByteFilter(bench.reactor, new Twice())
  const second = new VByteFilter(bench.reactor, transform)
  first.byteProduce.attach(second.byteConsume)
  return {
    consume: first.byteConsume,
    produce: () => second.byteProduce,
    failNext: failingTransform(transform),
  }
})

const decoder = through((bench) => {
  const transform = new ToNumbers()
  const element = new VByteDecoder<number>(bench.reactor, transform)
  return {
    consume: element.byteConsume,
    produce: () => element.messageProduce,
    units: MESSAGE_UNITS,
    failNext: failingTransform(transform),
  }
})

const encoder = through((bench) => {
  const transform = new ToBytes()
  const element = new VByteEncoder<number>(bench.reactor, transform)
  return {
    consume: element.messageConsume,
    produce: () => element.byteProduce,
    messages: true,
    failNext: failingTransform(transform),
  }
})

/** A duplex filter, seen from one side; the other direction has no neighbours. */
function duplex(side: 'deviceIO' | 'appIO'): VProducerFactory {
  return through((bench) => {
    const transform = new Same()
    const [over, beside] = [new VByteFilter(bench.reactor, transform), new VByteTap(bench.reactor)]
    const element =
      side === 'appIO' ? new VByteDuplexFilter(over, beside) : new VByteDuplexFilter(beside, over)
    const consume = side === 'appIO' ? element.deviceIO.consumer : element.appIO.consumer
    return { consume, produce: () => element[side].producer, failNext: failingTransform(transform) }
  })
}

/** An endpoint that reads what the other device was given to write. */
function endpointProducer(): IVProducerSubject {
  const bench = new VTestBench()
  let fail: Error | undefined
  const readSizes = (wanted: number): number => {
    if (fail !== undefined) throw fail
    return wanted
  }
  const { a, b } = createDevicePair({ a: { readSizes } })
  const element = new VByteEndpoint(bench.reactor, a)
  let next = 0
  return {
    side: 'producer',
    bench,
    end: element.byteProduce,
    again: () => element.byteProduce,
    units: BYTE_UNITS,
    hooks: [],
    controlName: null,
    give: (count) => {
      b.writeSome(BYTE_UNITS.make(next, count).pop())
      next += count
    },
    finish: (clean, reason) => {
      b.closeOutput(clean ? new VFIOCompleted() : new VFIOLost(reason ?? new VIOLost('lost')))
    },
    failNext: (error) => {
      fail = error
    },
  }
}

const OWN_FAULTS = { 'failing, it takes': 'it has no code of its own that could fail' }

/** All of them. */
export const PRODUCERS: readonly Subject<VProducerFactory>[] = [
  { name: 'VByteProducer', factory: baseProducer },
  { name: 'VMessageProducer', factory: messageProducer },
  { name: 'VByteWriter', factory: writer },
  { name: 'VByteAgent', factory: agentProducer },
  { name: 'VMessageAgent', factory: messageAgentProducer },
  { name: 'VByteWAgent', factory: wagentProducer },
  {
    name: 'a producer written against the interface',
    factory: handWritten(BYTE_UNITS),
    without: OWN_FAULTS,
  },
  {
    name: 'a producer of messages written against the interface',
    factory: handWritten(MESSAGE_UNITS),
    without: OWN_FAULTS,
  },
  { name: 'VByteTap', factory: plainTap, without: OWN_FAULTS },
  { name: 'VByteTap that watches', factory: failingTap },
  { name: 'VByteTap behind another', factory: twoTaps, without: OWN_FAULTS },
  { name: 'VByteFilter of the same size', factory: sameFilter },
  { name: 'VByteFilters that double and halve', factory: changingFilters },
  { name: 'VByteDecoder', factory: decoder },
  { name: 'VByteEncoder', factory: encoder },
  { name: 'VByteDuplexFilter on the side of the device', factory: duplex('deviceIO') },
  { name: 'VByteDuplexFilter on the side of the application', factory: duplex('appIO') },
  { name: 'VByteEndpoint', factory: endpointProducer },
]
