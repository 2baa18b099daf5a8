/**
 * The sending side of a transfer, as a machine.
 *
 * Decides the order of what is said: the list, then after the answer one file after another, then nothing until each has
 * its receipt. Where bytes come from is the driver's. Invariant: `finished` is told only when the peer has named size and
 * digest of every file, and they are those that were sent.
 */
import { VTransferFault } from './fault.js'
import { decodeText, encodeFrame, FRAME, FRAME_HEAD_BYTES, writeDataHead } from './frame.js'
import { TransferMachine } from './machine.js'
import { encodeManifest, type VTransferEntry } from './manifest.js'
import { decodeExtent, encodeFileEnd, encodeFileStart, type VExtent } from './record.js'
import { RECV_GREETING, SEND_GREETING } from './version.js'

/** What a sender hears besides the ends. */
export type VSendEvent =
  /** The files may be sent, in the order of the list. Of those in `have` the peer has so much. */
  | { readonly type: 'accepted'; readonly have: readonly VExtent[] }
  | { readonly type: 'refused'; readonly reason: string }
  /** The peer has this file, whole and compared. */
  | { readonly type: 'receipt'; readonly index: number; readonly sizeBytes: number }

/** Sends a list and then its files. */
export class SendMachine extends TransferMachine<VSendEvent> {
  readonly #entries: readonly VTransferEntry[]
  readonly #have = new Map<number, VExtent>()
  /** Sent whole, and without a receipt so far. */
  readonly #open = new Map<number, VExtent>()
  #accepted = false
  #filesLeft: number
  #receiptsLeft: number
  /** The file that is being sent. */
  #current: { readonly index: number; sizeBytes: number } | null = null

  /** @param key that of the digests */
  constructor(entries: readonly VTransferEntry[], key: Buffer) {
    super(SEND_GREETING, RECV_GREETING)
    this.#entries = entries
    this.#filesLeft = entries.filter(({ kind }) => kind === 'file').length
    this.#receiptsLeft = this.#filesLeft
    for (const frame of encodeManifest(entries, key)) this.send(frame)
  }

  /** True once all files were sent: what is missing are receipts. */
  get sentAll(): boolean {
    return this.#accepted && this.#filesLeft === 0
  }

  /** A file begins, at `offset`: what the peer has of it, or 0. */
  startFile(index: number, offset: number): void {
    if (this.over) return
    this.#current = { index, sizeBytes: offset }
    this.send(encodeFileStart(index, offset))
  }

  /**
   * Bytes of the file, at most `MAX_DATA_BYTES`, behind `FRAME_HEAD_BYTES` that the head of the frame is written into: a head
   * on its own would leave in a datagram of its own. All of it is given away.
   */
  sendData(frame: Buffer): void {
    const sizeBytes = frame.length - FRAME_HEAD_BYTES
    if (this.over || this.#current === null || sizeBytes <= 0) return
    writeDataHead(frame, sizeBytes)
    this.#current.sizeBytes += sizeBytes
    this.send(frame)
  }

  /** The file is whole; `digest` is that of all its bytes, those that the peer had included. */
  endFile(digest: Buffer): void {
    if (this.over || this.#current === null) return
    const { index, sizeBytes } = this.#current
    this.#current = null
    this.#filesLeft -= 1
    this.#open.set(index, { index, sizeBytes, digest })
    this.send(encodeFileEnd(sizeBytes, digest))
  }

  protected override control(type: number, body: Buffer): void {
    if (type === FRAME.receipt && this.#accepted) this.#receipt(decodeExtent(body))
    else if (this.#accepted) throw new VTransferFault(`a frame of type ${type} where a receipt was to be`)
    else if (type === FRAME.resume) this.#resume(decodeExtent(body))
    else if (type === FRAME.accept) this.#accept()
    else if (type === FRAME.refuse) this.end({ type: 'refused', reason: decodeText(body) })
    else throw new VTransferFault(`a frame of type ${type} where an answer to the offer was to be`)
  }

  protected override data(): void {
    throw new VTransferFault('it sends data to the sender')
  }

  #resume(extent: VExtent): void {
    if (this.#entries[extent.index]?.kind !== 'file') {
      throw new VTransferFault(`it has some of entry ${extent.index}, which is no file`)
    }
    this.#have.set(extent.index, extent)
  }

  #accept(): void {
    this.#accepted = true
    this.tell({ type: 'accepted', have: [...this.#have.values()] })
    this.#finishIfDone()
  }

  #receipt({ index, sizeBytes, digest }: VExtent): void {
    const sent = this.#open.get(index)
    if (sent === undefined) throw new VTransferFault(`a receipt for file ${index}, which it has not got`)
    if (sent.sizeBytes !== sizeBytes || !sent.digest.equals(digest)) {
      throw new VTransferFault(
        `it received ${sizeBytes} bytes of file ${index} that are not those that were sent`,
      )
    }
    this.#open.delete(index)
    this.#receiptsLeft -= 1
    this.tell({ type: 'receipt', index, sizeBytes })
    this.#finishIfDone()
  }

  #finishIfDone(): void {
    if (this.#receiptsLeft > 0) return
    this.send(encodeFrame(FRAME.done))
    this.end({ type: 'finished' })
  }
}
