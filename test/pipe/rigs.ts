/**
 * The ends of this package as subjects of the contract suites of io, and which cases do not apply to which, and why.
 */
import { constants, openSync, readSync } from 'node:fs'
import { type VByteEndpoint, type VEndpointOptions, VFIOLost } from '@vio/io'
import type { IVDeviceRig, IVEndpointRig, IVFarEnd } from '@vio/io/testing'
import { native } from '@vio/native'
import { openDescriptor, openTTY, VChild, VPipeAgent } from '@vio/pipe'
import { JoinedDevice } from '../../packages/pipe/src/joined-device.js'
import { FS_CALLS, pollingOn } from '../../packages/pipe/src/polling.js'
import { RawDevice } from '../../packages/pipe/src/raw-device.js'
import type { Without } from '../lib/run-suite.js'
import {
  FarPipes,
  type Folder,
  makeFolder,
  openPipe,
  quiet,
  type Running,
  runReactor,
  until,
} from './support.js'

/** What every case gets, and what takes it down. */
export interface Connection {
  readonly near: VByteEndpoint
  readonly far: IVFarEnd
}

type Connect = (
  given: Running,
  folder: Folder,
  options: VEndpointOptions | undefined,
) => Connection | Promise<Connection>

/** The most that is on the way and nobody has read: the kernel's pipe, what Node holds, and one read more. */
export const ROAD_BYTES = 196_608

function refuse(): never {
  throw new Error('an end that is open from the start has nothing to connect')
}

