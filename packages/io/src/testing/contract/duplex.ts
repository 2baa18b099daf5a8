/**
 * The contract of an element with two sides and two directions: how an abort of one direction reaches the other.
 */
import type { VByteIOPair } from '../../chain/pair.js'
import type { VTestBench } from '../bench.js'
import { VProbeConsumer } from '../probe-consumer.js'
import { VProbeProducer } from '../probe-producer.js'
import { type IVContractCase, subjectCase } from './case.js'
import { check, equal } from './check.js'

/** An element with two sides under test. */
export interface IVDuplexSubject {
  readonly bench: VTestBench
  readonly deviceIO: VByteIOPair
  readonly appIO: VByteIOPair
}

/** Makes an element; `independent` says that its directions are to know nothing of each other. */
export type VDuplexFactory = (independent: boolean) => IVDuplexSubject

const duplexCase: typeof subjectCase<[boolean], IVDuplexSubject> = subjectCase

/** Probes at all four ends. */
interface Around {
  readonly source: VProbeProducer
  readonly sink: VProbeConsumer
  readonly backSource: VProbeProducer
  readonly backSink: VProbeConsumer
}

function around(subject: IVDuplexSubject): Around {
  const probes: Around = {
    source: new VProbeProducer(),
    sink: new VProbeConsumer({ grantAtAttach: null }),
    backSource: new VProbeProducer(),
    backSink: new VProbeConsumer({ grantAtAttach: null }),
  }
  subject.deviceIO.consumer.attach(probes.source)
  subject.appIO.producer.attach(probes.sink)
  subject.appIO.consumer.attach(probes.backSource)
  subject.deviceIO.producer.attach(probes.backSink)
  subject.bench.settle()
  return probes
}

const ENDS = ['source', 'sink', 'backSource', 'backSink'] as const

/** What every element with two sides and two directions has to do. */
export const duplexContract: readonly IVContractCase<VDuplexFactory>[] = [
  duplexCase('spreads an abort to its other direction, whichever end it comes from [CR-39]', (make) => {
    for (const from of ENDS) {
      const subject = make(false)
      const probes = around(subject)
      const reason = new Error('no more of this')
      probes[from].abort(reason)
      subject.bench.settle()
      for (const end of ENDS) {
        equal(probes[end].aborted?.reason, reason, `the reason that ${end} got, aborted from ${from}`)
      }
    }
  }),

  duplexCase('keeps its other direction after a regular end [CR-39 CR-58]', (make) => {
    for (const clean of [true, false]) {
      const subject = make(false)
      const { source, sink, backSource, backSink } = around(subject)
      source.end(clean)
      source.pump()
      subject.bench.settle()
      equal(sink.ended?.clean, clean, 'the end')
      check(backSource.aborted === null && backSink.aborted === null, 'the other direction is not aborted')
    }
  }),

  duplexCase('keeps its other direction after an abort, if they are independent [CR-39]', (make) => {
    for (const from of ENDS) {
      const subject = make(true)
      const probes = around(subject)
      probes[from].abort()
      subject.bench.settle()
      const other = from === 'source' || from === 'sink' ? 'backSource' : 'source'
      equal(probes[other].aborted, null, `whether ${other} was aborted from ${from}`)
    }
  }),
]
