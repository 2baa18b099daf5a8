/**
 * A socket on this machine and a stream of the connection, joined.
 *
 * Decides how the ends of the one become those of the other: a clean end passes by itself, as half-close; anything else
 * takes down all four directions, so that a reset here is a reset there. Back-pressure is the chains'. Invariant: once it
 * is over both ends are closed.
 */
import { type VByteEndpoint, VFIOLost, VIOError, VIOLost } from '@vio/io'
import { chain, type VChain } from '@vio/io/facade'
import type { VScheduledCall } from '@vio/reactor'

/** How much went through, and how it ended. */
export interface JunctionResult {
  /** Bytes from the socket to the stream. */
  readonly sentBytes: number
  /** Bytes from the stream to the socket. */
  readonly receivedBytes: number
  readonly clean: boolean
  readonly reason?: Error
}

/** How long a stream that takes no more may still say why, before it was joined the other way. */
const GRACE_MS = 1000

/** Joins the two. Both are its own from then on. */
export class Junction {
  /** How it went. Never rejects. */
  readonly done: Promise<JunctionResult>
  readonly #socket: VByteEndpoint
  readonly #stream: VByteEndpoint
  #up: VChain | null = null
  #down: VChain | null = null
  #reason: Error | null = null
  /** The way up broke off while an answer is waited for, which may say more. */
  #grace: VScheduledCall | null = null
  #settle: (result: JunctionResult) => void = () => undefined
  #isOver = false

  constructor(socket: VByteEndpoint, stream: VByteEndpoint) {
    this.#socket = socket
    this.#stream = stream
    this.done = new Promise((resolve) => {
      this.#settle = resolve
    })
  }

  /** What comes from the socket goes to the stream from now on. */
  joinUp(): void {
    this.#up ??= this.#begin(this.#socket, this.#stream)
  }

  /** What comes from the stream goes to the socket from now on. */
  joinDown(): void {
    if (this.#grace !== null && this.#reason !== null) this.abort(this.#reason)
    this.#down ??= this.#begin(this.#stream, this.#socket)
  }

  /** Drops what is on its way, and resets both. */
  abort(reason: Error): void {
    if (this.#isOver) return
    this.#reason ??= reason
    const failure = new VFIOLost(
      reason instanceof VIOLost ? reason : new VIOLost(reason.message, { cause: reason }),
    )
    this.#socket.closeIO(failure)
    this.#stream.closeIO(failure)
    this.#end(false)
  }

  #begin(from: VByteEndpoint, to: VByteEndpoint): VChain | null {
    if (this.#isOver) return null
    try {
      const run = chain(from, to)
      run.onDone((result) => {
        if (result.clean) this.#ended()
        else this.#brokenOff(result.reason ?? new VIOLost('the connection was broken off'))
      })
      return run
    } catch (error) {
      // One of the two has ended on the way here.
      this.abort(error instanceof Error ? error : new VIOError(String(error)))
      return null
    }
  }

  #brokenOff(reason: Error): void {
    if (this.#down !== null || this.#isOver) {
      this.abort(reason)
      return
    }
    this.#reason ??= reason
    this.#grace ??= this.#socket.reactor.schedule(GRACE_MS, () => this.abort(reason))
  }

  /** One direction is through; the other may have been before. */
  #ended(): void {
    if (this.#up?.result?.clean === true && this.#down?.result?.clean === true) this.#end(true)
  }

  #end(clean: boolean): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#grace?.cancel()
    // The chains have their results once they were taken down as well.
    this.#socket.reactor.schedule(0, () => this.#tell(clean))
  }

  #tell(clean: boolean): void {
    this.#settle({
      sentBytes: this.#up?.result?.bytesOut ?? 0,
      receivedBytes: this.#down?.result?.bytesOut ?? 0,
      clean,
      ...(this.#reason === null ? {} : { reason: this.#reason }),
    })
  }
}
