/**
 * Completion for bash.
 *
 * Decides the form of the script only. Invariant: it needs nothing but bash itself.
 */
import { optionsOf } from '../arguments.js'
import type { VCommand, VOptionSpec } from '../command.js'

/** Names of files have blanks: only the end of a line ends one. */
const FILES = `local IFS=$'\\n'; COMPREPLY=($(compgen -f -- "$cur"))`
const FOLDERS = FILES.replace('-f', '-d')

/** The script. */
export function bashCompletion(commands: readonly VCommand[]): string {
  const names = commands.map(({ name }) => name).join(' ')
  return `# bash completion for vut
_vut() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} cmd=\${COMP_WORDS[1]}
  COMPREPLY=()
  if (( COMP_CWORD == 1 )); then
    COMPREPLY=($(compgen -W '${names} --help --version' -- "$cur"))
    return
  fi
  case "$cmd:$prev" in
${commands.flatMap(valueCases).join('\n')}
  esac
  case "$cmd" in
${commands.map(commandCase).join('\n')}
  esac
}
complete -o filenames -F _vut vut
`
}

/** What may stand behind the options that take a value. */
function valueCases(command: VCommand): string[] {
  return optionsOf(command)
    .filter(({ kind }) => kind !== 'flag')
    .map((option) => {
      const words = [`--${option.name}`, ...(option.short === undefined ? [] : [`-${option.short}`])]
      const pattern = words.map((word) => `${command.name}:${word}`).join('|')
      return `    ${pattern}) ${valuesOf(option)}; return ;;`
    })
}

function valuesOf({ choices, completes }: VOptionSpec): string {
  if (choices !== undefined) return `COMPREPLY=($(compgen -W '${choices.join(' ')}' -- "$cur"))`
  if (completes === 'file') return FILES
  if (completes === 'folder') return FOLDERS
  return 'COMPREPLY=()'
}

function commandCase(command: VCommand): string {
  const options = optionsOf(command)
    .map(({ name }) => `--${name}`)
    .join(' ')
  const { completes, choices = [] } = command
  const operands = completes === 'file' ? FILES : `COMPREPLY=($(compgen -W '${choices.join(' ')}' -- "$cur"))`
  return `    ${command.name})
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '${options}' -- "$cur"))
      else ${operands}; fi ;;`
}
