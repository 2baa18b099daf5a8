/**
 * The built command on a terminal of its own. Pseudo-terminals come from Python.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { TestContext } from 'vitest'
import { hasProgram } from '../lib/programs.js'
import { skipUnless } from '../lib/skip.js'
import { MAIN } from './process-support.js'
import { atEnd } from './support.js'

const PTY = fileURLToPath(new URL('../pipe/fixtures/pty.py', import.meta.url))

/** Leaves a test out where there are no terminals. */
export function needsTerminal(context: TestContext): void {
  skipUnless(context, hasProgram('python3'), 'there is no python3 to make a terminal')
}

/** `vut` on a terminal: what is typed, all that has been shown, and how it ended. */
export class OnTerminal {
  shown = ''
  /** Its exit code. */
  readonly ended: Promise<number>
  readonly #child: ChildProcess
  #wake = (): void => undefined

  constructor(cwd: string, ...args: readonly string[]) {
    const child = spawn('python3', [PTY, process.execPath, MAIN, ...args], {
      cwd,
      env: { PATH: process.env['PATH'], HOME: cwd, TERM: 'xterm' },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.#child = child
    atEnd(() => void child.kill('SIGKILL'))
    let left = ''
    this.ended = new Promise((resolve) => {
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        const lines = (left + text).split('\n')
        left = lines.pop() ?? ''
        for (const line of lines) {
          const told = JSON.parse(line) as { shown?: string; exit?: number | null }
          this.shown += told.shown ?? ''
          if (told.exit !== undefined) resolve(told.exit ?? -1)
        }
        this.#wake()
      })
    })
  }

  /** Types, with escapes: `\\x03` is Ctrl-C. */
  type(text: string): void {
    this.#child.stdin?.write(`type ${text}\n`)
  }

  /** Waits for something on the screen, and gives its first group. */
  async sees(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.shown)
      if (found !== null) return found[1] ?? ''
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}
