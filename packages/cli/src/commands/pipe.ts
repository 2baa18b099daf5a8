/**
 * What `vut pipe` understands. What it does is `work/pipe.ts`, which is loaded when it is to be done.
 *
 * Decides nothing. Invariant: as of `VCommand`.
 */
import type { VCommand } from '../command.js'
import { MEETING_OPTIONS } from '../options.js'

/** The command. */
export const PIPE_COMMAND: VCommand = {
  name: 'pipe',
  summary: 'join stdin and stdout of two machines',
  usage: '[CODE]',
  options: MEETING_OPTIONS,
  operands: [0, 1],
  examples: ['tar c photos | vut pipe', 'vut pipe 7-lantern-orchard | tar x'],
  load: async () => (await import('../work/pipe.js')).runPipe,
}
