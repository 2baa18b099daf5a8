/**
 * Named pipes: making FIFOs, and opening them without being held up by the other side.
 *
 * Decides that opening never blocks: a reader is there at once, a writer waits, if it may, until somebody reads. On
 * Windows the names of pipes are those of `node:net` servers, not files, and are refused with that explanation.
 * Invariant: an attempt that failed, was aborted or timed out leaves nothing open.
 */
import { execFile } from 'node:child_process'
import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { promisify } from 'node:util'
import { VIOTimeout } from '@vio/io'
import type { IVReactor } from '@vio/reactor'
import type { VDescriptorEndOptions } from './descriptor-end.js'
import { checkEndOptions } from './end-options.js'
import { systemCodeOf, VDescriptorError } from './errors.js'
import { VPipeAgent } from './pipe-agent.js'
import { abortReason } from './signal.js'

/** Options of `openNamedPipe`. */
export interface VNamedPipeOptions extends VDescriptorEndOptions {
  /**
   * How long a writer waits for a reader, in milliseconds: 0 not at all, `Infinity` (the default) for as long as it takes.
   * The attempt fails with `VIOTimeout`, or at 0 with the system's ENXIO.
   */
  readonly waitMs?: number
}

/** How often a writer looks whether there is a reader, in milliseconds. */
const RETRY_MS = 10

const { O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = constants

/**
 * Makes a FIFO, with the permissions `mode`, by default 0o600.
 *
 * @throws VDescriptorError EEXIST if there is something of that name, ENOENT without the program `mkfifo`, ENOTSUP on
 *   Windows; TypeError, RangeError for arguments that are none
 */
export async function createNamedPipe(path: string, mode = 0o600): Promise<void> {
  checkPath(path)
  if (!Number.isInteger(mode) || mode < 0 || mode > 0o777)
    throw new RangeError(`a mode is a whole number from 0 to 0o777, got ${String(mode)}`)
  try {
    // Neither a path nor a mode can be taken for an option so.
    const env = { ...process.env, LC_ALL: 'C' }
    await promisify(execFile)('mkfifo', ['-m', mode.toString(8), '--', path], { env })
  } catch (cause) {
    const missing = systemCodeOf(cause)
    if (missing !== undefined) throw VDescriptorError.of('the program mkfifo could not be run', cause)
    throw new VDescriptorError(`${path} could not be made: ${stderrOf(cause)}`, codeIn(stderrOf(cause)), {
      cause,
    })
  }
}

function stderrOf(cause: unknown): string {
  return String((cause as { stderr?: unknown }).stderr ?? '').trim()
}

/** The code for what `mkfifo` says in words. */
function codeIn(text: string): string {
  if (/exists/i.test(text)) return 'EEXIST'
  if (/no such file/i.test(text)) return 'ENOENT'
  return /denied|permitted/i.test(text) ? 'EACCES' : 'UNKNOWN'
}

/**
 * Opens a FIFO as an end of a chain: to be read, to be written, or `'both'`, which is its own other side and so neither
 * waits for one nor sees an end.
 *
 * @throws VDescriptorError with the system's code; EINVAL if it is no FIFO; ENXIO for a writer that does not wait;
 *   VIOTimeout for one that waited in vain; the signal's reason
 */
export async function openNamedPipe(
  reactor: IVReactor,
  path: string,
  use: 'read' | 'write' | 'both',
  options: VNamedPipeOptions = {},
): Promise<VPipeAgent> {
  checkPath(path)
  checkEndOptions(options)
  const { waitMs = Number.POSITIVE_INFINITY } = options
  if (typeof waitMs !== 'number' || !(waitMs >= 0))
    throw new RangeError(`waitMs is a number of milliseconds from 0 on, got ${String(waitMs)}`)
  if (use === 'read') return agentOn(reactor, [openFifo(path, O_RDONLY), -1], options)
  if (use === 'both') {
    const fd = openFifo(path, O_RDWR)
    return agentOn(reactor, [fd, fd], options)
  }
  if (use !== 'write')
    throw new TypeError(`a pipe is opened to 'read', to 'write' or for 'both', got ${String(use)}`)
  const fd = await openWriter(reactor, path, waitMs, options.signal)
  return agentOn(reactor, [-1, fd], options)
}

function agentOn(
  reactor: IVReactor,
  [readFd, writeFd]: readonly [number, number],
  options: VNamedPipeOptions,
): VPipeAgent {
  try {
    return new VPipeAgent(reactor, readFd, writeFd, options)
  } catch (error) {
    closeSync(readFd === -1 ? writeFd : readFd)
    throw error
  }
}

function openFifo(path: string, access: number): number {
  let fd: number
  try {
    fd = openSync(path, access | O_NONBLOCK)
  } catch (cause) {
    throw VDescriptorError.of(`${path} could not be opened`, cause)
  }
  if (fstatSync(fd).isFIFO()) return fd
  closeSync(fd)
  throw new VDescriptorError(`${path} is no named pipe`, 'EINVAL')
}

/** Tries until somebody reads. */
function openWriter(
  reactor: IVReactor,
  path: string,
  waitMs: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  const until = reactor.time() + waitMs
  return new Promise((resolve, reject) => {
    const attempt = (): void => {
      if (signal?.aborted === true) {
        reject(abortReason(signal))
        return
      }
      try {
        resolve(openFifo(path, O_WRONLY))
      } catch (error) {
        const isLonely = error instanceof VDescriptorError && error.systemCode === 'ENXIO'
        if (!isLonely || waitMs === 0) reject(error)
        else if (reactor.time() >= until)
          reject(new VIOTimeout(`nobody read ${path} within ${waitMs} ms`, { cause: error }))
        else reactor.schedule(Math.min(RETRY_MS, until - reactor.time()), attempt)
      }
    }
    attempt()
  })
}

function checkPath(path: string): void {
  if (typeof path !== 'string' || path === '' || path.includes('\0'))
    throw new TypeError('the path of a named pipe is a string that is not empty and has no zero byte')
  const isWindowsName = process.platform === 'win32' || /^[\\/]{2}[.?][\\/]pipe[\\/]/i.test(path)
  if (!isWindowsName) return
  const text = `${path}: named pipes of Windows are servers of node:net, not files; listen and connect to the name there`
  throw new VDescriptorError(text, 'ENOTSUP')
}
