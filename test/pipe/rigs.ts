/**
 * The ends of this package as subjects of the contract suites of io, and which cases do not apply to which, and why.
 */
import { type VEndpointOptions, VFIOLost } from '@vio/io'
import type { IVDeviceRig, IVEndpointRig, IVFarEnd } from '@vio/io/testing'
import { VPipeAgent } from '@vio/pipe'
import type { Without } from '../lib/run-suite.js'
import { FarPipes, type Folder, makeFolder, openPipe, quiet, runReactor, until } from './support.js'

/** Closed at the end of a case, whatever became of it. */
interface Closable {
  closeIO(reason: VFIOLost): unknown
}

/** The most that is on the way and nobody has read: the kernel's pipe, what Node holds, and one read more. */
const ROAD_BYTES = 262_144

function refuse(): never {
  throw new Error('a pipe is open from the start: there is nothing to connect')
}

/** A rig of endpoints that `connect` makes. */
function endpointRig(
  connect: (
    given: ReturnType<typeof runReactor>,
    folder: Folder,
    options: VEndpointOptions | undefined,
  ) => Promise<{ near: VPipeAgent; far: IVFarEnd }> | { near: VPipeAgent; far: IVFarEnd },
): IVEndpointRig {
  const given = runReactor()
  const folder = makeFolder()
  const made: { near: Closable; far: IVFarEnd }[] = []
  return {
    reactor: given.reactor,
    log: given.log,
    roadBytes: ROAD_BYTES,
    connected: async (options) => {
      const both = await connect(given, folder, options)
      made.push(both)
      return both
    },
    connectable: refuse,
    until,
    quiet,
    failures: given.failures,
    close: async () => {
      for (const { near, far } of made) {
        near.closeIO(new VFIOLost())
        far.reset()
      }
      await quiet()
      given.reactor.stop()
      folder.remove()
    },
  }
}

/** Two pipes under a `VPipeAgent`. */
export function pipeRig(native: boolean): IVEndpointRig {
  return endpointRig(({ reactor }, folder, options) => {
    const [nearRead, farWrite] = openPipe(folder)
    const [farRead, nearWrite] = openPipe(folder)
    const near = new VPipeAgent(reactor, nearRead, nearWrite, { ...options, native })
    return { near, far: new FarPipes(farRead, farWrite) }
  })
}

/** The device of a `VPipeAgent`, alone. */
export function pipeDeviceRig(native: boolean): IVDeviceRig {
  const rig = pipeRig(native)
  return {
    connected: async () => {
      const { near, far } = await rig.connected()
      // The endpoint has its own turns, and reads only for a consumer; the case takes its place.
      return { device: near.device, far }
    },
    until: rig.until,
    quiet: rig.quiet,
    close: () => rig.close(),
  }
}

const OPEN = 'an end that is open from the start has nothing to connect'
const NO_RESET = 'a pipe cannot say that bytes are missing: whoever reads it sees its end, clean'

/** What needs a connection to be made. */
const WITHOUT_CONNECTING: Without = {
  'asks its chain once, before it connects': OPEN,
  'does not connect when its chain says no': OPEN,
  'takes a chain for a no that throws': OPEN,
  'connects when nobody is there to ask': OPEN,
  'connects once, if it can at all': OPEN,
  'that is refused ends its chain': OPEN,
  'tells of its connection on a later turn': OPEN,
  'asked for its state without a connection': OPEN,
  'may be told to wait': OPEN,
  'never connected, closes as a whole': OPEN,
}

/** What a pipe cannot do as an endpoint. */
export const PIPE_WITHOUT: Without = {
  ...WITHOUT_CONNECTING,
  'tells an unclean end when the connection breaks': NO_RESET,
  'drops what waits when its output is aborted': NO_RESET,
  'drops what waits when it is aborted behind a clean end': NO_RESET,
  'closed cleanly writes what waits; closed as lost drops it': NO_RESET,
  'closed, takes down what is attached to it':
    'a pair of pipes tells of its connection only while both are open (CR-47)',
}

/** What a pipe cannot do as a device. */
export const PIPE_DEVICE_WITHOUT: Without = {
  'tells a broken connection as another end': NO_RESET,
  'aborts its output so that the far side sees a loss': NO_RESET,
}
