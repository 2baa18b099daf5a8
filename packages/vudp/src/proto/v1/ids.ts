/**
 * Connection ids of both sides: which are in use, which are spare (VUT 2 and 4).
 *
 * Decides which id goes into the header, which ids the peer may use, and which tokens end the connection. Invariants: an
 * id is told with its token before it is used; a bounded number of ids is kept for either side.
 */
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

/** Where the octets of one of ours are put together to be looked at. */
const SCRATCH: Buffer = Buffer.alloc(VUT1.idBytes)

const NONE: readonly number[] = []

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
    for (const id of this.#local) if (id.low === low && id.high === high) return true
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

  /** Takes a fresh id for another path, if there is one, and gives the present one up. */
  change(): void {
    if (this.#peer.length < 2) return
    const used = this.#peer[0] as PeerId
    this.#peer = this.#peer.slice(1)
    this.#owedRetire = [...this.#owedRetire, used.sequence]
    this.#use()
    this.#forgetToken(used)
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
  }

  #addLocal(sequence: number, id: Buffer): void {
    const local = { sequence, high: id.readInt32BE(0), low: id.readInt32BE(4) }
    // An array that grows takes room for seventeen at once.
    this.#local = this.#local.concat(local)
    this.#hooks.idAdded?.(id)
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
