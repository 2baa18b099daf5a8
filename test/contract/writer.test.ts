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
  return { bench, writer: new VByteWriter(bench.reactor) }
})

runSuite('VByteWAgent', writerContract, () => {
  const bench = new VTestBench()
  return { bench, writer: new WritingAgent(bench.reactor) }
})
