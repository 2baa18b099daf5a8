/**
 * A host on simulated time, with simulated descriptors.
 *
 * Decides when time passes: only when there is nothing to do at the present time, and then to the next alarm. Everything
 * happens inside the method that drives it, so a test is done in no time and comes out the same whenever it runs.
 * Invariant: the clock never goes back, and a run that does not come to rest ends with an error instead of hanging.
 */
import { VInvariantError, VReactorError } from '../errors.js'
import { isStreamHandle, StreamWatch } from '../stream-watch.js'
import type { IVReactorHost, IVStreamHandle, IVWatch, VWatchDirection } from '../types.js'

/** What a simulated host can be told. */
export interface VirtualHostOptions {
  /** The time that the clock shows at first, in milliseconds; 0 unless given. */
  readonly startAtMs?: number
  /** What has to be added to the clock for the wall-clock time of log records; 0, which is 1970, unless given. */
  readonly wallOffsetMs?: number
  /** How many turns one call of `advance`, `runUntil` or `runUntilIdle` runs at most; 1,000,000 unless given. */
  readonly maxSteps?: number
}

class Descriptor {
  readonly ready = { read: false, write: false }
  failure: Error | undefined
  readonly watches = new Set<DescriptorWatch>()
}

class DescriptorWatch implements IVWatch {
  readonly direction: VWatchDirection
  readonly onReady: () => void
  readonly #descriptor: Descriptor

  constructor(descriptor: Descriptor, direction: VWatchDirection, onReady: () => void) {
    this.direction = direction
    this.onReady = onReady
    this.#descriptor = descriptor
    descriptor.watches.add(this)
  }

  get ready(): boolean {
    return this.#descriptor.ready[this.direction] || this.failure !== undefined
  }

  get failure(): Error | undefined {
    return this.#descriptor.failure
  }

  close(): void {
    this.#descriptor.watches.delete(this)
  }
}

/**
 * Runs a reactor on simulated time, one turn a step.
 *
 * @example
 * const host = new VirtualHost()
 * const reactor = new VReactor({ host })
 * reactor.schedule(1000, () => seen.push(host.now()))
 * reactor.start()
 * host.advance(1000) // seen is [1000]
 */
export class VirtualHost implements IVReactorHost {
  readonly turnsPerWake: number = 1
  readonly #wallOffsetMs: number
  readonly #maxSteps: number
  readonly #descriptors = new Map<number, Descriptor>()
  #now: number
  #wake: (() => void) | undefined
  #posted = false
  #alarmAt = Number.POSITIVE_INFINITY
  #stepping = false
  #steps = 0
  #lastDescriptor = 99

  constructor(options: VirtualHostOptions = {}) {
    this.#now = options.startAtMs ?? 0
    this.#wallOffsetMs = options.wallOffsetMs ?? 0
    this.#maxSteps = options.maxSteps ?? 1_000_000
  }

  now(): number {
    return this.#now
  }

  wallNow(): number {
    return this.#wallOffsetMs + this.#now
  }

