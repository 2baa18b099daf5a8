/**
 * A relay and two connecters in one process, on loopback.
 */
import type { Duplex } from 'node:stream'
import { VFIOLost } from '@vio/io'
import { toNodeDuplex } from '@vio/io/facade'
import {
  type VConnecterEvent,
  VRelayHost,
  type VRelayHostOptions,
  VUDPConnecter,
  type VUDPConnecterOptions,
} from '@vio/nat'
import { VReactor } from '@vio/reactor'
import type { VUDPTransport } from '@vio/vudp'

/** One side. */
export class Side {
  readonly events: VConnecterEvent[] = []
  readonly connecter: VUDPConnecter
  readonly #abort = new AbortController()
  readonly connecting: Promise<VUDPTransport>
  #waiting: (() => void)[] = []

  constructor(reactor: VReactor, options: VUDPConnecterOptions) {
    this.connecter = new VUDPConnecter(reactor, {
      bind: '127.0.0.1',
      portMapping: false,
      ...options,
      onEvent: (event) => {
        this.events.push(event)
        for (const call of this.#waiting.splice(0)) call()
        options.onEvent?.(event)
      },
    })
    this.connecting = this.connecter.connect({ signal: this.#abort.signal })
    this.connecting.catch(() => undefined)
  }

  /** Gives it up. */
  abort(reason: unknown): void {
    this.#abort.abort(reason)
  }

  /** The events of a type. */
  of<T extends VConnecterEvent['type']>(type: T): Extract<VConnecterEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<VConnecterEvent, { type: T }> => event.type === type)
  }

  /** The phases in their order. */
  get phases(): string[] {
    return this.of('phase').map(({ phase }) => phase)
  }

  /** Waits until what was told fits. */
  async until(done: () => boolean): Promise<void> {
    while (!done()) await new Promise<void>((told) => this.#waiting.push(told))
  }

  /** The code that it made. */
  async code(): Promise<string> {
    await Promise.race([this.until(() => this.of('code').length > 0), this.connecting])
    return this.of('code')[0]?.code ?? ''
  }
}

/** A relay, and whoever meets there. */
export class Ground implements AsyncDisposable {
  readonly reactor = new VReactor()
  readonly hosts: VRelayHost[] = []
  readonly sides: Side[] = []

  /** Begins with so many relays. */
  static async open(relays = 1, options: VRelayHostOptions = {}): Promise<Ground> {
    const ground = new Ground()
    ground.reactor.start()
    for (let index = 0; index < relays; index += 1) await ground.openRelay(options)
    return ground
  }

  /** Opens another relay. */
  async openRelay(options: VRelayHostOptions = {}): Promise<VRelayHost> {
    const host = new VRelayHost(this.reactor, { host: '127.0.0.1', port: 0, otherPort: 0, ...options })
    await host.listen()
    this.hosts.push(host)
    return host
  }

  /** The names of the relays. */
  get relays(): string[] {
    return this.hosts.map(({ address }) => String(address))
  }

  /** A side. */
  side(options: Partial<VUDPConnecterOptions> = {}): Side {
    const side = new Side(this.reactor, { relays: this.relays, ...options })
    this.sides.push(side)
    return side
  }

  /** Two that meet. */
  async pair(
    a: Partial<VUDPConnecterOptions> = {},
    b: Partial<VUDPConnecterOptions> = {},
  ): Promise<readonly [Side, Side]> {
    const maker = this.side(a)
    const joiner = this.side({ ...b, code: await maker.code() })
    return [maker, joiner]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { connecter } of this.sides) connecter.close()
    for (const side of this.sides) {
      const transport = await side.connecting.catch(() => null)
      transport?.closeIO(new VFIOLost())
      await side.connecter.whenReleased
    }
    for (const host of this.hosts) await host.close()
    this.reactor.stop()
  }
}

/** The stream of a transport for Node. */
export function streamOf(transport: VUDPTransport): Duplex {
  return toNodeDuplex(transport.byteIO)
}

/** All bytes of a stream. */
export async function allOf(stream: Duplex): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of stream) pieces.push(piece as Buffer)
  return Buffer.concat(pieces)
}
