/**
 * What is due in a simulated universe, in the order of time.
 *
 * A heap of events that are objects of their own and know their place in it, so that taking one out or moving it needs
 * no search and scheduling one costs no further object. Invariant: of events due at one time, the one scheduled first
 * comes first.
 */

/** Something that happens at a time. One is in at most one queue, at most once. */
export abstract class SimEvent {
  /** When it is due; meaningful while it is queued. */
  dueAt = 0
  /** Its place in the heap, -1 while it is in none; the queue's alone. */
  place: number = -1
  /** Decides between events of one time; the queue's alone. */
  order = 0

  /** It is due. */
  abstract fire(now: number): void

  /** True while it is queued. */
  get isQueued(): boolean {
    return this.place >= 0
  }
}

/** An event that calls a function. */
export class SimCall extends SimEvent {
  readonly #call: (now: number) => void

  constructor(call: (now: number) => void) {
    super()
    this.#call = call
  }

  fire(now: number): void {
    this.#call(now)
  }
}

/** Events by due time. */
export class SimEventQueue {
  readonly #heap: SimEvent[] = []
  #order = 0

  /** When the first event is due; Infinity without any. */
  get nextAt(): number {
    return this.#heap[0]?.dueAt ?? Number.POSITIVE_INFINITY
  }

  /** How many events are queued. */
  get length(): number {
    return this.#heap.length
  }

  /** Queues an event for `dueAt`; one that is queued already is moved. Infinity takes it out. */
  schedule(event: SimEvent, dueAt: number): void {
    if (event.place >= 0) this.cancel(event)
    if (dueAt === Number.POSITIVE_INFINITY) return
    event.dueAt = dueAt
    event.order = this.#order++
    event.place = this.#heap.length
    this.#heap.push(event)
    this.#rise(event)
  }

  /** Takes an event out; one that is not queued is ignored. */
  cancel(event: SimEvent): void {
    const { place } = event
    if (place < 0) return
    event.place = -1
    const last = this.#heap.pop() as SimEvent
    if (last === event) return
    this.#put(last, place)
    this.#rise(last)
    this.#sink(last)
  }

  /** Takes the first event out if it is due at `now`. */
  take(now: number): SimEvent | undefined {
    const first = this.#heap[0]
    if (first === undefined || first.dueAt > now) return undefined
    this.cancel(first)
    return first
  }

  #put(event: SimEvent, place: number): void {
    this.#heap[place] = event
    event.place = place
  }

  #rise(event: SimEvent): void {
    while (event.place > 0) {
      const above = this.#heap[(event.place - 1) >> 1] as SimEvent
      if (!isBefore(event, above)) return
      const { place } = event
      this.#put(event, above.place)
      this.#put(above, place)
    }
  }

  #sink(event: SimEvent): void {
    for (;;) {
      const left = this.#heap[2 * event.place + 1]
      const right = this.#heap[2 * event.place + 2]
      if (left === undefined) return
      const least = right !== undefined && isBefore(right, left) ? right : left
      if (!isBefore(least, event)) return
      const { place } = event
      this.#put(event, least.place)
      this.#put(least, place)
    }
  }
}

function isBefore(a: SimEvent, b: SimEvent): boolean {
  return a.dueAt < b.dueAt || (a.dueAt === b.dueAt && a.order < b.order)
}
