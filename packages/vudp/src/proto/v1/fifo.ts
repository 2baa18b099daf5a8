/**
 * A queue whose ends both cost the same however long it is.
 *
 * Decides nothing. Invariant: a place that was left is emptied, so that nothing is kept from being collected.
 */

const COMPACT = 64

/** First in, first out. */
export class Fifo<T> {
  #items: (T | undefined)[] = []
  #head = 0

  /** How many wait. */
  get length(): number {
    return this.#items.length - this.#head
  }

  /** The one that leaves next. */
  get first(): T | undefined {
    return this.#items[this.#head]
  }

  /** Adds one at the end. */
  push(item: T): void {
    this.#items.push(item)
  }

  /** Takes the first one; undefined if there is none. */
  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined
    const item = this.#items[this.#head]
    this.#items[this.#head] = undefined
    this.#head += 1
    if (this.#head >= COMPACT && 2 * this.#head >= this.#items.length) {
      this.#items.splice(0, this.#head)
      this.#head = 0
    } else if (this.#head === this.#items.length) {
      this.#items.length = 0
      this.#head = 0
    }
    return item
  }

  /** Drops all. */
  clear(): void {
    this.#items = []
    this.#head = 0
  }
}
