/**
 * One machine out of many: the engines that share a port.
 *
 * Decides which engine a datagram belongs to, by what stands in it or by where it comes from, and gives the engines their
 * turns in rotation. It makes no engine; what belongs to none is handed to its owner. Invariants: the work for a datagram
 * does not grow with the number of engines; an engine that was released is never called again.
 */
import { type VFailure, VFIOLost, VIOLost, type VIPSocketPeer, type VTransmitBatch } from '@vio/io'
import type { IVMachine } from '../machine.js'
import type { IVUDPEngine } from '../proto/engine.js'
import { VUT1 } from '../proto/profile.js'
import { Fifo } from '../proto/v1/fifo.js'
import { keptCopy } from '../proto/v1/kept.js'
import { isData, KIND } from '../proto/v1/packet.js'
import { HookRelay } from './core.js'
import { DueHeap, DueMember } from './due-heap.js'
import { IdTable } from './id-table.js'
import type { IVUDPRunner, RunnerClient } from './runner.js'

/** What the demux asks of its owner. */
export interface DemuxOwner {
  /** A datagram belongs to none. Says who it belongs to after all, or null. `tag` names its session where it has one. */
  onUnknown(now: number, from: VIPSocketPeer, bytes: Buffer, tag: Buffer | null): DemuxMember | null
  /** An engine is through, and was let go of. */
  onReleased(member: DemuxMember): void
  /** An engine failed, which is a defect. */
  onFailure(error: unknown): void
  /** Something is to be sent or told: the pump is to be kicked. */
  kick(): void
}

/** An engine among others. */
export class DemuxMember extends DueMember implements IVUDPRunner {
  readonly hooks: MemberHooks
  engine: IVUDPEngine | null = null
  client: RunnerClient | null = null
  /** What names its session; null while it has none. */
  tag: Buffer | null = null
  /** True between `add` and `remove`. */
  isHere = false
  /** It waits for its turn to tell, or to send. */
  toTell = false
  toSend = false
  readonly #demux: Demux

  constructor(demux: Demux, ids: IdTable<DemuxMember>) {
    super()
    this.#demux = demux
    this.hooks = new MemberHooks(this, ids)
  }

  kick(): void {
    this.#demux.touch(this)
  }

  release(): void {
    this.#demux.release(this)
  }
}

/** The hooks of an engine among others: its ids are noted. */
export class MemberHooks extends HookRelay {
  readonly #member: DemuxMember
  readonly #ids: IdTable<DemuxMember>

  constructor(member: DemuxMember, ids: IdTable<DemuxMember>) {
    super()
    this.#member = member
    this.#ids = ids
  }

  idAdded(id: Uint8Array): void {
    this.#ids.add(id, this.#member)
  }

  idRemoved(id: Uint8Array): void {
    this.#ids.remove(id, this.#member)
  }
}

const { tagBytes: TAG, idBytes: ID, tokenBytes: TOKEN } = VUT1
const TAG_AT = 1
const INIT_TAG_AT = 2

/** The engines of a port as one machine. It tells nothing itself: each engine tells its own client. */
export class Demux implements IVMachine<never> {
  readonly members: Set<DemuxMember> = new Set()
  readonly #owner: DemuxOwner
  readonly #ids = new IdTable<DemuxMember>()
  /** Those that are known by their address alone. */
  readonly #addresses = new Map<string, DemuxMember>()
  /** The same, by the peer objects that the port gives again. */
  readonly #known = new WeakMap<VIPSocketPeer, DemuxMember>()
  readonly #due = new DueHeap<DemuxMember>()
  readonly #telling = new Fifo<DemuxMember>()
  readonly #sending = new Fifo<DemuxMember>()
  /** Whose datagrams are in the batch that was filled last. */
  #lastSender: DemuxMember | null = null

  constructor(owner: DemuxOwner) {
    this.#owner = owner
  }

