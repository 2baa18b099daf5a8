/**
 * A recurring task of an element: made once, queued as often as there is something to do.
 *
 * Invariant: it is queued at most once at any time.
 */
import type { IVReactor, IVTask } from '@vio/reactor'

/** Calls one function on a later turn, however often that was asked for. */
export class RecurringTask implements IVTask {
  readonly #reactor: IVReactor
  readonly #run: () => void
  #posted = false

  constructor(reactor: IVReactor, run: () => void) {
    this.#reactor = reactor
    this.#run = run
  }

  /** Asks for one run on the next turn. */
  post(): void {
    if (this.#posted) return
    this.#posted = true
    this.#reactor.post(this)
  }

  /** Called by the reactor. */
  runTask(): void {
    this.#posted = false
    this.#run()
  }
}
