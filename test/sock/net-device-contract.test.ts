/**
 * Runs the contract of a device, and of an agent on it, over real sockets of each kind, on both sides of a connection.
 */
import { deviceContract, endpointContract } from '@vio/io/testing'
import { afterAll } from 'vitest'
import { runSuite, type Without } from '../lib/run-suite.js'
import { closePlaces, type NetSide, netDeviceRig, netEndpointRig, preparePlaces } from './support/net-rig.js'
import { NET_KINDS, type NetKind } from './support/places.js'

const SIDES: readonly NetSide[] = ['connects', 'accepted']

const NO_RESET = 'a Unix socket has no reset: the other side sees that it was closed, and no more'

const DEVICE_WITHOUT: Readonly<Record<NetKind, Without>> = {
  tcp4: {},
  tcp6: {},
  unix: {
    'tells a broken connection as another end than a clean one': NO_RESET,
    'aborts its output so that the far side sees a loss': NO_RESET,
  },
}

const ENDPOINT_WITHOUT: Readonly<Record<NetKind, Without>> = {
  tcp4: {},
  tcp6: {},
  unix: {
    'tells an unclean end when the connection breaks': NO_RESET,
    'drops what waits when its output is aborted, and the far side sees no clean end': NO_RESET,
    'drops what waits when it is aborted behind a clean end': NO_RESET,
    'closed as lost drops it': NO_RESET,
  },
}

for (const kind of NET_KINDS) {
  await preparePlaces(kind)
  for (const side of SIDES) {
    const name = `${kind} that ${side}`
    runSuite(`VNetDevice on ${name}`, deviceContract, () => netDeviceRig(kind, side), DEVICE_WITHOUT[kind])
    runSuite(
      `VClientSocketAgent on ${name} [VE-93]`,
      endpointContract,
      () => netEndpointRig(kind, side),
      ENDPOINT_WITHOUT[kind],
    )
  }
}

afterAll(closePlaces)
