/**
 * The texts of `--help`, made of the command table.
 *
 * Decides their layout. Invariant: the help of each command fits a screen of 80 by 24.
 */
import { optionsOf } from './arguments.js'
import type { VCommand, VOptionSpec } from './command.js'

const COLUMN = 26

/** The help of one command. */
export function helpOf(command: VCommand): string {
  return [
    `usage: vut ${command.name} ${command.usage}`.trimEnd(),
    `${command.summary}.`,
    '',
    ...optionsOf(command).map(optionLine),
    '',
    ...command.examples.map((line, at) => `${at === 0 ? 'examples: ' : '          '}${line}`),
    '',
  ].join('\n')
}

/** The help of `vut` itself. */
export function helpOfAll(commands: readonly VCommand[]): string {
  return [
    'usage: vut COMMAND [OPTION...]',
    'Bytes and files between two machines, directly where the networks allow it.',
    '',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(COLUMN - 12)}${summary}`),
    '',
    'examples: vut send report.pdf          and there what it tells you to type',
    '          vut send --help              each command has a --help',
    '',
  ].join('\n')
}

function optionLine({ name, short, value, help }: VOptionSpec): string {
  const letter = short === undefined ? '   ' : `-${short},`
  const left = `  ${letter} --${name}${value === undefined ? '' : ` ${value}`}`
  return `${left.padEnd(COLUMN)} ${help}`
}
