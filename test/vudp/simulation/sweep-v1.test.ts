/**
 * The whole checklist with VUT/1.
 */
import { seeds } from '../../lib/runs.js'
import { makeV1 } from './makers.js'
import { SCENARIOS } from './scenarios.js'
import { describeSweep } from './sweep.js'

const BYTES = 1_000_000

describeSweep({
  version: 'VUT/1',
  maker: makeV1,
  scenarios: SCENARIOS,
  seeds: seeds(30),
  bytes: () => BYTES,
})
