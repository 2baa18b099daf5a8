/**
 * `VIdleTimeout` and `VDeadline`: what takes a flow down when it is silent or lasts too long.
 *
 * Each decides when it is time, on the reactor's clock; the abort goes both ways with a `VIOTimeout` as the reason.
 * Invariant: at most one timer is set, and none once the flow has ended or was taken down.
 */
import { type IVReactor, VIOTimeout, type VScheduledCall } from '@vio/reactor'
import { positiveOption } from './options.js'
import { VByteTap } from './tap.js'

/** Options of `VIdleTimeout`. */
export interface VIdleTimeoutOptions {
  /** How long nothing may pass, in milliseconds. */
  readonly idleMs: number
}

/**
 * Takes the flow down when nothing has passed for a time, whoever is silent: a producer that gives nothing or a consumer
 * that takes nothing.
 *
 * ```ts
 * const idle = () => new VIdleTimeout(reactor, { idleMs: 30_000 })
 * const [inbound, outbound] = [idle(), idle()]
 * inbound.joinWith(outbound) // the connection is idle when both directions are
 * const filter = new VByteDuplexFilter(inbound, outbound)
 * ```
 *
 * The time begins when a producer is attached, and anew with each attachment.
 */
export class VIdleTimeout extends VByteTap {
  readonly #idleMs: number
  #partner: VIdleTimeout | undefined
  /** Counts what has happened: unchanged since the timer was set, it was silent all the time. */
  #activity = 0
  #lastAt = 0
  #timer: VScheduledCall | undefined
  #over = false

  /** @throws TypeError without a reactor, RangeError if the time is not above 0 */
  constructor(reactor: IVReactor, options: VIdleTimeoutOptions) {
    super(reactor)
    this.#idleMs = positiveOption('idleMs', options.idleMs)
  }

  /** Lets what passes in either of two count for both: for the two directions of a connection. */
  joinWith(other: VIdleTimeout): void {
    this.#partner = other
    other.#partner = this
  }

  /** Counts as if bytes had passed. */
  touch(): void {
    this.#activity += 1
    this.#lastAt = this.reactor.time()
  }

  protected override attached(): void {
    this.touch()
    if (this.#timer === undefined && !this.#over) this.#wait(this.#idleMs)
  }

  protected override passing(): void {
    this.touch()
    this.#partner?.touch()
  }

  protected override ended(): void {
    this.#stop()
  }

  protected override aborted(): void {
    this.#stop()
  }

  #wait(delayMs: number): void {
    const seen = this.#activity
    this.#timer = this.reactor.schedule(delayMs, () => this.#look(seen))
  }

  #look(seen: number): void {
    this.#timer = undefined
    // Taken out of its chain, it waits for the next one.
    if (this.byteConsume.producer === null && this.byteProduce.consumer === null) return
    if (seen !== this.#activity) this.#wait(Math.max(0, this.#lastAt + this.#idleMs - this.reactor.time()))
    else this.fail(new VIOTimeout(`nothing has passed for ${this.#idleMs} ms`))
  }

  #stop(): void {
    this.#over = true
    this.#timer?.cancel()
    this.#timer = undefined
  }
}

/** Options of `VDeadline`. */
export interface VDeadlineOptions {
  /** How long the flow may last, in milliseconds from when the deadline was made. Infinity: until `reset` says when. */
  readonly afterMs: number
}

/** Takes the flow down at a certain time, however much has passed. A deadline that was taken out of its chain does nothing. */
export class VDeadline extends VByteTap {
  readonly #timer: VScheduledCall
  #wasAttached = false

  /** @throws TypeError without a reactor, RangeError if the time is not above 0 */
  constructor(reactor: IVReactor, options: VDeadlineOptions) {
    super(reactor)
    const afterMs = positiveOption('afterMs', options.afterMs)
    this.#timer = reactor.schedule(afterMs, () => this.#due())
  }

  /** When the flow is taken down, on the reactor's clock. */
  get dueAt(): number {
    return this.#timer.scheduledAt
  }

  /** Sets the deadline anew, from now on. Once the flow is over this does nothing. @throws as the constructor */
  reset(afterMs: number): void {
    this.#timer.reset(positiveOption('afterMs', afterMs))
  }

  protected override attached(): void {
    this.#wasAttached = true
  }

  protected override ended(): void {
    this.#timer.cancel()
  }

  protected override aborted(): void {
    this.#timer.cancel()
  }

  #due(): void {
    const isOut = this.byteConsume.producer === null && this.byteProduce.consumer === null
    if (isOut && this.#wasAttached) return
    this.fail(new VIOTimeout(`the deadline at ${this.dueAt} ms on the reactor's clock has passed`))
  }
}
