/**
 * `createPipePair`: what `pipe()` gives, as two chain ends.
 *
 * Decides by what the pair is made: the system's own call under native, else a FIFO that has lost its name, else a
 * socket pair over a listener that nobody else could reach. It says which it is. Invariant: nothing but the two ends is
 * left, whatever failed.
 */
import { randomBytes } from 'node:crypto'
import { constants, openSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { VByteEndpoint, type VEndpointOptions, VFIOCompleted, VIOError } from '@vio/io'
import { VStreamDevice } from '@vio/io/node'
import { native } from '@vio/native'
import type { IVReactor } from '@vio/reactor'
import { checkEndOptions } from './end-options.js'
import { createNamedPipe } from './named-pipe.js'
import { hasNative } from './native-device.js'
import { VPipeAgent } from './pipe-agent.js'

/** By what a pair was made. */
export type VPipePairKind = 'pipe' | 'fifo' | 'socket-pair'

/** Options of `createPipePair`. */
export interface VPipePairOptions extends VEndpointOptions {
  /** By what to make it. By default the best there is: a pipe, else a FIFO, else a socket pair. */
  readonly kind?: VPipePairKind
}

/** Two ends: what `writer` consumes, `reader` produces. */
export interface VPipePair {
  /** By what it was made. */
  readonly kind: VPipePairKind
  /** Gives what was written. */
  readonly reader: VByteEndpoint
  /** Takes what is to be read. */
  readonly writer: VByteEndpoint
}

/** Makes a pair of ends. @throws VIOError if none of the ways works, or the one that was asked for */
export async function createPipePair(reactor: IVReactor, options: VPipePairOptions = {}): Promise<VPipePair> {
  checkEndOptions(options)
  const { kind } = options
  if (kind !== undefined && !(kind in WAYS))
    throw new TypeError(`a pair is a 'pipe', a 'fifo' or a 'socket-pair', got ${String(kind)}`)
  const failures: unknown[] = []
  for (const way of kind === undefined ? KINDS : [kind]) {
    try {
      return await WAYS[way](reactor, options)
    } catch (error) {
      failures.push(error)
    }
  }
  const texts = failures.map((error) => (error instanceof Error ? error.message : String(error)))
  throw new VIOError(`no pair of pipe ends could be made: ${texts.join('; ')}`, { cause: failures.at(-1) })
}

const WAYS: Readonly<
  Record<VPipePairKind, (reactor: IVReactor, options: VEndpointOptions) => Promise<VPipePair>>
> = { pipe: systemPair, fifo: fifoPair, 'socket-pair': socketPair }

const KINDS = ['pipe', 'fifo', 'socket-pair'] as const

async function systemPair(reactor: IVReactor, options: VEndpointOptions): Promise<VPipePair> {
  if (!hasNative()) throw new VIOError(`native is off (${native.report().reason ?? 'no readiness'})`)
  const { reader, writer } = native.pipe()
  return { kind: 'pipe', ...endsOn(reactor, native.release(reader), native.release(writer), options) }
}

/** The ends of a FIFO that has no name any more: nobody else can open it. */
async function fifoPair(reactor: IVReactor, options: VEndpointOptions): Promise<VPipePair> {
  const folder = await mkdtemp(join(tmpdir(), 'vio-pair-'))
  try {
    const path = join(folder, 'fifo')
    await createNamedPipe(path)
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const writer = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
    return { kind: 'fifo', ...endsOn(reactor, reader, writer, options) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function endsOn(
  reactor: IVReactor,
  readFd: number,
  writeFd: number,
  options: VEndpointOptions,
): Pick<VPipePair, 'reader' | 'writer'> {
  const reader = new VPipeAgent(reactor, readFd, -1, options)
  return { reader, writer: new VPipeAgent(reactor, -1, writeFd, options) }
}

/** Two sockets that are connected to each other, over a listener that exists for that moment. */
async function socketPair(reactor: IVReactor, options: VEndpointOptions): Promise<VPipePair> {
  const isWindows = process.platform === 'win32'
  const folder = isWindows ? undefined : await mkdtemp(join(tmpdir(), 'vio-pair-'))
  const name =
    folder === undefined ? `\\\\.\\pipe\\vio-${randomBytes(16).toString('hex')}` : join(folder, 'socket')
  try {
    const [reading, writing] = await connectedSockets(name)
    const reader = new VByteEndpoint(reactor, new VStreamDevice(reading), options)
    const writer = new VByteEndpoint(reactor, new VStreamDevice(writing), options)
    // Each has one direction only, as the ends of a pipe have.
    reader.closeOutput(new VFIOCompleted())
    return { kind: 'socket-pair', reader, writer }
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  }
}

async function connectedSockets(name: string): Promise<readonly [Socket, Socket]> {
  const server: Server = createServer({ pauseOnConnect: true, allowHalfOpen: true })
  const sockets: Socket[] = []
  try {
    return await new Promise((resolve, reject) => {
      let accepted: Socket | undefined
      server.on('error', reject)
      server.once('connection', (socket) => {
        accepted = socket
        sockets.push(socket)
      })
      server.listen(name, () => {
        const socket = connect({ path: name, allowHalfOpen: true })
        socket.pause()
        sockets.push(socket)
        socket.on('error', reject)
        const look = (): void => {
          if (accepted === undefined) server.once('connection', () => setImmediate(look))
          else resolve([socket, accepted])
        }
        socket.once('connect', look)
      })
    })
  } catch (error) {
    for (const socket of sockets) socket.destroy()
    throw error
  } finally {
    server.close()
  }
}
