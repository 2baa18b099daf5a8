/**
 * From gains to bytes: how much in flight fills a path (draft-ietf-ccwg-bbr section 5.6.4).
 *
 * Knows the datagram's size and what bursts need; the rates and times are given. Invariant: no flight is below four
 * datagrams.
 */
import type { IVCongestionOptions } from './controller.js'
import { initialWindow } from './window.js'

const MIN_DATAGRAMS = 4
/** What is sent at a time: a millisecond of the rate, up to this. */
const MAX_QUANTUM_BYTES = 65_536
const QUANTA_IN_FLIGHT = 3
const UP_DATAGRAMS = 2

/** The sizes that one path is used with. */
export class Flight {
  datagramBytes: number
  /** The window at the start. */
  readonly initialBytes: number
  /** The most that a window may be. */
  readonly mostBytes: number

  constructor(options: IVCongestionOptions) {
    this.datagramBytes = options.datagramBytes
    this.initialBytes = initialWindow(options)
    this.mostBytes = options.maxWindowBytes ?? Number.POSITIVE_INFINITY
  }

  /** The least that may be in flight. */
  get leastBytes(): number {
    return MIN_DATAGRAMS * this.datagramBytes
  }

  /** What `rate` brings into flight in a round trip of `minRttMs`; before the first sample, the initial window. */
  product(rate: number, minRttMs: number): number {
    return minRttMs === Number.POSITIVE_INFINITY ? this.initialBytes : rate * minRttMs
  }

  /** At least `bytes`, and what bursts at `pacingRate` need; with `probes`, room to grow. */
  withBursts(bytes: number, pacingRate: number, probes: boolean): number {
    const quantum = Math.min(Math.max(pacingRate, 2 * this.datagramBytes), MAX_QUANTUM_BYTES)
    const enough = Math.max(bytes, QUANTA_IN_FLIGHT * quantum, this.leastBytes)
    return probes ? enough + UP_DATAGRAMS * this.datagramBytes : enough
  }

  /** `bytes` between the bounds. */
  clamp(bytes: number): number {
    return Math.min(Math.max(bytes, this.leastBytes), this.mostBytes)
  }
}
