/**
 * The reference model of the chain contract: a ledger of what was given, granted, moved and held.
 *
 * Knows nothing of turns, queues or calls: an operation changes links and limits at once, and `settle` moves what may
 * move. Two producers and two consumers share one place in the middle: nothing, a tap, or a filter of a given capacity.
 * Invariant: a unit is in exactly one place, with its producer, in the middle, or with a consumer.
 */

/** What stands between producers and consumers. */
export type Middle = 'nothing' | 'tap' | 'filter'

/** How many units the filter holds. */
export const CAPACITY = 8

/** A producer as the ledger knows it. */
export class ModelProducer {
  readonly pending: number[] = []
  end: boolean | undefined
  aborted = false
}

/** A consumer as the ledger knows it. */
export class ModelConsumer {
  readonly received: number[] = []
  ended: boolean | undefined
  aborted = false
  moved = 0
  limit = 0

  get credit(): number {
    return this.limit - this.moved
  }
}

/** The ledger. */
export class Ledger {
  readonly producers: readonly ModelProducer[] = [new ModelProducer(), new ModelProducer()]
  readonly consumers: readonly ModelConsumer[] = [new ModelConsumer(), new ModelConsumer()]
  readonly held: number[] = []
  up: ModelProducer | undefined
  down: ModelConsumer | undefined
  readonly #middle: Middle
  readonly #window: number
  /** What the producer may still give into the middle. */
  #upCredit = 0
  /** The end that the middle was told, and whether it is closed on either side. */
  #midEnd: boolean | undefined
  #midClosed = false

  /** With a `window` above 0 consumers answer so many more to all they take; else they keep to what they granted. */
  constructor(middle: Middle, window: number) {
    this.#middle = middle
    this.#window = window
  }

  attachUp(producer: ModelProducer): boolean {
    if (this.up === producer) return true
    const closed = producer.end !== undefined || producer.aborted || this.#midEnd !== undefined
    if (this.up !== undefined || closed || this.#midClosed) return false
    this.up = producer
    this.#upCredit = this.#middle === 'tap' && this.held.length === 0 ? (this.down?.credit ?? 0) : 0
    return true
  }

  attachDown(consumer: ModelConsumer, initial: number): boolean {
    if (this.down === consumer) return true
    if (this.down !== undefined || consumer.aborted || this.#midClosed) return false
    this.down = consumer
    this.grant(consumer, initial)
    return true
  }

  detachUp(): void {
    this.up = undefined
    if (this.#middle === 'nothing' && this.down !== undefined) this.detachDown()
  }

  detachDown(): void {
    Object.assign(this.down ?? {}, { moved: 0, limit: 0 })
    this.down = undefined
    if (this.#middle === 'nothing') this.up = undefined
  }

  grant(consumer: ModelConsumer, more: number): boolean {
    if (this.down !== consumer) return false
    consumer.limit = Math.max(consumer.limit, consumer.moved + more)
    if (this.held.length === 0) this.#upCredit = Math.max(this.#upCredit, consumer.credit)
    return true
  }

  abort(end: ModelProducer | ModelConsumer): void {
    end.aborted = true
    if (this.up === end || this.down === end) this.#abortAll()
  }

  #abortAll(): void {
    for (const end of [this.up, this.down]) if (end !== undefined) end.aborted = true
    this.detachUp()
    this.detachDown()
    this.held.length = 0
    this.#midEnd = undefined
    this.#midClosed = this.#middle !== 'nothing'
  }

  /** Moves all that may move, then passes on an end. */
  settle(): void {
    while (this.#give(this.held) || this.#take()) {
      if (this.held.length === 0) this.#upCredit = Math.max(this.#upCredit, this.down?.credit ?? 0)
    }
    if (this.up?.pending.length === 0) this.#midEnd ??= this.up.end
    const end = this.#midEnd
    if (end === undefined || this.down === undefined || this.held.length > 0) return
    this.down.ended = end
    this.#abortAll()
  }

  /** One piece from the producer into the middle; on to the consumer goes what that allows. */
  #take(): boolean {
    const from = this.#midEnd === undefined ? (this.up?.pending ?? []) : []
    if (this.#middle === 'nothing') return this.#give(from)
    const credit = this.#middle === 'filter' ? CAPACITY - this.held.length : this.#upCredit
    const piece = from.splice(0, credit)
    const [direct, rest] = [piece.slice(), this.held.length]
    if (rest === 0) this.#give(direct)
    this.held.push(...(rest === 0 ? direct : piece))
    if (piece.length > 0) this.#upCredit = this.held.length > 0 ? 0 : (this.down?.credit ?? 0)
    return piece.length > 0
  }

  /** Gives the consumer what it allows; in a window of its own it takes all, piece by piece. */
  #give(from: number[]): boolean {
    const { down } = this
    const piece = from.splice(0, down?.credit ?? 0)
    if (down === undefined || piece.length === 0) return false
    down.received.push(...piece)
    down.moved += piece.length
    if (this.#window > 0) down.limit = down.moved + this.#window
    return true
  }
}
