/**
 * Rigs over native sockets: pairs of a native device and a plain socket of Node, on both sides of a connection.
 */
import type { Socket } from 'node:net'
import {
  VByteEndpoint,
  type VEndpointOptions,
  VIPSocketPeer,
  type VSocketPeer,
  VUnixSocketPeer,
} from '@vio/io'
import { type IVDeviceRig, type IVEndpointRig, type IVFarEnd, VProbeLog } from '@vio/io/testing'
import { VFIOLost, type VLogEntry, VLogLevel } from '@vio/reactor'
import { NativeListener } from '../../../packages/sock/src/native-listener.js'
import type { VNativeSocketDeviceOptions } from '../../../packages/sock/src/native-opener.js'
import type { VNativeSocket } from '../../../packages/sock/src/native-socket.js'
import { VNativeSocketDevice } from '../../../packages/sock/src/native-socket-device.js'
import { farLater, farOn } from './far-socket.js'
import {
  CountingReactor,
  connected,
  eventually,
  type Listening,
  listening,
  loopRounds,
  type NetSide,
  roadBytesOf,
} from './net-rig.js'
import { freeUnixPath, LOOPBACK, type NetKind } from './places.js'

const LOST = new VFIOLost()

const TERMS = { backlog: 511, reusePort: false, ipv6Only: false }

const ready = new Map<NetKind, Listening[]>()

/** Makes places ready that a case can connect to: rigs are made without waiting. */
export async function prepareNative(kind: NetKind): Promise<void> {
  const places = ready.get(kind) ?? []
  ready.set(kind, places)
  while (places.length < 3) places.push(await listening(kind))
}

/** Closes the places that were not used. */
export function closeNative(): void {
  for (const places of ready.values()) for (const place of places.splice(0)) place.close()
}

function takePlace(kind: NetKind): Listening {
  const place = ready.get(kind)?.shift()
  if (place === undefined) throw new Error(`no place for ${kind} is ready: prepare more`)
  return place
}

/** A free place of a kind, to listen on. */
export function freePlace(kind: NetKind): VSocketPeer {
  return kind === 'unix' ? new VUnixSocketPeer(freeUnixPath()) : new VIPSocketPeer(LOOPBACK[kind], 0)
}

/** Native connections and what they are connected to. */
export class NativeWorld {
  readonly #kind: NetKind
  readonly #side: NetSide
  readonly #places: Listening[] = []
  readonly #listeners: NativeListener[] = []
  readonly #sockets: Socket[] = []
  readonly #devices: VNativeSocketDevice[] = []

  constructor(kind: NetKind, side: NetSide) {
    this.#kind = kind
    this.#side = side
  }

  async pair(
    options: VNativeSocketDeviceOptions = {},
  ): Promise<{ readonly device: VNativeSocketDevice; readonly far: IVFarEnd & { readonly socket: Socket } }> {
    return this.#side === 'connects' ? await this.#connects(options) : await this.#accepted(options)
  }

  /** A device that can be connected, what to, and the other side as soon as it is there. */
  connectable(outcome: 'succeed' | 'refuse' | 'hang') {
    const place = takePlace(this.#kind)
    this.#places.push(place)
    if (outcome === 'refuse') place.close()
    const open = outcome === 'hang' ? { opener: () => () => undefined } : {}
    const device = new VNativeSocketDevice(null, open)
    this.#devices.push(device)
    let attempts = 0
    const connect = device.connect.bind(device)
    device.connect = (peer) => {
      attempts += 1
      connect(peer)
    }
    let far: IVFarEnd | undefined
    const farSide = (): IVFarEnd => {
      far ??= farLater(
        place.next().then((socket) => {
          this.#sockets.push(socket)
          return farOn(socket)
        }),
      )
      return far
    }
    return { device, target: place.peer, attempts: () => attempts, far: farSide }
  }

  close(): void {
    for (const place of this.#places) place.close()
    for (const listener of this.#listeners) listener.close()
    for (const socket of this.#sockets) socket.destroy()
    for (const device of this.#devices) device.close(LOST)
  }

  async #connects(options: VNativeSocketDeviceOptions) {
    const place = await listening(this.#kind)
    this.#places.push(place)
    const device = new VNativeSocketDevice(null, options)
    this.#devices.push(device)
    device.connect(place.peer)
    const far = await place.next()
    this.#sockets.push(far)
    await eventually(() => device.connected)
    return { device, far: farOn(far) }
  }

  async #accepted(options: VNativeSocketDeviceOptions) {
    const accepted: VNativeSocket[] = []
    const listener = new NativeListener(freePlace(this.#kind), TERMS, {
      accepted: (socket) => accepted.push(socket),
      failed: (error) => {
        throw error
      },
    })
    this.#listeners.push(listener)
    const far = await connected(listener.localPeer)
    this.#sockets.push(far)
    await eventually(() => accepted.length > 0)
    const peer = this.#kind === 'unix' ? { peer: listener.localPeer } : {}
    const device = new VNativeSocketDevice(accepted[0] ?? null, { ...options, ...peer })
    this.#devices.push(device)
    return { device, far: farOn(far) }
  }
}

/** A rig of native devices. */
export function nativeDeviceRig(kind: NetKind, side: NetSide): IVDeviceRig {
  const world = new NativeWorld(kind, side)
  return {
    connected: () => world.pair(),
    connectable: (outcome) => world.connectable(outcome),
    until: eventually,
    quiet: () => loopRounds(),
    close: async () => {
      world.close()
      await prepareNative(kind)
    },
  }
}

/** A rig of endpoints on native devices. */
export function nativeEndpointRig(kind: NetKind, side: NetSide): IVEndpointRig {
  const world = new NativeWorld(kind, side)
  const failures: VLogEntry[] = []
  const watch = (entry: VLogEntry): void => {
    if (entry.level >= VLogLevel.error) failures.push(entry)
  }
  const reactor = new CountingReactor({ logWatcher: { watch } })
  reactor.start()
  return {
    reactor,
    log: new VProbeLog(),
    roadBytes: roadBytesOf(kind),
    connected: async (options?: VEndpointOptions) => {
      const { device, far } = await world.pair()
      return { near: new VByteEndpoint(reactor, device, options), far }
    },
    connectable: (outcome, options) => {
      const { device, ...rest } = world.connectable(outcome)
      return { near: new VByteEndpoint(reactor, device, options), ...rest }
    },
    until: eventually,
    quiet: () => reactor.quiet(),
    failures: () => failures,
    close: async () => {
      world.close()
      await prepareNative(kind)
      reactor.stop()
    },
  }
}
