/**
 * A result that is not there yet, with the functions that are to run on it.
 *
 * Decides in what order they run and what each is given: like a promise, but on the reactor's turns, with a cancel and a
 * time-out. Producing the result is left to whoever made the pending. Invariant: a pending gets one outcome; what comes
 * after a cancel or a time-out is dropped, what comes after a result is a defect and throws.
 */
import { VFailure, VReactorError } from './errors.js'
import type { VScheduledCall } from './scheduled-call.js'
import type { IVReactor, IVReactorObject } from './types.js'

/** The result was cancelled before it was there. */
export class VPendingCancelled extends VReactorError {
  override readonly code = 'V_PENDING_CANCELLED'
}

/** The result was not there in time. */
export class VPendingTimeout extends VReactorError {
  override readonly code = 'V_PENDING_TIMEOUT'
  /** The time-out that has passed. */
  readonly timeoutMs: number

  constructor(timeoutMs: number) {
    super(`no result within ${timeoutMs} ms`)
    this.timeoutMs = timeoutMs
  }
}

/** What a pending can be told. */
export interface VPendingOptions {
  /** Called once when the result is cancelled or late, so that the work for it can be stopped. */
  readonly onCancel?: () => void
  /** Cancels the result when it is aborted. */
  readonly signal?: AbortSignal
}

/** One link of the chain; a missing function lets the outcome pass. */
interface Link {
  readonly onValue: ((value: never) => unknown) | undefined
  readonly onFailure: ((failure: VFailure) => unknown) | undefined
}

/**
 * A result to come. Functions added to it form a chain: each gets what the one before it returned.
 *
 * What a function throws, or a `VFailure` that it returns, goes to the next failback; what a failback returns goes to the
 * next callback. A function that returns a pending makes the chain wait for it. All run on the reactor.
 *
 * @example
 * const pending = new VPending<number>(reactor)
 * pending.addCallback((n) => n * 2).addCallback((n) => log.push(n))
 * pending.callback(21) // log is [42]
 */
export class VPending<T = unknown> implements IVReactorObject {
  readonly reactor: IVReactor
  readonly #onCancel: (() => void) | undefined
  readonly #links: Link[] = []
  #settled = false
  /** The result was given up, so that the real one may still come and is then dropped. */
  #abandoned = false
  #outcome: unknown
  #advancing = false
  #inner: VPending | undefined
  #timeout: VScheduledCall | undefined
  #unbindSignal: (() => void) | undefined

  constructor(reactor: IVReactor, options: VPendingOptions = {}) {
    this.reactor = reactor
    this.#onCancel = options.onCancel
    if (options.signal !== undefined) this.bindSignal(options.signal)
  }

  /** True once an outcome is there and no function of the chain is waited for. */
  get hasResult(): boolean {
    return this.#settled && this.#inner === undefined
  }

