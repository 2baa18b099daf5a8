/**
 * `npm run lab [-- PATHS]`: the command in every network of the lab (the `.lab.ts` files below test/), and
 * docs/nat-matrix.md from what was seen. `V_LAB=1` is what vitest.config.ts reads.
 */
import { run, vitestEntry } from './lib/run.mjs'

run(process.execPath, [vitestEntry(), 'run', ...process.argv.slice(2)], { env: { V_LAB: '1' } })
