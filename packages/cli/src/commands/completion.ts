/**
 * What `vut completion` understands. What it does is `work/completion.ts`, which is loaded when it is to be done.
 *
 * Decides nothing. Invariant: as of `VCommand`.
 */
import type { VCommand } from '../command.js'

/** The command. */
export const COMPLETION_COMMAND: VCommand = {
  name: 'completion',
  summary: 'print what makes a shell complete vut',
  usage: 'bash | zsh | fish',
  options: [],
  operands: [1, 1],
  choices: ['bash', 'zsh', 'fish'],
  examples: [
    'source <(vut completion bash)     in ~/.bashrc',
    'vut completion fish > ~/.config/fish/completions/vut.fish',
  ],
  load: async () => (await import('../work/completion.js')).runCompletion,
}
