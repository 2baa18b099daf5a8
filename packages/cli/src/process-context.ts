/**
 * The context that a process makes of itself.
 *
 * Decides what signals mean: the first asks the command to end, which it may take 2 s for; the second ends the process at
 * once. Invariant: whatever a command does, the process is gone 2 s after a signal, with 130 or 143, unless the command has
 * asked for more time since.
 */
import { VReactor, VSystemRandom } from '@vio/reactor'
import { type VCliContext, VInterrupted } from './context.js'
import { EXIT } from './exit-codes.js'

const DEFAULT_COLUMNS = 80
const POLITE_MS = 2000

/** The process as a context, and how to let go of it. */
export interface VProcessContext {
  readonly context: VCliContext
  /** Takes the signal handlers away and stops the reactor. */
  release(): void
}

/** Makes the context of this process. Called once. */
export function processContext(): VProcessContext {
  const reactor = new VReactor()
  reactor.start()
  const { signal, takeTime, release } = watchSignals()
  const { stdin, stdout, stderr, env } = process
  // Whoever watched has gone away: no reason to break anything off. A command that gives data hears of it by itself.
  for (const stream of [stdout, stderr]) stream.on('error', () => undefined)
  const context: VCliContext = {
    stdin,
    stdout,
    stderr,
    env,
    signal,
    takeTime,
    onHangup,
    reactor,
    random: new VSystemRandom(),
    folder: process.cwd(),
    terminals: {
      stdin: stdin.isTTY === true,
      stdout: stdout.isTTY === true,
      stderr: stderr.isTTY === true,
    },
    columns: () => (stderr.isTTY === true && stderr.columns > 0 ? stderr.columns : DEFAULT_COLUMNS),
  }
  return {
    context,
    release: () => {
      release()
      reactor.stop()
    },
  }
}

interface WatchedSignals {
  readonly signal: AbortSignal
  readonly takeTime: (ms: number) => void
  readonly release: () => void
}

function watchSignals(): WatchedSignals {
  const controller = new AbortController()
  let code: number = EXIT.terminated
  let timer: NodeJS.Timeout | undefined
  const exitAfter = (ms: number): void => {
    clearTimeout(timer)
    timer = setTimeout(() => process.exit(code), ms).unref()
  }
  const onSignal = (name: 'SIGINT' | 'SIGTERM'): void => {
    code = name === 'SIGINT' ? EXIT.interrupted : EXIT.terminated
    if (controller.signal.aborted) process.exit(code)
    exitAfter(POLITE_MS)
    controller.abort(new VInterrupted(name))
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  return {
    signal: controller.signal,
    takeTime: (ms) => {
      if (controller.signal.aborted) exitAfter(ms)
    },
    release: () => {
      clearTimeout(timer)
      process.off('SIGINT', onSignal)
      process.off('SIGTERM', onSignal)
    },
  }
}

function onHangup(reload: () => void): () => void {
  process.on('SIGHUP', reload)
  return () => void process.off('SIGHUP', reload)
}
