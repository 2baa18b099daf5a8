/**
 * Puts terminals back as they were found when the process ends, and while it is stopped.
 *
 * Decides on which occasions: the end of the process, which an uncaught exception leads to as well, the signals that
 * would end it, and SIGTSTP, by which a shell takes the terminal; SIGCONT gives it back. Invariants: each terminal is
 * restored once; a signal does what it would have done, unless somebody else listens to it; with no terminal to look
 * after no listener is left.
 */

const SIGNALS = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'] as const

/** How a terminal is put back, and taken again. */
export interface TerminalModes {
  /** Puts it back as it was found. */
  readonly restore: () => void
  /** Takes it as it was before `restore`. */
  readonly resume: () => void
}

const guarded = new Set<TerminalModes>()

function all(act: 'restore' | 'resume'): void {
  for (const modes of [...guarded]) {
    try {
      modes[act]()
    } catch {
      // The terminal is gone; the others are not.
    }
  }
}

function onExit(): void {
  all('restore')
}

function onSignal(signal: NodeJS.Signals): void {
  const listeners = process.listenerCount(signal)
  // Somebody else decides what the signal means, and whether the process goes on.
  if (listeners > 1) return
  all('restore')
  unlisten()
  process.kill(process.pid, signal)
}

/** The shell gets the terminal as it was. SIGSTOP stops as SIGTSTP would have, and cannot be listened to. */
function onStop(): void {
  if (process.listenerCount('SIGTSTP') > 1) return
  all('restore')
  process.kill(process.pid, 'SIGSTOP')
}

/** Also behind a SIGSTOP from elsewhere, after which nobody knows what the terminal is like. */
function onContinue(): void {
  all('resume')
}

function listen(): void {
  process.on('exit', onExit)
  for (const signal of SIGNALS) process.on(signal, onSignal)
  process.on('SIGTSTP', onStop)
  process.on('SIGCONT', onContinue)
}

function unlisten(): void {
  process.off('exit', onExit)
  for (const signal of SIGNALS) process.off(signal, onSignal)
  process.off('SIGTSTP', onStop)
  process.off('SIGCONT', onContinue)
}

/** Restores a terminal when the process ends or is stopped, and resumes it when it goes on. Returns what takes that back. */
export function guardTerminal(modes: TerminalModes): () => void {
  if (guarded.size === 0) listen()
  guarded.add(modes)
  return () => {
    if (guarded.delete(modes) && guarded.size === 0) unlisten()
  }
}
