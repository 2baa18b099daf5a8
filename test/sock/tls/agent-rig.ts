/**
 * Rigs of TLS agents on real sockets, whose far side is a socket of `node:tls`: another program's idea of TLS.
 *
 * Decides which of the two sides of TLS the agent is; it is that side of the connection too.
 */
import type { Socket } from 'node:net'
import type { VEndpointOptions } from '@vio/io'
import { type IVEndpointRig, type IVFarEnd, VProbeLog } from '@vio/io/testing'
import { type VLogEntry, VLogLevel } from '@vio/reactor'
import {
  VNetDevice,
  VTLSClientSocketAgent,
  type VTLSClientSocketAgentOptions,
  VTLSServerContext,
  type VTLSVersion,
} from '@vio/sock'
import { farLater } from '../support/far-socket.js'
import { type FarTLSOptions, farTLS } from '../support/far-tls.js'
import {
  CountingReactor,
  connected,
  eventually,
  type Listening,
  listening,
  loopRounds,
  roadBytesOf,
} from '../support/net-rig.js'

/** Places that nobody has used yet: rigs are made without waiting. */
const ready: Listening[] = []

/** Makes some places ready; a test file awaits it before its rigs. */
export async function preparePlaces(count = 3): Promise<void> {
  while (ready.length < count) ready.push(await listening('tcp4'))
}

/** Closes the places that were not used. */
export function closePlaces(): void {
  for (const place of ready.splice(0)) place.close()
}

/** Agents and their far sides. */
class AgentWorld {
  readonly reactor: CountingReactor
  readonly failures: VLogEntry[] = []
  readonly #options: FarTLSOptions
  readonly #places: Listening[] = []
  readonly #sockets: Socket[] = []
  readonly #agents: VTLSClientSocketAgent[] = []

  constructor(options: FarTLSOptions) {
    this.#options = options
    const watch = (entry: VLogEntry): void => {
      if (entry.level >= VLogLevel.error) this.failures.push(entry)
    }
    this.reactor = new CountingReactor({ logWatcher: { watch } })
    this.reactor.start()
  }

  async pair(options: VEndpointOptions = {}): Promise<{ near: VTLSClientSocketAgent; far: IVFarEnd }> {
    await preparePlaces()
    const place = this.place()
    const [near, far] =
      this.#options.side === 'client'
        ? await this.#connecting(place, options)
        : await this.#accepting(place, options)
    await eventually(() => near.device.connected)
    await loopRounds()
    return { near, far }
  }

  async #connecting(place: Listening, options: VEndpointOptions): Promise<[VTLSClientSocketAgent, IVFarEnd]> {
    const near = this.agent(null, options)
    near.connect(place.peer)
    return [near, this.far(await place.next())]
  }

  async #accepting(place: Listening, options: VEndpointOptions): Promise<[VTLSClientSocketAgent, IVFarEnd]> {
    const raw = await connected(place.peer)
    return [this.agent(await place.next(), options), this.far(raw)]
  }

  get #versions(): { minVersion: VTLSVersion; maxVersion: VTLSVersion } {
    return { minVersion: this.#options.version, maxVersion: this.#options.version }
  }

  /** The far side of TLS on the far side of a connection. */
  far(raw: Socket): IVFarEnd & { readonly socket: Socket } {
    this.#keep(raw)
    return farTLS({ input: raw, output: raw, reset: () => raw.resetAndDestroy() }, this.#options)
  }

  place(): Listening {
    const place = ready.shift()
    if (place === undefined) throw new Error('no place is ready: prepare more')
    this.#places.push(place)
    return place
  }

  agent(
    socket: ConstructorParameters<typeof VTLSClientSocketAgent>[1],
    options: VEndpointOptions = {},
  ): VTLSClientSocketAgent {
    const { certificates, side } = this.#options
    const common = { ...certificates.server, ...this.#versions }
    const trusted = certificates.authority.cert
    const tls = side === 'server' ? new VTLSServerContext(common) : { trusted, ...this.#versions }
    const agent = new VTLSClientSocketAgent(this.reactor, socket, { ...agentOptions(options), tls })
    this.#agents.push(agent)
    return agent
  }

  /** What has passed at the far sides. */
  get movedBytes(): number {
    return this.#sockets.reduce((sum, socket) => sum + socket.bytesRead + socket.bytesWritten, 0)
  }

  async close(): Promise<void> {
    for (const place of this.#places) place.close()
    for (const agent of this.#agents) agent.reset()
    for (const socket of this.#sockets) socket.destroy()
    await preparePlaces()
  }

  #keep(socket: Socket): Socket {
    this.#sockets.push(socket)
    return socket
  }
}

/** The options of an endpoint in the words of the agent. */
export function agentOptions(options: VEndpointOptions): VTLSClientSocketAgentOptions {
  const { maxReadBytes, maxWriteBytes, bufferBytes, halfClosePolicy } = options
  return {
    ...(maxReadBytes === undefined ? {} : { maxRead: maxReadBytes }),
    ...(maxWriteBytes === undefined ? {} : { maxWrite: maxWriteBytes }),
    ...(bufferBytes === undefined ? {} : { wbufLen: bufferBytes }),
    ...(halfClosePolicy === undefined ? {} : { halfClosePolicy }),
  }
}

/** A rig of TLS agents on TCP sockets. Those that can be connected are clients. */
export function tlsEndpointRig(options: FarTLSOptions): IVEndpointRig {
  const world = new AgentWorld(options)
  const { reactor } = world
  return {
    reactor,
    log: new VProbeLog(),
    // On top of the road of the socket: what TLS holds at the near side, its framing, and Node's at the far side. The
    // system's share grows while it is in use; what TLS itself holds is looked at where there is no system.
    roadBytes: roadBytesOf('tcp4') + 32 * 65_536,
    connected: (more) => world.pair(more),
    connectable: (outcome, more) => {
      const place = world.place()
      if (outcome === 'refuse') place.close()
      const device = new VNetDevice(null, outcome === 'hang' ? { opener: () => () => undefined } : {})
      let attempts = 0
      const connect = device.connect.bind(device)
      device.connect = (peer) => {
        attempts += 1
        connect(peer)
      }
      // A connection is one only once the far side has had its part of the handshake.
      const far = outcome === 'succeed' ? farLater(place.next().then((raw) => world.far(raw))) : undefined
      return {
        near: world.agent(device, more),
        target: place.peer,
        attempts: () => attempts,
        far: () => far as IVFarEnd,
      }
    },
    until: eventually,
    // What passes has more to do on its way than bytes that are not sealed.
    quiet: async () => {
      for (let [still, moved] = [0, -1]; still < 3; ) {
        await reactor.quiet()
        still = world.movedBytes === moved ? still + 1 : 0
        moved = world.movedBytes
      }
    },
    failures: () => world.failures,
    close: async () => {
      await world.close()
      reactor.stop()
    },
  }
}
