/**
 * Runs the contracts of devices and endpoints over VUT: both versions, in a simulated world and over UDP on loopback.
 */
import { deviceContract, endpointContract } from '@vio/io/testing'
import { runSuite } from '../../lib/run-suite.js'
import { deviceRigOf, loopbackRig, simRig, WITHOUT_CONNECTING } from './rigs.js'

for (const version of ['vut/0.8', 'vut/1'] as const) {
  runSuite(`device of ${version} in a world [VE-119]`, deviceContract, () => deviceRigOf(simRig(version)))
  runSuite(
    `VUDPTransport of ${version} in a world [VE-119]`,
    endpointContract,
    () => simRig(version),
    WITHOUT_CONNECTING,
  )
  runSuite(`device of ${version} over UDP [VE-119]`, deviceContract, () => deviceRigOf(loopbackRig(version)))
  runSuite(
    `VUDPTransport of ${version} over UDP [VE-119]`,
    endpointContract,
    () => loopbackRig(version),
    WITHOUT_CONNECTING,
  )
}

runSuite(
  'VUDPTransport of vut/0.8 over a bad link',
  endpointContract,
  () => simRig('vut/0.8', { loss: 0.1 }),
  WITHOUT_CONNECTING,
)
