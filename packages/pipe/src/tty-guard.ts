/**
 * Puts terminals back as they were found when the process ends.
 *
 * Decides on which occasions: the end of the process, which an uncaught exception leads to as well, and the signals that
 * would end it. Invariants: each terminal is restored once; a signal does what it would have done, unless somebody else
 * listens to it; with no terminal to look after no listener is left.
 */

const SIGNALS = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'] as const

const restorers = new Set<() => void>()

function restoreAll(): void {
  for (const restore of [...restorers]) {
    try {
      restore()
    } catch {
      // The terminal is gone; the others are not.
    }
  }
}

function onSignal(signal: NodeJS.Signals): void {
  const listeners = process.listenerCount(signal)
  // Somebody else decides what the signal means, and whether the process goes on.
  if (listeners > 1) return
  restoreAll()
  unlisten()
  process.kill(process.pid, signal)
}

function listen(): void {
  process.on('exit', restoreAll)
  for (const signal of SIGNALS) process.on(signal, onSignal)
}

function unlisten(): void {
  process.off('exit', restoreAll)
  for (const signal of SIGNALS) process.off(signal, onSignal)
}

/** Calls `restore` when the process ends. Returns what takes that back. */
export function guardTerminal(restore: () => void): () => void {
  if (restorers.size === 0) listen()
  restorers.add(restore)
  return () => {
    if (restorers.delete(restore) && restorers.size === 0) unlisten()
  }
}
