/**
 * Runs the contract of a device, and of an endpoint on it, over native sockets of each kind, on both sides of a connection.
 */
import { deviceContract, endpointContract } from '@vio/io/testing'
import { afterAll, it } from 'vitest'
import { nativeSocketsMissing } from '../../packages/sock/src/native-socket.js'
import { runSuite, type Without } from '../lib/run-suite.js'
import { skipUnless } from '../lib/skip.js'
import { closeNative, nativeDeviceRig, nativeEndpointRig, prepareNative } from './support/native-rig.js'
import type { NetSide } from './support/net-rig.js'
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

const missing = nativeSocketsMissing()

if (missing === undefined) {
  for (const kind of NET_KINDS) {
    await prepareNative(kind)
    for (const side of SIDES) {
      const name = `${kind} that ${side}`
      runSuite(
        `a native device on ${name}`,
        deviceContract,
        () => nativeDeviceRig(kind, side),
        DEVICE_WITHOUT[kind],
      )
      runSuite(
        `an endpoint on a native device on ${name}`,
        endpointContract,
        () => nativeEndpointRig(kind, side),
        ENDPOINT_WITHOUT[kind],
      )
    }
  }
} else {
  it('a native device keeps the contract', (context) => {
    skipUnless(context, false, missing)
  })
}

afterAll(closeNative)
