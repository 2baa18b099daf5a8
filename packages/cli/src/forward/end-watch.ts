/**
 * The end of a stream on which nothing more is expected.
 *
 * Decides that bytes which come all the same are a fault of the other side. Invariant: it takes no byte more than one piece
 * of such bytes.
 */
import { type IVByteProducing, VByteConsumer } from '@vio/io'
import type { IVReactor } from '@vio/reactor'
import { ForwardProtocol } from './errors.js'

/** How it ended. */
export interface WatchedEnd {
  readonly clean: boolean
  readonly reason?: Error
}

/** Waits for the end. */
export class EndWatch extends VByteConsumer {
  /** Settles with how it ended; never rejects. */
  readonly ended: Promise<WatchedEnd>
  #settle: (end: WatchedEnd) => void = () => undefined
  #fault: Error | undefined

  /** Attaches to what is to end. */
  constructor(from: IVByteProducing & { readonly reactor: IVReactor }) {
    super(from.reactor)
    this.ended = new Promise((resolve) => {
      this.#settle = resolve
    })
    this.byteConsume.attach(from.byteProduce)
  }

  protected override dataReceived(): number {
    this.#fault = new ForwardProtocol('bytes came where nothing more was expected')
    this.byteConsume.abort(this.#fault)
    return 0
  }

  protected override dataEnded(clean: boolean, reason?: Error): void {
    this.#settle({ clean, ...(reason === undefined ? {} : { reason }) })
  }

  protected override consumerAborted(reason?: Error): void {
    const why = this.#fault ?? reason
    this.#settle({ clean: false, ...(why === undefined ? {} : { reason: why }) })
  }
}
