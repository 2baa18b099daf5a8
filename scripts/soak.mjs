/**
 * `npm run soak [-- PATHS]`: the tests with many more runs, and those that are too long for every day
 * (the `.soak.ts` files below test/). `V_SOAK=1` is what test/lib/runs.ts and vitest.config.ts read.
 */
import { run, vitestEntry } from './lib/run.mjs'

run(process.execPath, [vitestEntry(), 'run', ...process.argv.slice(2)], { env: { V_SOAK: '1' } })
