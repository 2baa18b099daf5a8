/**
 * A control connection once it stands: bytes in, bytes out, one end.
 *
 * Decides how much may wait to leave, how a link is closed, and what its end means; TCP, TLS and WebSocket are told apart
 * nowhere above. Invariants: what is taken by `send` leaves in order or the link ends with an error; what waits is bounded;
 * `onClose` is called once, and nothing is told afterwards.
 */

import {
  type VByteIOPair,
  VByteWAgent,
  type VFailure,
  VFIOCompleted,
  VFIOLost,
  VIOLost,
  type VIPSocketPeer,
} from '@vio/io'
import type { IVReactor, VScheduledCall } from '@vio/reactor'
import type { WebSocket } from 'ws'

/** A control connection to a relay, or the relay's end of one. It carries a stream of bytes. */
export interface IVControlLink {
  /**
   * Takes bytes, whose memory is the link's from now on. False if they were not taken, not even in part: too much waits, or
   * the link is closed. A relayed datagram is dropped then, as on any link.
   */
  send(bytes: Uint8Array): boolean
  /** Sends what waits, then closes. What still comes in is dropped. `onClose` follows. Idempotent. */
  close(): void
  /** The other side. */
  readonly remote: VIPSocketPeer
}

/** What a link tells. */
export interface LinkHandlers {
  /** Bytes of the stream, as they come: a piece may hold a part of a message, or several. */
  readonly onMessage: (bytes: Buffer) => void
  /** The link is over: without an error after a clean end on either side. Called once. */
  readonly onClose: (error?: Error) => void
}

/** What a link stands on. */
export interface LinkParts extends LinkHandlers {
  readonly reactor: IVReactor
  readonly remote: VIPSocketPeer
  /** The most bytes that wait. */
  readonly maxQueuedBytes: number
  /** Lets the connection go; clean, or at once. */
  readonly release: (reason: VFailure) => void
}

/** What a relay looks at to find out whether somebody takes what is sent. */
export interface WatchedLink extends IVControlLink {
  /** False once it is being closed, from whichever side: nothing is taken any more. */
  readonly isOpen: boolean
  readonly queuedBytes: number
  /** Bytes that were taken and wait no more. */
  readonly passedBytes: number
  /** Drops everything at once. */
  drop(error: Error): void
}

/** The first byte of a link without WebSocket: whoever listens tells by it that nothing stands between. */
export const PLAIN_LINK = 0x00

/** How much may wait, where nothing else is said. */
export const DEFAULT_LINK_BYTES = 262_144

/** How long a polite close may take. */
const CLOSE_MS = 2_000
const CLEAN_CODES: readonly number[] = [1000, 1001]
const UNSUPPORTED_DATA = 1003

/** A link on a chain end: TCP, or TLS over it. */
export class StreamLink extends VByteWAgent implements WatchedLink {
  readonly remote: VIPSocketPeer
  readonly #parts: LinkParts
  #sentBytes = 0
  #state: 'open' | 'closing' | 'over' = 'open'
  #timer: VScheduledCall | null = null

  constructor(parts: LinkParts, pair: VByteIOPair) {
    super(parts.reactor)
    this.remote = parts.remote
    this.#parts = parts
    this.byteIO.attach(pair)
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  get passedBytes(): number {
    return this.#sentBytes - this.queuedBytes
  }

  send(bytes: Uint8Array): boolean {
    if (this.#state !== 'open' || this.queuedBytes + bytes.length > this.#parts.maxQueuedBytes) return false
    this.#sentBytes += bytes.length
    this.write(bytes)
    return true
  }

  close(): void {
    if (this.#state !== 'open') return
    this.#state = 'closing'
    this.#timer = this.reactor.schedule(CLOSE_MS, () =>
      this.drop(new VIOLost('the other side took too long')),
    )
    this.endWrite()
  }

  drop(error: Error): void {
    this.#finish(new VFIOLost(new VIOLost('the link was dropped', { cause: error })), error)
  }

  protected override dataReceived(data: Buffer): void {
    if (this.#state === 'open') this.#parts.onMessage(data)
  }

  protected override dataEnded(clean: boolean, reason?: Error): void {
    if (clean) this.close()
    else this.drop(reason ?? new VIOLost('the link was cut off'))
  }

  protected override consumerAborted(reason?: Error): void {
    if (this.#state === 'open') this.drop(reason ?? new VIOLost('the link was cut off'))
  }

  protected override producerAborted(reason?: Error): void {
    super.producerAborted(reason)
    if (this.#state === 'closing') this.#finish(new VFIOCompleted())
    else this.drop(reason ?? new VIOLost('the link was cut off'))
  }

  #finish(how: VFailure, error?: Error): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#timer?.cancel()
    this.#parts.release(how)
    this.#parts.onClose(error)
  }
}

/** A link on a WebSocket: binary messages are pieces of the stream. */
export class WebSocketLink implements WatchedLink {
  readonly remote: VIPSocketPeer
  readonly #parts: LinkParts
  readonly #socket: WebSocket
  #sentBytes = 0
  #state: 'open' | 'closing' | 'over' = 'open'
  #error: Error | undefined
  #timer: VScheduledCall | null = null

  constructor(parts: LinkParts, socket: WebSocket) {
    this.remote = parts.remote
    this.#parts = parts
    this.#socket = socket
    socket.on('message', (data, isBinary) => this.#received(data as Buffer, isBinary))
    socket.on('error', (error) => {
      this.#error ??= error
    })
    socket.on('close', (code) => this.#closed(code))
  }

  get queuedBytes(): number {
    return this.#socket.bufferedAmount
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  get passedBytes(): number {
    return this.#sentBytes - this.queuedBytes
  }

  send(bytes: Uint8Array): boolean {
    const isFull = this.queuedBytes + bytes.length > this.#parts.maxQueuedBytes
    if (this.#state !== 'open' || this.#socket.readyState !== this.#socket.OPEN || isFull) return false
    this.#sentBytes += bytes.length
    this.#socket.send(bytes, { binary: true })
    return true
  }

  close(): void {
    if (this.#state !== 'open') return
    this.#state = 'closing'
    const { reactor } = this.#parts
    this.#timer = reactor.schedule(CLOSE_MS, () => this.drop(new VIOLost('the other side took too long')))
    this.#socket.close(1000)
  }

  drop(error: Error): void {
    if (this.#state === 'over') return
    this.#error ??= error
    this.#socket.terminate()
    this.#finish(new VFIOLost(new VIOLost('the link was dropped', { cause: error })))
  }

  #received(data: Buffer, isBinary: boolean): void {
    if (this.#state !== 'open') return
    if (isBinary) this.#parts.onMessage(data)
    else {
      this.#error = new VIOLost('the other side sent text, where bytes are spoken')
      this.#state = 'closing'
      this.#socket.close(UNSUPPORTED_DATA)
    }
  }

  #closed(code: number): void {
    const isClean = this.#error === undefined && (this.#state === 'closing' || CLEAN_CODES.includes(code))
    if (!isClean) this.#error ??= new VIOLost(`the WebSocket was closed with code ${code}`)
    this.#finish(isClean ? new VFIOCompleted() : new VFIOLost())
  }

  #finish(how: VFailure): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#timer?.cancel()
    this.#parts.release(how)
    this.#parts.onClose(this.#error)
  }
}
