/**
 * The whole universe of one test: time, chance, a network, a reactor and a trace, all from one seed.
 *
 * Time goes from one thing that is due to the next, whether it is due in the network or on the reactor; nothing happens
 * by ticks. Invariant: one seed and one scenario give one trace, on every machine, so that a failure can be replayed from
 * the line that it prints.
 */
import { VInvariantError, VReactor } from '@vio/reactor'
import { VirtualHost, VSeededRandom, VTrace } from '@vio/reactor/testing'
import { SimCall, type SimEvent, SimEventQueue } from './event-queue.js'
import { SimNetwork } from './network.js'

/** How a world is made. */
export interface SimWorldOptions {
  /** Decides everything random. */
  readonly seed: number
  /** The name of what is simulated, for failures; by default 'unnamed'. */
  readonly scenario?: string
  /** The test file that a replay runs; by default `test/vudp`. */
  readonly file?: string
  /** False to keep no trace of the datagrams: faster, and without a digest. By default true. */
  readonly traced?: boolean
}

/** More than any run takes: what goes round without time passing is found by `#maxEventsAtOnce`. */
const MAX_EVENTS_AT_ONCE = 1_000_000

/** One universe. */
export class SimWorld {
  readonly seed: number
  readonly scenario: string
  readonly random: VSeededRandom
  readonly host: VirtualHost = new VirtualHost({ maxSteps: 100_000_000 })
  /** On the simulated time, and running; for what needs a reactor. */
  readonly reactor: VReactor
  readonly events: SimEventQueue = new SimEventQueue()
  readonly network: SimNetwork
  readonly trace: VTrace = new VTrace(200)
  readonly #file: string
  #afterStep: (() => void)[] = []

  constructor(options: SimWorldOptions) {
    this.seed = options.seed
    this.scenario = options.scenario ?? 'unnamed'
    this.#file = options.file ?? 'test/vudp'
    this.random = new VSeededRandom(options.seed)
    this.reactor = new VReactor({ host: this.host })
    this.reactor.start()
    this.network = new SimNetwork({
      events: this.events,
      draw: (name) => this.random.fork(name),
      ...(options.traced === false ? {} : { seen: this.#record }),
    })
  }

  /** The time in milliseconds; 0 at the beginning. */
  get now(): number {
    return this.host.now()
  }

  /** What stands for everything that was sent and that arrived. */
  get digest(): string {
    return this.trace.digest
  }

  /** Queues an event, or moves it; Infinity takes it out. */
  schedule(event: SimEvent, dueAt: number): void {
    this.events.schedule(event, dueAt)
  }

  /** Calls a function at a time. */
  at(dueAt: number, call: (now: number) => void): SimEvent {
    const event = new SimCall(call)
    this.events.schedule(event, Math.max(dueAt, this.now))
    return event
  }

  /** Calls a function after a time. */
  after(delayMs: number, call: (now: number) => void): SimEvent {
    return this.at(this.now + delayMs, call)
  }

  /** Calls a function at once and then every `intervalMs`, until it returns false. */
  every(intervalMs: number, call: (now: number) => boolean | void): void {
    const event = new SimCall((now) => {
      if (call(now) !== false) this.events.schedule(event, now + intervalMs)
    })
    this.events.schedule(event, this.now)
  }

  /** Calls `check` after every step; what it throws fails the run. */
  afterStep(check: () => void): void {
    this.#afterStep.push(check)
  }

  /** Time passes while nobody runs, as when the machine sleeps: what was due meanwhile is due at once afterwards. */
  standStill(ms: number): void {
    this.host.elapse(ms)
  }

  /** Lets `ms` pass and does all that falls into it. */
  advance(ms: number): void {
    this.#drive(this.now + ms, () => false)
  }

  /** Does all that is due now. */
  settle(): void {
    this.advance(0)
  }

  /**
   * Runs until `done` is true, which is looked at after each step.
   *
   * @throws VInvariantError if `withinMs` (a minute unless given) pass before, or nothing is left that could happen
   */
  runUntil(done: () => boolean, options: { readonly withinMs?: number; readonly what?: string } = {}): void {
    const withinMs = options.withinMs ?? 60_000
    const startedAt = this.now
    if (this.#drive(startedAt + withinMs, done)) return
    throw this.failure(
      `${options.what ?? 'what was waited for'} did not happen within ${withinMs} ms from ${startedAt}`,
    )
  }

  /** An error that says how to see this again. */
  failure(message: string, cause?: unknown): VInvariantError {
    const told = message.replace(/ \[seed \d+[\s\S]*$/, '')
    return new VInvariantError(
      `${told} [seed ${this.seed}, ${this.scenario}, at ${this.now} ms, digest ${this.digest}]\n` +
        `again: V_SEED=${this.seed} npx vitest run ${this.#file} -t '${this.scenario}'`,
      { cause },
    )
  }

  /** Runs until `done` or up to `until`, at which the clock stands afterwards. Returns whether it was `done`. */
  #drive(until: number, done: () => boolean): boolean {
    let atOnce = 0
    let last = -1
    while (!done()) {
      const dueAt = this.host.idle ? Math.min(this.events.nextAt, this.host.alarmAt) : this.now
      if (dueAt > until) {
        if (until > this.now && until !== Number.POSITIVE_INFINITY) this.host.elapse(until - this.now)
        return false
      }
      if (dueAt > this.now) this.host.elapse(dueAt - this.now)
      atOnce = this.now === last ? atOnce + 1 : 0
      last = this.now
      if (atOnce > MAX_EVENTS_AT_ONCE)
        throw this.failure('no rest: something is due again and again at one time')
      this.#step(dueAt)
    }
    return true
  }

  #step(dueAt: number): void {
    try {
      // Differences of times are not exact: what made the clock move is due.
      this.events.take(Math.max(dueAt, this.now))?.fire(this.now)
      if (!this.host.idle || this.host.alarmAt <= this.now) this.host.runUntilIdle()
      for (const check of this.#afterStep) check()
    } catch (error) {
      throw this.failure(error instanceof Error ? error.message : String(error), error)
    }
  }

  readonly #record: NonNullable<ConstructorParameters<typeof SimNetwork>[0]['seen']> = (
    now,
    kind,
    datagram,
  ) => {
    const { bytes } = datagram
    // Enough of the content to tell two runs apart, without hashing all of it.
    const last = bytes.length > 0 ? (bytes[bytes.length - 1] as number) : -1
    this.trace.record(
      now,
      kind,
      `${datagram.from}>${datagram.to} ${datagram.sizeBytes} ${bytes[0] ?? -1} ${last}`,
    )
  }
}
