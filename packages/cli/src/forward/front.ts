/**
 * The front of a stream: a message in the protocol's own terms before the bytes of somebody else begin.
 *
 * Decides how many bytes are taken: exactly those of the message, by granting no more, so that the stream can be attached
 * to another consumer behind it with nothing lost. What the bytes mean is the parser's affair. Invariants: the taker lets
 * go of the stream in the very call that completes the message; it waits no longer than it was told.
 */
import { type IVByteProducing, VByteConsumer, VIOTimeout } from '@vio/io'
import type { IVReactor, VScheduledCall } from '@vio/reactor'
import { ForwardProtocol } from './errors.js'

/** Takes a message piece by piece. */
export interface FrontParser {
  /** How many bytes it takes at least to go on; 0 once nothing more is wanted. */
  readonly needed: number
  /** Takes up to `needed` bytes. */
  push(bytes: Uint8Array): unknown
}

/**
 * Gives a parser what stands at the front of a stream.
 *
 * @param what what is waited for, for errors: `an answer`
 * @throws (rejects) VIOTimeout after `timeoutMs`, and the input is aborted then; the reason if the stream breaks off before,
 *   ForwardProtocol if it ends
 */
export function takeFront(
  from: IVByteProducing & { readonly reactor: IVReactor },
  parser: FrontParser,
  what: string,
  timeoutMs: number,
): Promise<void> {
  const taker = new FrontTaker(from.reactor, parser, { what, timeoutMs })
  taker.byteConsume.attach(from.byteProduce)
  return taker.done
}

interface Terms {
  readonly what: string
  readonly timeoutMs: number
}

class FrontTaker extends VByteConsumer {
  readonly done: Promise<void>
  readonly #parser: FrontParser
  readonly #what: string
  readonly #timer: VScheduledCall | null
  #settle: { resolve: () => void; reject: (error: Error) => void } | null = null

  constructor(reactor: IVReactor, parser: FrontParser, { what, timeoutMs }: Terms) {
    super(reactor)
    this.#parser = parser
    this.#what = what
    this.done = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    const isTimed = timeoutMs !== Number.POSITIVE_INFINITY
    this.#timer = isTimed ? reactor.schedule(timeoutMs, () => this.#giveUp(timeoutMs)) : null
  }

  protected override producerAttached(): void {
    this.setReceiveLimit(this.#parser.needed)
  }

  protected override dataReceived(data: Buffer): number {
    this.#parser.push(data)
    const { needed } = this.#parser
    if (needed === 0) {
      this.byteConsume.detach()
      this.#over()?.resolve()
    }
    return needed
  }

  protected override consumerAborted(reason?: Error): void {
    const early = `the stream ended where ${this.#what} was expected`
    this.#over()?.reject(reason ?? new ForwardProtocol(early))
  }

  #giveUp(timeoutMs: number): void {
    const error = new VIOTimeout(`no sign of ${this.#what} within ${timeoutMs} ms`)
    this.#over()?.reject(error)
    this.byteConsume.abort(error)
  }

  #over(): { resolve: () => void; reject: (error: Error) => void } | null {
    const settle = this.#settle
    this.#settle = null
    this.#timer?.cancel()
    return settle
  }
}
