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
import { resetToken } from './key-schedule.js'

interface PeerId {
  readonly sequence: number
  readonly id: Buffer
  readonly token: Buffer
}

/** One of ours; the two halves as numbers are what a header is compared with. */
interface LocalId {
  readonly sequence: number
  readonly id: Buffer
  readonly high: number
  readonly low: number
}

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
  #highestPeer = 0
  /** Sequences whose NEW_ID or RETIRE_ID is owed. */
  readonly #owedNew = new Set<number>()
  readonly #owedRetire = new Set<number>()

  constructor(means: VUDPMeans, resetKey: Buffer, hooks: VUDPHooks, first: Buffer) {
    this.#means = means
    this.#resetKey = resetKey
    this.#hooks = hooks
    this.#addLocal(0, first)
  }

  /** What goes into the header. */
  get dcid(): Buffer {
    return (this.#peer[0] as PeerId).id
  }

  /** True if there is a frame to send. */
  get hasWork(): boolean {
    return this.#owedNew.size > 0 || this.#owedRetire.size > 0
  }

  /** The peer's first id is known. */
  start(id: Buffer, token: Buffer): void {
    this.#peer = [{ sequence: 0, id, token }]
    if (token.length > 0) this.#hooks.idAdded?.(token)
  }

  /** Gives the peer, once it has proved itself, as many ids as it may have; not faster than they are told. */
  issue(): void {
    while (this.#local.length < VUT1.localIds && this.#owedNew.size < VUT1.localIds) {
      if (this.#nextLocal > VUT1.maxIdSequence) return
      const id = Buffer.alloc(VUT1.idBytes)
      this.#means.random.fillPublic(id)
      this.#addLocal(this.#nextLocal, id)
      this.#owedNew.add(this.#nextLocal)
      this.#nextLocal += 1
    }
  }

  /** True if a datagram with this header is for us. */
  isLocal(bytes: Buffer, at: number): boolean {
    if (bytes.length < at + VUT1.idBytes) return false
    const high = bytes.readUInt32BE(at)
    const low = bytes.readUInt32BE(at + 4)
    for (const id of this.#local) if (id.low === low && id.high === high) return true
    return false
  }

  /** True if the peer has no memory of the connection: `token` is one of its own. */
  isReset(token: Buffer): boolean {
    let found = false
    for (const { token: own } of this.#peer) {
      if (own.length > 0 && this.#means.crypto.equal(own, token)) found = true
    }
    return found
  }

  /** Takes a fresh id for another path, if there is one, and gives the present one up. */
  change(): void {
    if (this.#peer.length < 2) return
    const used = this.#peer.shift() as PeerId
    this.#owedRetire.add(used.sequence)
    if (used.token.length > 0) this.#hooks.idRemoved?.(used.token)
  }

  /** NEW_ID: `data` is the id and its token. @throws ProtocolFault if the peer gives more than it may */
  onNew(sequence: number, data: Buffer): void {
    if (sequence <= this.#highestPeer && !this.#isMissing(sequence)) return
    if (sequence > VUT1.maxIdSequence)
      throw new ProtocolFault(VUT_CODE.frame, `an id with sequence ${sequence}`)
    if (this.#peer.length >= 2 * VUT1.localIds)
      throw new ProtocolFault(VUT_CODE.frame, 'more ids than were asked for')
    for (let skipped = this.#highestPeer + 1; skipped < sequence; skipped += 1) this.#missing.add(skipped)
    if (this.#missing.size > VUT1.maxMissingIds)
      throw new ProtocolFault(VUT_CODE.frame, 'ids with too many gaps')
    this.#missing.delete(sequence)
    this.#highestPeer = Math.max(this.#highestPeer, sequence)
    const copy = Buffer.from(data)
    const token = copy.subarray(VUT1.idBytes)
    this.#peer.push({ sequence, id: copy.subarray(0, VUT1.idBytes), token })
    this.#hooks.idAdded?.(token)
  }

  /** RETIRE_ID: the peer no longer uses one of ours, and gets another. @throws ProtocolFault if it never had it */
  onRetire(sequence: number): void {
    if (sequence >= this.#nextLocal) throw new ProtocolFault(VUT_CODE.frame, `id ${sequence} was never given`)
    const retired = this.#local.find((each) => each.sequence === sequence)
    if (retired === undefined) return
    this.#local = this.#local.filter((each) => each !== retired)
    this.#hooks.idRemoved?.(retired.id)
    this.issue()
  }

  /** Writes what is owed, as far as there is room. */
  write(builder: DatagramBuilder): void {
    this.issue()
    for (const sequence of this.#owedRetire) {
      if (numbersSize(FRAME.retireId, sequence) > builder.room) return
      builder.wrote(writeNumbers(builder.bytes, builder.at, FRAME.retireId, sequence))
      builder.packet?.addControl(FRAME.retireId, null, sequence)
      this.#owedRetire.delete(sequence)
    }
    for (const sequence of this.#owedNew) {
      if (!this.#writeNew(builder, sequence)) return
      this.#owedNew.delete(sequence)
    }
  }

  /** A frame of ours was lost. */
  onLost(type: number, sequence: number): void {
    if (type === FRAME.retireId) this.#owedRetire.add(sequence)
    else if (this.#local.some((each) => each.sequence === sequence)) this.#owedNew.add(sequence)
  }

  /** The connection is over. */
  clear(): void {
    for (const { id } of this.#local) this.#hooks.idRemoved?.(id)
    for (const { token } of this.#peer) if (token.length > 0) this.#hooks.idRemoved?.(token)
    this.#local = []
    this.#owedNew.clear()
    this.#owedRetire.clear()
  }

  /** Sequences that were passed over by one that came earlier. */
  readonly #missing = new Set<number>()

  #isMissing(sequence: number): boolean {
    return this.#missing.has(sequence)
  }

  #addLocal(sequence: number, id: Buffer): void {
    this.#local.push({ sequence, id, high: id.readUInt32BE(0), low: id.readUInt32BE(4) })
    this.#hooks.idAdded?.(id)
  }

  #writeNew(builder: DatagramBuilder, sequence: number): boolean {
    const id = this.#local.find((each) => each.sequence === sequence)?.id
    if (id === undefined) return true
    const data = Buffer.concat([id, resetToken(this.#means.crypto, this.#resetKey, id)])
    if (numbersSize(FRAME.newId, sequence) + data.length > builder.room) return false
    builder.wrote(writeWithBytes(builder.bytes, builder.at, [FRAME.newId, sequence], data))
    builder.packet?.addControl(FRAME.newId, null, sequence)
    return true
  }
}
