/**
 * Completion for zsh.
 *
 * Decides the form of the script only. Invariant: what stands in quotes cannot end them.
 */
import { optionsOf } from '../arguments.js'
import type { VCommand, VOptionSpec } from '../command.js'

/** The script. */
export function zshCompletion(commands: readonly VCommand[]): string {
  return `#compdef vut
# zsh completion for vut
_vut() {
  if (( CURRENT == 2 )); then
    local -a commands=(
${commands.map(({ name, summary }) => `      '${name}:${quoted(summary)}'`).join('\n')}
    )
    _describe command commands
    return
  fi
  local cmd=\${words[2]}
  shift words
  (( CURRENT-- ))
  case "$cmd" in
${commands.map(commandCase).join('\n')}
  esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _vut "$@"; else compdef _vut vut; fi
`
}

function commandCase(command: VCommand): string {
  const lines = optionsOf(command).flatMap(optionLines)
  const { completes, choices } = command
  if (completes === 'file') lines.push("'*:file:_files'")
  else if (choices !== undefined) lines.push(`'1:choice:(${choices.join(' ')})'`)
  return `    ${command.name})
      _arguments -s -S \\
${lines.map((line) => `        ${line}`).join(' \\\n')} ;;`
}

function optionLines(option: VOptionSpec): string[] {
  const { name, short, kind, help } = option
  const many = kind === 'texts' ? '*' : ''
  const tail = `[${quoted(help)}]${kind === 'flag' ? '' : `:${option.value ?? 'value'}:${actionOf(option)}`}`
  const words = [`--${name}`, ...(short === undefined ? [] : [`-${short}`])]
  return words.map((word) => `'${many}${word}${tail}'`)
}

function actionOf({ choices, completes }: VOptionSpec): string {
  if (choices !== undefined) return `(${choices.join(' ')})`
  if (completes === 'file') return '_files'
  return completes === 'folder' ? '_files -/' : ' '
}

/** A text inside the single quotes and brackets of a specification. */
function quoted(text: string): string {
  return text.replaceAll("'", "'\\''").replace(/[[\]:]/g, '\\$&')
}
