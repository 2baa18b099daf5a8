/**
 * Runs the contracts of devices and endpoints over the ends of this package. The lists of cases that do not apply, and
 * why, stand in rigs.ts.
 */
import { deviceContract, endpointContract } from '@vio/io/testing'
import { native } from '@vio/native'
import { describe, it } from 'vitest'
import { runSuite } from '../lib/run-suite.js'
import { skipUnless } from '../lib/skip.js'
import {
  CHILD_WITHOUT,
  childDeviceRig,
  childRig,
  PIPE_DEVICE_WITHOUT,
  PIPE_WITHOUT,
  POLLED_WITHOUT,
  pipeDeviceRig,
  pipeRig,
  polledDeviceRig,
  SOCKET_WITHOUT,
  socketDeviceRig,
  socketRig,
  TTY_WITHOUT,
  ttyRig,
} from './rigs.js'

const canPair = native.has('sockets')

for (const useNative of [false, true]) {
  const how = useNative ? 'with native where it is there' : 'without native'
  runSuite(`VPipeAgent ${how}`, endpointContract, () => pipeRig(useNative), PIPE_WITHOUT)
  runSuite(`pipe device ${how}`, deviceContract, () => pipeDeviceRig(useNative), PIPE_DEVICE_WITHOUT)
  if (!canPair) continue
  runSuite(`inherited socket ${how}`, endpointContract, () => socketRig(useNative), SOCKET_WITHOUT)
  runSuite(`socket device ${how}`, deviceContract, () => socketDeviceRig(useNative), PIPE_DEVICE_WITHOUT)
}

runSuite('VChild', endpointContract, () => childRig(), CHILD_WITHOUT)
runSuite('child device', deviceContract, () => childDeviceRig(), PIPE_DEVICE_WITHOUT)
runSuite('device that is asked again and again', deviceContract, () => polledDeviceRig(), POLLED_WITHOUT)
if (native.has('terminals')) runSuite('VTTY', endpointContract, () => ttyRig(), TTY_WITHOUT)

describe('suites that need what may not be here', () => {
  it('are run over inherited sockets', (context) =>
    skipUnless(context, canPair, 'native makes no socket pairs here'))
  it('are run over terminals', (context) =>
    skipUnless(context, native.has('terminals'), 'native makes no pseudo-terminals here'))
})
