/**
 * How long a NAT keeps a mapping that nothing is sent through.
 *
 * Decides how long a silence may be, by having tried longer and longer ones and by halving the gap after the first that
 * was too long. Who keeps silent and looks what came of it is for others. Invariant: the pause that is advised was
 * survived before, or is the one to begin with.
 */

/** Options of the search. */
export interface VMappingLifeOptions {
  /** The silence to begin with, which every NAT is taken to survive. By default 15 s. */
  readonly firstMs?: number
  /** The longest silence that is of interest. By default 5 min. */
  readonly maxMs?: number
  /** When the bounds are as close as this, they are not searched further. By default 5 s. */
  readonly precisionMs?: number
}

/** The search for the life of a mapping. */
export class VMappingLife {
  readonly #options: Required<VMappingLifeOptions>
  #survivedMs: number
  #lostMs = Number.POSITIVE_INFINITY

  constructor(options: VMappingLifeOptions = {}) {
    this.#options = { firstMs: 15_000, maxMs: 300_000, precisionMs: 5_000, ...options }
    this.#survivedMs = this.#options.firstMs
  }

  /** A silence that mappings survive. */
  get safeMs(): number {
    return this.#survivedMs
  }

  /** The shortest silence that a mapping did not survive; Infinity if it survived all. */
  get lostMs(): number {
    return this.#lostMs
  }

  /** The silence to try next; undefined when nothing is left to find out. */
  get nextMs(): number | undefined {
    const { maxMs, precisionMs } = this.#options
    if (this.#survivedMs >= maxMs || this.#lostMs - this.#survivedMs <= precisionMs) return undefined
    const next = this.#lostMs === Number.POSITIVE_INFINITY ? this.#survivedMs * 2 : this.#middle
    return Math.min(next, maxMs)
  }

  /** A mapping survived so long a silence, or did not. */
  tried(silenceMs: number, survived: boolean): void {
    if (survived) {
      this.#survivedMs = Math.max(this.#survivedMs, silenceMs)
      // What was lost before may have been lost for another reason.
      if (this.#lostMs <= this.#survivedMs) this.#lostMs = Number.POSITIVE_INFINITY
      return
    }
    this.#lostMs = Math.min(this.#lostMs, silenceMs)
    // What had been survived before is no longer: begin again well below.
    if (this.#survivedMs >= this.#lostMs) this.#survivedMs = this.#lostMs / 2
  }

  get #middle(): number {
    return (this.#survivedMs + this.#lostMs) / 2
  }
}
