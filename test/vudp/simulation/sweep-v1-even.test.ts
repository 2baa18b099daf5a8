/**
 * The checklist with VUT/1, 30 seeds of 1 MB a row: every other row. Two files, so that two workers share them.
 */
import { seeds } from '../../lib/runs.js'
import { makeV1 } from './makers.js'
import { SCENARIOS } from './scenarios.js'
import { describeSweep } from './sweep.js'

describeSweep({
  version: 'VUT/1, even rows',
  maker: makeV1,
  scenarios: SCENARIOS.filter((_, row) => row % 2 === 0),
  seeds: seeds(30, 30),
  bytes: () => 1_000_000,
})
