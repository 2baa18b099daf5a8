/**
 * The surroundings of a command: streams, environment, terminal, signals, time.
 *
 * Decides nothing: a process makes one of its own means (`process-context.ts`), a test one of buffers. Invariant: a command
 * asks its context for these and never the process.
 */
import type { Readable, Writable } from 'node:stream'
import type { IVRandom, IVReactor } from '@vio/reactor'
import type { VMeeter } from './meeting.js'

/** Which of the standard streams are terminals. */
export interface VTerminals {
  readonly stdin: boolean
  readonly stdout: boolean
  readonly stderr: boolean
}

/** What a command has around it. */
export interface VCliContext {
  readonly stdin: Readable
  /** Data only. Everything else goes to `stderr`. */
  readonly stdout: Writable
  readonly stderr: Writable
  readonly terminals: VTerminals
  readonly env: Readonly<Record<string, string | undefined>>
  /** The folder that paths are taken from. */
  readonly folder: string
  /** How wide the terminal is now, in characters. */
  columns(): number
  /**
   * Aborted by the first SIGINT or SIGTERM, with a `VInterrupted` as its reason: the command ends politely, within 2 s.
   * The second signal ends the process at once.
   */
  readonly signal: AbortSignal
  /** Ending after a signal takes up to `ms` instead of 2 s. Without it: 2 s. Of no effect before the signal. */
  readonly takeTime?: (ms: number) => void
  /** Calls `reload` at each SIGHUP, until what it returns is called. Without it: never. */
  readonly onHangup?: (reload: () => void) => () => void
  readonly reactor: IVReactor
  readonly random: IVRandom
  /** How a connection comes about. By default by `VUDPConnecter`; tests give another. */
  readonly meeter?: VMeeter
}

/** The person ended the command by a signal. */
export class VInterrupted extends Error {
  /** The signal. */
  readonly signal: 'SIGINT' | 'SIGTERM'

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(`ended by ${signal}`)
    this.signal = signal
  }
}
