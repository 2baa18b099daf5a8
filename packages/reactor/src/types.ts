/**
 * The interfaces around the reactor: what it offers, what it drives, and what it needs of a host.
 *
 * Nothing here has behaviour. Times are milliseconds on the host's monotonic clock; a time that ends in `At` is a
 * point on that clock, one that ends in `Ms` a duration. `Infinity` stands for "never".
 */
import type { VFailure } from './errors.js'
import type { VLogger } from './log.js'
import type { VScheduledCall } from './scheduled-call.js'

/**
 * A piece of work that runs once on the reactor's next turn.
 *
 * The queue holds the object itself, so that work which recurs for every chunk of data costs no allocation.
 */
export interface IVTask {
  /** Called by the reactor, in a turn. What it throws is logged and does not end the turn. */
  runTask(): void
}

/** Handles read events. The reactor calls `doRead` on every turn on which the input is ready, in rotation when many are. */
export interface IVReader {
  /** Reads what there is, or stops reading. If it does neither it is called again on the next turn. */
  doRead(): void
  /** Closes the input because of `reason`. Returns true if the input is closed afterwards. */
  closeInput(reason: VFailure): boolean
  /** Closes every direction because of `reason`. Idempotent. Returns true if all is closed afterwards. */
  closeIO(reason: VFailure): boolean
}

/** Handles write events. The reactor calls `doWrite` on every turn on which the output is ready, in rotation when many are. */
export interface IVWriter {
  /** Writes what it can, or stops writing. If it does neither it is called again on the next turn. */
  doWrite(): void
  /** Closes the output because of `reason`. Returns true if the output is closed afterwards. */
  closeOutput(reason: VFailure): boolean
  /** Closes every direction because of `reason`. Idempotent. Returns true if all is closed afterwards. */
  closeIO(reason: VFailure): boolean
}

/**
 * What a stream-backed handle has to offer so that the reactor can watch it: Node's `Readable` and `Writable` both
 * fit. The reactor listens; it never reads from the handle and never writes to it.
 */
export interface IVStreamHandle {
  on(event: string, listener: () => void): unknown
  removeListener(event: string, listener: () => void): unknown
  /** Bytes that a read would return at once; absent on a handle that only writes. */
  readonly readableLength?: number
  /** True once the input has ended, which makes a reader ready for good. */
  readonly readableEnded?: boolean
  /** True while the output is full; absent on a handle that only reads. */
  readonly writableNeedDrain?: boolean
  /** True once the handle is destroyed, which makes readers and writers ready for good: they find out by trying. */
  readonly destroyed?: boolean
}

/** Names the thing whose readiness decides when a reader or writer is called. */
export interface IVSelectable {
  /** The descriptor, a non-negative integer, or a stream-backed handle. Negative once closed. */
  fileno(): number | IVStreamHandle
}

/** A running watch on one descriptor or handle in one direction. */
export interface IVWatch {
  /** Whether the direction is ready now. Level-triggered: true until what is there has been taken. */
  readonly ready: boolean
  /**
   * Set, together with `ready`, when the host finds that the descriptor cannot be used any more. The reactor closes
   * the handler because of it instead of calling it. Absent on a watch whose handler finds out by trying.
   */
  readonly failure?: Error | undefined
  /** Told right before the handler is called, so that a signal which is good for one attempt is used up by it. */
  attempt?(): void
  /** Ends the watch. Idempotent; no `onReady` afterwards. */
  close(): void
}

/** The direction of a watch. */
export type VWatchDirection = 'read' | 'write'

/**
 * What a reactor stands on: a clock, one alarm, a way to be called soon, and readiness of descriptors.
 *
 * A `wake` runs a bounded number of turns; with work left over the reactor asks for the next one by `post`. A host calls
 * the reactor only through what `bind` was given, and never from inside `wakeAt`, `post` or `watch`.
 */
