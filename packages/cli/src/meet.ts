/**
 * `meet`: from the options of a command to a connection with the peer.
 *
 * Decides where each setting comes from: the line first, then the environment, then the configuration file. How the
 * connection comes about is the connecter's. Invariant: what is missing or wrong is told before anything is sent.
 */
import { codeFrom, type VCodeQuestion } from './code-source.js'
import type { VCommandContext } from './command.js'
import { connectMeeting } from './connect-meeting.js'
import { usageError } from './exit-codes.js'
import type { VMeeting, VPathPolicy, VTransportWishes } from './meeting.js'
import { readSettings, relaysOf } from './settings.js'

/** What a command says about its meeting. */
export interface VMeetOptions extends VCodeQuestion {
  /** What the other side types behind `vut` before the code, where a code is made: `recv`. */
  readonly counterpart: string
  /** Options of the transport, where a command needs more than the first stream. */
  readonly transport?: VTransportWishes
}

/**
 * Meets the peer. The context's `signal` ends the attempt.
 *
 * @throws VCommandError with the code that says why not
 */
export async function meet(context: VCommandContext, options: VMeetOptions): Promise<VMeeting> {
  const { given, env, view, signal } = context
  const settings = readSettings(env)
  const relays = pickRelays(given.texts('relay'), relaysOf(env), settings.relays ?? [])
  const code = await codeFrom(context, options)
  signal.throwIfAborted()
  const seconds = given.number('timeout')
  const meeter = context.meeter ?? ((request) => connectMeeting(context, request))
  return await meeter({
    code,
    relays,
    namedRelays: given.texts('relay'),
    path: (given.text('path') as VPathPolicy | undefined) ?? settings.path ?? 'auto',
    port: given.number('port') ?? settings.port ?? 0,
    timeoutMs: seconds === undefined ? undefined : seconds * 1000,
    counterpart: options.counterpart,
    ...(options.transport === undefined ? {} : { transport: options.transport }),
    signal,
    onEvent: (event) => view.tell(event),
  })
}

/** The first list that names any. @throws VCommandError (2) if none does */
function pickRelays(...lists: readonly (readonly string[])[]): readonly string[] {
  const found = lists.find((list) => list.length > 0)
  if (found !== undefined) return found
  throw usageError(
    'no relay is known where the two could meet',
    'run "vut relay" on a host that both reach and add --relay HOST on both sides,\n' +
      '      or add --relay self here, if the other side can reach this machine',
  )
}
