/**
 * Every implementation of a consumer that the contract tests run over.
 */
import type { IVByteConsumer, IVByteProducer, IVTransform } from '@vio/io'
import { VByteEndpoint } from '@vio/io'
import { VByteDecoder, VByteDuplexFilter, VByteEncoder, VByteFilter, VByteTap } from '@vio/io/filter'
import {
  BYTE_UNITS,
  createDevicePair,
  type IVConsumerSetup,
  type IVConsumerSubject,
  type IVFlowUnits,
  MESSAGE_UNITS,
  type VConsumerFactory,
  type VProbeConsumer,
  type VProbeEnd,
  VTestBench,
} from '@vio/io/testing'
import { VFIOCompleted } from '@vio/reactor'
import type { Subject } from '../../lib/run-suite.js'
import {
  RecordedAgent,
  RecordedConsumer,
  RecordedMessageAgent,
  RecordedMessageConsumer,
  RecordedWAgent,
} from './hooked.js'
import type { ConsumerCore } from './record.js'
import { Same, ToBytes, ToNumbers, Twice } from './transforms.js'

const HOOKS = ['producerAttached', 'producerDetached', 'dataEnded', 'consumerAborted']

/** A subject with hooks; `end` is asked anew on each call. */
function hooked(
  bench: VTestBench,
  core: ConsumerCore,
  end: () => unknown,
  closedError: 'VIOError' | 'VIOClosed',
): IVConsumerSubject {
  return {
    side: 'consumer',
    bench,
    end: end() as IVByteConsumer,
    again: end,
    units: BYTE_UNITS,
    hooks: HOOKS,
    controlName: 'subject.control',
    closedError,
    ends: core.ends,
    raise: (count) => core.raise(count),
    drain: () => core.drain(),
    failNext: (error) => {
      core.fail = error
    },
  }
}

function baseConsumer(setup: IVConsumerSetup): IVConsumerSubject {
  const bench = new VTestBench()
  const element = new RecordedConsumer(bench, { input: setup })
  return hooked(bench, element.input, () => element.byteConsume, 'VIOError')
}

function messageConsumer(setup: IVConsumerSetup): IVConsumerSubject {
  const bench = new VTestBench()
  const element = new RecordedMessageConsumer(bench, { input: setup })
  const subject = hooked(bench, element.input, () => element.messageConsume, 'VIOError')
  return { ...subject, units: MESSAGE_UNITS }
}

function agentConsumer(setup: IVConsumerSetup): IVConsumerSubject {
  const bench = new VTestBench()
  const element = new RecordedAgent(bench, { input: setup })
  return hooked(bench, element.input, () => element.byteConsume, 'VIOClosed')
}

function messageAgentConsumer(setup: IVConsumerSetup): IVConsumerSubject {
  const bench = new VTestBench()
  const element = new RecordedMessageAgent(bench, { input: setup })
  const subject = hooked(bench, element.input, () => element.messageConsume, 'VIOClosed')
  return { ...subject, units: MESSAGE_UNITS }
}

function wagentConsumer(setup: IVConsumerSetup): IVConsumerSubject {
  const bench = new VTestBench()
  const element = new RecordedWAgent(bench, { input: setup })
  return hooked(bench, element.input, () => element.byteConsume, 'VIOClosed')
}

/** The probe is written against the interfaces alone: the hand-written implementation. */
function handWritten(units: IVFlowUnits): VConsumerFactory {
  return (setup) => {
    const bench = new VTestBench()
    let fail: Error | undefined
    const received = (): void => {
      setup.onTaken?.()
      if (fail !== undefined) throw fail
    }
    const options = { name: 'subject', log: bench.log, grantAtAttach: setup.limit, hooks: { received } }
    const end = units.sink(options)
    return {
      side: 'consumer',
      bench,
      end,
      again: () => end,
      units,
      hooks: HOOKS,
      controlName: 'subject.control',
      closedError: 'VIOError',
      get ends(): readonly VProbeEnd[] {
        return end.ended === null ? [] : [end.ended]
      },
      raise: (count) => end.grant(end.limit + count),
      drain: () => {
        if (end.producer !== null) end.grant(null)
        bench.settle()
        return units.values(end.received)
      },
      failNext: (error) => {
        fail = error
      },
    }
  }
}

/** What stands behind an element that passes units on: a probe with a limit. */
interface Through {
  readonly bench: VTestBench
  readonly setup: IVConsumerSetup
  /** The end under test. */
  readonly end: () => unknown
  readonly units: IVFlowUnits
  /** Where the units come out, and in which kind. */
  readonly out: { attach(sink: unknown): void }
  readonly outUnits: IVFlowUnits
  /** The limit below, on attachment. */
  readonly limitBelow: number | null
  /** How many units come out for one that goes in. */
  readonly ratio: number
  readonly hooks: readonly string[]
  readonly failNext?: (error: Error) => void
}

