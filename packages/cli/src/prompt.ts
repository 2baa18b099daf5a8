/**
 * A question to the person at the terminal.
 *
 * Decides who is asked, and where: at a terminal, on stderr, as stdout is for data; with `--json` nobody, as nothing but
 * events stands there. Invariant: the input is left as it was found, a signal ends the question, and while it stands the
 * view does not write over it.
 */
import { createInterface } from 'node:readline'
import type { VCommandContext } from './command.js'
import { EXIT, VCommandError } from './exit-codes.js'

/** Whether there is somebody to ask. */
export function canAsk({ given, terminals }: VCommandContext): boolean {
  return terminals.stdin && terminals.stderr && !given.flag('json')
}

/**
 * Asks, and gives what was typed, without blanks around it.
 *
 * @param gone ends the question when nobody needs the answer any more
 * @throws VCommandError (1) at the end of input; the reason of the context's signal or of `gone`
 */
export function ask(context: VCommandContext, question: string, gone?: AbortSignal): Promise<string> {
  const { stdin, stderr, view } = context
  const signal = gone === undefined ? context.signal : AbortSignal.any([context.signal, gone])
  view.pause()
  return new Promise((resolve, reject) => {
    // The terminal edits the line by itself and makes a signal of Ctrl-C; nothing is sent to it but the question.
    const lines = createInterface({ input: stdin, output: stderr, terminal: false })
    const settle = (done: () => void): void => {
      signal.removeEventListener('abort', onAbort)
      lines.off('close', onClose)
      lines.close()
      view.resume()
      done()
    }
    // Without an answer the cursor still stands behind the question.
    const giveUp = (reason: unknown): void => {
      stderr.write('\n')
      settle(() => reject(reason))
    }
    const onAbort = (): void => giveUp(signal.reason)
    const onClose = (): void => giveUp(new VCommandError(EXIT.failure, 'the question was not answered'))
    lines.on('close', onClose)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    lines.question(question, (answer) => settle(() => resolve(answer.trim())))
  })
}
