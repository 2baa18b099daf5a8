/**
 * A `vut` in a process of its own, heard by its events.
 *
 * Decides how a failure of the other process becomes one of this. Invariant: the process does not outlive `kill`, nor this
 * process.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { VCliContext } from '../context.js'
import { EXIT, VCommandError } from '../exit-codes.js'
import { OWN_FOLDER } from '../own-files.js'
import type { VCliEvent } from '../view/event.js'

const MAIN = fileURLToPath(new URL('dist/main.js', OWN_FOLDER))

/** One command line in a process. */
export class DemoPeer {
  /** What it has told so far. */
  readonly events: VCliEvent[] = []
  /** Settles when it has ended with 0; rejects when it has not. */
  readonly finished: Promise<void>
  /** Is told what it tells from now on. */
  onEvent: (event: VCliEvent) => void = () => undefined
  readonly #child: ChildProcess
  #waiting: (() => void)[] = []

  /** @param code what the other side shows, so that it stands in no list of processes */
  constructor(context: VCliContext, args: readonly string[], code?: string) {
    const { VUT_CODE: _code, VUT_RELAY: _relay, ...env } = context.env
    const own = code === undefined ? {} : { VUT_CODE: code }
    this.#child = spawn(process.execPath, [MAIN, ...args, '--json'], {
      cwd: context.folder,
      env: { ...env, ...own },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    context.signal.addEventListener('abort', () => this.kill(), { once: true })
    this.finished = this.#watch()
    this.finished.catch(() => undefined)
  }

  /** Waits for an event of a type, or takes one that was there. @throws VCommandError if the process ends without */
  async until(type: VCliEvent['type']): Promise<VCliEvent> {
    for (;;) {
      const found = this.events.find((event) => event.type === type)
      if (found !== undefined) return found
      await Promise.race([this.finished, new Promise<void>((resolve) => this.#waiting.push(resolve))])
    }
  }

  /** Ends it, if it has not ended. */
  kill(): void {
    if (this.#child.exitCode === null) this.#child.kill('SIGTERM')
  }

  #watch(): Promise<void> {
    const { stderr } = this.#child
    if (stderr !== null) createInterface({ input: stderr }).on('line', (line) => this.#heard(line))
    return new Promise((resolve, reject) => {
      this.#child.once('error', reject)
      this.#child.once('close', (exitCode) => {
        if (exitCode === 0) resolve()
        else reject(this.#failure(exitCode))
      })
    })
  }

  #heard(line: string): void {
    let event: VCliEvent
    try {
      event = JSON.parse(line) as VCliEvent
    } catch {
      event = { type: 'warning', text: line }
    }
    this.events.push(event)
    this.onEvent(event)
    for (const wake of this.#waiting.splice(0)) wake()
  }

  #failure(exitCode: number | null): VCommandError {
    const error = this.events.find((event) => event.type === 'error')
    const text = error?.type === 'error' ? error.what : 'it said nothing'
    return new VCommandError(EXIT.failure, `a peer ended with ${exitCode ?? 'a signal'}: ${text}`)
  }
}