function through(parts: Through): IVConsumerSubject {
  const { bench, setup, ratio } = parts
  let fail: Error | undefined
  const received = (): void => {
    setup.onTaken?.()
    if (fail !== undefined) throw fail
  }
  const options = { name: 'below', log: bench.log, grantAtAttach: parts.limitBelow, hooks: { received } }
  const below: VProbeConsumer = parts.outUnits.sink(options)
  parts.out.attach(below)
  bench.settle()
  return {
    side: 'consumer',
    bench,
    end: parts.end() as IVByteConsumer,
    again: parts.end,
    units: parts.units,
    hooks: parts.hooks,
    controlName: 'below.control',
    closedError: 'VIOError',
    get ends(): readonly VProbeEnd[] {
      return below.ended === null ? [] : [below.ended]
    },
    raise: (count) => below.grant(below.limit + ratio * count),
    drain: () => {
      if (below.producer !== null) below.grant(null)
      bench.settle()
      return parts.outUnits.values(below.received).filter((_, at) => at % ratio === 0)
    },
    failNext: (error) => {
      if (parts.failNext === undefined) fail = error
      else parts.failNext(error)
      below.grant(null)
    },
  }
}

class RecordedTap extends VByteTap {
  readonly #bench: VTestBench

  constructor(bench: VTestBench) {
    super(bench.reactor)
    this.#bench = bench
  }

  protected override attached(): void {
    this.#bench.log.add('subject.producerAttached()')
  }

  protected override ended(clean: boolean): void {
    this.#bench.log.add(`subject.dataEnded(${clean})`)
  }

  protected override aborted(): void {
    this.#bench.log.add('subject.consumerAborted()')
  }
}

class WatchingTap extends RecordedTap {
  protected override passing(): void {}
}

const TAP_HOOKS = ['producerAttached', 'dataEnded', 'consumerAborted']

function tapConsumer(build: (bench: VTestBench) => VByteTap): VConsumerFactory {
  return (setup) => {
    const bench = new VTestBench()
    const element = build(bench)
    return through({
      bench,
      setup,
      end: () => element.byteConsume,
      units: BYTE_UNITS,
      out: element.byteProduce as unknown as Through['out'],
      outUnits: BYTE_UNITS,
      limitBelow: setup.limit,
      ratio: 1,
      hooks: TAP_HOOKS,
    })
  }
}

/** Two taps: what the first has below it is vio's own. */
const twoTaps: VConsumerFactory = (setup) => {
  const bench = new VTestBench()
  const [first, second] = [new RecordedTap(bench), new VByteTap(bench.reactor)]
  first.byteProduce.attach(second.byteConsume)
  return through({
    bench,
    setup,
    end: () => first.byteConsume,
    units: BYTE_UNITS,
    out: second.byteProduce as unknown as Through['out'],
    outUnits: BYTE_UNITS,
    limitBelow: setup.limit,
    ratio: 1,
    hooks: TAP_HOOKS,
  })
}

interface FilterParts {
  readonly consume: () => unknown
  readonly produce: unknown
  readonly units?: IVFlowUnits
  readonly outUnits?: IVFlowUnits
  readonly ratio?: number
  readonly transform: { fail: Error | undefined }
}

/** A filter: it allows its capacity, and nothing leaves it at first. */
function filterConsumer(
  build: (bench: VTestBench, options: { readonly capacity: number }) => FilterParts,
): VConsumerFactory {
  return (setup) => {
    const bench = new VTestBench()
    const parts = build(bench, { capacity: setup.limit ?? 1 })
    return through({
      bench,
      setup,
      end: parts.consume,
      units: parts.units ?? BYTE_UNITS,
      out: parts.produce as Through['out'],
      outUnits: parts.outUnits ?? BYTE_UNITS,
      // Where a case watches units being taken they have to leave at once.
      limitBelow: setup.onTaken === undefined ? 0 : null,
      ratio: parts.ratio ?? 1,
      hooks: [],
      failNext: (error) => {
        parts.transform.fail = error
      },
    })
  }
}

const sameFilter = filterConsumer((bench, options) => {
  const transform = new Same()
  const element = new VByteFilter(bench.reactor, transform, options)
  return { consume: () => element.byteConsume, produce: element.byteProduce, transform }
})

const twiceFilter = filterConsumer((bench, options) => {
  const transform = new Twice()
  const element = new VByteFilter(bench.reactor, transform, options)
  return { consume: () => element.byteConsume, produce: element.byteProduce, ratio: 2, transform }
})

const decoder = filterConsumer((bench, options) => {
  const transform = new ToNumbers()
  const element = new VByteDecoder<number>(bench.reactor, transform, options)
  return {
    consume: () => element.byteConsume,
    produce: element.messageProduce,
    outUnits: MESSAGE_UNITS,
    transform,
  }
})