/** A rig of endpoints that `connect` makes. */
export function endpointRig(connect: Connect, roadBytes = ROAD_BYTES): IVEndpointRig {
  const given = runReactor()
  const folder = makeFolder()
  const made: Connection[] = []
  return {
    reactor: given.reactor,
    log: given.log,
    roadBytes,
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

/** The devices of the ends of another rig, alone: their endpoints read only for a consumer, and none is attached. */
function deviceRig(rig: IVEndpointRig): IVDeviceRig {
  return {
    connected: async () => {
      const { near, far } = await rig.connected()
      return { device: near.device, far }
    },
    until: rig.until,
    quiet: rig.quiet,
    close: () => rig.close(),
  }
}

/** Two pipes under a `VPipeAgent`. */
export function pipeRig(useNative: boolean): IVEndpointRig {
  return endpointRig(({ reactor }, folder, options) => {
    const [nearRead, farWrite] = openPipe(folder)
    const [farRead, nearWrite] = openPipe(folder)
    const near = new VPipeAgent(reactor, nearRead, nearWrite, { ...options, native: useNative })
    return { near, far: new FarPipes(farRead, farWrite) }
  })
}

export function pipeDeviceRig(useNative: boolean): IVDeviceRig {
  return deviceRig(pipeRig(useNative))
}

/** A socket pair, of which one is inherited, as it were. */
export function socketRig(useNative: boolean): IVEndpointRig {
  return endpointRig(({ reactor }, _folder, options) => {
    const [nearFd, farFd] = native.socketPair().map((fd) => native.release(fd)) as [number, number]
    const near = openDescriptor(reactor, nearFd, { ...options, native: useNative })
    return { near, far: new FarPipes(farFd, farFd, () => native.shutdown(farFd, 'write')) }
  }, ROAD_BYTES * 2)
}

export function socketDeviceRig(useNative: boolean): IVDeviceRig {
  return deviceRig(socketRig(useNative))
}

/** Copies the first pipe to its output and its input to the second, and says on the second when it has both open. */
const COPY_BOTH = 'exec 3<"$IN" 4>"$OUT"; printf R >&4; cat <&3 3<&- 4>&- & exec 3<&- >&-; exec cat >&4 4>&-'

/** A program whose input and output lead to the far side. */
export function childRig(): IVEndpointRig {
  return endpointRig(async ({ reactor }, folder, options) => {
    const [inPath, outPath] = [folder.fifo(), folder.fifo()]
    const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants
    const inHold = openSync(inPath, O_RDONLY | O_NONBLOCK)
    const farWrite = openSync(inPath, O_WRONLY | O_NONBLOCK)
    const farRead = openSync(outPath, O_RDONLY | O_NONBLOCK)
    const env = { ...process.env, IN: inPath, OUT: outPath }
    const child = new VChild(reactor, 'sh', ['-c', COPY_BOTH], { ...options, env, cleanWhen: 'stream' })
    await until(() => readSome(farRead) === 'R')
    const far = new FarPipes(farRead, farWrite)
    far.alsoOwn(inHold)
    return { near: child['endpoint'], far }
  }, ROAD_BYTES * 3)
}

export function childDeviceRig(): IVDeviceRig {
  return deviceRig(childRig())
}

function readSome(fd: number): string {
  const target = Buffer.alloc(1)
  try {
    return target.toString('latin1', 0, readSync(fd, target))
  } catch {
    return ''
  }
}

/** A terminal in raw mode; the far side is the program that plays the screen and keyboard. */
export function ttyRig(): IVEndpointRig {
  return endpointRig(({ reactor }, _folder, options) => {
    const { controller, path } = native.openTerminal()
    const near = openTTY(reactor, { ...options, terminal: path, raw: true })
    const fd = native.release(controller)
    return { near, far: new FarPipes(fd, fd, () => undefined) }
  })
}

/** The device that asks again and again, on pipes. */
export function polledDeviceRig(): IVDeviceRig {
  const given = runReactor()
  const folder = makeFolder()
  const fars: FarPipes[] = []
  return {
    connected: () => {
      const { near, far } = polledPair(given, folder)
      fars.push(far)
      return { device: near, far }
    },
    until,
    quiet: async () => {
      for (let round = 0; round < 10; round += 1) await quiet()
    },
    close: async () => {
      for (const far of fars) far.reset()
      given.reactor.stop()
      folder.remove()
    },
  }
}

function polledPair({ reactor }: Running, folder: Folder): { near: JoinedDevice; far: FarPipes } {
  const [nearRead, farWrite] = openPipe(folder)
  const [farRead, nearWrite] = openPipe(folder)
  const common = {
    kind: 'pipe',
    chunkBytes: 65_536,
    flags: undefined,
    isMaster: false,
    neverWaits: false,
  } as const
  const halves = [
    new RawDevice({ ...common, fd: nearRead, use: 'read' }, FS_CALLS, pollingOn(reactor)),
    new RawDevice({ ...common, fd: nearWrite, use: 'write' }, FS_CALLS, pollingOn(reactor)),
  ] as const
  return { near: new JoinedDevice(...halves), far: new FarPipes(farRead, farWrite) }
}

const OPEN = 'an end that is open from the start has nothing to connect'
const NO_RESET = 'a pipe cannot say that bytes are missing: whoever reads it sees its end, clean'

/** What needs a connection to be made. */
export const WITHOUT_CONNECTING: Without = {
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

/** What needs a loss to be told to the far side, or by it. */
export const WITHOUT_RESET: Without = {
  'tells an unclean end when the connection breaks': NO_RESET,
  'drops what waits when its output is aborted': NO_RESET,
  'drops what waits when it is aborted behind a clean end': NO_RESET,
  'closed cleanly writes what waits; closed as lost drops it': NO_RESET,
}

/** What a pipe cannot do as an endpoint. */
export const PIPE_WITHOUT: Without = {
  ...WITHOUT_CONNECTING,
  ...WITHOUT_RESET,
  'closed, takes down what is attached to it':
    'a pair of pipes tells of its connection only while both are open (CR-47); the rest is shown by its own tests',
}

/** What a pipe cannot do as a device. */
export const PIPE_DEVICE_WITHOUT: Without = {
  'tells a broken connection as another end': NO_RESET,
  'aborts its output so that the far side sees a loss': NO_RESET,
}

/** What a descriptor cannot do that is asked again and again. */
export const POLLED_WITHOUT: Without = {
  ...PIPE_DEVICE_WITHOUT,
  'takes what it has room for': 'nobody tells it whether there is room: it finds out by trying',
}

const NO_PEER = 'what has no address has no peer, and tells of no connection'

/** What tells of a peer. */
export const WITHOUT_PEER: Without = {
  'tells of its connection before any data': NO_PEER,
  'tells each consumer that comes': NO_PEER,
  'asked for its state, answers later': NO_PEER,
  'is asked by a consumer that came late': NO_PEER,
  'closed, takes down what is attached to it': NO_PEER,
}

export const SOCKET_WITHOUT: Without = { ...WITHOUT_CONNECTING, ...WITHOUT_RESET, ...WITHOUT_PEER }

export const CHILD_WITHOUT: Without = { ...WITHOUT_CONNECTING, ...WITHOUT_RESET, ...WITHOUT_PEER }

const NO_END = 'a terminal has one end for both directions: when it is hung up'

const CRLF =
  'a terminal in the raw mode of Node still shows a line feed as CR LF: its output is not the bytes'

export const TTY_WITHOUT: Without = {
  ...WITHOUT_CONNECTING,
  ...WITHOUT_RESET,
  ...WITHOUT_PEER,
  'tells a clean end when the far side ends': NO_END,
  'closes its output with its input': NO_END,
  'closes its input with its output': NO_END,
  'writes what waits before it closes its output': NO_END,
  'writes what waits, then ends the output': NO_END,
  'closed, still writes what waits': NO_END,
  'keeps what it has read when the consumer leaves': NO_END,
  'grants its buffer on attachment': CRLF,
  'grants only what its buffer has room for': CRLF,
  'carries both directions at once, in order': CRLF,
}
