/**
 * A promise for something that the chain will tell, with the two ways to give it up: a signal and a time-out.
 *
 * Decides nothing about what is waited for. Time is the reactor's. Invariants: a waiter settles once, and lets go of its
 * signal and its timer then; a promise that nobody took is never reported as an unhandled rejection.
 */
import { type IVReactor, VIOTimeout, type VScheduledCall } from '@vio/reactor'
import { describeValue } from '../limit.js'

/** How long to wait. */
export interface VWaitOptions {
  /** Gives up when it is aborted: the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal
  /**
   * Gives up after that many milliseconds, with `VIOTimeout`; 0 does not wait at all. By default, and for null and
   * negative numbers, it waits for any time.
   */
  readonly timeoutMs?: number | null
}

const noop = (): void => undefined

/** One promise and what may settle it. */
export class Waiter<T> {
  readonly promise: Promise<T>
  readonly #onGivenUp: (error: unknown) => void
  #resolve: (value: T) => void = noop
  #reject: (error: unknown) => void = noop
  #settled = false
  #timer: VScheduledCall | undefined
  #signal: AbortSignal | undefined
  readonly #onAbort = (): void => this.#giveUp(this.#signal?.reason)

  /** @param onGivenUp called when the signal or the time-out, and nobody else, rejects the promise */
  constructor(onGivenUp: (error: unknown) => void = noop) {
    this.#onGivenUp = onGivenUp
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // Whoever takes the promise hears of its rejection; if nobody does, the chain was told anyway.
    this.promise.catch(noop)
  }

  get settled(): boolean {
    return this.#settled
  }

  /** Rejects at once if the signal is aborted already. Returns false then. */
  admit(signal: AbortSignal | undefined): boolean {
    if (signal?.aborted !== true) return true
    this.reject(signal.reason)
    return false
  }

  /** From now on the signal and the time-out count. For a waiter that did not settle at once. */
  limit(reactor: IVReactor, what: string, options: VWaitOptions): void {
    if (this.#settled) return
    const { signal, timeoutMs } = options
    if (signal !== undefined) {
      this.#signal = signal
      signal.addEventListener('abort', this.#onAbort, { once: true })
    }
    if (timeoutMs === undefined || timeoutMs === null || timeoutMs < 0) return
    const late = (): void => this.#giveUp(new VIOTimeout(`${what} was not done within ${timeoutMs} ms`))
    if (timeoutMs === 0) late()
    else this.#timer = reactor.schedule(timeoutMs, late)
  }

  resolve(value: T): void {
    if (!this.#settled) {
      this.#settle()
      this.#resolve(value)
    }
  }

  reject(error: unknown): void {
    if (!this.#settled) {
      this.#settle()
      this.#reject(error)
    }
  }

  #giveUp(error: unknown): void {
    this.reject(error)
    this.#onGivenUp(error)
  }

  #settle(): void {
    this.#settled = true
    this.#timer?.cancel()
    this.#signal?.removeEventListener('abort', this.#onAbort)
  }
}

/** Looks at wait options before anything is done. @throws TypeError if they are none */
export function checkWait(options: VWaitOptions): void {
  const { signal, timeoutMs } = options
  if (signal !== undefined && typeof signal?.addEventListener !== 'function')
    throw new TypeError(`signal is an AbortSignal, got ${describeValue(signal)}`)
  if (timeoutMs === undefined || timeoutMs === null) return
  if (typeof timeoutMs !== 'number' || Number.isNaN(timeoutMs))
    throw new TypeError(`timeoutMs is a number of milliseconds, got ${describeValue(timeoutMs)}`)
}
