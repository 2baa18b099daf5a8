/**
 * Runs the contract of a device over the devices in memory: plain ones, ragged ones, slow ones.
 */
import { createMemoryDeviceRig, deviceContract } from '@vio/io/testing'
import { runSuite } from '../lib/run-suite.js'

runSuite('devices in memory', deviceContract, () => createMemoryDeviceRig())

runSuite('devices in memory that pass little at a time', deviceContract, () =>
  createMemoryDeviceRig({
    a: { readSizes: [1, 13], writeSizes: [7, 100, 3], capacityBytes: 300 },
    b: { capacityBytes: 200 },
  }),
)

runSuite('devices in memory that take their time', deviceContract, () =>
  createMemoryDeviceRig({ delayMs: 3, connectDelayMs: 4, a: { capacityBytes: 4096 } }),
)
