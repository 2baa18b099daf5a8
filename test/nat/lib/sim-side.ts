/**
 * A simulated host with sockets on which machines run, as drivers let them run on real ones.
 */
import { type VIPSocketPeer, VTransmitBatch } from '@vio/io'
import type { VLane } from '@vio/nat'
import type { IVMachine } from '@vio/vudp'
import { SimCall, type SimHost, type SimWorld } from '@vio/vudp/testing'

/** How a machine is attached. */
export interface Attachment<E> {
  readonly machine: IVMachine<E>
  /** The port of the host that it sends from. */
  readonly port: number
  /** Which datagrams of that port are its; by default all. */
  readonly takes?: (bytes: Buffer, from: VIPSocketPeer) => boolean
  readonly onEvent?: (now: number, event: E) => void
  /** Turns what the machine calls a peer into a port and an address. */
  readonly send?: (peer: VIPSocketPeer, bytes: Buffer) => void
  /** Turns an address into what the machine calls it. */
  readonly nameOf?: (port: number, from: VIPSocketPeer) => VIPSocketPeer | null
  /** True to take from every port. */
  readonly everyPort?: boolean
}

interface Attached {
  readonly options: Attachment<unknown>
  readonly timer: SimCall
}

/** Machines on the sockets of one host. */
export class SimSide {
  readonly world: SimWorld
  readonly host: SimHost
  readonly #attached: Attached[] = []
  readonly #batch = new VTransmitBatch(Buffer.alloc(2_000))

  constructor(world: SimWorld, host: SimHost) {
    this.world = world
    this.host = host
  }

  /** Opens a socket and returns its port. */
  open(wanted = 0): number {
    const port = this.host.open(wanted, (now, { from, bytes }) => {
      for (const each of [...this.#attached]) {
        const { machine, takes, nameOf, everyPort } = each.options
        if (everyPort !== true && each.options.port !== port) continue
        if (takes !== undefined && !takes(bytes, from)) continue
        const name = nameOf === undefined ? from : nameOf(port, from)
        if (name !== null) machine.handleDatagram(now, name, Buffer.from(bytes))
        this.#work(now, each)
      }
    })
    return port
  }

  /** The address of a socket. */
  local(port: number): VIPSocketPeer {
    return this.world.network.peer(this.host.address, port)
  }

  /** Lets a machine run on a socket; `poke` after calling it from outside. */
  attach<E>(options: Attachment<E>): { poke: () => void; detach: () => void } {
    const each: Attached = {
      options: options as Attachment<unknown>,
      timer: new SimCall((now) => {
        options.machine.handleTimeout(now)
        this.#work(now, each)
      }),
    }
    this.#attached.push(each)
    const lane = options.machine as Partial<VLane<E>>
    if ('wake' in options.machine) lane.wake = () => this.#work(this.world.now, each)
    return {
      poke: () => this.#work(this.world.now, each),
      detach: () => {
        this.#attached.splice(this.#attached.indexOf(each), 1)
        this.world.schedule(each.timer, Number.POSITIVE_INFINITY)
      },
    }
  }

  #work(now: number, each: Attached): void {
    const { machine, port, onEvent, send } = each.options
    for (let event = machine.pollEvent(); event !== undefined; event = machine.pollEvent())
      onEvent?.(now, event)
    const batch = this.#batch
    while (machine.pollTransmit(now, batch)) {
      for (let at = batch.start; at < batch.end; at += batch.segmentBytes) {
        const bytes = Buffer.from(batch.buffer.subarray(at, Math.min(at + batch.segmentBytes, batch.end)))
        const peer = batch.peer as VIPSocketPeer
        if (send === undefined) this.host.send(now, port, peer, bytes)
        else send(peer, bytes)
      }
      batch.clear()
    }
    for (let event = machine.pollEvent(); event !== undefined; event = machine.pollEvent())
      onEvent?.(now, event)
    const dueAt = machine.pollTimeout()
    this.world.schedule(each.timer, dueAt === Number.POSITIVE_INFINITY ? dueAt : Math.max(dueAt, now))
  }
}
