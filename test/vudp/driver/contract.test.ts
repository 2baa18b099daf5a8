/**
 * Runs the contracts of devices and endpoints over VUT: both versions, in a simulated world and over UDP on loopback.
 */
import { deviceContract, endpointContract } from '@vio/io/testing'
import { runSuite, type Without } from '../../lib/run-suite.js'
import { deviceRigOf, loopbackRig, simRig, WITHOUT_CONNECTING } from './rigs.js'

/** What is left out in real time. */
const WITHOUT_ON_LOOPBACK: Without = {
  ...WITHOUT_CONNECTING,
  'grants its buffer on attachment':
    'hundreds of waits take too long in real time; the same is shown in a world',
}

for (const version of ['vut/0.8', 'vut/1'] as const) {
  const transport = `VUDPTransport of ${version}`
  runSuite(`device of ${version} in a world [VE-119]`, deviceContract, () => deviceRigOf(simRig(version)))
  runSuite(`${transport} in a world [VE-119]`, endpointContract, () => simRig(version), WITHOUT_CONNECTING)
  runSuite(`device of ${version} over UDP [VE-119]`, deviceContract, () => deviceRigOf(loopbackRig(version)))
  runSuite(
    `${transport} over UDP [VE-119]`,
    endpointContract,
    () => loopbackRig(version),
    WITHOUT_ON_LOOPBACK,
  )
}

runSuite(
  'VUDPTransport of vut/0.8 over a bad link',
  endpointContract,
  () => simRig('vut/0.8', { loss: 0.1 }),
  WITHOUT_CONNECTING,
)
