/**
 * The bench command as it is started: what goes to which stream, and its exit codes.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { skipUnless } from '../lib/skip.js'

const MAIN = fileURLToPath(new URL('../../bench/dist/main.js', import.meta.url))

function start(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' })
}

describe('bench/dist/main.js', () => {
  it('lists the benches when none is named', (context) => {
    skipUnless(context, existsSync(MAIN), 'the benches are not built')
    const { status, stdout } = start()
    expect(status).toBe(0)
    expect(stdout).toMatch(/^timers +\S/m)
  })

  it('leaves standard output empty when it fails', (context) => {
    skipUnless(context, existsSync(MAIN), 'the benches are not built')
    expect(start('no-such-bench', '--json')).toMatchObject({ status: 2, stdout: '' })
    const refused = start('timers', '--json', '--rounds', '4')
    expect(refused).toMatchObject({ status: 1, stdout: '' })
    expect(refused.stderr).toContain('4 rounds asked for')
  })
})
