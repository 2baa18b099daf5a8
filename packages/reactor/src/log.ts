/**
 * The logger: levels, entries, watchers, filters and loggers with a prefix.
 *
 * Decides which entry reaches which watcher and that it does so on a later turn. The time of an entry comes from a
 * clock that is injected, and where the text ends up is left to the watchers. Invariant: logging never throws to the one
 * who logs, and a watcher that throws disturbs neither the other watchers nor the reactor.
 */

/** The levels of log entries; any other number between them is a level too. */
export const VLogLevel: {
  readonly debug: 10
  readonly info: 20
  readonly warn: 30
  readonly error: 40
  readonly critical: 50
} = { debug: 10, info: 20, warn: 30, error: 40, critical: 50 }

/** One thing that was logged. */
export interface VLogEntry {
  /** When it was logged: milliseconds since 1970 on the logger's clock. */
  readonly atMs: number
  /** How important it is; see `VLogLevel`. */
  readonly level: number
  /** Where it comes from: the prefixes of the loggers it went through, outermost first; empty if there are none. */
  readonly prefix: string
  /** What happened, as it was given: line ends are escaped by a formatter, not here. */
  readonly message: string
  /** What was thrown, where the entry tells of an error. */
  readonly error?: unknown
}

/** Says whether an entry is to be kept. */
export type VLogFilter = (entry: VLogEntry) => boolean

/** Receives log entries. */
export interface IVLogWatcher {
  /** Takes an entry, on a reactor turn after it was logged. What it throws is swallowed and counted. */
  watch(entry: VLogEntry): void
}

/** Hands work over to a later turn: a reactor's `post` and what the logger needs of it. */
export interface VLoggerOptions {
  /** Queues the delivery for a later turn. */
  readonly post: (task: { runTask(): void }) => void
  /** The wall-clock time in milliseconds since 1970. */
  readonly clock: () => number
}

/** Entries that wait for delivery, at most; what is logged beyond that is counted and dropped. */
const MAX_WAITING = 10_000

/** What loggers have in common: one method a level, and `log`, which they come down to. */
export abstract class VLoggerBase {
  /** Logs `message` at `level`, with what was thrown if it tells of an error. */
  abstract log(message: string, level?: number, error?: unknown): void

  /** Logs at level 10. */
  debug(message: string): void {
    this.log(message, VLogLevel.debug)
  }

  /** Logs at level 20. */
  info(message: string): void {
    this.log(message, VLogLevel.info)
  }

  /** Logs at level 30. */
  warn(message: string, error?: unknown): void {
    this.log(message, VLogLevel.warn, error)
  }

  /** Logs at level 40. */
  error(message: string, error?: unknown): void {
    this.log(message, VLogLevel.error, error)
  }

  /** Logs at level 50. */
  critical(message: string, error?: unknown): void {
    this.log(message, VLogLevel.critical, error)
  }

  /** A logger that puts `prefix` in front of its entries and gives them to this one. */
  createProxyLogger(prefix: string): VProxyLogger {
    return new VProxyLogger(this, prefix)
  }

  /** Takes an entry of a proxy logger. */
  protected abstract take(message: string, level: number, error: unknown, prefix: string): void
}

/**
 * Hands what is logged to watchers, a turn later.
 *
 * @example
 * reactor.log.addWatcher({ watch: (entry) => lines.push(formatLogEntry(entry)) })
 * reactor.log.warn('the link is slow')
 */
export class VLogger extends VLoggerBase {
  readonly #post: VLoggerOptions['post']
  readonly #clock: () => number
  readonly #watchers = new Set<IVLogWatcher>()
  readonly #filters = new Set<VLogFilter>()
  readonly #delivery = { runTask: (): void => this.flush() }
  #waiting: VLogEntry[] = []
  #dropped = 0
  #watcherFailures = 0
  #closed = false

  constructor(options: VLoggerOptions) {
    super()
    this.#post = options.post
    this.#clock = options.clock
  }

  /** How many times a watcher or a filter threw. */
  get watcherFailures(): number {
    return this.#watcherFailures
  }

