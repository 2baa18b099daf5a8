/**
 * How the tests run.
 *
 * Tests take the packages' sources, by the `source` condition of their exports, so that a test run needs no build.
 * What a test starts as a process or a worker runs what was built.
 */
import { defineConfig } from 'vitest/config'

const soaking: boolean = process.env['V_SOAK'] === '1'
const inLab: boolean = process.env['V_LAB'] === '1'

/** What `npm test`, `npm run soak` and `npm run lab` run. */
function filesToRun(): string[] {
  if (inLab) return ['test/**/*.lab.ts']
  return soaking ? ['test/**/*.test.ts', 'test/**/*.soak.ts'] : ['test/**/*.test.ts']
}

export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'] } },
  // `using` and `await using` are syntax of Node 24; the tests run on Node 20 too.
  oxc: { target: 'es2023' },
  test: {
    include: filesToRun(),
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: soaking ? 4 * 3_600_000 : 60_000,
    hookTimeout: 60_000,
    // A forgotten `.only` would leave out the rest of a file and look like success.
    allowOnly: false,
    reporters: ['default', './test/lib/skip-reporter.ts'],
    server: { deps: { inline: [/@vio\//] } },
  },
})
