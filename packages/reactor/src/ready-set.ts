/**
 * The handlers of one direction: which are registered, which are ready, and whose turn it is.
 *
 * Decides in what order ready handlers are called and how many in one turn, so that none starves the rest. Calling
 * them and dealing with their errors is left to the reactor. Invariant: a live entry is queued exactly if its watch was
 * ready when last looked at; a removed entry is never called again, even if it is still queued.
 */
import type { IVWatch } from './types.js'

/** One registered handler. */
export class ReadyEntry<H> {
  readonly handler: H
  /** Told by `ReadySet.register`, right after the entry is made. */
  watch: IVWatch | undefined
  /** False once the handler was removed. */
  live = true
  queued = false

  constructor(handler: H) {
    this.handler = handler
  }
}

const FEW_DEAD = 64

/** The registered handlers of one direction. */
export class ReadySet<H> {
  readonly #entries = new Map<unknown, ReadyEntry<H>>()
  readonly #notify: () => void
  #queue: ReadyEntry<H>[] = []
  #head = 0
  #dead = 0

  /** @param notify called when a handler turns ready */
  constructor(notify: () => void) {
    this.#notify = notify
  }

  /** Whether a live handler may be ready. */
  get hasReady(): boolean {
    return this.#queue.length - this.#head > this.#dead
  }

  /** The registered handlers, in the order of registration. */
  get handlers(): H[] {
    return Array.from(this.#entries.values(), (entry) => entry.handler)
  }

  /** Whether `handler` is registered. */
  has(handler: unknown): boolean {
    return this.#entries.has(handler)
  }

  /** Registers a handler with the watch that `open` starts. What `open` throws leaves nothing registered. */
  register(handler: H, open: (onReady: () => void) => IVWatch): void {
    const entry = new ReadyEntry(handler)
    entry.watch = open(() => this.#enqueue(entry))
    this.#entries.set(handler, entry)
    if (entry.watch.ready) this.#enqueue(entry)
  }

  /** Removes a handler and ends its watch. Returns whether it was registered. */
  remove(handler: unknown): boolean {
    const entry = this.#entries.get(handler)
    if (entry === undefined) return false
    this.#entries.delete(handler)
    this.#retire(entry)
    if (this.#dead > FEW_DEAD && this.#dead * 2 > this.#queue.length - this.#head) this.#dropDead()
    return true
  }

  /** Removes all handlers, ends their watches, and returns them in the order of registration. */
  clear(): H[] {
    const all = this.handlers
    for (const entry of this.#entries.values()) this.#retire(entry)
    this.#entries.clear()
    this.#dropDead()
    return all
  }

  /** The number of queued entries: how many `next` may be asked for in a turn. */
  get queuedCount(): number {
    return this.#queue.length - this.#head
  }

  /**
   * Takes the next entry off the queue. Returns undefined if that one must not be called: it was removed, or is not
   * ready any more. What was called goes back by `done`.
   */
  next(): ReadyEntry<H> | undefined {
    const entry = this.#queue[this.#head]
    if (entry === undefined) return undefined
    this.#head += 1
    if (this.#head > FEW_DEAD && this.#head * 2 > this.#queue.length) {
      this.#queue.splice(0, this.#head)
      this.#head = 0
    }
    entry.queued = false
    if (!entry.live) {
      this.#dead -= 1
      return undefined
    }
    return entry.watch?.ready === true ? entry : undefined
  }

  /** Queues an entry again, behind the others, if it is still registered and ready. */
  done(entry: ReadyEntry<H>): void {
    if (entry.live && !entry.queued && entry.watch?.ready === true) this.#push(entry)
  }

  #enqueue(entry: ReadyEntry<H>): void {
    if (!entry.live || entry.queued) return
    this.#push(entry)
    this.#notify()
  }

  #push(entry: ReadyEntry<H>): void {
    entry.queued = true
    this.#queue.push(entry)
  }

  #retire(entry: ReadyEntry<H>): void {
    entry.live = false
    if (entry.queued) this.#dead += 1
    entry.watch?.close()
  }

  #dropDead(): void {
    this.#queue = this.#queue.slice(this.#head).filter((entry) => entry.live)
    this.#head = 0
    this.#dead = 0
  }
}
