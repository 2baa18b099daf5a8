/**
 * `runMain`: a command line as the whole of a process.
 *
 * Decides how the process ends: with its exit code as soon as what was written to the standard streams has left it, whatever
 * may still be open. Invariant: every command has closed what it opened before that; ending is no way to clean up.
 */
import type { Writable } from 'node:stream'
import { drainStdio } from '@vio/pipe'
import type { VCliContext } from './context.js'
import type { VMeeter, VMeeting, VMeetRequest } from './meeting.js'
import { processContext } from './process-context.js'
import { runVut } from './run.js'

/** Runs a command line and ends the process. `meeter` stands in for the network, in tests. */
export async function runMain(
  args: readonly string[],
  meeter?: (context: VCliContext, request: VMeetRequest) => Promise<VMeeting>,
): Promise<void> {
  const { context, release } = processContext()
  const own: { meeter?: VMeeter } =
    meeter === undefined ? {} : { meeter: (request) => meeter(context, request) }
  const exitCode = await runVut(args, { ...context, ...own })
  await Promise.all([drainStdio(), drained(context.stdout), drained(context.stderr)])
  release()
  process.exit(exitCode)
}

/** Waits until what was written has left the process, or cannot any more. */
function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.writableLength === 0 || stream.destroyed) resolve()
    else stream.write('', () => resolve())
  })
}
