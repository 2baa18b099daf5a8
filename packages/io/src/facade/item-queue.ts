/**
 * A bounded queue of items of bytes, for sources that cannot be made to wait.
 *
 * Decides what becomes of an item that does not fit; who then ends what is the owner's affair. Invariants: at most
 * `maxQueuedBytes` wait, and what leaves is whole items, in order: none is left out that has begun to leave.
 */
import { VIOOversize } from '../errors.js'
import { choiceOption, wholeOption } from '../filter/options.js'

/**
 * What becomes of an item that does not fit: `error` ends the flow unclean, behind what is queued; `drop-newest` leaves
 * it out; `drop-oldest` leaves out whole items before it that have not begun to leave.
 */
export type VOverflowPolicy = 'error' | 'drop-newest' | 'drop-oldest'

/** How much may wait, and what to do with more. */
export interface ItemQueueOptions {
  /** The most bytes that wait for the chain. By default 1 MiB. */
  readonly maxQueuedBytes?: number
  /** What to do with more. By default 'error'. */
  readonly overflow?: VOverflowPolicy
}

const DEFAULT_QUEUED_BYTES = 1_048_576
const POLICIES = ['error', 'drop-newest', 'drop-oldest'] as const

/** Items that wait. */
export class ItemQueue {
  readonly #maxQueuedBytes: number
  readonly #overflow: VOverflowPolicy
  #items: Buffer[] = []
  /** Some of the first item has left. */
  #begun = false
  #queuedBytes = 0
  #droppedItems = 0

  /** @throws TypeError for a policy that is none, RangeError for a size that is none */
  constructor(options: ItemQueueOptions) {
    this.#maxQueuedBytes = wholeOption('maxQueuedBytes', options.maxQueuedBytes ?? DEFAULT_QUEUED_BYTES)
    this.#overflow = choiceOption('overflow', options.overflow ?? 'error', POLICIES)
  }

  /** Bytes that wait. */
  get queuedBytes(): number {
    return this.#queuedBytes
  }

  /** Items that were left out. */
  get droppedItems(): number {
    return this.#droppedItems
  }

  /** Puts an item at the end, or leaves something out. @throws VIOOversize if it does not fit and the policy is `error` */
  push(item: Buffer): void {
    if (item.length === 0) return
    if (this.#overflow === 'drop-oldest' && item.length <= this.#maxQueuedBytes) this.#dropFor(item.length)
    const wanted = this.#queuedBytes + item.length
    if (wanted <= this.#maxQueuedBytes) {
      this.#items.push(item)
      this.#queuedBytes = wanted
    } else if (this.#overflow === 'error') {
      throw new VIOOversize('a queue of data that cannot wait', wanted, this.#maxQueuedBytes)
    } else this.#droppedItems += 1
  }

  /** Takes the first item, or its first `maxBytes`; negative for all of it. Null if there is none. */
  take(maxBytes: number): Buffer | null {
    const first = this.#items[0]
    if (first === undefined) return null
    const size = maxBytes < 0 ? first.length : Math.min(maxBytes, first.length)
    this.#begun = size < first.length
    if (this.#begun) this.#items[0] = first.subarray(size)
    else this.#items.shift()
    this.#queuedBytes -= size
    return first.subarray(0, size)
  }

  /** Drops everything. */
  clear(): void {
    this.#items = []
    this.#queuedBytes = 0
    this.#begun = false
  }

  #dropFor(size: number): void {
    const kept = this.#begun ? 1 : 0
    while (this.#queuedBytes + size > this.#maxQueuedBytes && this.#items.length > kept) {
      const [dropped] = this.#items.splice(kept, 1)
      this.#queuedBytes -= dropped?.length ?? 0
      this.#droppedItems += 1
    }
  }
}
