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

/** Does it. @returns the exit code */
export async function runCompletion({ given, commands, stdout }: VCommandContext): Promise<VExitCode> {
  const [name = ''] = given.operands
  const script = Object.hasOwn(SHELLS, name) ? SHELLS[name] : undefined
  if (script === undefined) {
    throw usageError(`there is no completion for "${name}"`, `one of ${Object.keys(SHELLS).join(', ')}`)
  }
  stdout.write(script(commands))
  return EXIT.ok
}
