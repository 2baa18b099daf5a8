/**
 * `vut pipe`: standard input and output of two machines, joined.
 *
 * Decides what the standard streams are joined by and how much is told; the rest is `pipe/`. Invariant: nothing but what
 * the other side was given comes out of stdout.
 */
import { VByteEndpoint } from '@vio/io'
import { VStreamDevice } from '@vio/io/node'
import { openStdin, openStdout } from '@vio/pipe'
import type { VCommandContext } from '../command.js'
import { EXIT, type VExitCode } from '../exit-codes.js'
import { meet } from '../meet.js'
import { pipeSession } from '../pipe/pipe-session.js'

/** Does it. @returns the exit code */
export async function runPipe(context: VCommandContext): Promise<VExitCode> {
  const { given, view, reactor, signal } = context
  // The input is data, so nobody is asked for a code.
  const meeting = await meet(context, { operand: given.operands[0], asks: false, counterpart: 'pipe' })
  const beganAt = reactor.time()
  try {
    view.tell({ type: 'phase', phase: 'transferring' })
    const { sent, received } = await pipeSession({
      reactor,
      transport: meeting.transport,
      ...endsOf(context),
      signal,
      onProgress: (bytes) => view.tell({ type: 'progress', bytes }),
    })
    view.tell({
      type: 'done',
      bytes: sent.bytes + received.bytes,
      seconds: (reactor.time() - beganAt) / 1000,
    })
    return EXIT.ok
  } finally {
    await meeting.close()
  }
}

/** The standard streams as ends: those of the process are let go of, never closed. */
function endsOf({ reactor, stdin, stdout }: VCommandContext): {
  input: VByteEndpoint
  output: VByteEndpoint
} {
  return {
    input:
      stdin === process.stdin ? openStdin(reactor) : new VByteEndpoint(reactor, new VStreamDevice(stdin)),
    output:
      stdout === process.stdout ? openStdout(reactor) : new VByteEndpoint(reactor, new VStreamDevice(stdout)),
  }
}
