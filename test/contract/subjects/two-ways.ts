/**
 * Every element with two directions that the contract tests run over: as pairs, by its sides, and as a whole.
 */
import { VByteEndpoint, VByteIOPair } from '@vio/io'
import { VByteDuplexFilter, VByteFilter, VByteTap } from '@vio/io/filter'
import {
  BYTE_UNITS,
  createDevicePair,
  type IVTwoWaySubject,
  type VDuplexFactory,
  type VPairFactory,
  VProbeConsumer,
  VProbeProducer,
  VTestBench,
  type VTwoWayFactory,
} from '@vio/io/testing'
import { VFIOCompleted } from '@vio/reactor'
import type { Subject } from '../../lib/run-suite.js'
import { RecordedAgent, type RecordedTwoWay, RecordedWAgent } from './hooked.js'
import { Same } from './transforms.js'

type Build = (bench: VTestBench) => VByteDuplexFilter

const tapsAround: Build = ({ reactor }) => new VByteDuplexFilter(new VByteTap(reactor), new VByteTap(reactor))

const filtersAround: Build = ({ reactor }) =>
  new VByteDuplexFilter(new VByteFilter(reactor, new Same()), new VByteFilter(reactor, new Same()))

function agentSide(build: (bench: VTestBench) => RecordedTwoWay): VTwoWayFactory {
  return (): IVTwoWaySubject => {
    const bench = new VTestBench()
    const element = build(bench)
    return {
      bench,
      consumer: element.byteConsume,
      producer: element.byteProduce,
      drain: () => element.input.drain(),
      give: (count) => element.give(count),
      finish: () => element.finish(true),
    }
  }
}

function endpointSide(): IVTwoWaySubject {
  const bench = new VTestBench()
  const { a, b } = createDevicePair({ b: { capacityBytes: 8 } })
  const element = new VByteEndpoint(bench.reactor, a, { bufferBytes: 8 })
  const values: number[] = []
  let next = 0
  return {
    bench,
    consumer: element.byteConsume,
    producer: element.byteProduce,
    drain: () => {
      for (bench.settle(); b.readable; bench.settle()) values.push(...b.readSome(100))
      return values
    },
    give: (count) => {
      b.writeSome(BYTE_UNITS.make(next, count).pop())
      next += count
    },
    finish: () => b.closeOutput(new VFIOCompleted()),
  }
}

function duplexSide(build: Build, side: 'deviceIO' | 'appIO'): VTwoWayFactory {
  return (): IVTwoWaySubject => {
    const bench = new VTestBench()
    const element = build(bench)
    const other = side === 'deviceIO' ? 'appIO' : 'deviceIO'
    const sink = new VProbeConsumer({ grantAtAttach: null })
    const source = new VProbeProducer({ reactor: bench.reactor })
    element[other].attach(new VByteIOPair(sink, source))
    const values: number[] = []
    let next = 0
    return {
      bench,
      consumer: element[side].consumer,
      producer: element[side].producer,
      drain: () => {
        bench.settle()
        values.push(...sink.received.pop())
        return values
      },
      give: (count) => {
        source.feed(BYTE_UNITS.make(next, count))
        next += count
      },
      finish: () => source.end(),
    }
  }
}

/** One side of each element. */
export const TWO_WAYS: readonly Subject<VTwoWayFactory>[] = [
  { name: 'VByteAgent', factory: agentSide((bench) => new RecordedAgent(bench)) },
  { name: 'VByteWAgent', factory: agentSide((bench) => new RecordedWAgent(bench)) },
  { name: 'VByteEndpoint', factory: endpointSide },
  { name: 'VByteDuplexFilter of taps, device', factory: duplexSide(tapsAround, 'deviceIO') },
  { name: 'VByteDuplexFilter of taps, application', factory: duplexSide(tapsAround, 'appIO') },
  { name: 'VByteDuplexFilter of filters, device', factory: duplexSide(filtersAround, 'deviceIO') },
  { name: 'VByteDuplexFilter of filters, application', factory: duplexSide(filtersAround, 'appIO') },
]

function pairOf(build: (bench: VTestBench) => VByteIOPair): VPairFactory {
  return () => {
    const bench = new VTestBench()
    return { bench, pair: build(bench) }
  }
}

/** The pairs of each element. */
export const PAIRS: readonly Subject<VPairFactory>[] = [
  { name: 'VByteAgent', factory: pairOf((bench) => new RecordedAgent(bench).byteIO) },
  { name: 'VByteWAgent', factory: pairOf((bench) => new RecordedWAgent(bench).byteIO) },
  {
    name: 'VByteEndpoint',
    factory: pairOf((bench) => new VByteEndpoint(bench.reactor, createDevicePair().a).byteIO),
  },
  { name: 'VByteDuplexFilter, device', factory: pairOf((bench) => tapsAround(bench).deviceIO) },
  { name: 'VByteDuplexFilter, application', factory: pairOf((bench) => filtersAround(bench).appIO) },
  {
    name: 'ends written against the interfaces',
    factory: pairOf(() => new VByteIOPair(new VProbeConsumer(), new VProbeProducer())),
  },
]

function duplexOf(build: (bench: VTestBench, independent: boolean) => VByteDuplexFilter): VDuplexFactory {
  return (independent) => {
    const bench = new VTestBench()
    const { deviceIO, appIO } = build(bench, independent)
    return { bench, deviceIO, appIO }
  }
}

/** Elements with two sides. */
export const DUPLEXES: readonly Subject<VDuplexFactory>[] = [
  {
    name: 'VByteDuplexFilter of taps',
    factory: duplexOf(
      ({ reactor }, independent) =>
        new VByteDuplexFilter(new VByteTap(reactor), new VByteTap(reactor), { independent }),
    ),
  },
  {
    name: 'VByteDuplexFilter of filters',
    factory: duplexOf(({ reactor }, independent) => {
      const [inbound, outbound] = [new VByteFilter(reactor, new Same()), new VByteFilter(reactor, new Same())]
      return new VByteDuplexFilter(inbound, outbound, { independent })
    }),
  },
]
