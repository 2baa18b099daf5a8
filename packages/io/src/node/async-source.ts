/**
 * The frame of producers that get their bytes from something asynchronous: files, iterators, streams of others.
 *
 * Decides when the next bytes are asked for: only while a consumer has credit, and one request at a time. What a request
 * is, and what there is to release, is the subclass's affair. Invariant: what is held is one answer at most, and while
 * some of it is held nothing is asked for.
 */
import { type IVReactor, VIOError } from '@vio/reactor'
import { VByteBuffer } from '../byte-buffer.js'
import { VByteProducer } from '../chain/producer.js'
import { describeValue } from '../limit.js'

/** Why the source asks for nothing more. */
interface SourceEnd {
  readonly clean: boolean
  readonly reason: Error | undefined
}

/** Gives what `pull` answers. */
export abstract class AsyncSource extends VByteProducer {
  readonly #held = new VByteBuffer()
  #pulling = false
  #over: SourceEnd | null = null
  #released = false
  /** What the bytes come from was let go of: the end may be told. Nothing is held then, as nothing was asked for before. */
  #endDue = false

  constructor(reactor: IVReactor) {
    super(reactor)
  }

  /** Bytes that were got and not passed on yet. */
  get heldBytes(): number {
    return this.#held.length
  }

  /**
   * Gets the next bytes, whose memory is given away; null at the clean end. `maxBytes` is what the consumer allows now,
   * `Infinity` for any number: more than that is held until it allows it. A rejection ends the flow unclean.
   */
  protected abstract pull(maxBytes: number): Promise<Uint8Array | null>

  /**
   * Lets go of what the bytes come from. Called once: at the end, after a failure, or when the flow was taken down, then
   * perhaps while `pull` is at work. `reason` is why it did not end by itself. The end waits for it.
   */
  protected abstract release(reason: Error | undefined): Promise<void>

  protected override produce(maxBytes: number): Uint8Array | null {
    const piece = this.#held.length > 0 ? this.#held.popChunk(maxBytes) : null
    const left = maxBytes < 0 ? Number.POSITIVE_INFINITY : maxBytes - (piece?.length ?? 0)
    if (left > 0 && this.#over === null) this.#pull(left)
    return piece
  }

  protected override consumerAttached(): void {
    this.#endIfDue()
  }

  protected override hasPending(): boolean {
    return this.#held.length > 0
  }

  protected override producerAborted(reason?: Error): void {
    this.#held.clear()
    if (this.#over === null) this.#over = { clean: false, reason }
    void this.#release(reason ?? new VIOError('the chain was taken down'))
  }

  #pull(maxBytes: number): void {
    if (this.#pulling) return
    this.#pulling = true
    let answer: Promise<Uint8Array | null>
    try {
      answer = this.pull(maxBytes)
    } catch (error) {
      answer = Promise.reject(error)
    }
    answer.then(
      (bytes) => this.#pulled(bytes),
      (error: unknown) => {
        this.#pulling = false
        this.#end(false, asError(error))
      },
    )
  }

  #pulled(bytes: Uint8Array | null): void {
    this.#pulling = false
    if (this.#over !== null) return
    if (bytes === null) {
      this.#end(true, undefined)
      return
    }
    try {
      this.#held.append(bytes)
    } catch (error) {
      this.#end(false, asError(error))
      return
    }
    this.triggerProduction()
  }

  #end(clean: boolean, reason: Error | undefined): void {
    if (this.#over !== null) return
    this.#over = { clean, reason }
    void this.#release(reason).then(() => {
      this.#endDue = true
      this.#endIfDue()
    })
  }

  /** The end is registered with a consumer only: until then another one may still be attached. */
  #endIfDue(): void {
    const over = this.#over
    if (over !== null && this.#endDue && this.byteProduce.consumer !== null)
      this.endProduce(over.clean, over.reason)
  }

  async #release(reason: Error | undefined): Promise<void> {
    if (this.#released) return
    this.#released = true
    try {
      await this.release(reason)
    } catch (error) {
      this.reactor.log.warn('a source could not be released', error)
    }
  }
}

/** What was thrown, as an Error. */
export function asError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown
  return new VIOError(`something else than an Error was thrown: ${describeValue(thrown)}`, { cause: thrown })
}
