/**
 * Connection ids of both sides: which are in use, which are spare (VUT 2 and 4).
 *
 * Decides which id goes into the header, on the path in use and to addresses beside it, when one is given up, which ids
 * the peer may use, and which tokens end the connection. Who sees two paths is not to learn from ids that they belong
 * together, as far as there are ids: one is used on one path only, unless a NAT has changed the path on the way. Invariants:
 * an id is told with its token before it is used; a bounded number of ids is kept for either side.
 */
import type { VIPSocketPeer } from '@vio/io'
import type { VUDPMeans } from '../config.js'
import type { VUDPHooks } from '../engine.js'
import { ProtocolFault, VUT_CODE } from '../errors.js'
import { VUT1 } from '../profile.js'
import type { DatagramBuilder } from './builder.js'
import { FRAME, numbersSize, writeNumbers, writeWithBytes } from './frames.js'
import { keptCopy } from './kept.js'
import { resetToken } from './key-schedule.js'

/** One of the peer's: the id, and behind it its token where it has one. */
interface PeerId {
  readonly sequence: number
  readonly bytes: Buffer
}

/** One of ours, as the two signed words that a header is compared with. */
interface LocalId {
  readonly sequence: number
  readonly high: number
  readonly low: number
}

/** One of the peer's that is kept for an address beside the path in use. */
interface AsideId {
  readonly peer: VIPSocketPeer
  readonly id: PeerId
}

/** One of the peer's that was in use: it is given up once nothing below that number is in flight. */
interface LeavingId {
  readonly id: PeerId
  readonly below: number
}

/** For so many addresses beside the path in use an id is kept. */
const MAX_ASIDE = 2

/** Where the octets of one of ours are put together to be looked at. */
const SCRATCH: Buffer = Buffer.alloc(VUT1.idBytes)

const NONE: readonly number[] = []
const NOT_ASIDE: readonly AsideId[] = []
const NOT_LEAVING: readonly LeavingId[] = []

/** The ids of one connection. */
export class ConnectionIds {
  readonly #means: VUDPMeans
  readonly #resetKey: Buffer
  readonly #hooks: VUDPHooks
  /** Ours: what the peer puts into its headers. */
  #local: LocalId[] = []
  #nextLocal = 1
  /** The peer's: the first one is in use. */
  #peer: PeerId[] = []
  #dcid: Buffer = SCRATCH
  #highestPeer = 0
  /** Sequences whose NEW_ID or RETIRE_ID is owed; few, and mostly none. */
  #owedNew: readonly number[] = NONE
  #owedRetire: readonly number[] = NONE
  /** Sequences that were passed over by one that came earlier. */
  #missing: readonly number[] = NONE
  #aside: readonly AsideId[] = NOT_ASIDE
  #leaving: readonly LeavingId[] = NOT_LEAVING
  /** Which one of ours the last datagram bore, and which one the last that was followed. */
  #heard = 0
  #followed = 0

  constructor(means: VUDPMeans, resetKey: Buffer, hooks: VUDPHooks, first: Buffer) {
    this.#means = means
    this.#resetKey = resetKey
    this.#hooks = hooks
    this.#addLocal(0, first)
  }

  /** What goes into the header. */
  get dcid(): Buffer {
    return this.#dcid
  }

  /** True if there is a frame to send. */
  get hasWork(): boolean {
    return this.#owedNew.length > 0 || this.#owedRetire.length > 0
  }

  /** The peer's first id is known. */
  start(id: Buffer, token: Buffer): void {
    this.#peer = [{ sequence: 0, bytes: keptCopy(Buffer.concat([id, token])) }]
    this.#use()
    if (token.length > 0) this.#hooks.idAdded?.(token)
  }

