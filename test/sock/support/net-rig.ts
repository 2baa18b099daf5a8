/**
 * Rigs over real sockets: pairs of a device and a plain socket, on TCP over IPv4 and IPv6 and on Unix sockets.
 *
 * Decides which of the two sides the device is: the one that connects, or the one that was accepted. Waiting is by turns
 * of Node's loop: both sides are in this process, and loopback delivers within the call.
 */
import { readFileSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { type VEndpointOptions, VIPSocketPeer, type VSocketPeer, VUnixSocketPeer } from '@vio/io'
import type { IVDeviceRig, IVEndpointRig, IVFarEnd } from '@vio/io/testing'
import { VProbeLog } from '@vio/io/testing'
import { type IVTask, type VLogEntry, VLogLevel, VReactor } from '@vio/reactor'
import {
  VClientSocketAgent,
  type VClientSocketAgentOptions,
  VNetDevice,
  type VNetDeviceOptions,
} from '@vio/sock'
import { farLater, farOn } from './far-socket.js'
import { freeUnixPath, LOOPBACK, type NetKind } from './places.js'

/** Which side of the connection the device is. */
export type NetSide = 'connects' | 'accepted'

/** A server that hands out what it accepts. */
export interface Listening {
  readonly server: Server
  readonly peer: VSocketPeer
  /** The next connection that is accepted. */
  next(): Promise<Socket>
  close(): void
}

/** Listens on a free place of a kind. */
export async function listening(kind: NetKind): Promise<Listening> {
  const waiting: ((socket: Socket) => void)[] = []
  const accepted: Socket[] = []
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    socket.on('error', () => undefined)
    const taker = waiting.shift()
    if (taker === undefined) accepted.push(socket)
    else taker(socket)
  })
  const peer = await listenOn(server, kind)
  return {
    server,
    peer,
    next: () => {
      const socket = accepted.shift()
      return socket === undefined ? new Promise((taker) => waiting.push(taker)) : Promise.resolve(socket)
    },
    close: () => {
      server.close()
      for (const socket of accepted) socket.destroy()
    },
  }
}

async function listenOn(server: Server, kind: NetKind): Promise<VSocketPeer> {
  const place = kind === 'unix' ? { path: freeUnixPath() } : { host: LOOPBACK[kind], port: 0 }
  await new Promise<void>((done, failed) => {
    server.once('error', failed)
    server.listen(place, done)
  })
  if ('path' in place) return new VUnixSocketPeer(place.path)
  const address = server.address() as { readonly address: string; readonly port: number }
  return new VIPSocketPeer(address.address, address.port)
}

/** Connects a plain socket that does not read. */
export async function connected(peer: VSocketPeer): Promise<Socket> {
  const where =
    peer instanceof VUnixSocketPeer
      ? { path: peer.path }
      : { ...(peer as VIPSocketPeer).native, autoSelectFamily: false }
  const socket = connect({ ...where, allowHalfOpen: true })
  socket.pause()
  await new Promise<void>((done, failed) => {
    socket.once('connect', done)
    socket.once('error', failed)
  })
  socket.on('error', () => undefined)
  return socket
}

/** Lets Node's loop go round until what is on its way over loopback has arrived. */
export async function loopRounds(rounds = 6): Promise<void> {
  for (let round = 0; round < rounds; round += 1) await new Promise<void>((done) => setImmediate(done))
}

/** Waits for a condition, for at most `withinMs`. */
export async function eventually(done: () => boolean, withinMs = 20_000): Promise<void> {
  const endsAt = performance.now() + withinMs
  while (!done()) {
    if (performance.now() > endsAt) throw new Error('what the case waits for has not happened')
    await loopRounds(1)
  }
}

/** How many bytes the system takes on one way that nobody reads, and Node's buffers at both ends with it. */
export function roadBytesOf(kind: NetKind): number {
  const ofNode = 4 * 65_536
  if (kind === 'unix') return numbersIn('/proc/sys/net/core/wmem_default', 262_144) + ofNode
  return numbersIn('/proc/sys/net/ipv4/tcp_wmem', 4_194_304) + 1_048_576 + ofNode
}

/** The last number in a file of the system. */
function numbersIn(path: string, fallback: number): number {
  try {
    return Number(readFileSync(path, 'utf8').trim().split(/\s+/).at(-1))
  } catch {
    return fallback
  }
}

/** Places of each kind that nobody has used yet: rigs are made without waiting. */
const ready = new Map<NetKind, Listening[]>()

/** Makes some places ready; a test file awaits it before its rigs. */
export async function preparePlaces(kind: NetKind, count = 3): Promise<void> {
  const places = ready.get(kind) ?? []
  ready.set(kind, places)
  while (places.length < count) places.push(await listening(kind))
}

/** Closes the places that were not used. */
export function closePlaces(): void {
  for (const places of ready.values()) for (const place of places.splice(0)) place.close()
}