  bind(wake: () => void): void {
    if (this.#wake !== undefined)
      throw new VReactorError('a host drives one reactor, and this one has its reactor')
    this.#wake = wake
  }

  wakeAt(dueAt: number): void {
    this.#alarmAt = dueAt
  }

  post(): void {
    this.#posted = true
  }

  watch(target: number | IVStreamHandle, direction: VWatchDirection, onReady: () => void): IVWatch {
    if (isStreamHandle(target)) return new StreamWatch(target, direction, onReady)
    return new DescriptorWatch(this.#descriptor(target), direction, onReady)
  }

  keepAlive(_on: boolean): void {}

  /** The number of wakes so far. */
  get steps(): number {
    return this.#steps
  }

  /** True while there is nothing to do at the present time. */
  get idle(): boolean {
    return !this.#posted && this.#alarmAt > this.#now
  }

  /** When the reactor wants to be woken next; `Infinity` if it does not. */
  get alarmAt(): number {
    return this.#alarmAt
  }

  /** Runs what there is to do at the present time; the clock stands still. */
  runUntilIdle(): void {
    this.#drive(this.#now, () => false)
  }

  /** Lets `ms` pass and runs all that falls into it. The clock has moved by exactly `ms` afterwards. */
  advance(ms: number): void {
    const until = this.#now + checkDuration(ms)
    this.#drive(until, () => false)
    this.#now = Math.max(this.#now, until)
  }

  /**
   * Runs until `predicate` is true, which is looked at before the first turn and after each one.
   *
   * @throws VInvariantError if `withinMs` (a minute unless given) pass before, or nothing is left that could happen
   */
  runUntil(predicate: () => boolean, options: { readonly withinMs?: number } = {}): void {
    const withinMs = checkDuration(options.withinMs ?? 60_000)
    const startedAt = this.#now
    if (this.#drive(startedAt + withinMs, predicate)) return
    const left =
      this.#alarmAt === Number.POSITIVE_INFINITY
        ? 'nothing is left to happen'
        : `next alarm at ${this.#alarmAt} ms`
    throw new VInvariantError(
      `not reached within ${withinMs} ms: clock at ${this.#now} ms (from ${startedAt}), ${left}`,
    )
  }

  /** Moves the clock by `ms` and runs nothing: as if the code that calls it had taken that long. */
  elapse(ms: number): void {
    this.#now += checkDuration(ms)
  }

  /** Opens a simulated descriptor, ready for nothing, and returns its number. */
  openDescriptor(): number {
    this.#lastDescriptor += 1
    this.#descriptors.set(this.#lastDescriptor, new Descriptor())
    return this.#lastDescriptor
  }

  /** Sets whether a descriptor is ready in a direction. */
  setReady(fd: number, direction: VWatchDirection, ready: boolean): void {
    const descriptor = this.#descriptor(fd)
    const before = descriptor.ready[direction]
    descriptor.ready[direction] = ready
    if (before || !ready) return
    for (const watch of [...descriptor.watches]) if (watch.direction === direction) watch.onReady()
  }

  /** Makes a descriptor fail: whoever watches it is told so. */
  failDescriptor(fd: number, error: Error): void {
    const descriptor = this.#descriptor(fd)
    descriptor.failure = error
    for (const watch of [...descriptor.watches]) watch.onReady()
  }

  /** Forgets a descriptor; it can no longer be watched. */
  closeDescriptor(fd: number): void {
    this.#descriptors.delete(fd)
  }

  /** The number of watches on a descriptor. */
  watchCount(fd: number): number {
    return this.#descriptors.get(fd)?.watches.size ?? 0
  }

  #descriptor(fd: number): Descriptor {
    const descriptor = this.#descriptors.get(fd)
    if (descriptor !== undefined) return descriptor
    throw new VReactorError(
      `descriptor ${fd} cannot be watched: a simulated host knows only what its openDescriptor() gave`,
    )
  }

  /** Steps until `done`, or until nothing is left to do up to `until`. Returns whether `done` was reached. */
  #drive(until: number, done: () => boolean): boolean {
    if (this.#stepping) throw new VReactorError('a simulated host is not driven from inside a turn')
    this.#stepping = true
    try {
      for (let steps = 0; !done(); steps += 1) {
        if (steps >= this.#maxSteps) throw this.#tooManySteps(steps)
        if (!this.#step(until)) return false
      }
      return true
    } finally {
      this.#stepping = false
    }
  }

  /** Wakes the reactor, moving the clock to the alarm if there is nothing else to do; false if there is no such. */
  #step(until: number): boolean {
    if (!this.#posted) {
      if (this.#alarmAt > until || this.#alarmAt === Number.POSITIVE_INFINITY) return false
      this.#now = Math.max(this.#now, this.#alarmAt)
    }
    this.#posted = false
    if (this.#alarmAt <= this.#now) this.#alarmAt = Number.POSITIVE_INFINITY
    this.#steps += 1
    this.#wake?.()
    return true
  }

  #tooManySteps(steps: number): VInvariantError {
    return new VInvariantError(
      `no rest after ${steps} turns at ${this.#now} ms: something posts, reads or writes on every turn; ` +
        'raise maxSteps if that is meant',
    )
  }
}

function checkDuration(ms: number): number {
  if (Number.isFinite(ms) && ms >= 0) return ms
  throw new RangeError(`a duration is a number of milliseconds from 0 on, got ${ms}`)
}