  /** The result as the chain has left it. @throws VReactorError if there is none yet, or the error of a failure */
  get result(): T {
    if (!this.hasResult)
      throw new VReactorError('the pending has no result yet: look at hasResult, or add a callback')
    if (this.#outcome instanceof VFailure) throw this.#outcome.value
    return this.#outcome as T
  }

  /** Gives the result. @throws VReactorError if there is one already */
  callback(value: T): void {
    if (this.#admit()) this.#settle(value)
  }

  /** Gives the reason why there is no result. @throws VReactorError if there is a result already */
  failback(reason: VFailure | Error): void {
    const failure = reason instanceof VFailure ? reason : new VFailure(reason)
    if (this.#admit()) this.#settle(failure)
  }

  /** Adds a function for the result. */
  addCallback<R>(onValue: (value: T) => R | VPending<R>): VPending<R> {
    return this.#add(onValue, undefined) as VPending<R>
  }

  /** Adds a function for the failure; what it returns is the result from there on. */
  addFailback<R>(onFailure: (failure: VFailure) => R | VPending<R>): VPending<T | R> {
    return this.#add(undefined, onFailure) as VPending<T | R>
  }

  /** Adds one function for the result and one for the failure; one of them runs, and neither sees the other's error. */
  addCallpair<R>(
    onValue: (value: T) => R | VPending<R>,
    onFailure: (failure: VFailure) => R | VPending<R>,
  ): VPending<R> {
    return this.#add(onValue, onFailure) as VPending<R>
  }

  /** Adds one function for the result or the failure, whichever comes. */
  addBoth<R>(fn: (outcome: T | VFailure) => R | VPending<R>): VPending<R> {
    return this.#add(fn, fn) as VPending<R>
  }

  /**
   * Gives the result up: `onCancel` is called, and the failbacks get a `VPendingCancelled`. If the chain waits for
   * another pending, that one is cancelled. Does nothing once the result is there.
   */
  cancel(reason?: unknown): void {
    if (this.#inner !== undefined) this.#inner.cancel(reason)
    else this.#abandon(new VPendingCancelled('the result was cancelled', { cause: reason }))
  }

  /** Gives the result up with a `VPendingTimeout` after `timeoutMs`. Of several time-outs the earliest stays. */
  setTimeout(timeoutMs: number): void {
    if (this.#settled) return
    const call = this.reactor.schedule(timeoutMs, () => this.#abandon(new VPendingTimeout(timeoutMs)))
    const earlier = this.#timeout
    if (earlier !== undefined && earlier.scheduledAt <= call.scheduledAt) {
      call.cancel()
      return
    }
    earlier?.cancel()
    this.#timeout = call
  }

  /** Cancels the result when `signal` is aborted, at once if it is so already. */
  bindSignal(signal: AbortSignal): void {
    if (this.#settled) return
    const onAbort = (): void => this.cancel(signal.reason)
    if (signal.aborted) {
      onAbort()
      return
    }
    const unbindOther = this.#unbindSignal
    signal.addEventListener('abort', onAbort)
    this.#unbindSignal = () => {
      unbindOther?.()
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** A promise of what the chain, as it is now, makes of the result; rejected with the error of a failure. */
  toPromise(): Promise<T> {
    return new Promise((resolve, reject) => {
      this.addBoth((outcome) => {
        if (outcome instanceof VFailure) reject(outcome.value)
        else resolve(outcome)
        return outcome
      })
    })
  }

  #add(onValue: Link['onValue'], onFailure: Link['onFailure']): VPending {
    this.#links.push({ onValue, onFailure })
    if (this.#settled) this.reactor.execute(() => this.#advance())
    return this as VPending
  }

  /** Whether an outcome may be set; false if it is to be dropped. */
  #admit(): boolean {
    if (this.#abandoned) return false
    if (this.#settled) throw new VReactorError('the pending has a result already: a result is given once')
    return true
  }

  #abandon(error: VReactorError): void {
    if (this.#settled) return
    this.#abandoned = true
    this.#settle(new VFailure(error))
    try {
      this.#onCancel?.()
    } catch (cancelError) {
      this.reactor.log.error('the cancel of a result failed', cancelError)
    }
  }

  #settle(outcome: unknown): void {
    this.#settled = true
    this.#outcome = outcome
    this.#timeout?.cancel()
    this.#timeout = undefined
    this.#unbindSignal?.()
    this.#unbindSignal = undefined
    this.reactor.execute(() => this.#advance())
  }

  /** Runs the chain as far as it goes. */
  #advance(): void {
    if (this.#advancing) return
    this.#advancing = true
    while (this.#inner === undefined) {
      const link = this.#links.shift()
      if (link === undefined) break
      this.#apply(link)
    }
    this.#advancing = false
  }

  #apply(link: Link): void {
    const fn = (this.#outcome instanceof VFailure ? link.onFailure : link.onValue) as
      | ((outcome: unknown) => unknown)
      | undefined
    if (fn === undefined) return
    try {
      const next = fn(this.#outcome)
      if (next === this) throw new TypeError('a function of a chain returned the pending it is part of')
      if (next instanceof VPending) this.#waitFor(next)
      else this.#outcome = next
    } catch (error) {
      this.#outcome = new VFailure(
        error instanceof Error ? error : new VReactorError('not an Error was thrown', { cause: error }),
      )
    }
  }

  #waitFor(inner: VPending): void {
    this.#inner = inner
    inner.addBoth((outcome) => {
      this.#outcome = outcome
      this.#inner = undefined
      this.#advance()
      return outcome
    })
  }
}

/** `VPending` under the name that says where its functions run. */
export const VReactorPending: typeof VPending = VPending
/** An instance of `VReactorPending`. */
export type VReactorPending<T = unknown> = VPending<T>
