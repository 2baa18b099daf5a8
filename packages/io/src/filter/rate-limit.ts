/**
 * `VRateLimit`: bytes pass no faster than a rate allows.
 *
 * Decides when the producer above gets further credit; how much a rate has earned is the bucket's affair. It holds no
 * bytes. Invariants: what was allowed and has not passed is at most what is in the bucket; at most one timer is set,
 * and none while as much as a grain is allowed.
 */
import type { IVReactor, VScheduledCall } from '@vio/reactor'
import type { VByteBuffer } from '../byte-buffer.js'
import { UNLIMITED } from '../limit.js'
import { positiveOption, wholeOption } from './options.js'
import { VByteTap } from './tap.js'
import { TokenBucket } from './token-bucket.js'

/** A rate. */
export interface VRate {
  /** Bytes a second in the long run. Infinity for any number. */
  readonly bytesPerSecond: number
  /** The most bytes that pass at once after a pause. By default a tenth of a second's, at least one. */
  readonly burstBytes?: number
}

/** Options of `VRateLimit`. */
export interface VRateLimitOptions extends VRate {
  /**
   * Credit is given in portions of what the rate earns in this time, in milliseconds; 0 gives every byte as soon as it
   * is earned. By default 10. A portion is never larger than the burst.
   */
  readonly grainMs?: number
}

const DEFAULT_GRAIN_MS = 10

/**
 * Limits how fast bytes pass, in one direction.
 *
 * ```ts
 * chain(source, new VRateLimit(reactor, { bytesPerSecond: 1_000_000 }), sink)
 * ```
 *
 * In any stretch of time no more pass than `burstBytes` and what the rate earns in it. Time is the reactor's. Nothing is
 * held: the producer is not allowed to send, so the pressure reaches it at once.
 */
export class VRateLimit extends VByteTap {
  readonly #grainMs: number
  readonly #bucket: TokenBucket
  #rate: Required<VRate>
  /** Bytes that the producer was allowed and that have not passed. */
  #outstanding = 0
  /** Bytes that have passed. */
  #passed = 0
  #timer: VScheduledCall | undefined
  #over = false

  /** @throws TypeError without a reactor, RangeError for a rate that is not above 0, a burst below 1, a negative grain */
  constructor(reactor: IVReactor, options: VRateLimitOptions) {
    super(reactor)
    this.#rate = checkRate(options)
    const grainMs = options.grainMs ?? DEFAULT_GRAIN_MS
    this.#grainMs = grainMs === 0 ? 0 : positiveOption('grainMs', grainMs)
    this.#bucket = new TokenBucket(reactor.time(), this.#rate.bytesPerSecond, this.#rate.burstBytes)
  }

  /** The rate, with the burst that goes with it. */
  get rate(): Required<VRate> {
    return this.#rate
  }

  /**
   * Sets another rate, from the next grant on: what the producer was allowed before still passes.
   *
   * @throws RangeError for a rate that is not above 0 or a burst below 1
   */
  setRate(rate: VRate): void {
    this.#rate = checkRate(rate)
    this.#bucket.reset(this.reactor.time(), this.#rate.bytesPerSecond, this.#rate.burstBytes)
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.byteConsume.producer !== null) this.#wait()
  }

  protected override attached(): void {
    this.#outstanding = Math.max(0, this.#bucket.available(this.reactor.time()))
    this.allowFurther(this.#outstanding)
    this.#wait()
  }

  protected override passing(_data: VByteBuffer, count: number): void {
    this.#bucket.take(this.reactor.time(), count)
    this.#outstanding -= count
    this.#passed += count
    this.#wait()
  }

  protected override ended(): void {
    this.#stop()
  }

  protected override aborted(): void {
    this.#stop()
  }

  /** Sees to it that more is allowed in time, if too little is allowed now. */
  #wait(): void {
    const portion = this.#portionBytes()
    if (this.#over || this.#timer !== undefined || this.#outstanding >= portion) return
    const delayMs = this.#bucket.waitMs(this.reactor.time(), portion)
    const passed = this.#passed
    this.#timer = this.reactor.schedule(delayMs, () => this.#earned(portion, passed))
  }

  #portionBytes(): number {
    const { bytesPerSecond, burstBytes } = this.#rate
    if (bytesPerSecond === UNLIMITED) return UNLIMITED
    return Math.min(Math.floor(burstBytes), Math.max(1, Math.floor((bytesPerSecond * this.#grainMs) / 1000)))
  }

  #earned(portion: number, passedThen: number): void {
    this.#timer = undefined
    const available = this.#bucket.available(this.reactor.time())
    if (available < portion && this.#passed !== passedThen) {
      // More has passed since, so it takes longer.
      this.#wait()
      return
    }
    // The timer is never early, so the portion is there, even if the clock's last digit says otherwise.
    this.#outstanding = Math.max(portion, available)
    this.allowFurther(this.#outstanding)
  }

  #stop(): void {
    this.#over = true
    this.#timer?.cancel()
    this.#timer = undefined
  }
}

function checkRate(rate: VRate): Required<VRate> {
  const bytesPerSecond = positiveOption('bytesPerSecond', rate.bytesPerSecond)
  if (bytesPerSecond === UNLIMITED) return { bytesPerSecond, burstBytes: UNLIMITED }
  const burstBytes = rate.burstBytes ?? Math.max(1, Math.floor(bytesPerSecond / 10))
  return { bytesPerSecond, burstBytes: wholeOption('burstBytes', burstBytes) }
}
