/**
 * Completion for fish.
 *
 * Decides the form of the script only. Invariant: what stands in quotes cannot end them.
 */
import { optionsOf } from '../arguments.js'
import type { VCommand, VOptionSpec } from '../command.js'

/** The script. */
export function fishCompletion(commands: readonly VCommand[]): string {
  return `# fish completion for vut
complete -c vut -f
complete -c vut -n __fish_use_subcommand -l help -d 'show help'
complete -c vut -n __fish_use_subcommand -l version -d 'show the version'
${commands.map(commandLines).join('\n')}
`
}

function commandLines(command: VCommand): string {
  const { name, summary, completes, choices } = command
  const inside = `complete -c vut -n '__fish_seen_subcommand_from ${name}'`
  const lines = [`complete -c vut -n __fish_use_subcommand -a ${name} -d '${quoted(summary)}'`]
  if (completes === 'file') lines.push(`${inside} -F`)
  if (choices !== undefined) lines.push(`${inside} -a '${choices.join(' ')}'`)
  return [...lines, ...optionsOf(command).map((option) => `${inside} ${optionWords(option)}`)].join('\n')
}

function optionWords({ name, short, kind, help, choices, completes }: VOptionSpec): string {
  const words = [`-l ${name}`]
  if (short !== undefined) words.push(`-s ${short}`)
  if (kind !== 'flag') words.push(completes === undefined ? '-x' : '-r -F')
  if (choices !== undefined) words.push(`-a '${choices.join(' ')}'`)
  return [...words, `-d '${quoted(help)}'`].join(' ')
}

function quoted(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")
}
