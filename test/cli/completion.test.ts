/**
 * Completion, asked as the shell asks.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { COMMANDS, optionsOf, runVut } from '../../packages/cli/src/index.js'
import { skipUnless } from '../lib/skip.js'
import { tempFolder, testContext } from './support.js'

async function script(shell: string): Promise<string> {
  const context = testContext()
  expect(await runVut(['completion', shell], context)).toBe(0)
  return context.stdout.text
}

function has(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0
}

/** What bash would offer for the last of `words`. */
function bashOffers(text: string, words: readonly string[], cwd: string): string[] {
  const ask = `${text}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
_vut; printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout, stderr } = spawnSync('bash', ['-c', ask], { cwd, encoding: 'utf8' })
  expect(stderr).toBe('')
  return stdout.split('\n').filter((line) => line !== '')
}

describe('vut completion', () => {
  it('completes in bash commands, options, values and files', async (test) => {
    skipUnless(test, has('bash'), 'there is no bash')
    const text = await script('bash')
    const folder = tempFolder()
    mkdirSync(join(folder, 'album'))
    writeFileSync(join(folder, 'a file'), '')
    const names = COMMANDS.map(({ name }) => name)
    expect(bashOffers(text, ['vut', ''], folder)).toEqual([...names, '--help', '--version'])
    expect(bashOffers(text, ['vut', 'se'], folder)).toEqual(['send'])
    expect(bashOffers(text, ['vut', 'recv', '--res'], folder)).toEqual(['--resume'])
    expect(bashOffers(text, ['vut', 'send', '--path', ''], folder)).toEqual(['auto', 'direct', 'relay'])
    expect(bashOffers(text, ['vut', 'send', 'a'], folder).sort()).toEqual(['a file', 'album'])
    expect(bashOffers(text, ['vut', 'recv', '--out', 'a'], folder)).toEqual(['album'])
    expect(bashOffers(text, ['vut', 'recv', '-o', 'a'], folder)).toEqual(['album'])
    expect(bashOffers(text, ['vut', 'completion', ''], folder)).toEqual(['bash', 'zsh', 'fish'])
    expect(bashOffers(text, ['vut', 'send', '--port', ''], folder)).toEqual([])
  })

  it.each(['bash', 'zsh', 'fish'])('names in %s every command and every option', async (shell) => {
    const text = await script(shell)
    for (const command of COMMANDS) {
      expect(text).toContain(command.name)
      for (const { name } of optionsOf(command)) expect(text).toMatch(new RegExp(`(--|-l )${name}\\b`))
    }
  })

  it.each([
    ['bash', ['bash', '-n']],
    ['zsh', ['zsh', '-n']],
    ['fish', ['fish', '--no-execute']],
  ])('is understood by %s', async (shell, [program = '', flag = '']) => {
    const text = await script(shell)
    if (!has(program)) {
      // What can be checked without the shell: quotes come in pairs.
      expect((text.match(/(?<!\\)'/g) ?? []).length % 2).toBe(0)
      return
    }
    const file = join(tempFolder(), 'script')
    writeFileSync(file, text)
    const { status, stderr } = spawnSync(program, [flag, file], { encoding: 'utf8' })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })

  it('refuses a shell that it does not know', async () => {
    const context = testContext()
    expect(await runVut(['completion', 'toString'], context)).toBe(2)
    expect(context.stderr.text).toContain('there is no completion for "toString"')
  })
})
