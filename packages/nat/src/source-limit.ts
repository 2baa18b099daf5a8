/**
 * How often one source may ask for something.
 *
 * Decides by a token bucket a source, so that a flood from one leaves the others alone. Invariant: memory is bounded; when
 * too many sources are known, the one that was seen first is forgotten, and begins with a full bucket if it comes again.
 */
import { ipAddressBytes } from '@vio/io'

/** How a limit is made. */
export interface VSourceLimitOptions {
  /** How many a second, in the long run. */
  readonly perSecond: number
  /** How many at once. */
  readonly burst: number
  /** How many sources are remembered. By default 8,192. */
  readonly maxSources?: number
}

interface Bucket {
  left: number
  at: number
}

const DEFAULT_SOURCES = 8_192
const SECOND = 1_000

/** Token buckets by source. */
export class SourceLimit {
  /** How often it said no. */
  refused = 0
  readonly #options: Required<VSourceLimitOptions>
  readonly #buckets = new Map<string, Bucket>()

  constructor(options: VSourceLimitOptions) {
    this.#options = { maxSources: DEFAULT_SOURCES, ...options }
  }

  /** How many sources are remembered. */
  get size(): number {
    return this.#buckets.size
  }

  /** True if the source may; it has then used up `cost` of its bucket. */
  allows(now: number, host: string, cost = 1): boolean {
    const bucket = this.#bucketOf(now, sourceOf(host))
    const { perSecond, burst } = this.#options
    bucket.left = Math.min(burst, bucket.left + (Math.max(0, now - bucket.at) * perSecond) / SECOND)
    bucket.at = now
    if (bucket.left < cost) {
      this.refused += 1
      return false
    }
    bucket.left -= cost
    return true
  }

  #bucketOf(now: number, source: string): Bucket {
    const known = this.#buckets.get(source)
    if (known !== undefined) return known
    if (this.#buckets.size >= this.#options.maxSources) {
      const [oldest] = this.#buckets.keys()
      if (oldest !== undefined) this.#buckets.delete(oldest)
    }
    const bucket = { left: this.#options.burst, at: now }
    this.#buckets.set(source, bucket)
    return bucket
  }
}

/** What counts as one source: an IPv4 address, the network of an IPv6 address (64 bits), of which one host has all. */
export function sourceOf(host: string): string {
  const bytes = ipAddressBytes(host)
  return bytes?.length === 16 ? bytes.subarray(0, 8).toString('hex') : host
}
