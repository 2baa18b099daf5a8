/**
 * The standard streams of the process as chain ends.
 *
 * Decides that each is what the process has, be it a terminal, a pipe, a socket or a file, and that closing an end lets
 * go of it and no more: the streams are the process's. `drainStdio` waits for what is on its way, which
 * `process.exit` would drop.
 */
import type { Readable, Writable } from 'node:stream'
import { VByteEndpoint, type VEndpointOptions, VIOTimeout } from '@vio/io'
import type { IVReactor } from '@vio/reactor'
import { checkEndOptions } from './end-options.js'
import { StdioDevice } from './stdio-device.js'

/** Options of `openStdio`. */
export interface VStdioOptions extends VEndpointOptions {
  /** What is written: the standard output (the default), the standard error, or nothing. */
  readonly output?: 'stdout' | 'stderr' | 'none'
  /** What is read: the standard input (the default) or nothing. */
  readonly input?: 'stdin' | 'none'
}

/** Streams that an end was made on, to be drained. */
const used = new Set<Writable>()

/**
 * Makes an end that produces what comes from the standard input and writes what it consumes to the standard output. Its
 * end, and its abort, let go of both and leave them open. A reader of the output that goes away is an unclean end.
 *
 * ```ts
 * const stdio = openStdio(reactor)
 * await chain(stdio, new VByteTap(reactor), stdio).done
 * await drainStdio()
 * ```
 *
 * @throws TypeError for an option of the wrong kind
 */
export function openStdio(reactor: IVReactor, options: VStdioOptions = {}): VByteEndpoint {
  const { input = 'stdin', output = 'stdout' } = options
  if (input !== 'stdin' && input !== 'none')
    throw new TypeError(`input is 'stdin' or 'none', got ${String(input)}`)
  if (output !== 'stdout' && output !== 'stderr' && output !== 'none')
    throw new TypeError(`output is 'stdout', 'stderr' or 'none', got ${String(output)}`)
  const writes = output === 'none' ? null : process[output]
  return endOn(reactor, input === 'none' ? null : process.stdin, writes, options)
}

/** The standard input as an end that only produces. */
export function openStdin(reactor: IVReactor, options: VEndpointOptions = {}): VByteEndpoint {
  return endOn(reactor, process.stdin, null, options)
}

/** The standard output as an end that only consumes. */
export function openStdout(reactor: IVReactor, options: VEndpointOptions = {}): VByteEndpoint {
  return endOn(reactor, null, process.stdout, options)
}

/** The standard error as an end that only consumes. */
export function openStderr(reactor: IVReactor, options: VEndpointOptions = {}): VByteEndpoint {
  return endOn(reactor, null, process.stderr, options)
}

function endOn(
  reactor: IVReactor,
  input: Readable | null,
  output: Writable | null,
  options: VEndpointOptions,
): VByteEndpoint {
  checkEndOptions(options)
  const endpoint = new VByteEndpoint(reactor, new StdioDevice(input, output), options)
  if (output !== null) used.add(output)
  return endpoint
}

/**
 * Waits until the standard output and the standard error have handed over what was written to them, so that the process
 * may exit without losing any of it. An output that was lost has nothing left to wait for. What still waits in a chain
 * is not counted: await the chain first.
 *
 * @throws VIOTimeout after `timeoutMs`, by default never
 */
export async function drainStdio(timeoutMs: number = Number.POSITIVE_INFINITY): Promise<void> {
  if (typeof timeoutMs !== 'number' || !(timeoutMs >= 0))
    throw new RangeError(`timeoutMs is a number of milliseconds from 0 on, got ${String(timeoutMs)}`)
  const drained = Promise.all([...used].map(drain))
  if (timeoutMs === Number.POSITIVE_INFINITY) {
    await drained
    return
  }
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const text = `the standard streams were not drained within ${timeoutMs} ms`
    timer = setTimeout(() => reject(new VIOTimeout(text)), timeoutMs)
  })
  try {
    await Promise.race([drained, late])
  } finally {
    clearTimeout(timer)
  }
}

function drain(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.writableLength === 0 || stream.destroyed || !stream.writable) {
      resolve()
      return
    }
    const done = (): void => {
      stream.off('close', done)
      resolve()
    }
    stream.once('close', done)
    // Behind everything that was written before; an error is told here as well.
    stream.write('', done)
  })
}
