/**
 * What the tests of io share: a running reactor on simulated time, and a consumer and a producer on the base classes
 * that record their hooks.
 */
import {
  emptyControl,
  VByteBuffer,
  VByteConsumer,
  VByteProducer,
  type VFailure,
  type VIOControl,
  type VReceiveAnswer,
} from '@vio/io'
import type { IVReactor } from '@vio/reactor'
import { type VirtualReactor, virtualReactor } from '../reactor/support.js'

/** A reactor on simulated time that has been started, its host, and what it logged. */
export function runningReactor(): VirtualReactor {
  const made = virtualReactor()
  made.reactor.start()
  return made
}

/** What a `Sink` does where a subclass would decide. */
export interface SinkOptions {
  /** Where its events go; by default an array of its own. */
  readonly events?: string[]
  /** How much it grants when attached: a number, null for any number (the default), or nothing at all. */
  readonly grant?: number | null | 'nothing'
  /** What `dataReceived` answers; by default nothing, which lifts the limit. */
  readonly answer?: (data: Buffer) => VReceiveAnswer
  /** Its control; by default an empty one. */
  readonly control?: () => VIOControl
}

/** A consumer on the base class that records its hooks and keeps what it got. */
export class Sink extends VByteConsumer {
  readonly events: string[]
  readonly received = new VByteBuffer()
  readonly closed: { readonly reason: VFailure; readonly wasAborted: boolean }[] = []
  endReason: Error | undefined
  readonly #options: SinkOptions

  constructor(reactor: IVReactor, options: SinkOptions = {}) {
    super(reactor)
    this.events = options.events ?? []
    this.#options = options
  }

  /** Grants further bytes, as a subclass can. */
  grant(bytes: number | null): void {
    this.setReceiveLimit(bytes)
  }

  protected override dataReceived(data: Buffer): VReceiveAnswer {
    this.events.push(`dataReceived(${data.length})`)
    this.received.append(data)
    return this.#options.answer?.(data)
  }

  protected override dataEnded(clean: boolean, reason?: Error): void {
    this.events.push(`dataEnded(${clean})`)
    this.endReason = reason
  }

  protected override producerAttached(): void {
    this.events.push('producerAttached')
    const { grant = null } = this.#options
    if (grant !== 'nothing') this.setReceiveLimit(grant)
  }

  protected override producerDetached(): void {
    this.events.push('producerDetached')
  }

  protected override consumerControl(): VIOControl {
    return this.#options.control?.() ?? emptyControl()
  }

  protected override consumerAborted(): void {
    this.events.push('consumerAborted')
  }

  protected override consumerClosed(reason: VFailure, wasAborted: boolean): void {
    this.events.push('consumerClosed')
    this.closed.push({ reason, wasAborted })
  }
}

/** What a `Source` does where a subclass would decide. */
export interface SourceOptions {
  /** Where its events go; by default an array of its own. */
  readonly events?: string[]
  /** What it has to give from the beginning. */
  readonly data?: string | Uint8Array
  /** Its control; by default an empty one. */
  readonly control?: () => VIOControl
}

/** A producer on the base class that records its hooks and gives what it was fed. */
export class Source extends VByteProducer {
  readonly events: string[]
  readonly queue = new VByteBuffer()
  abortReason: Error | undefined
  readonly #options: SourceOptions

  constructor(reactor: IVReactor, options: SourceOptions = {}) {
    super(reactor)
    this.events = options.events ?? []
    this.#options = options
    if (options.data !== undefined) this.queue.append(Buffer.from(options.data))
  }

  /** Puts more before the consumer, and says so. */
  feed(data: string | Uint8Array): void {
    this.queue.append(Buffer.from(data))
    this.triggerProduction()
  }

  /** Registers the end. */
  end(clean = true, reason?: Error): void {
    this.endProduce(clean, reason)
  }

  /** Asks for a production turn. */
  trigger(): void {
    this.triggerProduction()
  }

  protected override produce(maxBytes: number): Uint8Array | null | undefined {
    this.events.push(`produce(${maxBytes})`)
    return this.queue.pop(maxBytes)
  }

  protected override hasPending(): boolean {
    return this.queue.length > 0
  }

  protected override consumerAttached(): void {
    this.events.push('consumerAttached')
  }

  protected override consumerDetached(): void {
    this.events.push('consumerDetached')
  }

  protected override producerControl(): VIOControl {
    return this.#options.control?.() ?? emptyControl()
  }

  protected override producerAborted(reason?: Error): void {
    this.events.push('producerAborted')
    this.abortReason = reason
  }
}
