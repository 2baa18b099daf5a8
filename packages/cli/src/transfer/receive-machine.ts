/**
 * The receiving side of a transfer, as a machine.
 *
 * Decides what of a peer is believed: files come in the order of the list, begin where they may, and have as many bytes as
 * the list has said. Where bytes go is the driver's. Invariant: no byte is given before the offer was accepted, and never
 * more of a file than was offered.
 */
import { VTransferFault } from './fault.js'
import { encodeFrame, encodeText, FRAME } from './frame.js'
import { TransferMachine } from './machine.js'
import { ManifestReader, totalBytes, type VTransferEntry } from './manifest.js'
import {
  checkSize,
  decodeFileEnd,
  decodeFileStart,
  decodeOffered,
  encodeExtent,
  type VExtent,
} from './record.js'
import { RECV_GREETING, SEND_GREETING } from './version.js'

/** What a receiver hears besides the ends. */
export type VReceiveEvent =
  /** The list is whole: `accept` or `refuse` is due. `key` is that of the digests. */
  | { readonly type: 'offer'; readonly entries: readonly VTransferEntry[]; readonly key: Buffer }
  /** A file begins at `offset`: 0, or what was said to be there. */
  | { readonly type: 'file'; readonly index: number; readonly offset: number }
  /** Bytes of the file, given away. */
  | { readonly type: 'data'; readonly bytes: Buffer }
  /** The file is whole. `digest` is what the sender says: `receipt` is due once it was compared. */
  | {
      readonly type: 'fileEnd'
      readonly index: number
      readonly sizeBytes: number
      readonly digest: Buffer
    }

/** Takes a list and then its files. */
export class ReceiveMachine extends TransferMachine<VReceiveEvent> {
  readonly #list = new ManifestReader()
  readonly #have = new Map<number, number>()
  #state: 'listing' | 'deciding' | 'receiving' = 'listing'
  /** Places of the files in the list, those to come. */
  #files: number[] = []
  #receiptsLeft = 0
  #current: { readonly index: number; readonly sizeBytes: number; left: number } | null = null

  constructor() {
    super(RECV_GREETING, SEND_GREETING)
  }

  /** The files may come. Of those in `have`, so much is there already. */
  accept(have: readonly VExtent[]): void {
    if (this.over || this.#state !== 'deciding') return
    for (const extent of have) {
      this.#have.set(extent.index, extent.sizeBytes)
      this.send(encodeExtent(FRAME.resume, extent))
    }
    this.#state = 'receiving'
    this.send(encodeFrame(FRAME.accept))
  }

  /** Refuses the offer. No event comes of it. */
  refuse(reason: string): void {
    if (this.over) return
    this.send(encodeText(FRAME.refuse, reason))
    this.stop()
  }

  /** A file is whole, was compared with the sender's digest, and has its name. */
  receipt(extent: VExtent): void {
    if (this.over) return
    this.#receiptsLeft -= 1
    this.send(encodeExtent(FRAME.receipt, extent))
  }

  protected override control(type: number, body: Buffer): void {
    if (this.#state === 'listing') this.#listFrame(type, body)
    else if (this.#state === 'deciding')
      throw new VTransferFault('it did not wait for the answer to its offer')
    else if (type === FRAME.file) this.#fileStart(body)
    else if (type === FRAME.fileEnd) this.#fileEnd(body)
    else if (type === FRAME.done) this.#done(body)
    else throw new VTransferFault(`a frame of type ${type} where a file was to be`)
  }

  protected override data(piece: Buffer): void {
    if (this.#current === null) throw new VTransferFault('data that belongs to no file')
    this.#current.left -= piece.length
    if (this.#current.left < 0)
      throw new VTransferFault(`more bytes of file ${this.#current.index} than it offered`)
    this.tell({ type: 'data', bytes: piece })
  }

  #listFrame(type: number, body: Buffer): void {
    if (type === FRAME.entries) {
      this.#list.push(body)
      return
    }
    if (type !== FRAME.offered) throw new VTransferFault(`a frame of type ${type} where a list was to be`)
    const { entries } = this.#list
    const { entries: count, bytes, key } = decodeOffered(body)
    if (count !== entries.length || count === 0 || bytes !== totalBytes(entries)) {
      throw new VTransferFault(`its list has ${entries.length} entries, where ${count} were to be`)
    }
    this.#files = entries.flatMap(({ kind }, index) => (kind === 'file' ? [index] : []))
    this.#receiptsLeft = this.#files.length
    this.#state = 'deciding'
    this.tell({ type: 'offer', entries, key })
  }

  #fileStart(body: Buffer): void {
    const { index, offset } = decodeFileStart(body)
    const next = this.#files.shift()
    if (this.#current !== null || index !== next) {
      throw new VTransferFault(`file ${index} begins where file ${next} was to begin`)
    }
    if (offset !== 0 && offset !== this.#have.get(index)) {
      throw new VTransferFault(`file ${index} begins at ${offset}, where nothing is known to be there`)
    }
    const sizeBytes = this.#list.entries[index]?.sizeBytes ?? 0
    if (offset > sizeBytes) throw new VTransferFault(`file ${index} begins behind its end`)
    this.#current = { index, sizeBytes, left: sizeBytes - offset }
    this.tell({ type: 'file', index, offset })
  }

  #fileEnd(body: Buffer): void {
    const { sizeBytes, digest } = decodeFileEnd(body)
    const current = this.#current
    if (current === null || current.left !== 0 || sizeBytes !== current.sizeBytes) {
      throw new VTransferFault('a file ends before all of it has come')
    }
    this.#current = null
    this.tell({ type: 'fileEnd', index: current.index, sizeBytes, digest })
  }

  #done(body: Buffer): void {
    checkSize(body, 0)
    if (this.#files.length > 0 || this.#current !== null || this.#receiptsLeft > 0) {
      throw new VTransferFault('it is done before all receipts were sent')
    }
    this.end({ type: 'finished' })
  }
}
