/**
 * What `vut send` understands. What it does is `work/send.ts`, which is loaded when it is to be done.
 *
 * Decides nothing. Invariant: as of `VCommand`.
 */
import type { VCommand } from '../command.js'
import { MEETING_OPTIONS, SHA256_OPTION } from '../options.js'

/** The command. */
export const SEND_COMMAND: VCommand = {
  name: 'send',
  summary: 'send files and folders',
  usage: 'PATH... [--code-file FILE]',
  options: [
    { name: 'skip-special', kind: 'flag', help: 'leave out links, sockets and devices inside folders' },
    SHA256_OPTION,
    ...MEETING_OPTIONS,
  ],
  operands: [1, Number.POSITIVE_INFINITY],
  completes: 'file',
  examples: ['vut send report.pdf photos/', 'VUT_CODE=7-lantern-orchard vut send report.pdf'],
  load: async () => (await import('../work/send.js')).runSend,
}
