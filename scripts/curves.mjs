/**
 * `npm run curves [-- -t NAME]`: draws the curves of the congestion controllers anew, into test/vudp/curves/drawn.
 */
import { run, vitestEntry } from './lib/run.mjs'

run(process.execPath, [vitestEntry(), 'run', 'test/vudp/curves', ...process.argv.slice(2)], {
  env: { V_CURVES: '1' },
})
