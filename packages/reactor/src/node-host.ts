/**
 * The host on real time: Node's clock, timers and event loop.
 *
 * Decides when the reactor is woken: never before the alarm is due, although Node's timers fire early, and as soon as
 * possible after `post`, but not for longer than a burst without letting Node look at its I/O. What a wake does is the
 * reactor's. Invariant: at most one timer and one posted wake are pending.
 */
import { performance } from 'node:perf_hooks'
import { watchDescriptor } from './descriptor.js'
import { VReactorError } from './errors.js'
import { StreamWatch } from './stream-watch.js'
import type { IVReactorHost, IVStreamHandle, IVWatch, VWatchDirection } from './types.js'

/** The longest delay that Node's timers take; a longer one fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** How long wakes may follow each other in one iteration of Node's loop, in milliseconds. */
const BURST_MS = 1

/**
 * How many steps of promises a wake is followed by for as long as it takes what they post at once: `await` is one, a loop
 * over an async generator three.
 */
const SETTLING_STEPS = 4

const RESOLVED = Promise.resolve()

/**
 * Runs a reactor on Node's event loop.
 *
 * While the reactor has work, its wakes follow each other as microtasks, so that promises that its work has settled go on
 * in between; after a burst of about a millisecond Node's loop gets its turn.
 */
export class NodeHost implements IVReactorHost {
  #wake: (() => void) | undefined
  #posted = false
  #alarmAt = Number.POSITIVE_INFINITY
  #timer: NodeJS.Timeout | undefined
  #keepAliveTimer: NodeJS.Timeout | undefined
  #burstEndsAt = 0
  #inWake = false
  #lastNow = 0
  /** How many steps of promises are left of the call of the loop in which a wake has ended; 0 outside of such a call. */
  #stepsLeft = 0
  readonly #runPosted = (): void => this.#run()
  readonly #startBurst = (): void => {
    this.#burstEndsAt = performance.now() + BURST_MS
    this.#run()
  }
  readonly #step = (): void => {
    this.#stepsLeft -= 1
    if (this.#stepsLeft > 0) void RESOLVED.then(this.#step)
  }

  now(): number {
    this.#lastNow = performance.now()
    return this.#lastNow
  }

  wallNow(): number {
    return Date.now()
  }

  bind(wake: () => void): void {
    if (this.#wake !== undefined)
      throw new VReactorError('a host drives one reactor, and this one has its reactor')
    this.#wake = wake
  }

  wakeAt(dueAt: number): void {
    if (dueAt === this.#alarmAt) return
    this.#alarmAt = dueAt
    if (this.#timer !== undefined) clearTimeout(this.#timer)
    this.#timer = undefined
    if (dueAt !== Number.POSITIVE_INFINITY) this.#startTimer()
  }

  post(): void {
    if (this.#posted) return
    this.#posted = true
    // The reactor asked for the time at the beginning of this wake, which is near enough to end a burst by.
    const goesOn = this.#inWake || this.#stepsLeft > 0
    if (goesOn && this.#lastNow < this.#burstEndsAt) void RESOLVED.then(this.#runPosted)
    else setImmediate(this.#startBurst)
  }

  rested(): void {
    // Else it is one of a burst that has begun already, which promises do not prolong.
    if (!this.#inWake) this.#burstEndsAt = this.#lastNow + BURST_MS
    const isStepping = this.#stepsLeft > 0
    this.#stepsLeft = SETTLING_STEPS
    if (!isStepping) void RESOLVED.then(this.#step)
  }

  watch(target: number | IVStreamHandle, direction: VWatchDirection, onReady: () => void): IVWatch {
    if (typeof target === 'number') return watchDescriptor(target, direction, onReady)
    return new StreamWatch(target, direction, onReady)
  }

  keepAlive(on: boolean): void {
    if (on) this.#keepAliveTimer ??= setInterval(() => undefined, MAX_TIMER_MS)
    else if (this.#keepAliveTimer !== undefined) {
      clearInterval(this.#keepAliveTimer)
      this.#keepAliveTimer = undefined
    }
  }

  #run(): void {
    this.#posted = false
    this.#inWake = true
    try {
      this.#wake?.()
    } finally {
      this.#inWake = false
    }
  }

  #startTimer(): void {
    // Node cuts off the fraction; what is rounded up fires early less often.
    const delayMs = Math.ceil(this.#alarmAt - performance.now())
    this.#timer = setTimeout(() => this.#alarm(), Math.min(Math.max(delayMs, 1), MAX_TIMER_MS))
  }

  #alarm(): void {
    this.#timer = undefined
    if (performance.now() < this.#alarmAt) {
      this.#startTimer()
      return
    }
    this.#alarmAt = Number.POSITIVE_INFINITY
    // A wake that is posted already sees by itself what is due.
    if (!this.#posted) this.#startBurst()
  }
}
