/**
 * The checklist with VUT/1, 30 seeds of 1 MB a row: the rows that the other file leaves.
 */
import { seeds } from '../../lib/runs.js'
import { makeV1 } from './makers.js'
import { SCENARIOS } from './scenarios.js'
import { describeSweep } from './sweep.js'

describeSweep({
  version: 'VUT/1, odd rows',
  maker: makeV1,
  scenarios: SCENARIOS.filter((_, row) => row % 2 === 1),
  seeds: seeds(30, 30),
  bytes: () => 1_000_000,
})
