/**
 * Notices that the network is another one: other addresses of the machine, or a sleep that it has woken up from.
 *
 * Decides how often one looks, and what counts as a sleep. What follows is for others. Invariant: what is told once is not
 * told again before something has changed again.
 */
import type { IVReactor, VScheduledCall } from '@vio/reactor'

/** What is watched. */
export interface NetworkWatchOptions {
  readonly reactor: IVReactor
  readonly hosts: () => readonly string[]
  readonly onChange: (what: 'addresses' | 'resumed') => void
}

const LOOK_MS = 2_000
/** A timer that comes so much too late has slept. */
const SLEEP_MS = 10_000

/** Looks again and again, until it is closed. */
export class NetworkWatch {
  readonly #options: NetworkWatchOptions
  #hosts: string
  #lookedAt: number
  #timer: VScheduledCall

  constructor(options: NetworkWatchOptions) {
    this.#options = options
    this.#hosts = textOf(options.hosts())
    this.#lookedAt = options.reactor.time()
    this.#timer = this.#again()
  }

  /** Looks no more. */
  close(): void {
    this.#timer.cancel()
  }

  #look(): void {
    const { reactor, hosts, onChange } = this.#options
    const now = reactor.time()
    const isLate = now - this.#lookedAt > LOOK_MS + SLEEP_MS
    const before = this.#hosts
    this.#hosts = textOf(hosts())
    this.#lookedAt = now
    this.#timer = this.#again()
    if (before !== this.#hosts) onChange('addresses')
    else if (isLate) onChange('resumed')
  }

  #again(): VScheduledCall {
    return this.#options.reactor.schedule(LOOK_MS, () => this.#look())
  }
}

function textOf(hosts: readonly string[]): string {
  return [...hosts].sort().join(' ')
}