const encoder = filterConsumer((bench, options) => {
  const transform = new ToBytes()
  const element = new VByteEncoder<number>(bench.reactor, transform, options)
  return {
    consume: () => element.messageConsume,
    produce: element.byteProduce,
    units: MESSAGE_UNITS,
    transform,
  }
})

/** A duplex filter, seen from one side; the other direction has no neighbours. */
function duplex(side: 'deviceIO' | 'appIO', transformOf: () => Same & IVTransform): VConsumerFactory {
  return filterConsumer((bench, options) => {
    const transform = transformOf()
    const [under, beside] = [new VByteFilter(bench.reactor, transform, options), new VByteTap(bench.reactor)]
    const element =
      side === 'deviceIO' ? new VByteDuplexFilter(under, beside) : new VByteDuplexFilter(beside, under)
    const out: IVByteProducer = side === 'deviceIO' ? element.appIO.producer : element.deviceIO.producer
    return { consume: () => element[side].consumer, produce: out, transform }
  })
}

/** An endpoint whose device takes nothing at first: one byte is stuck in the way. */
function endpointConsumer(setup: IVConsumerSetup): IVConsumerSubject {
  const bench = new VTestBench()
  let fail: Error | undefined
  const pass = (wanted: number): number => {
    setup.onTaken?.()
    if (fail !== undefined) throw fail
    return wanted
  }
  const stuck = setup.onTaken === undefined
  const capacityBytes = stuck ? 1 : 65_536
  const { a, b } = createDevicePair({ a: { writeSizes: pass }, b: { capacityBytes } })
  const element = new VByteEndpoint(bench.reactor, a, { bufferBytes: setup.limit ?? 1 })
  const values: number[] = []
  const read = (count: number): void => {
    for (let left = count; left > 0; left -= 1) {
      bench.settle()
      values.push(...b.readSome(1))
    }
    bench.settle()
  }
  if (stuck) {
    const { writeSome } = a
    Reflect.apply(writeSome, a, [Uint8Array.of(0)])
  }
  return {
    side: 'consumer',
    bench,
    end: element.byteConsume,
    again: () => element.byteConsume,
    units: BYTE_UNITS,
    hooks: [],
    controlName: null,
    closedError: 'VIOClosed',
    get ends(): readonly VProbeEnd[] {
      const end = b.inputEnd
      return end === null ? [] : [{ clean: end instanceof VFIOCompleted, reason: end.value }]
    },
    raise: read,
    drain: () => {
      for (let before = -1; before !== values.length || b.readable; ) {
        before = values.length
        read(1)
      }
      return stuck ? values.slice(1) : values
    },
    failNext: (error) => {
      fail = error
      b.readSome(1)
    },
  }
}

const OWN_CREDIT = 'a filter has a credit of its own, which always has an end'

/** All of them. */
export const CONSUMERS: readonly Subject<VConsumerFactory>[] = [
  { name: 'VByteConsumer', factory: baseConsumer },
  { name: 'VMessageConsumer', factory: messageConsumer },
  { name: 'VByteAgent', factory: agentConsumer },
  { name: 'VMessageAgent', factory: messageAgentConsumer },
  { name: 'VByteWAgent', factory: wagentConsumer },
  { name: 'a consumer written against the interface', factory: handWritten(BYTE_UNITS) },
  { name: 'a consumer of messages written against the interface', factory: handWritten(MESSAGE_UNITS) },
  { name: 'VByteTap', factory: tapConsumer((bench) => new RecordedTap(bench)) },
  { name: 'VByteTap that watches', factory: tapConsumer((bench) => new WatchingTap(bench)) },
  { name: 'VByteTap in front of another', factory: twoTaps },
  {
    name: 'VByteFilter of the same size',
    factory: sameFilter,
    without: { 'without a limit': OWN_CREDIT },
  },
  {
    name: 'VByteFilter that doubles',
    factory: twiceFilter,
    without: { 'without a limit': OWN_CREDIT },
  },
  { name: 'VByteDecoder', factory: decoder, without: { 'without a limit': OWN_CREDIT } },
  { name: 'VByteEncoder', factory: encoder, without: { 'without a limit': OWN_CREDIT } },
  {
    name: 'VByteDuplexFilter on the side of the device',
    factory: duplex('deviceIO', () => new Same()),
    without: { 'without a limit': OWN_CREDIT },
  },
  {
    name: 'VByteDuplexFilter on the side of the application',
    factory: duplex('appIO', () => new Same()),
    without: { 'without a limit': OWN_CREDIT },
  },
  {
    name: 'VByteEndpoint',
    factory: endpointConsumer,
    without: {
      'without a limit': 'an endpoint takes what its buffer holds, which always has an end',
      'told no end by an abort': 'a device is told a loss, whether it comes of an abort or of an unclean end',
    },
  },
]
