/**
 * The ground that tests of chains stand on: a reactor in simulated time, a log for probes, and what was reported.
 *
 * Decides that an error which somebody logged fails the test, unless the test said that it expects some. Invariant: no
 * time passes but in the calls made here.
 */
import { type IVTask, type VLogEntry, VLogLevel, VReactor } from '@vio/reactor'
import { VirtualHost } from '@vio/reactor/testing'
import { VProbeLog } from './probe-log.js'

/** Counts what is posted. */
class CountingReactor extends VReactor {
  posts = 0

  override post(task: IVTask): void {
    this.posts += 1
    super.post(task)
  }
}

/** Options of a bench. */
export interface VTestBenchOptions {
  /** True if nothing that is logged is to be thrown. By default false. */
  readonly expectFailures?: boolean
  /** How many turns one call runs at most before it fails; by default 100,000. */
  readonly maxTurns?: number
}

/** A started reactor on simulated time. */
export class VTestBench {
  /** The host: its clock moves in `settle` alone. */
  readonly host: VirtualHost
  /** The reactor, which runs. */
  readonly reactor: VReactor
  /** For the probes of the test. */
  readonly log: VProbeLog = new VProbeLog()
  /** What was logged as an error, as far as it was delivered: after a `settle` all of it. */
  readonly failures: VLogEntry[] = []
  readonly #counting: CountingReactor
  #expectFailures: boolean
  #reported = 0

  constructor(options: VTestBenchOptions = {}) {
    this.host = new VirtualHost({ maxSteps: options.maxTurns ?? 100_000 })
    const watch = (entry: VLogEntry): void => {
      if (entry.level >= VLogLevel.error) this.failures.push(entry)
    }
    this.#counting = new CountingReactor({ host: this.host, logWatcher: { watch } })
    this.reactor = this.#counting
    this.#expectFailures = options.expectFailures ?? false
    this.reactor.start()
    this.host.runUntilIdle()
  }

  /** How many tasks were posted to the reactor so far. */
  get posts(): number {
    return this.#counting.posts
  }

  /** From now on the test looks at `failures` itself. */
  expectFailures(): void {
    this.#expectFailures = true
  }

  /**
   * Runs until nothing is left to do, after `ms` of simulated time.
   *
   * @throws what was logged as an error meanwhile, unless failures are expected
   */
  settle(ms = 0): void {
    if (ms === 0) this.host.runUntilIdle()
    else this.host.advance(ms)
    const entry = this.failures[this.#reported]
    this.#reported = this.failures.length
    if (entry === undefined || this.#expectFailures) return
    throw entry.error instanceof Error ? entry.error : new Error(entry.message)
  }
}
