/**
 * What VUT/1 makes of a link over time, as text: one line a second.
 *
 * Whole connections send as much as they can over one bottleneck. Rates are in Mbit/s of datagrams on the link, headers
 * of VUT included and those of UDP and IP left out; goodput is what the application got. Invariant: a curve follows from
 * its terms alone, so that a change of the text is a change of the protocol.
 */
import type { VIPSocketPeer } from '@vio/io'
import { type SimHost, type SimLink, SimPeer, SimWorld } from '@vio/vudp/testing'
import type { VCongestionName } from '../../../packages/vudp/src/proto/congestion/controller.js'
import { makeV1 } from '../simulation/makers.js'

/** One curve. */
export interface CurveTerms {
  readonly name: string
  readonly flows: readonly VCongestionName[]
  readonly rateMbit: number
  readonly rttMs: number
  /** Of the data's direction and of the acknowledgements'. */
  readonly loss?: number
  /** The second flow begins so much later; by default with the first. */
  readonly laterMs?: number
  readonly seconds: number
  /** From when on the means at the end count. */
  readonly warmS: number
}

/** A curve and what it comes to. */
export interface Curve {
  readonly text: string
  /** Means after the warm-up: of the link, as a part, and of each flow's goodput. */
  readonly used: number
  readonly goodput: readonly number[]
  readonly drops: number
}

const BYTES_PER_MS_OF_MBIT = 125
const ENDLESS = 2 ** 50

interface Flow {
  readonly from: SimPeer
  readonly to: SimPeer
  received: number
  warmReceived: number
}

/** Draws a curve. */
export function drawCurve(terms: CurveTerms): Curve {
  const { rateMbit, rttMs, loss = 0, seconds, warmS } = terms
  const world = new SimWorld({ seed: 1, scenario: terms.name, traced: false })
  const product = rateMbit * BYTES_PER_MS_OF_MBIT * rttMs
  const there = world.network.link('there', { delayMs: rttMs / 2, loss, rateMbit, queueBytes: product })
  const back = world.network.link('back', { delayMs: rttMs / 2, loss })
  const flows: Flow[] = []
  terms.flows.forEach((congestion, index) => {
    world.at(index === 0 ? 0 : (terms.laterMs ?? 0), () => {
      flows[index] = beginFlow(world, { there, back, congestion, index })
    })
  })
  const lines = [`# ${terms.name}: ${describe(terms)}`, header(terms.flows)]
  let [sent, drops, warmSent, warmDrops] = [0, 0, 0, 0]
  for (let second = 1; second <= seconds; second += 1) {
    world.advance(1000)
    const { counts } = there
    const rate = mbit(counts.deliveredBytes - sent)
    const queue = Math.round((100 * there.queuedBytes(world.now)) / product)
    const cells = [second, rate.toFixed(1), `${queue} %`, counts.queueDrops - drops]
    lines.push([...cells, ...flows.flatMap(describeFlow)].join('\t'))
    ;[sent, drops] = [counts.deliveredBytes, counts.queueDrops]
    for (const flow of flows) {
      flow.received = flow.to.main.received
      if (second === warmS) flow.warmReceived = flow.received
    }
    if (second === warmS) [warmSent, warmDrops] = [sent, drops]
  }
  const lastingS = seconds - warmS
  const used = mbit(sent - warmSent) / lastingS / rateMbit
  const goodput = flows.map(({ received, warmReceived }) => mbit(received - warmReceived) / lastingS)
  const means = goodput.map((each) => each.toFixed(1)).join(' and ')
  lines.push(
    `# after ${warmS} s: ${(100 * used).toFixed(0)} % of the link, goodput ${means}, ${drops - warmDrops} dropped`,
  )
  return { text: `${lines.join('\n')}\n`, used, goodput, drops: drops - warmDrops }
}

function beginFlow(
  world: SimWorld,
  about: { there: SimLink; back: SimLink; congestion: VCongestionName; index: number },
): Flow {
  const { there, back, congestion, index } = about
  const left = world.network.host({ address: `10.0.0.${index + 1}`, up: there })
  const right = world.network.host({ address: `10.0.1.${index + 1}`, up: back })
  const side = (name: 'a' | 'b', host: SimHost, peer: VIPSocketPeer): SimPeer => {
    const [own, other] = name === 'a' ? [2, 1] : [1, 2]
    const [secret, peerSecret] = [Buffer.alloc(32, 2 * index + own), Buffer.alloc(32, 2 * index + other)]
    const engine = () => makeV1({ world, side: name, secret, peerSecret, peer, options: { congestion } })
    return new SimPeer(world, {
      host,
      port: 5000,
      side: name,
      engine,
      script: { writeBytes: name === 'a' ? ENDLESS : 0 },
    })
  }
  const to = side('b', right, world.network.peer(left.address, 5000))
  const from = side('a', left, world.network.peer(right.address, 5000))
  return { from, to, received: 0, warmReceived: 0 }
}

function describe({ flows, rateMbit, rttMs, loss = 0 }: CurveTerms): string {
  const lost = loss === 0 ? '' : `, ${100 * loss} % lost in each direction`
  return `${flows.join(' and ')} over ${rateMbit} Mbit/s, ${rttMs} ms${lost}, queue of one product`
}

function header(flows: readonly string[]): string {
  const each = flows.flatMap((name) => [`${name} Mbit/s`, 'window', 'srtt ms', 'state'])
  return ['s', 'Mbit/s', 'queue', 'drops', ...each].join('\t')
}

function describeFlow({ from, to, received }: Flow): (string | number)[] {
  const stats = from.engine.stats()
  return [
    mbit(to.main.received - received).toFixed(1),
    Math.round(stats.windowBytes / stats.datagramBytes),
    Math.round(stats.smoothedRttMs),
    stats.congestionState,
  ]
}

function mbit(bytesInASecond: number): number {
  return bytesInASecond / BYTES_PER_MS_OF_MBIT / 1000
}