/** Pairs of a device and a far side. */
class NetWorld {
  readonly #kind: NetKind
  readonly #side: NetSide
  readonly #places: Listening[] = []
  readonly #sockets: Socket[] = []
  readonly #devices: VNetDevice[] = []

  constructor(kind: NetKind, side: NetSide) {
    this.#kind = kind
    this.#side = side
  }

  async pair(
    options: VNetDeviceOptions = {},
  ): Promise<{ readonly device: VNetDevice; readonly far: IVFarEnd }> {
    await preparePlaces(this.#kind)
    const place = this.place()
    if (this.#side === 'connects') {
      const device = this.device(null, options)
      device.connect(place.peer)
      const far = this.#keep(await place.next())
      await eventually(() => device.connected)
      return { device, far: farOn(far) }
    }
    const far = this.#keep(await connected(place.peer))
    const socket = this.#keep(await place.next())
    return { device: this.device(socket, { ...options, peer: place.peer }), far: farOn(far) }
  }

  /** A device that can be connected, what to, and the other side as soon as it is there. */
  connectable(outcome: 'succeed' | 'refuse' | 'hang') {
    const place = this.place()
    if (outcome === 'refuse') place.close()
    const open = outcome === 'hang' ? { opener: () => () => undefined } : {}
    const device = this.device(null, open)
    let attempts = 0
    const connect = device.connect.bind(device)
    device.connect = (peer) => {
      attempts += 1
      connect(peer)
    }
    let far: IVFarEnd | undefined
    const farSide = (): IVFarEnd => {
      far ??= farLater(place.next().then((socket) => farOn(this.#keep(socket))))
      return far
    }
    return { device, target: place.peer, attempts: () => attempts, far: farSide }
  }

  place(): Listening {
    const place = ready.get(this.#kind)?.shift()
    if (place === undefined) throw new Error(`no place for ${this.#kind} is ready: prepare more`)
    this.#places.push(place)
    return place
  }

  device(socket: Socket | null, options: VNetDeviceOptions): VNetDevice {
    const device = new VNetDevice(socket, options)
    this.#devices.push(device)
    return device
  }

  async close(): Promise<void> {
    for (const place of this.#places) place.close()
    for (const socket of this.#sockets) socket.destroy()
    for (const device of this.#devices) device.socket?.destroy()
    await preparePlaces(this.#kind)
  }

  #keep(socket: Socket): Socket {
    this.#sockets.push(socket)
    return socket
  }
}

/** A rig of devices on real sockets. */
export function netDeviceRig(kind: NetKind, side: NetSide): IVDeviceRig {
  const world = new NetWorld(kind, side)
  return {
    connected: () => world.pair(),
    connectable: (outcome) => world.connectable(outcome),
    until: eventually,
    quiet: () => loopRounds(),
    close: () => world.close(),
  }
}

/** A reactor that knows whether it has had work. */
export class CountingReactor extends VReactor {
  #posts = 0

  override post(task: IVTask): void {
    this.#posts += 1
    super.post(task)
  }

  /** Waits until Node's loop has gone round a few times without work for the reactor. */
  async quiet(): Promise<void> {
    for (let posts = -1; posts !== this.#posts; ) {
      posts = this.#posts
      await loopRounds()
    }
  }
}

function agentOptions(options: VEndpointOptions = {}): VClientSocketAgentOptions {
  const { maxReadBytes, maxWriteBytes, bufferBytes, halfClosePolicy } = options
  return {
    ...(maxReadBytes === undefined ? {} : { maxRead: maxReadBytes }),
    ...(maxWriteBytes === undefined ? {} : { maxWrite: maxWriteBytes }),
    ...(bufferBytes === undefined ? {} : { wbufLen: bufferBytes }),
    ...(halfClosePolicy === undefined ? {} : { halfClosePolicy }),
  }
}

/** A rig of agents on real sockets. */
export function netEndpointRig(kind: NetKind, side: NetSide): IVEndpointRig {
  const world = new NetWorld(kind, side)
  const failures: VLogEntry[] = []
  const watch = (entry: VLogEntry): void => {
    if (entry.level >= VLogLevel.error) failures.push(entry)
  }
  const reactor = new CountingReactor({ logWatcher: { watch } })
  reactor.start()
  const near = (device: VNetDevice, options: VEndpointOptions | undefined): VClientSocketAgent =>
    new VClientSocketAgent(reactor, device, agentOptions(options))
  return {
    reactor,
    log: new VProbeLog(),
    roadBytes: roadBytesOf(kind),
    connected: async (options) => {
      const { device, far } = await world.pair()
      return { near: near(device, options), far }
    },
    connectable: (outcome, options) => {
      const { device, ...rest } = world.connectable(outcome)
      return { near: near(device, options), ...rest }
    },
    until: eventually,
    quiet: () => reactor.quiet(),
    failures: () => failures,
    close: async () => {
      await world.close()
      reactor.stop()
    },
  }
}
