/**
 * What `vut recv` understands. What it does is `work/recv.ts`, which is loaded when it is to be done.
 *
 * Decides nothing. Invariant: as of `VCommand`.
 */
import type { VCommand } from '../command.js'
import { MEETING_OPTIONS, SHA256_OPTION } from '../options.js'

/** The command. */
export const RECV_COMMAND: VCommand = {
  name: 'recv',
  summary: 'receive files and folders',
  usage: '[CODE] [--out DIR] [--yes | --overwrite | --rename | --resume]',
  options: [
    { name: 'out', short: 'o', kind: 'text', value: 'DIR', help: 'put them there', completes: 'folder' },
    { name: 'yes', short: 'y', kind: 'flag', help: 'do not ask' },
    { name: 'overwrite', kind: 'flag', help: 'do not ask; replace files that are there' },
    { name: 'rename', kind: 'flag', help: 'do not ask; where a name is taken, use "name (2)"' },
    { name: 'resume', kind: 'flag', help: 'do not ask; go on with what an earlier attempt left' },
    SHA256_OPTION,
    ...MEETING_OPTIONS,
  ],
  operands: [0, 1],
  examples: ['vut recv 7-lantern-orchard', 'vut recv 7-lantern-orchard --out ~/in --resume'],
  load: async () => (await import('../work/recv.js')).runRecv,
}
