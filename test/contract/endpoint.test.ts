/**
 * Runs the contract of an endpoint over pairs of devices in memory: plain ones, small and ragged ones, slow ones.
 */
import { createMemoryRig, endpointContract } from '@vio/io/testing'
import { runSuite } from '../lib/run-suite.js'

runSuite('VByteEndpoint on a pair of devices', endpointContract, () => createMemoryRig())

runSuite('VByteEndpoint on devices that pass little at a time', endpointContract, () =>
  createMemoryRig({
    a: { capacityBytes: 700, readSizes: [1, 13, 300], writeSizes: [7, 0, 1, 200] },
    b: { capacityBytes: 300, writeSizes: [100, 1] },
  }),
)

runSuite('VByteEndpoint on devices that take their time', endpointContract, () =>
  createMemoryRig({ delayMs: 3, connectDelayMs: 5, a: { capacityBytes: 4096 }, b: { capacityBytes: 4096 } }),
)
