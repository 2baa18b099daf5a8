/**
 * Runs the contracts of devices and endpoints over the ends of this package.
 */
import { deviceContract, endpointContract } from '@vio/io/testing'
import { runSuite } from '../lib/run-suite.js'
import { PIPE_DEVICE_WITHOUT, PIPE_WITHOUT, pipeDeviceRig, pipeRig } from './rigs.js'

for (const native of [false, true]) {
  const how = native ? 'with native where it is there' : 'without native'
  runSuite(`VPipeAgent ${how}`, endpointContract, () => pipeRig(native), PIPE_WITHOUT)
  runSuite(`pipe device ${how}`, deviceContract, () => pipeDeviceRig(native), PIPE_DEVICE_WITHOUT)
}
