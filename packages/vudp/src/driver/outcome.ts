/**
 * Something that is decided once, and a promise of it for those who wait.
 *
 * Decides nothing. The promise is made when somebody asks for it: of most outcomes nobody does. Invariant: the first answer
 * counts, and one that nobody waits for is no unhandled rejection.
 */

/** One outcome. */
export class Outcome<T> {
  #promise: Promise<T> | null = null
  /** What waits for the answer is told by these. */
  #waiting: { readonly fulfil: (value: T) => void; readonly reject: (error: Error) => void } | null = null
  #answer: { readonly value: T } | { readonly error: Error } | null = null

  /** Settles with the outcome. */
  get promise(): Promise<T> {
    this.#promise ??= this.#made()
    return this.#promise
  }

  /** It has come out well. */
  settle(value: T): void {
    if (this.#answer !== null) return
    this.#answer = { value }
    this.#waiting?.fulfil(value)
    this.#waiting = null
  }

  /** It will not be. */
  fail(error: Error): void {
    if (this.#answer !== null) return
    this.#answer = { error }
    this.#waiting?.reject(error)
    this.#waiting = null
  }

  #made(): Promise<T> {
    const answer = this.#answer
    const made = new Promise<T>((fulfil, reject) => {
      if (answer === null) this.#waiting = { fulfil, reject }
      else if ('error' in answer) reject(answer.error)
      else fulfil(answer.value)
    })
    made.catch(() => undefined)
    return made
  }
}
