/**
 * Runs the contract of a writer over every writer there is.
 */
import { VByteWAgent, VByteWriter } from '@vio/io'
import { VTestBench, writerContract } from '@vio/io/testing'
import { runSuite } from '../lib/run-suite.js'

class WritingAgent extends VByteWAgent {
  protected override dataReceived(): void {}
}

runSuite('VByteWriter', writerContract, () => {
  const bench = new VTestBench()
  const writer = new VByteWriter(bench.reactor)
  return { bench, writer, queued: () => writer.queuedBytes }
})

runSuite('VByteWAgent', writerContract, () => {
  const bench = new VTestBench()
  const writer = new WritingAgent(bench.reactor)
  return { bench, writer, queued: () => writer.queuedBytes }
})
