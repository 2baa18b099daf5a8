/**
 * A queue whose ends both cost the same however long it is.
 *
 * Decides nothing. Most queues of most connections never hold more than one at a time, which needs no array: an idle
 * connection has many queues. Invariant: a place that was left is emptied, so that nothing is kept from being collected.
 */

const COMPACT = 64
/** What queues that never held two have in common; nothing is ever put into it. */
const NONE: never[] = []

/** First in, first out. */
export class Fifo<T extends NonNullable<unknown>> {
  /** The one in front, where it came into an empty queue; the others are behind it. */
  #single: T | undefined
  #items: (T | undefined)[] = NONE
  #head = 0

  /** How many wait. */
  get length(): number {
    return this.#items.length - this.#head + (this.#single === undefined ? 0 : 1)
  }

  /** The one that leaves next. */
  get first(): T | undefined {
    return this.#single ?? this.#items[this.#head]
  }

  /** Adds one at the end. */
  push(item: T): void {
    if (this.#items.length > 0) this.#items.push(item)
    else if (this.#single === undefined) this.#single = item
    else if (this.#items === NONE) this.#items = [item]
    else this.#items.push(item)
  }

  /** Takes the first one; undefined if there is none. */
  shift(): T | undefined {
    const single = this.#single
    if (single !== undefined) {
      this.#single = undefined
      return single
    }
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
    this.#single = undefined
    this.#items = NONE
    this.#head = 0
  }
}
