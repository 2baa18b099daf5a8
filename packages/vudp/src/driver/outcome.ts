/**
 * Something that is decided once, and a promise of it for those who wait.
 *
 * Decides nothing. Invariant: the first answer counts, and one that nobody waits for is no unhandled rejection.
 */

/** One outcome. */
export class Outcome<T> {
  readonly #promise: Promise<T>
  #fulfil: (value: T) => void = () => undefined
  #reject: (error: Error) => void = () => undefined

  constructor() {
    this.#promise = new Promise((fulfil, reject) => {
      this.#fulfil = fulfil
      this.#reject = reject
    })
    this.#promise.catch(() => undefined)
  }

  /** Settles with the outcome. */
  get promise(): Promise<T> {
    return this.#promise
  }

  /** It has come out well. */
  settle(value: T): void {
    this.#fulfil(value)
  }

  /** It will not be. */
  fail(error: Error): void {
    this.#reject(error)
  }
}
