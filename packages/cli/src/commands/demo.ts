/**
 * What `vut demo` understands. What it does is `work/demo.ts`, which is loaded when it is to be done.
 *
 * Decides nothing. Invariant: as of `VCommand`.
 */
import type { VCommand } from '../command.js'
import { DEFAULT_DEMO_MEGABYTES } from '../defaults.js'

/** The command. */
export const DEMO_COMMAND: VCommand = {
  name: 'demo',
  summary: 'send a file from one process to another on this machine, and show how',
  usage: '[FILE]',
  options: [
    {
      name: 'size',
      kind: 'number',
      value: 'MB',
      range: [1, 100_000],
      help: `make a file of so many megabytes; by default ${DEFAULT_DEMO_MEGABYTES}`,
    },
  ],
  operands: [0, 1],
  completes: 'file',
  examples: ['vut demo', 'vut demo photo.jpg'],
  load: async () => (await import('../work/demo.js')).runDemo,
}
