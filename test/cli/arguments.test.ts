/**
 * Command lines: what is understood, what is refused, and what is suggested instead.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  COMMANDS,
  helpOf,
  helpOfAll,
  parseArguments,
  runVut,
  type VCommand,
  VERSION,
} from '../../packages/cli/src/index.js'
import { tempFolder, testContext } from './support.js'

const COMMAND: VCommand = {
  name: 'test',
  summary: 'test things',
  usage: 'ONE [TWO]',
  options: [
    { name: 'all', short: 'a', kind: 'flag', help: 'everything' },
    { name: 'out', short: 'o', kind: 'text', value: 'DIR', help: 'there' },
    { name: 'relay', kind: 'texts', value: 'HOST', help: 'by way of' },
    { name: 'port', short: 'p', kind: 'number', value: 'N', range: [1, 65_535], help: 'from there' },
    { name: 'path', kind: 'text', value: 'WAY', choices: ['auto', 'direct'], help: 'like this' },
  ],
  operands: [1, 2],
  examples: [],
  load: async () => async () => 0,
}

describe('a command line', () => {
  it('has options in any order, long and short, with and without =', () => {
    const given = parseArguments(COMMAND, [
      'x',
      '-ao',
      'dir',
      '--relay',
      'a',
      '--port=7',
      '--relay=b',
      '--',
      '--all',
    ])
    expect(given.operands).toEqual(['x', '--all'])
    expect(given.flag('all')).toBe(true)
    expect(given.flag('quiet')).toBe(false)
    expect(given.text('out')).toBe('dir')
    expect(given.texts('relay')).toEqual(['a', 'b'])
    expect(given.number('port')).toBe(7)
    expect(given.text('path')).toBeUndefined()
    expect(() => given.flag('nothing')).toThrow('no option --nothing')
  })

  it('takes - as an operand', () => {
    expect(parseArguments(COMMAND, ['-']).operands).toEqual(['-'])
  })

  it.each([
    [[], 'vut test needs 1 operand', 'usage: vut test ONE [TWO]'],
    [['a', 'b', 'c'], 'vut test does not understand "c"', 'usage: vut test ONE [TWO]'],
    [['x', '--realy', 'a'], 'vut test has no option --realy', 'did you mean --relay?'],
    [['x', '--zzzzzz'], 'vut test has no option --zzzzzz', 'see vut test --help'],
    [['x', '-z'], 'vut test has no option -z', 'see vut test --help'],
    [['x', '--all=yes'], '--all takes no value, got "yes"', 'write --all alone'],
    [['x', '--out'], '--out needs a value', 'write --out DIR'],
    [['x', '--out='], '--out needs a value', 'write --out DIR'],
    [['x', '-o', 'a', '--out', 'b'], '--out was given twice', 'give it once'],
    [['x', '--port', '0'], '--port is a whole number from 1 to 65535, got "0"', ''],
    [['x', '--port', '65536'], '--port is a whole number from 1 to 65535, got "65536"', ''],
    [['x', '--port', '1e3'], '--port is a whole number from 1 to 65535, got "1e3"', ''],
    [['x', '-p', ' 7'], '-p is a whole number from 1 to 65535, got " 7"', ''],
    [['x', '--path', 'around'], '--path is one of auto, direct; got "around"', ''],
  ])('is refused: %j', (args, message, help) => {
    expect(() => parseArguments(COMMAND, args)).toThrow(
      expect.objectContaining({ message, help, exitCode: 2 }) as Error,
    )
  })
})

describe('vut', () => {
  const run = async (args: readonly string[]): Promise<{ code: number; out: string; err: string }> => {
    const context = testContext()
    const code = await runVut(args, context)
    return { code, out: context.stdout.text, err: context.stderr.text }
  }

  it('tells its version', async () => {
    expect(await run(['--version'])).toEqual({ code: 0, out: `vut ${VERSION}\n`, err: '' })
  })

  it.each([[[]], [['--help']], [['-h']], [['help']]])('shows all commands for %j', async (args) => {
    expect(await run(args)).toEqual({ code: 0, out: helpOfAll(COMMANDS), err: '' })
  })

  it('names the command that was meant', async () => {
    expect(await run(['sned'])).toEqual({
      code: 2,
      out: '',
      err: 'vut: there is no command "sned"\n     did you mean vut send?\n',
    })
  })

  it.each([
    [['send', '--json'], 'vut send needs 1 operand'],
    [['sned', 'x', '--json'], 'there is no command "sned"'],
  ])('tells a wrong line as an event too: %j', async (line, what) => {
    const { code, err } = await run(line)
    expect(code).toBe(2)
    expect(JSON.parse(err)).toMatchObject({
      v: 1,
      type: 'error',
      exitCode: 2,
      what,
    })
  })

  it.each(COMMANDS.map((command) => [command.name, command] as const))(
    '%s has a help of one screen with two examples',
    async (name, command) => {
      const { code, out } = await run([name, '--help'])
      expect({ code, out }).toEqual({ code: 0, out: helpOf(command) })
      expect(command.examples).toHaveLength(2)
      const lines = out.trimEnd().split('\n')
      expect(lines.length).toBeLessThanOrEqual(24)
      expect(lines.filter((line) => line.length > 80)).toEqual([])
      expect((await run(['help', name])).out).toBe(out)
    },
  )
})

describe('what a command is told besides its line', () => {
  const CODE = '7-lantern-orchard'

  async function recv(env: Record<string, string>, args: readonly string[] = []): Promise<unknown> {
    const folder = tempFolder()
    let request: unknown
    const context = testContext({
      folder,
      env: { XDG_CONFIG_HOME: join(folder, 'config'), ...env },
      meeter: async ({ code, relays, path, port, timeoutMs }) => {
        request = { code, relays, path, port, timeoutMs }
        throw new Error('enough')
      },
    })
    mkdirSync(join(folder, 'config/vut'), { recursive: true })
    if (env['FILE'] !== undefined) writeFileSync(join(folder, 'config/vut/config.json'), env['FILE'])
    writeFileSync(join(folder, 'code'), `${CODE}\n`)
    const code = await runVut(['recv', '--yes', ...args], context)
    return request ?? { code, text: context.stderr.text.replaceAll(folder, '') }
  }

  const NONE = { code: undefined, relays: ['r'], path: 'auto', port: 0, timeoutMs: undefined }

  it.each([
    ['the line', {}, ['--relay', 'r', '--relay', 's', CODE], { ...NONE, code: CODE, relays: ['r', 's'] }],
    [
      'the environment',
      { VUT_RELAY: 'a, b', VUT_CODE: '7 LANTERN orc' },
      [],
      { ...NONE, code: CODE, relays: ['a', 'b'] },
    ],
    ['a file', { VUT_RELAY: 'r' }, ['--code-file', 'code'], { ...NONE, code: CODE }],
    [
      'the configuration',
      { FILE: '{"relays":["c"],"path":"relay","port":5000}' },
      [],
      { ...NONE, relays: ['c'], path: 'relay', port: 5000 },
    ],
    [
      'the line before the rest',
      { FILE: '{"relays":["c"],"path":"relay","port":5000}', VUT_RELAY: 'e' },
      ['--relay', 'r', '--path', 'direct', '--port', '6000', '--timeout', '9'],
      { ...NONE, path: 'direct', port: 6000, timeoutMs: 9000 },
    ],
    ['the environment before the configuration', { FILE: '{"relays":["c"]}', VUT_RELAY: 'r' }, [], NONE],
  ])('is taken from %s', async (_, env, args, request) => {
    expect(await recv(env as Record<string, string>, args)).toEqual(request)
  })

  it.each([
    ['no relay at all', {}, [], 'no relay is known where the two could meet'],
    ['a code that is none', { VUT_RELAY: 'r' }, ['lantern'], 'a code begins with the number of a room'],
    [
      'a code with a strange word',
      { VUT_RELAY: 'r' },
      ['7-xyzzy'],
      'word 1 of the code is not in the list of words',
    ],
    [
      'two codes',
      { VUT_RELAY: 'r' },
      ['--code-file', 'code', CODE],
      'the code stands on the line and in --code-file',
    ],
    ['a code file that is missing', { VUT_RELAY: 'r' }, ['--code-file', 'none'], 'the code cannot be read'],
    ['a configuration that is no JSON', { FILE: '{' }, [CODE], '/config/vut/config.json is not JSON'],
    ['a configuration that is no object', { FILE: '[]' }, [CODE], '/config/vut/config.json: it is no object'],
    ['an unknown key', { FILE: '{"relay":["r"]}' }, [CODE], '"relay" is unknown'],
    ['relays that are no list', { FILE: '{"relays":"r"}' }, [CODE], '"relays" is no list of texts'],
    ['a path that there is not', { FILE: '{"path":"x"}' }, [CODE], '"path" is auto, direct or relay'],
    ['a port that there is not', { FILE: '{"port":0}' }, [CODE], '"port" is a number from 1 to 65535'],
    ['two answers', {}, ['--rename', '--overwrite'], '--overwrite and --rename exclude each other'],
  ])('is refused with 2: %s', async (_, env, args, text) => {
    const result = (await recv(env as Record<string, string>, args)) as { code: number; text: string }
    expect(result.code).toBe(2)
    expect(result.text).toContain(text)
  })
})
