/**
 * From a command line to the options and operands of a command.
 *
 * Decides what is refused and what is suggested instead; how options are written is Node's `parseArgs`. Invariant: what
 * comes out fits the command's entry: every value is within its bounds and choices, and no option is given twice that may
 * stand once.
 */
import { parseArgs } from 'node:util'
import type { VCommand, VOptionSpec } from './command.js'
import { usageError, type VCommandError } from './exit-codes.js'
import { VGiven, type VGivenValue } from './given.js'
import { COMMON_OPTIONS } from './options.js'
import { suggest } from './suggest.js'

/** All options of a command, its own first. */
export function optionsOf(command: VCommand): readonly VOptionSpec[] {
  return [...command.options, ...COMMON_OPTIONS]
}

/** Reads the line of a command, without the name of the command. @throws VCommandError (2) for what it does not understand */
export function parseArguments(command: VCommand, args: readonly string[]): VGiven {
  const specs = optionsOf(command)
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(specs.map((spec) => [spec.name, nodeOption(spec)])),
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  const values = new Map<string, VGivenValue>()
  const operands: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') operands.push(token.value)
    if (token.kind === 'option') take(command, values, token)
  }
  if (!values.has('help')) checkOperands(command, operands)
  return new VGiven(
    specs.map(({ name }) => name),
    values,
    operands,
  )
}

interface OptionToken {
  readonly name: string
  readonly rawName: string
  readonly value?: string | undefined
}

function nodeOption({ kind, short }: VOptionSpec): {
  type: 'boolean' | 'string'
  short?: string
  multiple: true
} {
  const type = kind === 'flag' ? 'boolean' : 'string'
  return { type, multiple: true, ...(short === undefined ? {} : { short }) }
}

function take(command: VCommand, values: Map<string, VGivenValue>, token: OptionToken): void {
  const spec = optionsOf(command).find(({ name }) => name === token.name)
  if (spec === undefined) throw unknownOption(command, token.rawName)
  const value = readValue(spec, token)
  if (spec.kind === 'texts') {
    const before = values.get(spec.name)
    values.set(spec.name, [...(Array.isArray(before) ? before : []), String(value)])
    return
  }
  if (spec.kind !== 'flag' && values.has(spec.name)) {
    throw usageError(`--${spec.name} was given twice`, 'give it once')
  }
  values.set(spec.name, value)
}

function readValue(spec: VOptionSpec, { value, rawName }: OptionToken): true | string | number {
  if (spec.kind === 'flag') {
    if (value === undefined) return true
    throw usageError(`${rawName} takes no value, got "${value}"`, `write ${rawName} alone`)
  }
  if (value === undefined || value === '') {
    throw usageError(`${rawName} needs a value`, `write ${rawName} ${spec.value ?? 'VALUE'}`)
  }
  if (spec.choices !== undefined && !spec.choices.includes(value)) {
    throw usageError(`${rawName} is one of ${spec.choices.join(', ')}; got "${value}"`)
  }
  return spec.kind === 'number' ? numberOf(spec, rawName, value) : value
}

function numberOf({ range = [0, Number.MAX_SAFE_INTEGER] }: VOptionSpec, name: string, text: string): number {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (number >= range[0] && number <= range[1]) return number
  throw usageError(`${name} is a whole number from ${range[0]} to ${range[1]}, got "${text}"`)
}

function unknownOption(command: VCommand, rawName: string): VCommandError {
  const long = optionsOf(command).map(({ name }) => name)
  const meant = rawName.startsWith('--') ? suggest(rawName.slice(2), long) : undefined
  const help = meant === undefined ? `see vut ${command.name} --help` : `did you mean --${meant}?`
  return usageError(`vut ${command.name} has no option ${rawName}`, help)
}

function checkOperands(command: VCommand, operands: readonly string[]): void {
  const [least, most] = command.operands
  const help = `usage: vut ${command.name} ${command.usage}`
  if (operands.length < least) {
    throw usageError(`vut ${command.name} needs ${least} operand${least === 1 ? '' : 's'}`, help)
  }
  if (operands.length > most) {
    throw usageError(`vut ${command.name} does not understand "${operands[most]}"`, help)
  }
}
