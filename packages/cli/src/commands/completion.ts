/**
 * `vut completion`: what a shell completes.
 *
 * Decides nothing: the scripts are made of the command table. Invariant: what is completed is what the commands understand.
 */
import type { VCommand, VCommandContext } from '../command.js'
import { bashCompletion } from '../completion/bash.js'
import { fishCompletion } from '../completion/fish.js'
import { zshCompletion } from '../completion/zsh.js'
import { EXIT, usageError, type VExitCode } from '../exit-codes.js'

type Script = (commands: readonly VCommand[]) => string

const SHELLS: Readonly<Record<string, Script>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
}

/** The command. */
export const COMPLETION_COMMAND: VCommand = {
  name: 'completion',
  summary: 'print what makes a shell complete vut',
  usage: 'bash | zsh | fish',
  options: [],
  operands: [1, 1],
  choices: Object.keys(SHELLS),
  examples: [
    'source <(vut completion bash)     in ~/.bashrc',
    'vut completion fish > ~/.config/fish/completions/vut.fish',
  ],
  run: runCompletion,
}

async function runCompletion({ given, commands, stdout }: VCommandContext): Promise<VExitCode> {
  const [name = ''] = given.operands
  const script = Object.hasOwn(SHELLS, name) ? SHELLS[name] : undefined
  if (script === undefined) {
    throw usageError(`there is no completion for "${name}"`, `one of ${Object.keys(SHELLS).join(', ')}`)
  }
  stdout.write(script(commands))
  return EXIT.ok
}
