/**
 * The reactor as a scheduler of rxjs, so that operators of time run on its turns, in real and in simulated time.
 *
 * Decides nothing about time: each action is one call of the reactor. Invariant: an action that was unsubscribed does not
 * run any more, and an action has one call pending at most.
 */
import { type SchedulerAction, type SchedulerLike, Subscription } from 'rxjs'
import type { VScheduledCall } from './scheduled-call.js'
import type { IVReactor, IVReactorObject } from './types.js'

type Work<T> = (this: SchedulerAction<T>, state?: T) => void

/**
 * Runs rxjs operators on a reactor.
 *
 * @example
 * const scheduler = new VReactorScheduler(reactor)
 * interval(100, scheduler).pipe(take(3)).subscribe((n) => seen.push(n))
 */
export class VReactorScheduler implements SchedulerLike, IVReactorObject {
  readonly reactor: IVReactor

  constructor(reactor: IVReactor) {
    this.reactor = reactor
  }

  /** The reactor's time in milliseconds. */
  now(): number {
    return this.reactor.time()
  }

  /** Runs `work` with `state` after `delayMs`; what it throws is logged by the reactor. */
  schedule<T>(work: Work<T>, delayMs = 0, state?: T): Subscription {
    return new ReactorAction(this.reactor, work).schedule(state, delayMs)
  }
}

class ReactorAction<T> extends Subscription implements SchedulerAction<T> {
  readonly #reactor: IVReactor
  readonly #work: Work<T>
  #call: VScheduledCall | undefined

  constructor(reactor: IVReactor, work: Work<T>) {
    super()
    this.#reactor = reactor
    this.#work = work
  }

  schedule(state?: T, delayMs = 0): Subscription {
    if (this.closed) return this
    this.#call?.cancel()
    this.#call = this.#reactor.schedule(delayMs, () => this.#run(state))
    return this
  }

  override unsubscribe(): void {
    this.#call?.cancel()
    this.#call = undefined
    super.unsubscribe()
  }

  #run(state: T | undefined): void {
    this.#call = undefined
    try {
      this.#work.call(this, state)
    } catch (error) {
      this.unsubscribe()
      throw error
    }
  }
}
