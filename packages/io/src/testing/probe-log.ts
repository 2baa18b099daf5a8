/**
 * What probes write down: one list of events for all that take part in a test, in order, with what was running then.
 *
 * Decides nothing; it answers which calls happened inside which. Invariant: the events stand in the order they happened,
 * whoever recorded them.
 */

/** One recorded event. */
export interface VProbeEvent {
  /** What happened, as text: `sink.consume(5)`. */
  readonly text: string
  /** The recorded calls that were running, outermost first. */
  readonly within: readonly string[]
}

/** Records events of any number of probes. */
export class VProbeLog {
  readonly #events: VProbeEvent[] = []
  readonly #running: string[] = []
  readonly #deepest = new Map<string, number>()

  /** Records an event. */
  add(text: string): void {
    this.#events.push({ text, within: [...this.#running] })
  }

  /** Runs `body` as part of a call named `name`; with `detail` given, records the call first. */
  call<T>(name: string, detail: string | undefined, body: () => T): T {
    if (detail !== undefined) this.add(`${name}(${detail})`)
    this.#running.push(name)
    const depth = this.#running.filter((each) => each === name).length
    this.#deepest.set(name, Math.max(depth, this.#deepest.get(name) ?? 0))
    try {
      return body()
    } finally {
      this.#running.pop()
    }
  }

  /** The texts of all events, in order. */
  get events(): readonly string[] {
    return this.#events.map(({ text }) => text)
  }

  /** The events that were recorded while a call of that name was running. */
  during(name: string): readonly string[] {
    return this.#events.filter(({ within }) => within.includes(name)).map(({ text }) => text)
  }

  /** How many calls of that name were ever running inside each other: 0 never called, 1 never nested. */
  deepest(name: string): number {
    return this.#deepest.get(name) ?? 0
  }

  /** How many events have exactly this text. */
  count(text: string): number {
    return this.#events.filter((event) => event.text === text).length
  }

  /** The events whose text matches. */
  matching(pattern: RegExp): readonly string[] {
    return this.events.filter((text) => pattern.test(text))
  }

  /** Forgets the events. Calls that run keep running. */
  clear(): void {
    this.#events.length = 0
    this.#deepest.clear()
  }

  /** The events as lines. */
  toString(): string {
    return this.events.join('\n')
  }
}
