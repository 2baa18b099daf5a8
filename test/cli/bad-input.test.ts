/**
 * What every option of every command does with a value that is none: an exit code, a line that says what, one that says what
 * to do, and nothing left behind. The options are those of the table, so that a new one without a row here is missed.
 */
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { COMMANDS, runVut, type VCommand } from '../../packages/cli/src/index.js'
import { COMMON_OPTIONS } from '../../packages/cli/src/options.js'
import { tempFolder, testContext } from './support.js'

/** What was refused: the words behind `vut`, the exit code, and what is said. */
type Row = readonly [args: readonly string[], code: number, text: string]

const CODE = '7-lantern-orchard'
/** Operands without which something else would be wrong. */
const OPERANDS: Readonly<Record<string, readonly string[]>> = { send: ['here'], completion: ['bash'] }
const RELAY = ['--relay', 'relay.example']

/** For each option with a free text: a text that is wrong. */
const TEXTS: Readonly<Record<string, readonly Row[]>> = {
  relay: [
    [['send', 'here', '--relay', 'http://x'], 2, 'tcp, tls, ws, wss'],
    [['recv', '--yes', CODE, '--relay', 'x:0'], 2, 'port'],
    [['pipe', CODE, '--relay', 'x:70000'], 2, 'port'],
    [['forward', '--listen', '--relay', 'a b'], 2, 'a b'],
    [['doctor', '--relay', 'http://x'], 2, 'tcp, tls, ws, wss'],
  ],
  'code-file': [
    [['send', 'here', '--code-file', 'none', ...RELAY], 2, 'the code cannot be read'],
    [['recv', '--yes', '--code-file', '.', ...RELAY], 2, 'the code cannot be read'],
    [['pipe', '--code-file', 'here', ...RELAY], 2, 'a code begins with the number of a room'],
    [['forward', '--code-file', 'none', '-D', '0', ...RELAY], 2, 'the code cannot be read'],
  ],
  out: [
    [['recv', '--yes', CODE, '--out', 'none', ...RELAY], 7, 'is not there'],
    [['recv', '--yes', CODE, '--out', 'here', ...RELAY], 7, 'is no folder'],
  ],
  local: [
    [['forward', '-L', '8080', CODE, ...RELAY], 2, 'the form is -L'],
    [['forward', '-L', '70000:localhost:80', CODE, ...RELAY], 2, '70000'],
  ],
  remote: [[['forward', '-R', '1:localhost:x', CODE, ...RELAY], 2, 'x']],
  dynamic: [[['forward', '-D', 'socks', CODE, ...RELAY], 2, 'socks']],
  unix: [[['forward', '-U', 'relative:localhost:80', CODE, ...RELAY], 2, 'relative']],
  allow: [[['forward', '--listen', '--allow', 'a b', ...RELAY], 2, 'a rule is']],
  listen: [[['relay', '--listen', '5'], 2, 'write --listen :3478']],
  'tls-cert': [[['relay', '--tls-cert', 'here'], 2, 'belong together']],
  'tls-key': [[['relay', '--tls-key', 'here'], 2, 'belong together']],
  http: [[['relay', '--http', 'x'], 2, '--http']],
  quota: [[['relay', '--quota', 'pears=5'], 2, 'rooms-per-source']],
}

/** What is wrong besides a value. */
const OTHERS: readonly Row[] = [
  [['send', 'none', ...RELAY], 7, 'ENOENT'],
  [['recv', '--yes', 'lantern', ...RELAY], 2, 'a code begins with the number of a room'],
  [['recv', '--yes', '7-xyzzy', ...RELAY], 2, 'not in the list of words'],
  [['recv', CODE, ...RELAY], 2, 'there is no terminal to ask'],
  [['recv', '--rename', '--resume', CODE, ...RELAY], 2, 'exclude each other'],
  [['pipe', CODE], 2, 'no relay is known'],
  [['forward', CODE, ...RELAY], 2, 'nothing is to be forwarded'],
  [['forward', '--listen', CODE, ...RELAY], 2, 'there is one already'],
  [['demo', 'none'], 7, 'there is no file "none"'],
  [['demo', '.'], 7, 'is no file'],
  [['demo', 'here', '--size', '5'], 2, '--size'],
  [['completion', 'tcsh'], 2, 'bash, zsh, fish'],
]

/** What the options of a command make wrong by themselves. */
function derived({ name, options, operands }: VCommand): Row[] {
  const line = (...words: string[]): string[] => [name, ...(OPERANDS[name] ?? []), ...words]
  const rows: Row[] = [
    [line('--bogus-option'), 2, 'has no option --bogus-option'],
    [line('-Z'), 2, 'has no option -Z'],
  ]
  if (operands[1] < 10) {
    const many = Array.from({ length: operands[1] + 1 }, () => 'here')
    rows.push([[name, ...many], 2, 'does not understand "here"'])
  }
  for (const option of [...COMMON_OPTIONS, ...options]) {
    const long = `--${option.name}`
    if (option.kind === 'flag') {
      rows.push([line(`${long}=yes`), 2, `${long} takes no value`])
      continue
    }
    rows.push([line(long), 2, `${long} needs a value`], [line(`${long}=`), 2, `${long} needs a value`])
    if (option.kind !== 'texts') rows.push([line(long, '1', long, '1'), 2, long])
    if (option.choices !== undefined) rows.push([line(long, 'bogus'), 2, `${long} is one of`])
    const { range } = option
    if (range === undefined) continue
    for (const value of [range[0] - 1, range[1] + 1, 'x', '1.5', ''])
      rows.push([line(`${long}=${value}`), 2, value === '' ? 'needs a value' : `${long} is a whole number`])
  }
  return rows
}

const ROWS = [...COMMANDS.flatMap(derived), ...Object.values(TEXTS).flat(), ...OTHERS]

describe('what cannot be meant', () => {
  it.each(ROWS)('is refused: vut %j ends with %i and says %j', async (args, code, text) => {
    const folder = tempFolder()
    writeFileSync(join(folder, 'here'), 'x')
    const context = testContext({
      folder,
      env: { XDG_CONFIG_HOME: folder, PATH: '/nonexistent' },
    })
    expect(await runVut(args, context)).toBe(code)
    expect(context.stderr.text).toContain(text)
    const lines = context.stderr.text.trimEnd().split('\n')
    expect(lines.length).toBeLessThanOrEqual(3)
    expect(lines[0]).toMatch(/^vut: \S/)
    for (const line of lines.slice(1)) expect(line).toMatch(/^ {5,}\S/)
    expect(context.stdout.text).toBe('')
    expect(readdirSync(folder)).toEqual(['here'])
  })

  it('is told for every option that takes a text', () => {
    const free = COMMANDS.flatMap(({ options }) => options).filter(
      ({ kind, choices }) => (kind === 'text' || kind === 'texts') && choices === undefined,
    )
    expect(new Set(Object.keys(TEXTS))).toEqual(new Set(free.map(({ name }) => name)))
  })
})
