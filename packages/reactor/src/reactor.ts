/**
 * The reactor: one turn after another of what is ready, what is due and what was posted.
 *
 * Decides the order of work in a turn, when the host is asked for the next one, and what becomes of a handler that
 * throws. Leaves to the host the clock, the alarm and readiness, to `ReadySet` whose turn it is, to `CallQueue` which call
 * comes next. Invariants: each phase of a turn runs only what was queued when the phase began; a call never runs before
 * its time; after `stop` nothing that was queued runs.
 */
import { CallQueue } from './call-queue.js'
import { VFIOLost, VIOLost, VReactorError, VReactorStopped } from './errors.js'
import { type IVLogWatcher, VLogger, VLogLevel } from './log.js'
import { VConsoleLog } from './log-watchers.js'
import { NodeHost } from './node-host.js'
import { ReadySet } from './ready-set.js'
import { VScheduledCall } from './scheduled-call.js'
import { checkTarget } from './stream-watch.js'
import { TaskQueue } from './task-queue.js'
import type {
  IVReactor,
  IVReactorHost,
  IVReader,
  IVSelectable,
  IVTask,
  IVWriter,
  VCallable,
  VWatchDirection,
} from './types.js'

/** What a reactor can be told. */
export interface VReactorOptions {
  /** What it runs on; a new `NodeHost` unless given. A host drives one reactor only. */
  readonly host?: IVReactorHost
  /** Keeps the process alive until `stop` also after `start`; false unless given. */
  readonly keepAlive?: boolean
  /** Receives the log instead of the default watcher; null for no watcher at all. */
  readonly logWatcher?: IVLogWatcher | null
}

type Phase = 'new' | 'running' | 'stopped'
type ReaderHandler = IVReader & IVSelectable
type WriterHandler = IVWriter & IVSelectable

/** How many turns a wake has at first, and at most. Promises go on between wakes, so it is not many. */
const TURNS_PER_WAKE = 8
const MAX_TURNS_PER_WAKE = 64

/** After a wake shorter than the first the next may have twice as many turns, after one longer than the second an eighth. */
const SHORT_WAKE_MS = 0.05
const LONG_WAKE_MS = 0.2

/** A wake that has taken this long leaves further turns to the next, so that the host gets to its I/O. */
const SLICE_MS = 1

/** After so many tasks in one turn it is worth looking at the clock; after fewer the look would cost more than they. */
const MANY_TASKS = 32

/** How many ready handlers of one direction are called in a turn; the others come first in the next. */
const HANDLERS_PER_TURN = 64

const READER_MEMBERS = ['doRead', 'closeInput', 'closeIO', 'fileno'] as const
const WRITER_MEMBERS = ['doWrite', 'closeOutput', 'closeIO', 'fileno'] as const

/** Undefined: a console watcher for errors, made when it is needed. */
let defaultLogWatcher: IVLogWatcher | null | undefined

/**
 * Runs readers, writers, timed calls and tasks on one thread.
 *
 * A started reactor with nothing pending lets the process end; `run` and the option `keepAlive` hold it until `stop`.
 *
 * @example
 * const reactor = new VReactor()
 * reactor.schedule(100, () => reactor.stop())
 * await reactor.run()
 */
export class VReactor implements IVReactor {
  readonly log: VLogger
  readonly #host: IVReactorHost
  readonly #keepAlive: boolean
  #turnsPerWake: number
  #turnsLeft = 0
  #sliceEndsAt = Number.POSITIVE_INFINITY
  #sliceOver = false
  /** Whether a call was due when the time was last taken, or was added as due since. Saves each turn the look. */
  #callsDue = false
  readonly #logWatcher: IVLogWatcher | null | undefined
  readonly #readers: ReadySet<ReaderHandler>
  readonly #writers: ReadySet<WriterHandler>
  readonly #calls = new CallQueue()
  readonly #tasks = new TaskQueue()
  #phase: Phase = 'new'
  #inTurn = false
  /** No wake has to be asked for: one is running or posted, or the reactor does not run. */
  #awake = true
  /** The host's time when it was last looked at. */
  #now = 0
  #armedAt = Number.POSITIVE_INFINITY
  #onStopped: (() => void) | undefined

