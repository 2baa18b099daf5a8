/**
 * Runs the contract of an endpoint over ends with one direction: pairs of pipe ends of each kind, and named FIFOs.
 *
 * The whole suite runs once for each kind, on an end that is read and one that is written, joined. Its cases on reading
 * run once more on the end that is read alone, without what joins them.
 */
import { endpointContract } from '@vio/io/testing'
import { native } from '@vio/native'
import { describe, it } from 'vitest'
import { runSuite } from '../lib/run-suite.js'
import { skipUnless } from '../lib/skip.js'
import { fifoReaderRig, fifosRig, pairReaderRig, pairsRig, READER_WITHOUT } from './one-way-rigs.js'
import { SOCKET_WITHOUT, WITHOUT_PEER } from './rigs.js'

const hasPipes = native.has('readiness') && native.has('descriptors')

for (const kind of ['pipe', 'fifo', 'socket-pair'] as const) {
  if (kind === 'pipe' && !hasPipes) continue
  runSuite(`a pair of kind ${kind}`, endpointContract, () => pairsRig(kind), SOCKET_WITHOUT)
  const without = kind === 'socket-pair' ? { ...READER_WITHOUT, ...WITHOUT_PEER } : READER_WITHOUT
  runSuite(`the reader of a ${kind}`, endpointContract, () => pairReaderRig(kind), without)
}

runSuite('named FIFOs', endpointContract, () => fifosRig(true), SOCKET_WITHOUT)
runSuite(
  'a named FIFO that is read, without native',
  endpointContract,
  () => fifoReaderRig(false),
  READER_WITHOUT,
)

describe('suites that need what may not be here', () => {
  it('are run over pipes of the system', (context) =>
    skipUnless(context, hasPipes, 'native makes no pipes here'))
})
