/**
 * The sockets of a connecter, and the machines on them.
 *
 * Decides whose a datagram is, and gives each machine its turns. The sockets of lane 0 are those whose addresses the peer
 * is told, one for each family; further lanes have one socket each. The connection reads and writes the same sockets by way
 * of the port that is set as `rest`. Invariants: a datagram goes to the first that takes it, else to the connection; a
 * socket is read in turns of the reactor only; after `close` nobody is called.
 */
import {
  type IVDatagramHandler,
  type IVDatagramPort,
  type VFailure,
  VFIOCompleted,
  type VIPSocketPeer,
  VTransmitBatch,
} from '@vio/io'
import type { IVReactor, IVTask, VScheduledCall } from '@vio/reactor'
import type { IVMachine } from '@vio/vudp'
import type { VLane } from '../lane.js'

/** How a machine is put on the sockets. */
export interface HubMember<E> {
  readonly machine: IVMachine<E>
  /** The lane that it sends from and listens to. By default 0. */
  readonly lane?: number
  /** Which datagrams are its. */
  readonly takes: (bytes: Buffer, from: VIPSocketPeer) => boolean
  readonly onEvent: (event: E) => void
}

/** A machine that was put on the sockets. */
export interface HubPlace {
  /** The machine was called from outside: it is polled. */
  poke(): void
  /** Takes it off. */
  remove(): void
}

/** Who takes what no machine does. */
export interface HubRest extends IVDatagramHandler {
  /** Told before `handleDatagram` which lane it came on. */
  lane: number
}

interface Socket {
  readonly lane: number
  readonly port: IVDatagramPort
}

const BATCH_BYTES = 2_048
const MAX_PER_TURN = 256
const NEVER = Number.POSITIVE_INFINITY

/** The sockets. */
export class SocketHub implements IVTask {
  readonly reactor: IVReactor
  /** Told when the sockets have something to read or take something again. Where it is null, the hub reads by itself. */
  reader: (() => void) | null = null
  readonly #sockets: Socket[] = []
  readonly #members: Member[] = []
  readonly #batch = new VTransmitBatch(Buffer.allocUnsafe(BATCH_BYTES))
  #posted = false
  #rest: HubRest | null = null
  #closed = false

  constructor(reactor: IVReactor) {
    this.reactor = reactor
  }

  /** The sockets of lane 0. */
  get main(): readonly IVDatagramPort[] {
    return this.#sockets.filter(({ lane }) => lane === 0).map(({ port }) => port)
  }

