/**
 * A call that a reactor is to make at a certain time.
 *
 * Holds the function, its arguments and the time, and says what may still be done with the call. Which call comes next
 * and when is left to the queue. Invariant: a call is active until it has been executed or cancelled, and never again;
 * an inactive call holds neither its function nor its arguments.
 */
import { HeapEntry } from './timer-heap.js'

/** What a call needs of the reactor that it belongs to. */
export interface IVCallQueue {
  /** The time in milliseconds on the queue's clock. */
  time(): number
  /** Queues an active call by its `scheduledAt`. */
  addCall(call: VScheduledCall): void
  /** Takes the call out of the queue, if it is there. */
  removeCall(call: VScheduledCall): void
}

/** What a call can be told besides its delay and its function. */
export interface VScheduledCallOptions {
  /** The arguments of the function; none unless given. */
  readonly args?: readonly unknown[]
  /** The group of the call, any value; `null` for none, which is the default. */
  readonly group?: unknown
}

type AnyFunction = (...args: never[]) => unknown

const NO_ARGS: readonly unknown[] = []

/** Stands in the place of the function once that was called: a million calls may wait, so a call has few fields. */
const EXECUTED: unique symbol = Symbol('executed')

/**
 * A call at a certain time, as `schedule` returns it.
 *
 * One that is made by hand runs only after `reactor.addCall(call)`. An infinite delay stands for "not before it is
 * reset".
 *
 * @example
 * const timeout = reactor.schedule(5_000, () => link.abort())
 * timeout.reset(5_000) // something arrived: five seconds from now
 * timeout.cancel()
 */
export class VScheduledCall extends HeapEntry {
  readonly #queue: IVCallQueue
  #scheduledAt: number
  /** Undefined once the call was cancelled. */
  #fn: AnyFunction | typeof EXECUTED | undefined
  #args: readonly unknown[]
  #group: unknown

  /**
   * @param delayMs from now, at the earliest; negative counts as 0
   * @throws TypeError if `delayMs` is not a number or `fn` not a function, RangeError if `delayMs` is NaN
   */
  constructor(
    queue: IVCallQueue,
    delayMs: number,
    fn: (...args: never[]) => unknown,
    options?: VScheduledCallOptions,
  ) {
    super()
    const checkedMs = checkDelay(delayMs)
    if (typeof fn !== 'function') throw new TypeError(`a scheduled call needs a function, got ${typeof fn}`)
    this.#queue = queue
    this.#scheduledAt = queue.time() + checkedMs
    this.#fn = fn
    this.#args = options?.args ?? NO_ARGS
    this.#group = options?.group ?? null
  }

  /** True until the call has been executed or cancelled. */
  get active(): boolean {
    return typeof this.#fn === 'function'
  }

  /** True once the call has been executed, also if its function threw. */
  get executed(): boolean {
    return this.#fn === EXECUTED
  }

  /** The point of time, on the reactor's clock, before which the call does not run. */
  get scheduledAt(): number {
    return this.#scheduledAt
  }

  /** The group that the call was scheduled in; `null` if none. Dropped with the rest when the call becomes inactive. */
  get callGroup(): unknown {
    return this.#group
  }

  /** Takes the call back and lets go of its function and arguments. Does nothing if it is not active. */
  cancel(): void {
    if (typeof this.#fn !== 'function') return
    this.#queue.removeCall(this)
    this.#release(undefined)
  }

  /** Puts the call off by `delayMs`; a negative number brings it forward. Does nothing if it is not active. */
  delay(delayMs: number): void {
    const checkedMs = checkNumber(delayMs)
    // An infinite time stays infinite: the difference of two infinities is no time.
    if (this.#scheduledAt !== Number.POSITIVE_INFINITY) this.#moveTo(this.#scheduledAt + checkedMs)
  }

  /** Sets the call to `delayMs` from now. Does nothing if it is not active. */
  reset(delayMs: number): void {
    this.#moveTo(this.#queue.time() + checkDelay(delayMs))
  }

  /** Sets the call to `delayMs` from now if that is earlier than it was. Does nothing if it is not active. */
  resetIfEarlier(delayMs: number): void {
    const dueAt = this.#queue.time() + checkDelay(delayMs)
    if (dueAt < this.#scheduledAt) this.#moveTo(dueAt)
  }

  /**
   * Makes the call now, whatever its time, and returns what the function returns; what it throws goes to the caller.
   * Returns undefined if the call is not active.
   */
  execute(): unknown {
    if (typeof this.#fn !== 'function') return undefined
    const fn = this.#fn as (...args: readonly unknown[]) => unknown
    const args = this.#args
    this.#queue.removeCall(this)
    this.#release(EXECUTED)
    return args.length === 0 ? fn() : fn(...args)
  }

  #moveTo(dueAt: number): void {
    if (!this.active) return
    const queued = this.heapSlot !== -1
    if (queued) this.#queue.removeCall(this)
    this.#scheduledAt = dueAt
    if (queued) this.#queue.addCall(this)
  }

  #release(mark: typeof EXECUTED | undefined): void {
    this.#fn = mark
    this.#args = NO_ARGS
    this.#group = null
  }

  /** Gives the call arguments and a group, before it is queued: what the options do, without an object for them. */
  protected prepare(args: readonly unknown[], group: unknown): void {
    if (args.length > 0) this.#args = args
    this.#group = group
  }

  /** Whether the call was made for `queue`. */
  protected belongsTo(queue: IVCallQueue): boolean {
    return this.#queue === queue
  }
}

/** A delay from now: `delayMs`, or 0 if it is negative. */
function checkDelay(delayMs: number): number {
  return Math.max(checkNumber(delayMs), 0)
}

function checkNumber(delayMs: number): number {
  if (typeof delayMs !== 'number')
    throw new TypeError(`a delay is a number of milliseconds, got ${typeof delayMs}`)
  if (Number.isNaN(delayMs)) throw new RangeError('a delay is a number of milliseconds, got NaN')
  return delayMs
}
