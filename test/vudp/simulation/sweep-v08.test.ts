/**
 * The rows of the checklist that VUT 0.8 has something to show for.
 */
import { seeds } from '../../lib/runs.js'
import { makeV08 } from './makers.js'
import { SCENARIOS } from './scenarios.js'
import { describeSweep } from './sweep.js'

// 463 bytes of data in a datagram: a tenth of the bytes makes about a quarter of the datagrams.
const BYTES = 100_000

describeSweep({
  version: 'VUT 0.8',
  maker: makeV08,
  scenarios: SCENARIOS.filter(({ v08 }) => v08 !== false),
  seeds: seeds(5, 200),
  bytes: () => BYTES,
})
