/**
 * The contract of an element with both ends: it stands in a chain, and every way of cutting a stream gives the same bytes.
 */
import { VSeededRandom } from '@vio/reactor/testing'
import type { VProbeConsumer, VProbeConsumerOptions } from '../probe-consumer.js'
import type { VProbeProducerOptions } from '../probe-producer.js'
import type { IVContractCase } from './case.js'
import { check, equal, sameList } from './check.js'
import {
  above,
  below,
  checkHeld,
  feed,
  filterCase,
  type IVFilterSubject,
  type VFilterFactory,
} from './filter-base.js'
import { FILTER_CHAIN_CASES } from './filter-chain.js'

/** How a sample is sent through an element. */
interface Passage {
  readonly portions?: VProbeProducerOptions['portions']
  readonly sink?: VProbeConsumerOptions
  /** Grants more to the consumer. Called whenever nothing moves any more; by default grants any number. */
  readonly grant?: (sink: VProbeConsumer) => void
  /** How many units are fed at a time; by default all at once. */
  readonly feedAtOnce?: (left: number) => number
}

/** Sends the sample through, looks at what is held all the way, and compares what comes out. */
function pass(subject: IVFilterSubject, passage: Passage, what: string): void {
  const sink = below(subject, passage.sink)
  const source = above(subject, passage.portions === undefined ? {} : { portions: passage.portions })
  const total = subject.sample.length
  let fed = 0
  for (let rounds = 0; sink.ended === null; rounds += 1) {
    check(rounds < 50_000, `${what}: the end comes some time`)
    check(sink.aborted === null, `${what}: the flow is not aborted`)
    if (fed < total && source.queue.length === 0) {
      const size = passage.feedAtOnce?.(total - fed) ?? total
      feed(subject, source, fed, fed + size)
      fed = Math.min(total, fed + size)
      if (fed === total) source.end()
    }
    const before = [sink.received.length, source.queue.length]
    subject.bench.settle(1000)
    checkHeld(subject)
    const moved = sink.received.length !== before[0] || source.queue.length !== before[1]
    if (moved || sink.closed) continue
    if (passage.grant === undefined) sink.grant(null)
    else passage.grant(sink)
  }
  sameList(subject.output.values(sink.received), subject.result, `${what}: what came out`)
  equal(sink.ended.clean, true, `${what}: whether the end was clean`)
  equal(subject.held(), 0, `${what}: units that are held in the end`)
}

const PASSAGES: readonly IVContractCase<VFilterFactory>[] = [
  filterCase('gives the same for a sample in one piece, without a limit [CR-65]', (make) => {
    pass(make(), {}, 'whole')
  }),

  filterCase('gives the same when one unit at a time is allowed [CR-65]', (make) => {
    pass(make(), { grant: (sink) => sink.grantMore(1) }, 'limit of 1')
  }),

  filterCase('gives the same when one unit at a time comes in [CR-65]', (make) => {
    pass(make(), { portions: [1] }, 'portions of 1')
    pass(make(), { portions: [1], feedAtOnce: () => 1 }, 'fed 1 at a time')
  }),

  filterCase('gives the same when one unit at a time comes in and is allowed [CR-65]', (make) => {
    pass(make(), { portions: [1], grant: (sink) => sink.grantMore(1) }, 'portions and limit of 1')
  }),

  filterCase('gives the same for any portions under any limits, also lowered ones [CR-65 CR-21]', (make) => {
    for (let seed = 1; seed <= 25; seed += 1) {
      const random = new VSeededRandom(seed)
      const below = (count: number): number => Math.floor(random.publicDouble() * count)
      const answer = ({ consumed, limit }: { consumed: number; limit: number }): number =>
        below(3) === 0 ? consumed + below(9) : limit
      const passage: Passage = {
        portions: (wanted) => 1 + below(wanted),
        sink: { answer, grantAtAttach: below(5) },
        grant: (sink) => sink.grantMore(1 + below(12)),
        feedAtOnce: (left) => 1 + below(left),
      }
      pass(make(), passage, `seed ${seed}`)
    }
  }),

  filterCase('stops its producer when its consumer does [CR-65 CR-33]', (make) => {
    const subject = make()
    const sink = below(subject)
    const source = above(subject)
    feed(subject, source)
    subject.bench.settle(1000)
    checkHeld(subject)
    equal(sink.received.length, 0, 'units that came out')
    const inside = subject.sample.length - source.queue.length
    check(inside <= subject.maxHeld, `${inside} units went in, declared are ${subject.maxHeld}`)
  }),
]

/** What every element with both ends has to do. */
export const filterContract: readonly IVContractCase<VFilterFactory>[] = [...FILTER_CHAIN_CASES, ...PASSAGES]
