/**
 * `VMeter`: how much has passed, and how fast.
 *
 * Decides how a rate is taken: over a window that slides in steps, so that what is kept does not grow with what passes.
 * Time is the reactor's. Invariant: a timer is set only for samples that somebody asked for, and none once the flow has
 * ended or was taken down.
 */
import type { IVReactor, VScheduledCall } from '@vio/reactor'
import type { VByteBuffer } from '../byte-buffer.js'
import { positiveOption } from './options.js'
import { VByteTap } from './tap.js'

/** What a meter tells of one moment. */
export interface VMeterSnapshot {
  /** When it was taken, on the reactor's clock. */
  readonly atMs: number
  /** Time since a producer was first attached. */
  readonly elapsedMs: number
  /** Bytes that have passed. */
  readonly bytes: number
  /** How many times bytes passed: calls of `consume`. */
  readonly chunks: number
  /** Bytes a second within the window. */
  readonly bytesPerSecond: number
  /** Bytes a second since the beginning. */
  readonly averageBytesPerSecond: number
  /** True once the end has passed or the flow was taken down. */
  readonly over: boolean
}

/** Options of `VMeter`. */
export interface VMeterOptions {
  /** The time over which the rate is taken, in milliseconds. By default 5,000. */
  readonly windowMs?: number
  /** Gets a snapshot every `sampleMs`, and a last one when the flow is over. What it throws is logged. */
  readonly onSample?: (snapshot: VMeterSnapshot) => void
  /** The time between two samples, in milliseconds. By default 1,000. */
  readonly sampleMs?: number
}

/** The window moves in steps of this part of it. */
const STEPS = 10

/** Bytes by step of time, as far back as the window goes. */
class Window {
  readonly #stepMs: number
  readonly #steps = new Array<number>(STEPS).fill(0)
  #latest: number

  constructor(windowMs: number, now: number) {
    this.#stepMs = windowMs / STEPS
    this.#latest = Math.floor(now / this.#stepMs)
  }

  add(now: number, bytes: number): void {
    this.#moveTo(now)
    const at = this.#latest % STEPS
    this.#steps[at] = (this.#steps[at] ?? 0) + bytes
  }

  /** Bytes a second. What came before `startedAt` is no part of the time. */
  rate(now: number, startedAt: number): number {
    this.#moveTo(now)
    const from = Math.max(startedAt, (this.#latest - STEPS + 1) * this.#stepMs)
    const bytes = this.#steps.reduce((sum, each) => sum + each, 0)
    return perSecond(bytes, now - from)
  }

  #moveTo(now: number): void {
    const step = Math.floor(now / this.#stepMs)
    const passed = Math.min(step - this.#latest, STEPS)
    for (let back = 0; back < passed; back += 1) this.#steps[(step - back) % STEPS] = 0
    this.#latest = step
  }
}

function perSecond(bytes: number, ms: number): number {
  return ms > 0 ? (bytes / ms) * 1000 : 0
}

/**
 * Counts what passes.
 *
 * ```ts
 * const meter = new VMeter(reactor, { onSample: ({ bytes, bytesPerSecond }) => show(bytes, bytesPerSecond) })
 * ```
 */
export class VMeter extends VByteTap {
  readonly #window: Window
  readonly #onSample: ((snapshot: VMeterSnapshot) => void) | undefined
  readonly #sampleMs: number
  #startedAt: number | undefined
  #bytes = 0
  #chunks = 0
  #over = false
  #timer: VScheduledCall | undefined

  /** @throws TypeError without a reactor, RangeError for a time that is not above 0 */
  constructor(reactor: IVReactor, options: VMeterOptions = {}) {
    super(reactor)
    this.#window = new Window(positiveOption('windowMs', options.windowMs ?? 5_000), reactor.time())
    this.#onSample = options.onSample
    this.#sampleMs = positiveOption('sampleMs', options.sampleMs ?? 1_000)
  }

  /** Bytes that have passed. */
  get bytes(): number {
    return this.#bytes
  }

  /** How many times bytes passed. */
  get chunks(): number {
    return this.#chunks
  }

  /** All that the meter knows, as of now. */
  snapshot(): VMeterSnapshot {
    const now = this.reactor.time()
    const startedAt = this.#startedAt ?? now
    return {
      atMs: now,
      elapsedMs: now - startedAt,
      bytes: this.#bytes,
      chunks: this.#chunks,
      bytesPerSecond: this.#window.rate(now, startedAt),
      averageBytesPerSecond: perSecond(this.#bytes, now - startedAt),
      over: this.#over,
    }
  }

  protected override attached(): void {
    this.#startedAt ??= this.reactor.time()
    if (this.#onSample !== undefined && this.#timer === undefined && !this.#over)
      this.#wait(this.reactor.time())
  }

  protected override passing(_data: VByteBuffer, count: number): void {
    this.#bytes += count
    this.#chunks += 1
    this.#window.add(this.reactor.time(), count)
  }

  protected override ended(): void {
    this.#finish()
  }

  protected override aborted(): void {
    this.#finish()
  }

  /** Samples keep to their times, even if one of them was late. Those that were missed are left out. */
  #wait(from: number): void {
    const dueAt = from + this.#sampleMs
    this.#timer = this.reactor.schedule(dueAt - this.reactor.time(), () => {
      this.#timer = undefined
      // Taken out of its chain, it waits for the next one.
      if (this.byteConsume.producer === null && this.byteProduce.consumer === null) return
      const now = this.reactor.time()
      this.#wait(now < dueAt + this.#sampleMs ? dueAt : now)
      this.#sample()
    })
  }

  #sample(): void {
    try {
      this.#onSample?.(this.snapshot())
    } catch (error) {
      this.reactor.log.error('a sample of a meter failed', error)
    }
  }

  #finish(): void {
    if (this.#over) return
    this.#over = true
    this.#timer?.cancel()
    this.#timer = undefined
    this.#sample()
  }
}
