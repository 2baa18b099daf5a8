/**
 * The elements that join chains, as the contract tests run over them: tees, concatenations and the counters of a chain.
 */
import type { IVByteConsumer, IVByteProducer } from '@vio/io'
import { VByteConcat, VByteTee } from '@vio/io/filter'
import {
  BYTE_UNITS,
  type IVConsumerSetup,
  type IVConsumerSubject,
  type IVFlowUnits,
  MESSAGE_UNITS,
  type VConsumerFactory,
  type VFilterFactory,
  VProbeConsumer,
  type VProbeEnd,
  type VProducerFactory,
  VTestBench,
} from '@vio/io/testing'
import { ByteGauge, MessageGauge } from '../../../packages/io/src/filter/gauge.js'
import type { Subject } from '../../lib/run-suite.js'
import { RecordedMessageProducer, RecordedProducer, RecordedWriter } from './hooked.js'

const SAMPLE: readonly number[] = Array.from({ length: 400 }, (_, at) => (at * 7) & 0xff)

/** An element that units pass one to one. */
interface Joint {
  readonly consumer: unknown
  readonly producer: unknown
  readonly held: () => number
  readonly units: IVFlowUnits
}

type Build = (bench: VTestBench) => Joint

/** A tee of which the other branches are there and take all that comes. */
function tee(others: number): Build {
  return (bench) => {
    const element = new VByteTee(bench.reactor)
    const producer = element.branch()
    for (let at = 0; at < others; at += 1) {
      element.branch().attach(new VProbeConsumer({ name: 'beside', grantAtAttach: null, mute: true }))
    }
    return { consumer: element.byteConsume, producer, held: () => element.heldBytes, units: BYTE_UNITS }
  }
}

function byteGauge(bench: VTestBench): Joint {
  const gauge = new ByteGauge(bench.reactor)
  return { consumer: gauge.input, producer: gauge.output, held: () => gauge.heldBytes, units: BYTE_UNITS }
}

function messageGauge(bench: VTestBench): Joint {
  const gauge = new MessageGauge(bench.reactor)
  const held = (): number => gauge.output.held
  return { consumer: gauge.input, producer: gauge.output, held, units: MESSAGE_UNITS }
}

/** While the consumer below is there nothing is held, and at most what had been granted when it left. */
function asFilter(build: Build): VFilterFactory {
  return () => {
    const bench = new VTestBench()
    const { consumer, producer, held, units } = build(bench)
    return {
      bench,
      consumer: consumer as IVByteConsumer,
      producer: producer as IVByteProducer,
      input: units,
      output: units,
      sample: SAMPLE,
      result: SAMPLE,
      maxHeld: 50,
      held,
    }
  }
}

/** What comes out below goes to a probe, whose limit is the one of the element. */
function asConsumer(build: Build): VConsumerFactory {
  return (setup: IVConsumerSetup): IVConsumerSubject => {
    const bench = new VTestBench()
    const { consumer, producer, units } = build(bench)
    let fail: Error | undefined
    const received = (): void => {
      setup.onTaken?.()
      if (fail !== undefined) throw fail
    }
    const below = units.sink({
      name: 'below',
      log: bench.log,
      grantAtAttach: setup.limit,
      hooks: { received },
    })
    below.attach(producer as IVByteProducer)
    bench.settle()
    return {
      side: 'consumer',
      bench,
      end: consumer as IVByteConsumer,
      again: () => consumer,
      units,
      hooks: [],
      controlName: 'below.control',
      closedError: 'VIOError',
      get ends(): readonly VProbeEnd[] {
        return below.ended === null ? [] : [below.ended]
      },
      raise: (count) => below.grant(below.limit + count),
      drain: () => {
        if (below.producer !== null) below.grant(null)
        bench.settle()
        return units.values(below.received)
      },
      failNext: (error) => {
        fail = error
      },
    }
  }
}

/** What goes in above comes from a producer of vio's own, so that failures are logged. */
function asProducer(build: Build): VProducerFactory {
  return () => {
    const bench = new VTestBench()
    const { consumer, producer, units } = build(bench)
    const above =
      units === MESSAGE_UNITS
        ? new RecordedMessageProducer(bench, { name: 'above' })
        : new RecordedProducer(bench, { name: 'above' })
    const produce = 'byteProduce' in above ? above.byteProduce : above.messageProduce
    produce.attach(consumer as never)
    bench.settle()
    return {
      side: 'producer',
      bench,
      end: producer as IVByteProducer,
      again: () => producer,
      units,
      hooks: [],
      controlName: 'above.control',
      give: (count) => above.give(count),
      finish: (clean, reason) => above.finish(clean, reason),
      failNext: (error) => {
        above.output.fail = error
      },
    }
  }
}

/** A concatenation whose first parts are empty, and whose last is a writer. */
const concat: VProducerFactory = () => {
  const bench = new VTestBench()
  const element = new VByteConcat(bench.reactor)
  const [empty, above] = [new RecordedWriter(bench), new RecordedWriter(bench)]
  empty.finish(true)
  for (const part of [empty, above]) element.add(part)
  return {
    side: 'producer',
    bench,
    end: element.byteProduce,
    again: () => element.byteProduce,
    units: BYTE_UNITS,
    hooks: [],
    controlName: 'subject.control',
    give: (count) => above.give(count),
    finish: (clean) => {
      above.finish(clean)
      element.finish()
    },
    failNext: (error) => {
      above.output.fail = error
    },
  }
}

const JOINTS: readonly { readonly name: string; readonly build: Build }[] = [
  { name: 'VByteTee with one branch', build: tee(0) },
  { name: 'VByteTee with three branches', build: tee(2) },
  { name: 'the counter of bytes of a chain', build: byteGauge },
  { name: 'the counter of messages of a chain', build: messageGauge },
]

/** As elements with both ends. */
export const JOINT_FILTERS: readonly Subject<VFilterFactory>[] = JOINTS.map(({ name, build }) => ({
  name,
  factory: asFilter(build),
}))

/** As consumers. */
export const JOINT_CONSUMERS: readonly Subject<VConsumerFactory>[] = JOINTS.map(({ name, build }) => ({
  name,
  factory: asConsumer(build),
}))

/** As producers. */
export const JOINT_PRODUCERS: readonly Subject<VProducerFactory>[] = [
  ...JOINTS.map(({ name, build }) => ({ name, factory: asProducer(build) })),
  {
    name: 'VByteConcat',
    factory: concat,
    without: {
      'runs hooks and notices in order': 'no part is attached yet, whose control would be notified',
    },
  },
]