  /** Gives the peer, once it has proved itself, as many ids as it may have; not faster than they are told. */
  issue(): void {
    while (this.#local.length < VUT1.localIds && this.#owedNew.length < VUT1.localIds) {
      if (this.#nextLocal > VUT1.maxIdSequence) return
      this.#means.random.fillPublic(SCRATCH)
      this.#addLocal(this.#nextLocal, SCRATCH)
      this.#owedNew = [...this.#owedNew, this.#nextLocal]
      this.#nextLocal += 1
    }
  }

  /** True if a datagram with this header is for us. */
  isLocal(bytes: Buffer, at: number): boolean {
    if (bytes.length < at + VUT1.idBytes) return false
    const high = bytes.readInt32BE(at)
    const low = bytes.readInt32BE(at + 4)
    for (const id of this.#local) {
      if (id.low !== low || id.high !== high) continue
      this.#heard = id.sequence
      return true
    }
    return false
  }

  /** True if the peer has no memory of the connection: `token` is one of its own. */
  isReset(token: Buffer): boolean {
    let found = false
    for (const each of this.#peer) {
      const own = tokenOf(each)
      if (own.length > 0 && this.#means.crypto.equal(own, token)) found = true
    }
    return found
  }

  /** What goes into the header of a datagram to an address beside the path in use. */
  dcidFor(peer: VIPSocketPeer): Buffer {
    for (const aside of this.#aside)
      if (aside.peer.equals(peer)) return aside.id.bytes.subarray(0, VUT1.idBytes)
    return this.#dcid
  }

  /** Keeps an id for an address that this side asks on its own account, if there is one. */
  reserve(peer: VIPSocketPeer): void {
    if (this.#aside.some((aside) => aside.peer.equals(peer))) return
    const [oldest] = this.#aside
    if (oldest !== undefined && this.#aside.length >= MAX_ASIDE) {
      this.#aside = this.#aside.slice(1)
      this.#retire(oldest.id)
    }
    const id = this.#spare
    if (id !== undefined) this.#aside = this.#aside.concat({ peer, id })
  }

  /** The peer asks from an address beside the path in use: if under another id of ours, it wants the two kept apart. */
  onAsked(peer: VIPSocketPeer): void {
    if (this.#heard !== this.#followed) this.reserve(peer)
  }

  /**
   * The connection has moved to `peer`, by itself or `isOwn`, before `nextNumber` was sent. The id is another one then,
   * but for a peer that still uses the same one of ours: it does not know of the move, and a NAT may do that every second.
   */
  onMoved(peer: VIPSocketPeer, isOwn: boolean, nextNumber: number): void {
    const kept = this.#aside.find((aside) => aside.peer.equals(peer))
    if (kept !== undefined) this.#aside = this.#aside.filter((aside) => aside !== kept)
    const next = kept?.id ?? (isOwn || this.#heard !== this.#followed ? this.#spare : undefined)
    const [used] = this.#peer
    if (next === undefined || used === undefined) return
    this.#peer = [next, ...this.#peer.filter((each) => each !== next)]
    this.#leaving = this.#leaving.concat({ id: used, below: nextNumber })
    this.#use()
  }

  /** A datagram that counts for where the peer is has been taken. */
  onFollowed(): void {
    this.#followed = this.#heard
  }

  /** True while an id waits for what was sent under it. */
  get isLeaving(): boolean {
    return this.#leaving.length > 0
  }

  /** Gives up what was in use, where nothing of it is in flight: the peer drops what comes under such an id. */
  settle(oldestNumber: number): void {
    for (const leaving of this.#leaving) {
      if (leaving.below > oldestNumber) continue
      this.#leaving =
        this.#leaving.length === 1 ? NOT_LEAVING : this.#leaving.filter((each) => each !== leaving)
      this.#retire(leaving.id)
    }
  }

  /** NEW_ID: `data` is the id and its token. @throws ProtocolFault if the peer gives more than it may */
  onNew(sequence: number, data: Buffer): void {
    if (sequence <= this.#highestPeer && !this.#missing.includes(sequence)) return
    if (sequence > VUT1.maxIdSequence)
      throw new ProtocolFault(VUT_CODE.frame, `an id with sequence ${sequence}`)
    if (this.#peer.length >= 2 * VUT1.localIds)
      throw new ProtocolFault(VUT_CODE.frame, 'more ids than were asked for')
    const passed = Math.max(0, sequence - this.#highestPeer - 1)
    if (this.#missing.length + passed > VUT1.maxMissingIds)
      throw new ProtocolFault(VUT_CODE.frame, 'ids with too many gaps')
    for (let skipped = this.#highestPeer + 1; skipped < sequence; skipped += 1)
      this.#missing = [...this.#missing, skipped]
    this.#missing = without(this.#missing, sequence)
    this.#highestPeer = Math.max(this.#highestPeer, sequence)
    const peerId = { sequence, bytes: keptCopy(data) }
    this.#peer = this.#peer.concat(peerId)
    this.#hooks.idAdded?.(tokenOf(peerId))
  }

  /** RETIRE_ID: the peer no longer uses one of ours, and gets another. @throws ProtocolFault if it never had it */
  onRetire(sequence: number): void {
    if (sequence >= this.#nextLocal) throw new ProtocolFault(VUT_CODE.frame, `id ${sequence} was never given`)
    const retired = this.#local.find((each) => each.sequence === sequence)
    if (retired === undefined) return
    this.#local = this.#local.filter((each) => each !== retired)
    this.#hooks.idRemoved?.(octetsOf(retired))
    this.issue()
  }

  /** Writes what is owed, as far as there is room. */
  write(builder: DatagramBuilder): void {
    this.issue()
    for (const sequence of this.#owedRetire) {
      if (numbersSize(FRAME.retireId, sequence) > builder.room) return
      builder.wrote(writeNumbers(builder.bytes, builder.at, FRAME.retireId, sequence))
      builder.packet?.addControl(FRAME.retireId, null, sequence)
      this.#owedRetire = without(this.#owedRetire, sequence)
    }
    for (const sequence of this.#owedNew) {
      if (!this.#writeNew(builder, sequence)) return
      this.#owedNew = without(this.#owedNew, sequence)
    }
  }

  /** A frame of ours was lost. */
  onLost(type: number, sequence: number): void {
    if (type === FRAME.retireId) this.#owedRetire = [...without(this.#owedRetire, sequence), sequence]
    else if (this.#local.some((each) => each.sequence === sequence))
      this.#owedNew = [...without(this.#owedNew, sequence), sequence]
  }

  /** The connection is over. */
  clear(): void {
    for (const each of this.#local) this.#hooks.idRemoved?.(octetsOf(each))
    for (const each of this.#peer) this.#forgetToken(each)
    this.#local = []
    this.#owedNew = NONE
    this.#owedRetire = NONE
    this.#aside = NOT_ASIDE
    this.#leaving = NOT_LEAVING
  }

  #addLocal(sequence: number, id: Buffer): void {
    const local = { sequence, high: id.readInt32BE(0), low: id.readInt32BE(4) }
    // An array that grows takes room for seventeen at once.
    this.#local = this.#local.concat(local)
    this.#hooks.idAdded?.(id)
  }

  /** One that no path has used yet. */
  get #spare(): PeerId | undefined {
    return this.#peer.find(
      (each, at) =>
        at > 0 && this.#aside.every(({ id }) => id !== each) && this.#leaving.every(({ id }) => id !== each),
    )
  }

  #retire(peerId: PeerId): void {
    this.#peer = this.#peer.filter((each) => each !== peerId)
    this.#owedRetire = [...this.#owedRetire, peerId.sequence]
    this.#forgetToken(peerId)
  }

  #use(): void {
    this.#dcid = (this.#peer[0] as PeerId).bytes.subarray(0, VUT1.idBytes)
  }

  #forgetToken(peerId: PeerId): void {
    const token = tokenOf(peerId)
    if (token.length > 0) this.#hooks.idRemoved?.(token)
  }

  #writeNew(builder: DatagramBuilder, sequence: number): boolean {
    const local = this.#local.find((each) => each.sequence === sequence)
    if (local === undefined) return true
    const id = octetsOf(local)
    const data = Buffer.concat([id, resetToken(this.#means.crypto, this.#resetKey, id)])
    if (numbersSize(FRAME.newId, sequence) + data.length > builder.room) return false
    builder.wrote(writeWithBytes(builder.bytes, builder.at, [FRAME.newId, sequence], data))
    builder.packet?.addControl(FRAME.newId, null, sequence)
    return true
  }
}

/** Lent until the next call. */
function octetsOf({ high, low }: LocalId): Buffer {
  SCRATCH.writeInt32BE(high, 0)
  SCRATCH.writeInt32BE(low, 4)
  return SCRATCH
}

function tokenOf({ bytes }: PeerId): Buffer {
  return bytes.subarray(VUT1.idBytes)
}

function without(sequences: readonly number[], sequence: number): readonly number[] {
  const left = sequences.filter((each) => each !== sequence)
  return left.length === 0 ? NONE : left
}
