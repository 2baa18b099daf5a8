/**
 * What `vut doctor` understands. What it does is `work/doctor.ts`, which is loaded when it is to be done.
 *
 * Decides nothing. Invariant: as of `VCommand`.
 */
import type { VCommand } from '../command.js'

/** The command. */
export const DOCTOR_COMMAND: VCommand = {
  name: 'doctor',
  summary: 'see what this network allows',
  usage: '[--relay HOST]',
  options: [{ name: 'relay', kind: 'texts', value: 'HOST', help: 'ask there; may be repeated' }],
  operands: [0, 0],
  examples: ['vut doctor', 'vut doctor --relay relay.example.org --json | jq .advice'],
  load: async () => (await import('../work/doctor.js')).runDoctor,
}