  /** @throws VReactorError if the host drives another reactor */
  constructor(options: VReactorOptions = {}) {
    const host: IVReactorHost = options.host ?? new NodeHost()
    this.#host = host
    this.#keepAlive = options.keepAlive ?? false
    this.#logWatcher = options.logWatcher
    this.#turnsPerWake = host.turnsPerWake ?? TURNS_PER_WAKE
    const wakeUp = (): void => this.#wakeUp()
    this.#readers = new ReadySet(wakeUp)
    this.#writers = new ReadySet(wakeUp)
    this.log = new VLogger({
      post: (task) => this.post(task),
      clock: () => (host.wallNow === undefined ? host.now() : host.wallNow()),
    })
    host.bind(() => this.#wake())
  }

  /**
   * Sets what a reactor without a watcher of its own logs to when it starts: `watcher`, by default the console from
   * `level` on (40, errors, unless given). Null stands for no watcher.
   */
  static setDefaultLogWatcher(level: number = VLogLevel.error, watcher?: IVLogWatcher | null): void {
    defaultLogWatcher = watcher === undefined ? new VConsoleLog({ level }) : watcher
  }

  get running(): boolean {
    return this.#phase === 'running'
  }

  /** True while the reactor runs something in a turn. */
  get inTurn(): boolean {
    return this.#inTurn
  }

  time(): number {
    this.#takeTime()
    return this.#now
  }

  post(task: IVTask): void {
    if (this.#phase === 'stopped') return
    this.#tasks.push(task)
    if (!this.#awake) this.#wakeUp()
  }

  enter<T>(fn: (arg: T) => void, arg: T): void {
    const isFirst = !this.#awake
    this.#awake = true
    try {
      fn(arg)
    } finally {
      if (isFirst) this.#wake()
    }
  }

  schedule<A extends readonly unknown[]>(delayMs: number, fn: VCallable<A>, ...args: A): VScheduledCall {
    const call = new VScheduledCall(this, delayMs, fn)
    call['prepare'](args, null)
    this.addCall(call)
    return call
  }

  callWhenRunning<A extends readonly unknown[]>(fn: VCallable<A>, ...args: A): VScheduledCall {
    return this.schedule(0, fn, ...args)
  }

  execute<A extends readonly unknown[], R>(fn: VCallable<A, R>, ...args: A): R | VScheduledCall {
    return this.#inTurn || this.#phase !== 'running' ? fn(...args) : this.schedule(0, fn, ...args)
  }

  cgSchedule<A extends readonly unknown[]>(
    delayMs: number,
    group: unknown,
    fn: VCallable<A>,
    ...args: A
  ): VScheduledCall {
    if (group === null || group === undefined)
      throw new TypeError(`a call group is any value but null and undefined, got ${group}`)
    const call = new VScheduledCall(this, delayMs, fn)
    call['prepare'](args, group)
    this.addCall(call)
    return call
  }

  cgRemoveCalls(group: unknown): void {
    for (const call of this.#calls.membersOf(group)) call.cancel()
  }

  addCall(call: VScheduledCall): void {
    if (!call.active) return
    if (!call['belongsTo'](this)) throw new VReactorError('the call was made for another reactor')
    if (this.#phase === 'stopped') {
      call.cancel()
      return
    }
    // What is overdue when it is added comes behind what a turn that is running has yet to call.
    const dueAt = Math.max(call.scheduledAt, this.#now)
    this.#calls.add(call, dueAt)
    if (dueAt <= this.#now) this.#callsDue = true
    if (!this.#awake && this.#calls.nextDueAt < this.#armedAt) this.#wakeUp()
  }

  removeCall(call: VScheduledCall): void {
    this.#calls.remove(call)
    // The alarm of a call that is gone must not hold the process.
    if (!this.#awake && this.#calls.nextDueAt > this.#armedAt) this.#wakeUp()
  }

  addReader(reader: IVReader & IVSelectable): void {
    checkHandler(reader, READER_MEMBERS, 'reader')
    if (this.#mayRegister(this.#readers, reader)) this.#register(this.#readers, reader, 'read')
  }

  removeReader(reader: IVReader): void {
    this.#readers.remove(reader)
  }

  addWriter(writer: IVWriter & IVSelectable): void {
    checkHandler(writer, WRITER_MEMBERS, 'writer')
    if (this.#mayRegister(this.#writers, writer)) this.#register(this.#writers, writer, 'write')
  }

  removeWriter(writer: IVWriter): void {
    this.#writers.remove(writer)
  }

  removeAll(): ReadonlyArray<IVReader | IVWriter> {
    return [...new Set<IVReader | IVWriter>([...this.#readers.clear(), ...this.#writers.clear()])]
  }

  get readers(): readonly IVReader[] {
    return this.#readers.handlers
  }

  get writers(): readonly IVWriter[] {
    return this.#writers.handlers
  }

  run(): Promise<void> {
    this.#begin()
    if (this.#phase === 'stopped') return Promise.resolve()
    this.#host.keepAlive(true)
    return new Promise((resolve) => {
      this.#onStopped = resolve
    })
  }

  start(): void {
    this.#begin()
    if (this.#keepAlive && this.#phase === 'running') this.#host.keepAlive(true)
  }

  stop(): void {
    if (this.#phase === 'stopped') return
    const wasRunning = this.#phase === 'running'
    this.#phase = 'stopped'
    this.#awake = true
    this.#tasks.clear()
    this.#callsDue = false
    for (const call of this.#calls.clear()) call.cancel()
    this.removeAll()
    if (wasRunning) {
      this.#host.wakeAt(Number.POSITIVE_INFINITY)
      this.#host.keepAlive(false)
    }
    this.log['close']()
    this.#onStopped?.()
  }

  /** Called once before the first turn. Overridden, it calls this one, which installs the default log watcher. */
  protected started(): void {
    if (this.#logWatcher !== undefined) {
      if (this.#logWatcher !== null) this.log.addWatcher(this.#logWatcher)
      return
    }
    if (this.log.watchers.length > 0) return
    if (defaultLogWatcher === undefined) VReactor.setDefaultLogWatcher()
    if (defaultLogWatcher) this.log.addWatcher(defaultLogWatcher)
  }

  #begin(): void {
    if (this.#phase === 'running') throw new VReactorError('the reactor runs already: a reactor is run once')
    if (this.#phase === 'stopped')
      throw new VReactorStopped('the reactor has stopped: a reactor is run once, build another')
    this.started()
    // The hook may have stopped it.
    if ((this.#phase as Phase) === 'stopped') return
    this.#phase = 'running'
    this.#host.post()
  }

  /** Asks the host for a wake unless one is running or comes anyway. */
  #wakeUp(): void {
    if (this.#awake) return
    this.#awake = true
    this.#host.post()
  }

  #wake(): void {
    if (this.#phase !== 'running') return
    this.#awake = true
    this.#sliceEndsAt = Number.POSITIVE_INFINITY
    this.#takeTime()
    const startedAt = this.#now
    this.#sliceEndsAt = startedAt + SLICE_MS
    this.#turnsLeft = this.#turnsPerWake
    this.#inTurn = true
    while (!this.#runTurns()) {
      this.#finishTasks()
      // The turn counts like any other: a task that posts itself and throws must not hold the wake for ever.
      if (--this.#turnsLeft <= 0 || this.#sliceOver || !this.#hasWork()) break
    }
    this.#inTurn = false
    if (this.#hasWork()) {
      this.#takeTime()
      this.#adapt(this.#now - startedAt)
      this.#host.post()
    } else this.#wait()
  }

  /** Runs turns until the wake is over. Returns false if a task threw: the rest of its turn is still to be run. */
  #runTurns(): boolean {
    try {
      do this.#turn()
      while (--this.#turnsLeft > 0 && !this.#sliceOver && this.#hasWork())
      return true
    } catch (error) {
      this.log.error('task failed', error)
      return false
    }
  }

  #takeTime(): void {
    this.#now = this.#host.now()
    this.#callsDue = this.#calls.nextDueAt <= this.#now
    this.#sliceOver = this.#now >= this.#sliceEndsAt
  }

  /** The time is taken once a wake, so a wake has the more turns the shorter they are. */
  #adapt(tookMs: number): void {
    if (this.#host.turnsPerWake !== undefined) return
    if (tookMs < SHORT_WAKE_MS) this.#turnsPerWake = Math.min(this.#turnsPerWake * 2, MAX_TURNS_PER_WAKE)
    else if (tookMs > LONG_WAKE_MS) this.#turnsPerWake = Math.ceil(this.#turnsPerWake / 8)
  }

  #hasWork(): boolean {
    return this.#tasks.postedCount > 0 || this.#readers.hasReady || this.#writers.hasReady || this.#callsDue
  }

  #wait(): void {
    if (this.#phase !== 'running') return
    this.#awake = false
    this.#armedAt = this.#calls.nextDueAt
    this.#host.wakeAt(this.#armedAt)
    this.#host.rested?.()
  }

  #turn(): void {
    if (this.#writers.hasReady) this.#callWriters()
    if (this.#readers.hasReady) this.#callReaders()
    if (this.#callsDue) this.#makeCalls()
    if (this.#tasks.postedCount > 0) this.#runTasks()
  }

  #callWriters(): void {
    for (let left = Math.min(this.#writers.queuedCount, HANDLERS_PER_TURN); left > 0; left -= 1) {
      const entry = this.#writers.next()
      if (entry === undefined) continue
      const failure = entry.watch?.failure
      if (failure !== undefined) {
        this.#failBoth(entry.handler, failure)
        continue
      }
      entry.watch?.attempt?.()
      try {
        entry.handler.doWrite()
      } catch (error) {
        this.#failWriter(entry.handler, error)
      }
      this.#writers.done(entry)
    }
    this.#takeTime()
  }

  #callReaders(): void {
    for (let left = Math.min(this.#readers.queuedCount, HANDLERS_PER_TURN); left > 0; left -= 1) {
      const entry = this.#readers.next()
      if (entry === undefined) continue
      const failure = entry.watch?.failure
      if (failure !== undefined) {
        this.#failBoth(entry.handler, failure)
        continue
      }
      entry.watch?.attempt?.()
      try {
        entry.handler.doRead()
      } catch (error) {
        this.#failReader(entry.handler, error)
      }
      this.#readers.done(entry)
    }
    this.#takeTime()
  }

  #makeCalls(): void {
    const dueBy = this.#now
    const added = this.#calls.added
    for (;;) {
      const call = this.#calls.popDue(dueBy, added)
      if (call === undefined) break
      try {
        call.execute()
      } catch (error) {
        this.log.error('scheduled call failed', error)
      }
    }
    this.#takeTime()
  }

  #runTasks(): void {
    const many = this.#tasks.postedCount > MANY_TASKS
    this.#tasks.beginTurn()
    this.#tasks.run()
    if (many) this.#takeTime()
  }

  /** Runs what a task that threw has left of its turn. */
  #finishTasks(): void {
    for (;;) {
      try {
        this.#tasks.run()
        return
      } catch (error) {
        this.log.error('task failed', error)
      }
    }
  }

  #mayRegister(set: ReadySet<unknown>, handler: unknown): boolean {
    if (this.#phase === 'stopped')
      throw new VReactorStopped('the reactor has stopped: it takes no more handlers')
    return !set.has(handler)
  }

  #register<H extends IVSelectable & { closeIO(reason: VFIOLost): boolean }>(
    set: ReadySet<H>,
    handler: H,
    direction: VWatchDirection,
  ): void {
    const target = handler.fileno()
    if (typeof target === 'number' && target < 0) {
      this.#failBoth(handler, new VIOLost(`fileno() is ${target}: the descriptor is closed`))
      return
    }
    checkTarget(target)
    set.register(handler, (onReady) => this.#host.watch(target, direction, onReady))
  }

  /** The descriptor is of no more use, whatever the direction. */
  #failBoth(handler: { closeIO?(reason: VFIOLost): boolean }, error: Error): void {
    this.#readers.remove(handler)
    this.#writers.remove(handler)
    this.#close('I/O handler lost its descriptor', error, (reason) => handler.closeIO?.(reason))
  }

  #failReader(reader: ReaderHandler, error: unknown): void {
    this.#readers.remove(reader)
    this.#close('reader failed', error, (reason) => reader.closeInput(reason))
  }

  #failWriter(writer: WriterHandler, error: unknown): void {
    this.#writers.remove(writer)
    this.#close('writer failed', error, (reason) => writer.closeOutput(reason))
  }

  #close(message: string, error: unknown, close: (reason: VFIOLost) => unknown): void {
    this.log.error(message, error)
    try {
      close(new VFIOLost(new VIOLost(message, { cause: error })))
    } catch (closeError) {
      this.log.error('a handler failed to close', closeError)
    }
  }
}

/** The reactor that is best on this system, under the name of the seed's select reactor. */
export const VSelectReactor: typeof VReactor = VReactor
/** An instance of `VSelectReactor`. */
export type VSelectReactor = VReactor

function checkHandler(handler: unknown, members: readonly string[], kind: string): void {
  for (const member of members) {
    const value = (handler as Record<string, unknown> | null | undefined)?.[member]
    if (typeof value !== 'function')
      throw new TypeError(`a ${kind} has a method ${member}(), got ${typeof value}`)
  }
}
