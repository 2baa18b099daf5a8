/**
 * What the two machines of a transfer share: greeting, frames, output, giving up.
 *
 * Decides that a fault of the peer ends the machine, is told to the peer, and comes out as one event. Invariant: after the
 * last event (`finished`, `refused`, `aborted`, `failed`, `lost`) nothing more is read, written or told.
 */
import { checkGreeting, encodeGreeting, type VGreeting, VGreetingReader } from '../greeting.js'
import { VTransferFault } from './fault.js'
import { decodeText, encodeText, FRAME, FrameReader } from './frame.js'

/** How a transfer ends, on either side. */
export type VTransferEnd =
  /** Everything has arrived and was compared. */
  | { readonly type: 'finished' }
  /** The peer gave up, and said why. */
  | { readonly type: 'aborted'; readonly reason: string }
  /** The peer did what it must not do. */
  | { readonly type: 'failed'; readonly error: Error }
  /** The stream ended before its time. */
  | { readonly type: 'lost'; readonly reason: Error | undefined }

/** One side of a transfer: bytes go in, bytes and events come out. */
export abstract class TransferMachine<E extends { readonly type: string }> {
  readonly #wanted: VGreeting
  readonly #greeting = new VGreetingReader()
  readonly #frames: FrameReader
  readonly #events: (E | VTransferEnd)[] = []
  readonly #output: Buffer[] = []
  #greeted = false
  #over = false

  /** @param own how this side greets @param wanted how the other one has to */
  constructor(own: VGreeting, wanted: VGreeting) {
    this.#wanted = wanted
    this.#frames = new FrameReader({
      onControl: (type, body) => {
        if (!this.#over) this.#control(type, body)
      },
      onData: (piece) => {
        if (!this.#over) this.data(piece)
      },
    })
    this.#output.push(encodeGreeting(own))
  }

  /** True once the last event was told or waits to be. */
  get over(): boolean {
    return this.#over
  }

  /** Bytes came from the peer. They are given away. */
  handleBytes(bytes: Buffer): void {
    if (this.#over) return
    try {
      if (this.#greeted) this.#frames.push(bytes)
      else this.#greet(bytes)
    } catch (error) {
      this.#fail(error instanceof Error ? error : new VTransferFault(String(error)))
    }
  }

  /** The peer's stream has ended. Of no meaning once the transfer is over. */
  handleEnd(reason?: Error): void {
    if (!this.#over) this.end({ type: 'lost', reason })
  }

  /** The next bytes for the peer, whose memory is given away; undefined for none now. */
  pollOutput(): Buffer | undefined {
    return this.#output.shift()
  }

  /** The next event, or undefined. */
  pollEvent(): E | VTransferEnd | undefined {
    return this.#events.shift()
  }

  /** Gives up, and tells the peer why. No event comes of it. */
  abort(reason: string): void {
    if (this.#over) return
    this.#over = true
    this.#output.push(encodeText(FRAME.abort, reason))
  }

  /** Nothing more is to come: the last word was this side's. */
  protected stop(): void {
    this.#over = true
  }

  /** A control frame of a type that both sides do not share. `body` is lent. */
  protected abstract control(type: number, body: Buffer): void

  /** A piece of data, given away. */
  protected abstract data(piece: Buffer): void

  /** Queues bytes for the peer. */
  protected send(bytes: Buffer): void {
    this.#output.push(bytes)
  }

  /** Tells the driver. */
  protected tell(event: E): void {
    this.#events.push(event)
  }

  /** Tells the driver the last that there is. */
  protected end(event: E | VTransferEnd): void {
    this.#over = true
    this.#events.push(event)
  }

  #greet(bytes: Buffer): void {
    const read = this.#greeting.push(bytes)
    if (read === undefined) return
    this.#greeted = true
    checkGreeting(read.greeting, this.#wanted)
    this.#frames.push(read.rest as Buffer)
  }

  #control(type: number, body: Buffer): void {
    if (type === FRAME.abort) this.end({ type: 'aborted', reason: decodeText(body) })
    else this.control(type, body)
  }

  #fail(error: Error): void {
    if (this.#over) return
    this.#output.push(encodeText(FRAME.abort, error.message))
    this.end({ type: 'failed', error })
  }
}
