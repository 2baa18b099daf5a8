/**
 * A queue of messages, the counterpart of `VByteBuffer` for flows that are counted in messages.
 *
 * Decides nothing about limits. Invariant: messages leave in the order they came, each once.
 */
import { describeValue } from './limit.js'

/** FIFO of messages. A count below zero means "all"; a count beyond the content means what is there. */
export class VMessageQueue<M> {
  #items: Array<M | undefined> = []
  #head = 0

  /** Starts with `items`, in order. */
  constructor(items: Iterable<M> = []) {
    for (const item of items) this.#items.push(item)
  }

  /** How many messages are held. */
  get length(): number {
    return this.#items.length - this.#head
  }

  /** Puts a message at the end. */
  append(item: M): void {
    this.#items.push(item)
  }

  /** Takes the first message. Undefined if there is none. */
  shift(): M | undefined {
    if (this.length === 0) return undefined
    const item = this.#items[this.#head]
    // The slot is let go at once; the array is cut when most of it has left, so taking stays cheap.
    this.#items[this.#head] = undefined
    this.#head += 1
    if (this.#head > 32 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  /** Shows the first message. Undefined if there is none. */
  peek(): M | undefined {
    return this.#items[this.#head]
  }

  /** Takes `count` messages, in order. @throws TypeError if `count` is not a whole number */
  popList(count = -1): M[] {
    const list: M[] = []
    // What is there is known to be an M, also where M includes undefined.
    for (let left = this.#sizeOf(count); left > 0; left -= 1) list.push(this.shift() as M)
    return list
  }

  /** Moves `count` messages to the end of `target` and returns how many moved. @throws as `popList` */
  moveTo(target: VMessageQueue<M>, count = -1): number {
    const size = this.#sizeOf(count)
    for (let left = size; left > 0; left -= 1) target.append(this.shift() as M)
    return size
  }

  /** Drops everything. */
  clear(): void {
    this.#items = []
    this.#head = 0
  }

  #sizeOf(count: number): number {
    if (!Number.isInteger(count) && count !== Number.POSITIVE_INFINITY) {
      throw new TypeError(`a count of messages is a whole number, got ${describeValue(count)}`)
    }
    return count < 0 ? this.length : Math.min(count, this.length)
  }
}
