/**
 * What `vut forward` understands. What it does is `work/forward.ts`, which is loaded when it is to be done.
 *
 * Decides nothing. Invariant: as of `VCommand`.
 */
import type { VCommand } from '../command.js'
import { MEETING_OPTIONS } from '../options.js'

/** The command. */
export const FORWARD_COMMAND: VCommand = {
  name: 'forward',
  summary: 'reach ports and sockets of the other side',
  usage: '[-L|-R|-D|-U SPEC]... CODE | --listen',
  options: [
    {
      name: 'local',
      short: 'L',
      kind: 'texts',
      value: 'SPEC',
      help: '[BIND:]PORT:HOST:PORT[/udp], from here',
    },
    {
      name: 'remote',
      short: 'R',
      kind: 'texts',
      value: 'SPEC',
      help: 'the same, from the other side to here',
    },
    { name: 'dynamic', short: 'D', kind: 'texts', value: 'SPEC', help: '[BIND:]PORT for SOCKS 5 clients' },
    {
      name: 'unix',
      short: 'U',
      kind: 'texts',
      value: 'SPEC',
      help: '/PATH:HOST:PORT or /PATH:/PATH, from here',
    },
    { name: 'listen', short: 'l', kind: 'flag', help: 'make a code and wait for the other side' },
    {
      name: 'allow',
      kind: 'texts',
      value: 'RULE',
      help: 'the other side may reach HOST:PORT, /PATH, any',
    },
    ...MEETING_OPTIONS,
  ],
  operands: [0, 1],
  examples: ['vut forward --listen', 'vut forward -L 8080:localhost:80 7-lantern-orchard'],
  load: async () => (await import('../work/forward.js')).runForward,
}
