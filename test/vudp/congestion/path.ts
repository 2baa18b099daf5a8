/**
 * Flows over one bottleneck, and what came of them.
 *
 * The flows are `SimFlow`s: controllers with nothing around them. Rates are in Mbit/s and shares of the link, queues in
 * bandwidth-delay products. Invariant: what is measured begins after `warmS`.
 */
import { type LinkOptions, SimFlow, SimWorld } from '@vio/vudp/testing'
import type { VCongestionName } from '../../../packages/vudp/src/proto/congestion/controller.js'
import { createCongestion } from '../../../packages/vudp/src/proto/congestion/create.js'

export interface PathTerms {
  readonly flows: readonly VCongestionName[]
  readonly rateMbit: number
  readonly rttMs: number
  /** In each direction. */
  readonly loss?: number
  /** In bandwidth-delay products; by default one. */
  readonly queue?: number
  readonly more?: LinkOptions
  /** The second flow begins so much later; by default with the first. */
  readonly laterMs?: number
  /** The link has another rate from a time on; the outcome is about that. */
  readonly then?: { readonly atS: number; readonly rateMbit: number }
  readonly warmS: number
  readonly seconds: number
  readonly seed?: number
}

export interface PathOutcome {
  /** Of each flow, in Mbit/s. */
  readonly rates: readonly number[]
  /** Of all flows, as a part of the link. */
  readonly used: number
  /** The mean queue, and the most that ever waited, in bandwidth-delay products. */
  readonly meanQueue: number
  readonly maxQueue: number
  /** Datagrams that the queue dropped while it was measured. */
  readonly drops: number
}

const DATAGRAM = 1200
const BYTES_PER_MS_OF_MBIT = 125

/** Lets the flows run. */
export function runPath(terms: PathTerms): PathOutcome {
  const { rateMbit, rttMs, loss = 0, queue = 1, seed = 1, warmS, seconds, then } = terms
  const world = new SimWorld({ seed, scenario: terms.flows.join('+'), traced: false })
  const rate = rateMbit * BYTES_PER_MS_OF_MBIT
  const product = rate * rttMs
  const line = { delayMs: rttMs / 2, loss, ...terms.more }
  const there = world.network.link('there', { ...line, rateMbit, queueBytes: queue * product })
  const back = world.network.link('back', { delayMs: rttMs / 2, loss })
  const flows: SimFlow[] = []
  terms.flows.forEach((name, index) => {
    const from = world.network.host({ address: `10.0.0.${index + 1}`, up: there })
    const to = world.network.host({ address: `10.0.1.${index + 1}`, up: back })
    const random = world.random.fork(`controller ${index}`)
    const begin = (): void => {
      const congestion = (rtt: SimFlow['rtt']) =>
        createCongestion(name, { datagramBytes: DATAGRAM, rtt, random: () => random.publicDouble() })
      flows[index] = new SimFlow(world, { from, to, congestion, datagramBytes: DATAGRAM })
    }
    world.at(index === 0 ? 0 : (terms.laterMs ?? 0), begin)
  })
  if (then !== undefined) world.at(then.atS * 1000, () => there.change({ rateMbit: then.rateMbit }))
  world.advance(warmS * 1000)
  const before = flows.map(({ deliveredBytes }) => deliveredBytes)
  const dropsBefore = there.counts.queueDrops
  there.counts.maxQueueBytes = 0
  let [sum, count] = [0, 0]
  world.every(5, () => {
    sum += there.queuedBytes(world.now)
    count += 1
  })
  world.advance((seconds - warmS) * 1000)
  const perMs = (seconds - warmS) * 1000 * BYTES_PER_MS_OF_MBIT
  const rates = flows.map(({ deliveredBytes }, index) => (deliveredBytes - (before[index] ?? 0)) / perMs)
  return {
    rates,
    used: rates.reduce((all, each) => all + each, 0) / (then?.rateMbit ?? rateMbit),
    meanQueue: sum / count / product,
    maxQueue: there.counts.maxQueueBytes / product,
    drops: there.counts.queueDrops - dropsBefore,
  }
}
