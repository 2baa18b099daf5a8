/**
 * The checklist with VUT/1 for `npm run soak`: 20,000 seeds over all rows, every tenth with 10 MB.
 */
import { seeds } from '../../lib/runs.js'
import { makeV1 } from './makers.js'
import { SCENARIOS } from './scenarios.js'
import { describeSweep } from './sweep.js'

const SEEDS = 20_000
const EACH = Math.ceil(SEEDS / SCENARIOS.length)

describeSweep({
  version: 'VUT/1, at length',
  maker: makeV1,
  scenarios: SCENARIOS,
  seeds: seeds(EACH, EACH),
  bytes: (seed) => (seed % 10 === 0 ? 10_000_000 : 1_000_000),
})