  /** The watchers, in the order in which they were added: a copy. */
  get watchers(): readonly IVLogWatcher[] {
    return [...this.#watchers]
  }

  /** Adds a watcher for what is delivered from now on. Added twice it still sees each entry once. */
  addWatcher(watcher: IVLogWatcher): void {
    if (typeof watcher?.watch !== 'function') throw new TypeError('a log watcher has a method watch(entry)')
    this.#watchers.add(watcher)
  }

  /** Removes a watcher; an unknown one is ignored. */
  removeWatcher(watcher: IVLogWatcher): void {
    this.#watchers.delete(watcher)
  }

  /** Adds a filter: an entry reaches the watchers only if every filter keeps it. */
  addFilter(filter: VLogFilter): void {
    if (typeof filter !== 'function') throw new TypeError(`a log filter is a function, got ${typeof filter}`)
    this.#filters.add(filter)
  }

  /** Removes a filter; an unknown one is ignored. */
  removeFilter(filter: VLogFilter): void {
    this.#filters.delete(filter)
  }

  override log(message: string, level: number = VLogLevel.info, error?: unknown): void {
    this.take(message, level, error, '')
  }

  protected override take(message: string, level: number, error: unknown, prefix: string): void {
    if (this.#waiting.length >= MAX_WAITING) {
      this.#dropped += 1
      return
    }
    const entry = { atMs: this.#clock(), level, prefix, message }
    this.#waiting.push(error === undefined ? entry : { ...entry, error })
    if (this.#closed) this.flush()
    else if (this.#waiting.length === 1) this.#post(this.#delivery)
  }

  /** Delivers what waits, now. What watchers log meanwhile is delivered a turn later. */
  protected flush(): void {
    const entries = this.#waiting
    this.#waiting = []
    if (this.#dropped > 0) entries.push(this.#droppedEntry())
    for (const entry of entries) this.#deliver(entry)
  }

  /** Delivers what waits; from now on entries are delivered at once, as there is no later turn. */
  protected close(): void {
    this.#closed = true
    this.flush()
  }

  #deliver(entry: VLogEntry): void {
    if (!this.#keeps(entry)) return
    for (const watcher of [...this.#watchers]) {
      try {
        watcher.watch(entry)
      } catch {
        // There is no place left to report it to: logging it would come back here.
        this.#watcherFailures += 1
      }
    }
  }

  #keeps(entry: VLogEntry): boolean {
    for (const filter of this.#filters) {
      try {
        if (!filter(entry)) return false
      } catch {
        // An entry is rather shown than lost.
        this.#watcherFailures += 1
      }
    }
    return true
  }

  #droppedEntry(): VLogEntry {
    const message = `${this.#dropped} log entries were dropped: more than ${MAX_WAITING} waited for delivery`
    this.#dropped = 0
    return { atMs: this.#clock(), level: VLogLevel.warn, prefix: '', message }
  }
}

/** A logger that adds a prefix and passes on to another logger. */
export class VProxyLogger extends VLoggerBase {
  readonly #target: VLoggerBase
  /** What stands in front of each entry. */
  readonly prefix: string

  constructor(target: VLoggerBase, prefix: string) {
    super()
    this.#target = target
    this.prefix = prefix
  }

  override log(message: string, level: number = VLogLevel.info, error?: unknown): void {
    this.take(message, level, error, '')
  }

  protected override take(message: string, level: number, error: unknown, prefix: string): void {
    const joined = prefix === '' ? this.prefix : `${this.prefix}: ${prefix}`
    this.#target['take'](message, level, error, joined)
  }
}

/**
 * A watcher with a least level and filters of its own; subclasses say what to do with an entry in `logged`.
 */
export abstract class VLogWatcher implements IVLogWatcher {
  /** Entries below this level are left out. */
  readonly level: number
  readonly #filters = new Set<VLogFilter>()

  /** @param level the least level that is watched; 0, which is all, unless given */
  constructor(level = 0) {
    this.level = level
  }

  /** Adds a filter: an entry counts only if every filter keeps it. */
  addFilter(filter: VLogFilter): void {
    if (typeof filter !== 'function') throw new TypeError(`a log filter is a function, got ${typeof filter}`)
    this.#filters.add(filter)
  }

  /** Removes a filter; an unknown one is ignored. */
  removeFilter(filter: VLogFilter): void {
    this.#filters.delete(filter)
  }

  watch(entry: VLogEntry): void {
    if (entry.level < this.level) return
    for (const filter of this.#filters) if (!filter(entry)) return
    this.logged(entry)
  }

  /** Takes an entry that passed level and filters. */
  protected abstract logged(entry: VLogEntry): void
}