export interface IVReactorHost {
  /** The monotonic time in milliseconds. Never falls. */
  now(): number
  /** Binds the one reactor that this host drives. A second `bind` throws `VReactorError`. */
  bind(wake: () => void): void
  /**
   * Sets the one alarm: `wake` is called at `dueAt` or later, never earlier. Replaces the alarm set before; `Infinity`
   * clears it.
   */
  wakeAt(dueAt: number): void
  /**
   * Asks for one `wake` soon; any number of calls before it count as one. A host whose reactor asks again from inside
   * every `wake` still looks at its I/O, and lets other code run, every few milliseconds.
   */
  post(): void
  /**
   * Watches a descriptor or handle. `onReady` is called when `ready` turns true, and not while it stays so.
   *
   * @throws VReactorError when the host cannot tell readiness for that kind of descriptor
   */
  watch(target: number | IVStreamHandle, direction: VWatchDirection, onReady: () => void): IVWatch
  /**
   * Keeps the process alive even with nothing pending (true), or only while a `post`, an alarm or a watched handle is
   * pending (false, from the beginning). A simulated host ignores it.
   */
  keepAlive(on: boolean): void
  /** The wall-clock time in milliseconds since 1970, for log records alone. Without it records carry `now()`. */
  wallNow?(): number
  /**
   * Told when a wake has ended with nothing left to do, also one that began within `enter` and not with this host. Promises
   * that it settled go on right afterwards: what they `post` may be done at once, instead of in the loop's next round.
   */
  rested?(): void
  /** How many turns a `wake` runs at most; by default up to 64, fewer if they take long. A simulated host has 1. */
  readonly turnsPerWake?: number
}

/** An object that belongs to a reactor. */
export interface IVReactorObject {
  /** The reactor that the object was built with. */
  readonly reactor: IVReactor
}

/** A function that a reactor can call with the arguments it was scheduled with. */
export type VCallable<A extends readonly unknown[], R = unknown> = (...args: A) => R

/**
 * Schedules readers, writers, timed calls and tasks, one turn after another.
 *
 * A turn runs ready writers, ready readers, calls that are due, then tasks; each phase runs only what was queued when
 * the phase began, and what was removed meanwhile does not run. All of it happens on one thread.
 */
export interface IVReactor {
  /** The reactor's logger; delivery to its watchers is a turn later. */
  readonly log: VLogger
  /** True between start and stop. */
  readonly running: boolean
  /** The time in milliseconds on the host's clock. Inside a turn it stands still only as far as the host's does. */
  time(): number

  /**
   * Calls `fn(arg)`, and runs the turns that it asks for at once instead of in the loop's next round. For what a loop calls
   * when a descriptor is ready, with nothing of the application below it on the stack. A reactor that runs already, or will
   * in a moment, only calls `fn`. Absent on reactors that cannot do it.
   */
  enter?<T>(fn: (arg: T) => void, arg: T): void
  /** Queues `task` for the next turn. Queued before start, it runs at start; after stop it is dropped. */
  post(task: IVTask): void
  /** Calls `fn` after `delayMs` at the earliest. Equal times run in the order of scheduling; a negative delay is 0. */
  schedule<A extends readonly unknown[]>(delayMs: number, fn: VCallable<A>, ...args: A): VScheduledCall
  /** Calls `fn` on the next turn of the running reactor: `schedule(0, ...)`. */
  callWhenRunning<A extends readonly unknown[]>(fn: VCallable<A>, ...args: A): VScheduledCall
  /** Calls `fn` at once when inside a turn or while not running, and returns its value; else schedules it. */
  execute<A extends readonly unknown[], R>(fn: VCallable<A, R>, ...args: A): R | VScheduledCall
  /** Like `schedule`, as a member of `group`: any value but null and undefined, compared by identity. */
  cgSchedule<A extends readonly unknown[]>(
    delayMs: number,
    group: unknown,
    fn: VCallable<A>,
    ...args: A
  ): VScheduledCall
  /** Cancels the calls of `group` that have not run. */
  cgRemoveCalls(group: unknown): void
  /** Queues a call that was made by hand. Ignored if it is not active. */
  addCall(call: VScheduledCall): void
  /** Takes a call out of the queue. Unknown calls are ignored. */
  removeCall(call: VScheduledCall): void

  /** Registers a reader. @throws TypeError if a member is missing, VReactorStopped after stop */
  addReader(reader: IVReader & IVSelectable): void
  /** Removes a reader, also from the turn that is running. Unknown readers are ignored. */
  removeReader(reader: IVReader): void
  /** Registers a writer. @throws TypeError if a member is missing, VReactorStopped after stop */
  addWriter(writer: IVWriter & IVSelectable): void
  /** Removes a writer, also from the turn that is running. Unknown writers are ignored. */
  removeWriter(writer: IVWriter): void
  /** Removes all readers and writers and returns them, each once. */
  removeAll(): ReadonlyArray<IVReader | IVWriter>
  /** A copy of the registered readers, in the order of registration. */
  readonly readers: readonly IVReader[]
  /** A copy of the registered writers, in the order of registration. */
  readonly writers: readonly IVWriter[]

  /** Runs the loop; the promise settles when it has stopped. @throws VReactorError when run before */
  run(): Promise<void>
  /** Runs the loop in the background. @throws VReactorError when run before */
  start(): void
  /** Ends the loop before it does any more of the work that is queued. Idempotent. */
  stop(): void
}
