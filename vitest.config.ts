import { defineConfig } from 'vitest/config'

/**
 * Tests take the packages' sources, by the `source` condition of their exports, so that a test run needs no build.
 * What a test starts as a process or a worker runs what was built.
 */
export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'] } },
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    server: { deps: { inline: [/@vio\//] } },
  },
})
