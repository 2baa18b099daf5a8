/**
 * `runVut`: a command line from its first word to an exit code.
 *
 * Decides what comes before a command and after it: which one is meant, `--help`, `--version`, the view, and how an error
 * is shown. Invariants: nothing is thrown, and the view is closed whatever happens; nothing is loaded but what the line
 * needs, and before a command begins all that its end may need.
 */
import { parseArguments } from './arguments.js'
import type { VCommand } from './command.js'
import { COMMANDS } from './commands/table.js'
import type { VCliContext } from './context.js'
import { EXIT, usageError, type VExitCode } from './exit-codes.js'
import type { VGiven } from './given.js'
import { helpOf, helpOfAll } from './help.js'
import { suggest } from './suggest.js'
import { VERSION } from './version.js'
import { createView } from './view/create.js'

/**
 * Runs a command line.
 *
 * @param args the words behind `vut`
 * @returns what the process is to end with
 */
export async function runVut(args: readonly string[], context: VCliContext): Promise<VExitCode> {
  const [word = '--help', ...rest] = args
  if (word === '--version' || word === 'version') return say(context, `vut ${VERSION}\n`)
  const command = COMMANDS.find(({ name }) => name === word)
  if (command !== undefined) return await runCommand(command, rest, context)
  if (word === '--help' || word === '-h' || word === 'help') return runHelp(rest, context)
  const names = COMMANDS.map(({ name }) => name)
  const meant = suggest(word, names)
  const help = meant === undefined ? `one of ${names.join(', ')}` : `did you mean vut ${meant}?`
  return await refuse(usageError(`there is no command "${word}"`, help), context, rest.includes('--json'))
}

async function runCommand(
  command: VCommand,
  args: readonly string[],
  context: VCliContext,
): Promise<VExitCode> {
  let given: VGiven
  try {
    given = parseArguments(command, args)
  } catch (error) {
    return await refuse(error, context, args.includes('--json'))
  }
  if (given.flag('help')) return say(context, helpOf(command))
  const [run, { failureOf }] = await Promise.all([command.load(), import('./failure.js')])
  const view = createView(context, {
    json: given.flag('json'),
    quiet: given.flag('quiet'),
    verbose: given.flag('verbose'),
  })
  try {
    return await run({ ...context, given, view, commands: COMMANDS })
  } catch (error) {
    const { exitCode, message, help } = failureOf(error)
    view.tell({ type: 'error', exitCode, what: message, help })
    return exitCode
  } finally {
    view.close()
  }
}

function runHelp([name]: readonly string[], context: VCliContext): VExitCode {
  const command = COMMANDS.find((each) => each.name === name)
  return say(context, command === undefined ? helpOfAll(COMMANDS) : helpOf(command))
}

function say(context: VCliContext, text: string): VExitCode {
  context.stdout.write(text)
  return EXIT.ok
}

async function refuse(error: unknown, context: VCliContext, json = false): Promise<VExitCode> {
  const { failureOf } = await import('./failure.js')
  const { exitCode, message, help } = failureOf(error)
  const view = createView(context, { json, quiet: false, verbose: false })
  view.tell({ type: 'error', exitCode, what: message, help })
  view.close()
  return exitCode
}
