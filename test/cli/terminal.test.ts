/**
 * The built command on a terminal, as far as only a real one shows it. Pseudo-terminals come from Python.
 */
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { hasProgram } from '../lib/programs.js'
import { skipUnless } from '../lib/skip.js'
import { MAIN, startRelay, vut } from './process-support.js'
import { atEnd, tempFolder } from './support.js'

const PTY = fileURLToPath(new URL('../pipe/fixtures/pty.py', import.meta.url))

/** `vut` on a terminal: all that has been shown, which grows, and how it ended. */
class OnTerminal {
  shown = ''
  readonly ended: Promise<number>
  #wake = (): void => undefined

  constructor(cwd: string, ...args: readonly string[]) {
    const child = spawn('python3', [PTY, process.execPath, MAIN, ...args], {
      cwd,
      env: { PATH: process.env['PATH'], HOME: cwd, TERM: 'xterm' },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    atEnd(() => void child.kill('SIGKILL'))
    let left = ''
    this.ended = new Promise((resolve) => {
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        const lines = (left + text).split('\n')
        left = lines.pop() ?? ''
        for (const line of lines) {
          const told = JSON.parse(line) as { shown?: string; exit?: number }
          this.shown += told.shown ?? ''
          if (told.exit !== undefined) resolve(told.exit)
        }
        this.#wake()
      })
    })
  }

  /** Waits for something on the screen. */
  async sees(pattern: RegExp): Promise<string> {
    for (;;) {
      const [, found] = pattern.exec(this.shown) ?? []
      if (found !== undefined) return found
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** What was shown, as events. @throws SyntaxError if anything else stands among them */
  get events(): readonly { readonly type: string; readonly exitCode?: number }[] {
    const lines = this.shown.split('\r\n')
    expect(lines.pop()).toBe('')
    return lines.map((line) => JSON.parse(line) as { type: string })
  }
}

describe('--json on a terminal', () => {
  it('shows events and nothing else, from the code that is made to the end', async (context) => {
    skipUnless(context, hasProgram('python3'), 'there is no python3 to make a terminal')
    const relay = await startRelay()
    const [from, to] = [tempFolder(), tempFolder()]
    writeFileSync(join(from, 'a.txt'), 'hello')
    const receiver = new OnTerminal(to, 'recv', '--yes', '--json', '--relay', relay)
    const code = await receiver.sees(/"code":"([^"]+)"/)
    const sender = vut(['send', 'a.txt', '--json', '--relay', relay], { cwd: from, env: { VUT_CODE: code } })
    expect(await Promise.all([sender.ended, receiver.ended])).toEqual([0, 0])
    expect(receiver.events.at(-1)).toMatchObject({ type: 'done', files: 1 })
    expect(readFileSync(join(to, 'a.txt'), 'utf8')).toBe('hello')
  })

  it('asks nothing: 2, where nothing has answered whether files may come', async (context) => {
    skipUnless(context, hasProgram('python3'), 'there is no python3 to make a terminal')
    const asked = new OnTerminal(
      tempFolder(),
      'recv',
      '7-lantern-orchard',
      '--json',
      '--relay',
      '127.0.0.1:9',
    )
    expect(await asked.ended).toBe(2)
    expect(asked.events).toMatchObject([{ type: 'error', exitCode: 2 }])
  })
})
