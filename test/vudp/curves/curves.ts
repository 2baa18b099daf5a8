/**
 * The curves that are drawn, and what each has to show.
 */
import type { VCongestionName } from '../../../packages/vudp/src/proto/congestion/controller.js'
import type { Curve, CurveTerms } from './curve.js'

/** A curve and what it has to show; `check` says what is wrong, or nothing. */
export interface DrawnCurve extends CurveTerms {
  /** True if `npm test` draws it again. */
  readonly isQuick: boolean
  readonly check: (curve: Curve) => string | undefined
}

const BOTH: readonly VCongestionName[] = ['cubic', 'bbr']

/** One flow has to use 95 % of a clean link. */
function clean(rateMbit: number, rttMs: number): DrawnCurve[] {
  // Long ways take long to fill.
  const warmS = rttMs >= 100 ? 20 : 10
  const seconds = rateMbit >= 1000 ? 12 : warmS + 20
  return BOTH.map((flow) => ({
    name: `${flow}-${rateMbit}mbit-${rttMs}ms`,
    flows: [flow],
    rateMbit,
    rttMs,
    seconds,
    warmS: Math.min(warmS, seconds - 6),
    isQuick: rateMbit <= 10,
    check: ({ used }) => (used >= 0.95 ? undefined : `uses ${used.toFixed(3)} of the link`),
  }))
}

/** Two flows of one controller have to share within a half and two; with another one, neither is driven out. */
function shared(flows: readonly [VCongestionName, VCongestionName], rateMbit: number): DrawnCurve {
  const bound = flows[0] === flows[1] ? 2 : 6
  return {
    name: `${flows.join('-and-')}-${rateMbit}mbit-40ms`,
    flows,
    rateMbit,
    rttMs: 40,
    laterMs: 5_000,
    seconds: 90,
    // The faster the link, the longer CUBIC needs to make room.
    warmS: rateMbit <= 10 ? 20 : 50,
    isQuick: rateMbit <= 10,
    check: ({ goodput: [first = 0, second = 1] }) => {
      const share = first / second
      return share > 1 / bound && share < bound ? undefined : `share ${share.toFixed(2)} to 1`
    },
  }
}

/** A flow on a link that loses by chance has to reach between `least` and `most` Mbit/s. */
function lossy(flow: VCongestionName, loss: number, least: number, most: number): DrawnCurve {
  return {
    name: `${flow}-100mbit-40ms-${100 * loss}-lost`,
    flows: [flow],
    rateMbit: 100,
    rttMs: 40,
    loss,
    seconds: 30,
    warmS: 5,
    isQuick: false,
    check: ({ goodput: [rate = 0] }) => {
      return rate >= least && rate <= most ? undefined : `${rate.toFixed(1)} Mbit/s, not ${least} to ${most}`
    },
  }
}

/** All of them. */
export const CURVES: readonly DrawnCurve[] = [
  ...clean(10, 10),
  ...clean(10, 100),
  ...clean(10, 300),
  ...clean(100, 10),
  ...clean(100, 100),
  ...clean(100, 300),
  ...clean(1000, 10),
  ...clean(1000, 50),
  ...[10, 100].flatMap((rateMbit) => [
    shared(['cubic', 'cubic'], rateMbit),
    shared(['bbr', 'bbr'], rateMbit),
    shared(['bbr', 'cubic'], rateMbit),
  ]),
  // 1.22 / sqrt(0.01) datagrams of 1472 bytes a round trip of 40 ms are 3.6 Mbit/s.
  lossy('cubic', 0.01, 2.5, 5),
  lossy('bbr', 0.01, 90, 100),
  lossy('bbr', 0.05, 80, 100),
]