  /** True if a socket has something to read. */
  get readable(): boolean {
    for (const { port } of this.#sockets) if (port.readable) return true
    return false
  }

  /** Adds a socket, which is the hub's from now on. */
  add(lane: number, port: IVDatagramPort): void {
    if (this.#closed) {
      port.close()
      return
    }
    this.#sockets.push({ lane, port })
    port.onReady(() => this.#ready())
    this.#ready()
  }

  /** Closes the socket of a lane other than 0. */
  drop(lane: number): void {
    const at = this.#sockets.findIndex((each) => each.lane === lane)
    if (at === -1 || lane === 0) return
    this.#sockets.splice(at, 1)[0]?.port.close()
  }

  /** The socket that leads from a lane to a peer. */
  socketTo(lane: number, peer: VIPSocketPeer): IVDatagramPort | undefined {
    const version = peer.ipVersion
    for (const each of this.#sockets) {
      if (each.lane === lane && each.port.localPeer.ipVersion === version && each.port.closed === null)
        return each.port
    }
    return undefined
  }

  /** Puts a machine on the sockets. */
  attach<E>(member: HubMember<E>): HubPlace {
    const place = new Member(this, member as HubMember<unknown>)
    this.#members.push(place)
    // A lane tells when something is put on it from elsewhere.
    if ('wake' in member.machine) (member.machine as unknown as VLane<E>).wake = () => place.poke()
    return place
  }

  /** Names who takes what no machine does. */
  setRest(rest: HubRest): void {
    this.#rest = rest
  }

  /** Reads; called in turns by whoever is the reader. Returns how many datagrams there were. */
  read(max: number): number {
    let count = 0
    for (const socket of this.#sockets) {
      if (count >= max) break
      if (!socket.port.readable) continue
      this.#lane = socket.lane
      count += socket.port.receive(this.#handler, max - count)
    }
    return count
  }

  /** Sends one datagram that is complete. What the socket does not take is lost, as on any link. */
  send(lane: number, peer: VIPSocketPeer, batch: VTransmitBatch): void {
    const port = this.socketTo(lane, peer)
    if (port?.writable === true) port.send(batch)
    batch.clear()
  }

  /** Ends it all: machines are forgotten, sockets closed. */
  close(reason: VFailure = new VFIOCompleted()): void {
    this.#closed = true
    for (const member of [...this.#members]) member.remove()
    for (const { port } of this.#sockets.splice(0)) {
      port.onReady(() => undefined)
      port.close(reason)
    }
    this.reader = null
    this.#rest = null
  }

  /** One turn of the hub's own, called by the reactor. */
  runTask(): void {
    this.#posted = false
    if (this.#closed || this.reader !== null) return
    this.read(MAX_PER_TURN)
    if (this.readable) this.#ready()
  }

  /** Lets a machine run; for the members. */
  work(member: Member): void {
    const { machine, lane = 0, onEvent } = member.member
    const now = this.reactor.time()
    const batch = this.#batch
    member.tell(onEvent)
    while (member.isHere && machine.pollTransmit(now, batch)) {
      const { peer } = batch
      if (peer !== null) this.send(lane, peer, batch)
      batch.clear()
    }
    member.tell(onEvent)
  }

  /** Takes a machine off; for the members. */
  forget(member: Member): void {
    const at = this.#members.indexOf(member)
    if (at !== -1) this.#members.splice(at, 1)
  }

  #lane = 0

  readonly #handler: IVDatagramHandler = {
    handleDatagram: (bytes, start, end, from) => this.#take(bytes, start, end, from),
  }

  #take(bytes: Buffer, start: number, end: number, from: VIPSocketPeer): void {
    const lane = this.#lane
    const isWhole = start === 0 && end === bytes.length
    // VUT's own data is most of what comes, and is never a machine's.
    if (((bytes[start] ?? 0) & 0xc0) !== 0x40) {
      const whole = isWhole ? bytes : bytes.subarray(start, end)
      for (const member of this.#members) {
        if ((member.member.lane ?? 0) !== lane || !member.member.takes(whole, from)) continue
        member.take(from, whole)
        return
      }
    }
    const rest = this.#rest
    if (rest === null) return
    rest.lane = lane
    rest.handleDatagram(bytes, start, end, from)
  }

  #ready(): void {
    if (this.reader !== null) this.reader()
    else if (!this.#posted && !this.#closed) {
      this.#posted = true
      this.reactor.post(this)
    }
  }
}

/** One machine on the sockets. */
class Member implements HubPlace {
  readonly member: HubMember<unknown>
  isHere = true
  readonly #hub: SocketHub
  #timer: VScheduledCall | null = null
  #timerAt = NEVER
  #isWorking = false
  #isAskedAgain = false

  constructor(hub: SocketHub, member: HubMember<unknown>) {
    this.#hub = hub
    this.member = member
  }

  poke(): void {
    if (!this.isHere) return
    if (this.#isWorking) {
      this.#isAskedAgain = true
      return
    }
    this.#isWorking = true
    do {
      this.#isAskedAgain = false
      this.#hub.work(this)
    } while (this.#isAskedAgain && this.isHere)
    this.#isWorking = false
    this.#arm()
  }

  take(from: VIPSocketPeer, bytes: Buffer): void {
    this.member.machine.handleDatagram(this.#hub.reactor.time(), from, bytes)
    this.poke()
  }

  tell(onEvent: (event: unknown) => void): void {
    while (this.isHere) {
      const event = this.member.machine.pollEvent()
      if (event === undefined) return
      onEvent(event)
    }
  }

  remove(): void {
    this.isHere = false
    this.#disarm()
    this.#hub.forget(this)
  }

  #arm(): void {
    const dueAt = this.isHere ? this.member.machine.pollTimeout() : NEVER
    if (dueAt === NEVER) {
      this.#disarm()
      return
    }
    if (this.#timer !== null && this.#timerAt === dueAt) return
    const delayMs = Math.max(0, dueAt - this.#hub.reactor.time())
    this.#timerAt = dueAt
    if (this.#timer === null) this.#timer = this.#hub.reactor.schedule(delayMs, this.#onTimer)
    else this.#timer.reset(delayMs)
  }

  readonly #onTimer = (): void => {
    this.#timer = null
    this.#timerAt = NEVER
    this.member.machine.handleTimeout(this.#hub.reactor.time())
    this.poke()
  }

  #disarm(): void {
    this.#timer?.cancel()
    this.#timer = null
    this.#timerAt = NEVER
  }
}
