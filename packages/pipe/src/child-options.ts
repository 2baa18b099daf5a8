/**
 * What a child process is started with, and how it ended.
 *
 * Decides the defaults, and that a wrong option is refused before anything was started.
 */
import type { VEndpointOptions } from '@vio/io'
import { checkEndOptions } from './end-options.js'

/** How a child ended. */
export interface VChildStatus {
  /** The exit status; null if a signal ended it, or it was not started. */
  readonly exitCode: number | null
  /** The signal that ended it; null if it exited by itself, or was not started. */
  readonly signal: string | null
  /** Why it was broken off or could not be started; undefined if it ended by itself. */
  readonly reason?: Error
}

/** What becomes of a stream of a child: an end of a chain, nothing, the same one as this process has, or a descriptor. */
export type VChildStream = 'pipe' | 'ignore' | 'inherit' | number

/** Options of `VChild`. */
export interface VChildOptions extends VEndpointOptions {
  /** The folder that it runs in. By default that of this process. */
  readonly cwd?: string
  /** Its environment. By default that of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Its standard input. By default what the chain writes. */
  readonly stdin?: VChildStream
  /** Its standard output. By default what the chain reads. */
  readonly stdout?: VChildStream
  /** Its standard error. By default the same as this process has. */
  readonly stderr?: VChildStream
  /**
   * When the output ends clean. `'success'`, the default: once the stream has ended and the child has exited with
   * status 0. `'any'`: the same with any status, not with a signal. `'stream'`: at the end of the stream, whatever the
   * child does, unless it is known to have failed by then. A function decides by the status.
   */
  readonly cleanWhen?: 'success' | 'any' | 'stream' | ((status: VChildStatus) => boolean)
  /** Ends the child after so many milliseconds, with `VIOTimeout` as the reason. By default never. */
  readonly timeoutMs?: number
  /** How long a child that was told to end by SIGTERM has before SIGKILL, in milliseconds. By default 2,000. */
  readonly killDelayMs?: number
  /** Ends the child when it aborts. */
  readonly signal?: AbortSignal
}

/** The default of `killDelayMs`. */
export const DEFAULT_KILL_DELAY_MS = 2_000

const CLEAN_WHEN: readonly unknown[] = ['success', 'any', 'stream']

/** @throws TypeError, RangeError for what a child cannot be started with */
export function checkChild(command: string, args: readonly string[], options: VChildOptions): void {
  if (typeof command !== 'string' || command === '' || command.includes('\0'))
    throw new TypeError('a command is a string that is not empty and has no zero byte')
  if (!Array.isArray(args) || !args.every((each) => typeof each === 'string' && !each.includes('\0')))
    throw new TypeError('the arguments of a command are strings without zero bytes')
  for (const name of ['stdin', 'stdout', 'stderr'] as const) checkStream(name, options[name])
  const { cleanWhen } = options
  if (cleanWhen !== undefined && typeof cleanWhen !== 'function' && !CLEAN_WHEN.includes(cleanWhen))
    throw new TypeError(`cleanWhen is 'success', 'any', 'stream' or a function, got ${String(cleanWhen)}`)
  checkDelay('timeoutMs', options.timeoutMs)
  checkDelay('killDelayMs', options.killDelayMs)
  checkEndOptions(options)
}

function checkStream(name: string, value: VChildStream | undefined): void {
  if (value === undefined || value === 'pipe' || value === 'ignore' || value === 'inherit') return
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return
  throw new TypeError(`${name} is 'pipe', 'ignore', 'inherit' or a descriptor, got ${String(value)}`)
}

function checkDelay(name: string, value: number | undefined): void {
  if (value === undefined || (typeof value === 'number' && value >= 0)) return
  throw new RangeError(`${name} is a number of milliseconds from 0 on, got ${String(value)}`)
}