  /** A place for an engine; its hooks are to be given to the engine when it is made. */
  place(): DemuxMember {
    return new DemuxMember(this, this.#ids)
  }

  /** The engine has its place. `tag` names its session; without one it is known by its address. */
  add(member: DemuxMember, engine: IVUDPEngine, client: RunnerClient, tag: Buffer | null): void {
    member.engine = engine
    member.client = client
    member.tag = tag === null ? null : keptCopy(tag)
    member.isHere = true
    this.members.add(member)
    if (tag !== null) {
      this.#ids.add(tag, member)
    } else this.#addresses.set(addressOf(engine.peer), member)
    this.touch(member)
  }

  /** True if a session with this tag is here. */
  hasTag(tag: Buffer): boolean {
    return this.#ids.find(tag, 0, tag.length) !== undefined
  }

  /** True if a connection that is known by its address is at this one. */
  hasAddress(peer: VIPSocketPeer): boolean {
    return this.#addresses.has(addressOf(peer))
  }

  /** The engine was called from outside. */
  touch(member: DemuxMember): void {
    if (!member.isHere) return
    this.#queue(member)
    this.#owner.kick()
  }

  /** Lets go of an engine. */
  remove(member: DemuxMember): void {
    if (!this.members.delete(member)) return
    member.isHere = false
    this.#due.set(member, Number.POSITIVE_INFINITY)
    if (member.tag !== null) this.#ids.remove(member.tag, member)
    const address = member.engine === null ? '' : addressOf(member.engine.peer)
    if (this.#addresses.get(address) === member) this.#addresses.delete(address)
    if (this.#lastSender === member) this.#lastSender = null
  }

  /** Lets go of an engine that is through. */
  release(member: DemuxMember): void {
    this.remove(member)
    this.#owner.onReleased(member)
  }

  /** The port refused what was sent last. */
  refused(error: Error): void {
    this.#lastSender?.client?.onRefused(error)
  }

  /** There is no port any more. */
  cut(reason: VFailure): void {
    for (const member of [...this.members]) member.client?.onCut(reason)
  }

  handleDatagram(now: number, from: VIPSocketPeer, bytes: Buffer): void {
    const member = this.#find(from, bytes) ?? this.#owner.onUnknown(now, from, bytes, tagIn(bytes))
    if (member === null || !member.isHere) return
    this.#queue(member)
    try {
      member.engine?.handleDatagram(now, from, bytes)
    } catch (error) {
      this.#failed(member, error)
    }
  }

  handleTimeout(now: number): void {
    for (let member = this.#due.first; member !== undefined; member = this.#due.first) {
      if (member.dueAt > now) return
      try {
        this.#isDue(member, now)
      } catch (error) {
        this.#failed(member, error)
      }
    }
  }

  #isDue(member: DemuxMember, now: number): void {
    const dueAt = member.engine?.pollTimeout() ?? Number.POSITIVE_INFINITY
    // One that is still due afterwards has something to send, and gets its turn for that.
    this.#due.set(member, dueAt > now ? dueAt : Number.POSITIVE_INFINITY)
    if (dueAt > now) return
    this.#queue(member)
    member.engine?.handleTimeout(now)
  }

  pollTransmit(now: number, batch: VTransmitBatch): boolean {
    for (let member = this.#sending.shift(); member !== undefined; member = this.#sending.shift()) {
      member.toSend = false
      if (!member.isHere) continue
      if (this.#transmit(member, now, batch)) {
        this.#lastSender = member
        // Behind the others, as one batch is a turn.
        this.#queue(member)
        return true
      }
      if (member.isHere) this.#settle(member)
    }
    return false
  }

  /** For the one that sent last: where many do, nobody is waited for. */
  prepare(): void {
    this.#lastSender?.engine?.prepare?.()
  }

  #transmit(member: DemuxMember, now: number, batch: VTransmitBatch): boolean {
    try {
      return member.engine?.pollTransmit(now, batch) ?? false
    } catch (error) {
      batch.clear()
      this.#failed(member, error)
      return false
    }
  }

  /** An engine broke its contract: it goes, and the others stay. */
  #failed(member: DemuxMember, error: unknown): void {
    this.#owner.onFailure(error)
    member.client?.onCut(new VFIOLost(new VIOLost('the engine of the connection failed', { cause: error })))
    this.remove(member)
  }

  /** Not later than the first of them is due; it may be that none is yet. */
  pollTimeout(): number {
    return this.#due.nextAt
  }

  /** Lets each engine tell its client; there is never an event for the pump. */
  pollEvent(): undefined {
    for (let member = this.#telling.shift(); member !== undefined; member = this.#telling.shift()) {
      member.toTell = false
      this.#tell(member)
    }
    return undefined
  }

  #tell(member: DemuxMember): void {
    try {
      while (member.isHere) {
        const event = member.engine?.pollEvent()
        if (event === undefined) break
        member.client?.onEvent(event)
      }
      if (member.isHere) this.#settle(member)
    } catch (error) {
      this.#failed(member, error)
    }
  }

  /** Notes when it is due, and lets its client see whether it is through. */
  #settle(member: DemuxMember): void {
    if (member.engine === null) return
    const dueAt = member.engine.pollTimeout()
    // A later time is looked up when the earlier one has come: cheaper than moving it with each datagram.
    if (dueAt < member.dueAt || dueAt === Number.POSITIVE_INFINITY) this.#due.set(member, dueAt)
    if (member.engine.drained && !member.toTell) member.client?.onTurn()
  }

  #queue(member: DemuxMember): void {
    if (!member.toTell) {
      member.toTell = true
      this.#telling.push(member)
    }
    if (member.toSend) return
    member.toSend = true
    this.#sending.push(member)
  }

  #find(from: VIPSocketPeer, bytes: Buffer): DemuxMember | null {
    const found = this.#byId(bytes)
    if (found !== undefined) return found
    if (this.#addresses.size === 0) return null
    const known = this.#known.get(from)
    if (known?.isHere === true) return known
    const member = this.#addresses.get(addressOf(from))
    if (member !== undefined) this.#known.set(from, member)
    return member ?? null
  }

  #byId(bytes: Buffer): DemuxMember | undefined {
    const first = bytes[0] ?? 0
    if (isData(first) || first === KIND.resp) return this.#ids.find(bytes, TAG_AT, ID)
    if (first === KIND.reset) return this.#ids.find(bytes, bytes.length - TOKEN, TOKEN)
    const at = tagAt(first)
    return at === -1 ? undefined : this.#ids.find(bytes, at, TAG)
  }
}

/** Where the tag of a datagram with this first byte stands; -1 if it has none. */
function tagAt(first: number): number {
  if (first === KIND.init) return INIT_TAG_AT
  return first === KIND.punch || first === KIND.version ? TAG_AT : -1
}

function tagIn(bytes: Buffer): Buffer | null {
  const at = tagAt(bytes[0] ?? 0)
  return at === -1 || bytes.length < at + TAG ? null : bytes.subarray(at, at + TAG)
}

function addressOf(peer: VIPSocketPeer): string {
  return `${peer.host} ${peer.port}`
}
