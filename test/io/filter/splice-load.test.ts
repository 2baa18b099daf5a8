/**
 * Filters that come and go while bytes pass, at random: no byte is lost, doubled or moved, whatever the limits.
 */
import { type IVByteProducer, type IVTransform, VByteBuffer } from '@vio/io'
import {
  splice,
  unsplice,
  VByteFilter,
  VByteTap,
  VDigestTap,
  VMeter,
  VRateLimit,
  type VSpliced,
} from '@vio/io/filter'
import { VBytePattern, VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import { VReactor } from '@vio/reactor'
import { VirtualHost, VSeededRandom } from '@vio/reactor/testing'
import { describe, expect, it } from 'vitest'
import { seeds } from '../../lib/runs.js'

/** Gives bytes later: keeps some inside until more come or the end does. */
class Late implements IVTransform {
  readonly maxUnit: number
  readonly #kept = new VByteBuffer()

  constructor(size: number) {
    this.maxUnit = size + 1
  }

  get held(): number {
    return this.#kept.length
  }

  push(input: VByteBuffer, output: VByteBuffer): void {
    input.moveTo(this.#kept)
    const more = this.#kept.length - this.maxUnit + 1
    if (more > 0) this.#kept.moveTo(output, more)
  }

  end(output: VByteBuffer): boolean {
    this.#kept.moveTo(output)
    return true
  }
}

/** Gives whole units of three bytes; the rest stays in its input. */
class Units implements IVTransform {
  readonly maxUnit = 3

  push(input: VByteBuffer, output: VByteBuffer): void {
    input.moveTo(output, input.length - (input.length % 3))
  }
}

const MAKERS: readonly ((reactor: VReactor, size: number) => VSpliced & { readonly held?: number })[] = [
  (reactor) => new VByteTap(reactor),
  (reactor) => new VMeter(reactor),
  (reactor) => new VDigestTap(reactor),
  (reactor) => new VRateLimit(reactor, { bytesPerSecond: 1e6, burstBytes: 20, grainMs: 0 }),
  (reactor, size) => new VByteFilter(reactor, new Late(size), { capacity: size + 1 }),
  (reactor, size) => new VByteFilter(reactor, new Late(size), { capacity: 500 }),
  (reactor, size) => new VByteFilter(reactor, new Units(), { capacity: 3 + size }),
]

/** A chain whose filters a seed decides. */
class Run {
  readonly host = new VirtualHost()
  readonly reactor: VReactor
  readonly source: VProbeProducer
  readonly sink = new VProbeConsumer()
  readonly pattern = new VBytePattern(11)
  readonly failures: string[] = []
  readonly #random: VSeededRandom
  readonly #inChain: VSpliced[] = []
  fed = 0
  out = 0
  readonly outcomes = { left: 0, stayed: 0 }
  /** How many filters were asked to leave. */
  leaving = 0

  constructor(seed: number) {
    this.#random = new VSeededRandom(seed)
    const watch = (entry: { readonly message: string }): number => this.failures.push(entry.message)
    this.reactor = new VReactor({ host: this.host, logWatcher: { watch } })
    this.reactor.start()
    this.source = new VProbeProducer({ reactor: this.reactor, portions: [1, 7, 100, 3, 1000] })
    this.source.attach(this.sink)
  }

  below(count: number): number {
    return Math.floor(this.#random.publicDouble() * count)
  }

  /** Runs a few turns, or all there are. */
  turns(count: number): void {
    let left = count
    try {
      this.host.runUntil(() => left-- <= 0, { withinMs: 5 })
    } catch {
      // Nothing was left to do within the time.
    }
    this.check()
  }

  check(): void {
    for (const chunk of this.sink.received.drain()) {
      this.pattern.check(chunk, this.out)
      this.out += chunk.length
    }
  }

  spliceOne(): void {
    const producers: IVByteProducer[] = [this.source]
    for (const each of this.#inChain) if (each.byteProduce.consumer !== null) producers.push(each.byteProduce)
    const at = producers[this.below(producers.length)] ?? this.source
    const element = (MAKERS[this.below(MAKERS.length)] ?? MAKERS[0])?.(this.reactor, 1 + this.below(30))
    if (element === undefined || at.consumer === null) return
    splice(at, element)
    this.#inChain.push(element)
  }

  unspliceOne(): void {
    if (this.#inChain.length > 0) this.leaving += 1
    const [element] = this.#inChain.splice(this.below(this.#inChain.length), 1)
    if (element === undefined) return
    unsplice(element).onDone((out) => {
      if (out) this.outcomes.left += 1
      else this.outcomes.stayed += 1
    })
  }

  step(): void {
    const dice = this.below(10)
    if (dice < 2) this.spliceOne()
    else if (dice < 4) this.unspliceOne()
    else if (dice < 6) {
      const size = 1 + this.below(this.below(5) === 0 ? 2_000 : 40)
      this.source.feed(new VByteBuffer(this.pattern.take(size, this.fed)))
      this.fed += size
    } else if (dice < 8) this.sink.grantMore(1 + this.below(this.below(3) === 0 ? 300 : 5))
    this.turns(this.below(6))
  }

  /** Takes all filters out, then ends the flow. Grants have to be made anew, as each change of neighbours forgets them. */
  finish(): void {
    while (this.#inChain.length > 0) this.unspliceOne()
    this.#drain(() => this.outcomes.left === this.leaving && this.source.consumer === this.sink)
    expect(this.outcomes.stayed).toBe(0)
    this.source.end()
    this.#drain(() => this.sink.ended !== null)
  }

  #drain(done: () => boolean): void {
    for (let round = 0; !done(); round += 1) {
      expect(round).toBeLessThan(20_000)
      this.sink.grant(null)
      this.host.advance(1)
      this.check()
    }
  }
}

describe('splicing under load', () => {
  it.each(seeds(300))('passes every byte in order (seed %i) [CR-12 CR-65]', (seed) => {
    const run = new Run(seed)
    for (let step = 0; step < 120; step += 1) run.step()
    run.finish()
    expect([run.out, run.sink.ended?.clean, run.failures]).toEqual([run.fed, true, []])
  })

  it.each(seeds(100))('passes on an end or an abort at any time (seed %i) [CR-39]', (seed) => {
    const run = new Run(seed)
    for (let step = 0; step < 60; step += 1) run.step()
    for (let more = 0; more < 3; more += 1) run.unspliceOne()
    run.turns(run.below(3))
    const reason = new Error('enough')
    if (seed % 3 === 0) run.source.abort(reason)
    else if (seed % 3 === 1) run.sink.abort(reason)
    else run.source.end(false, reason)
    for (let round = 0; run.sink.ended === null && run.sink.aborted === null; round += 1) {
      expect(round).toBeLessThan(20_000)
      run.sink.grant(null)
      run.host.advance(1)
      run.check()
    }
    run.host.advance(10)
    expect(run.source.aborted).not.toBeNull()
    expect(seed % 3 === 2 ? run.sink.ended : run.sink.aborted).toMatchObject({ reason })
    expect([run.failures, run.outcomes.left + run.outcomes.stayed]).toEqual([[], run.leaving])
  })
})
