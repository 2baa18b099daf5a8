/**
 * A meeting by the connecter of `@vio/nat`.
 *
 * Decides how a request becomes options of the connecter and its events those of the command. Invariant: an attempt that
 * fails leaves nothing behind.
 */
import { type VConnecterEvent, VUDPConnecter } from '@vio/nat'
import type { VCliContext } from './context.js'
import { failureOf } from './failure.js'
import type { VMeeting, VMeetRequest } from './meeting.js'
import type { OwnRelay } from './own-relay.js'
import { PathTeller } from './path-teller.js'
import type { VCliEvent } from './view/event.js'
import { within } from './waiting.js'

/** How long a failure may take to reach the relay, or the other side. */
const LAST_WORD_MS = 500

/** Meets over the network. @throws VCommandError with the code that says why not */
export async function connectMeeting(context: VCliContext, request: VMeetRequest): Promise<VMeeting> {
  const own = request.relays.includes('self') ? await ownRelay(context) : null
  try {
    return await connect(context, request, own)
  } catch (error) {
    await own?.close()
    throw failureOf(error)
  }
}

/** A whole relay is loaded by those only who begin one. */
async function ownRelay(context: VCliContext): Promise<OwnRelay> {
  const { startOwnRelay } = await import('./own-relay.js')
  return await startOwnRelay(context)
}

async function connect(context: VCliContext, request: VMeetRequest, own: OwnRelay | null): Promise<VMeeting> {
  const { code, path, port, timeoutMs, signal, onEvent } = request
  const relays = request.relays.map((relay) => (relay === 'self' && own !== null ? own.address : relay))
  const paths = new PathTeller(context.reactor, onEvent)
  const connecter = new VUDPConnecter(context.reactor, {
    relays,
    path,
    port,
    ...(code === undefined ? {} : { code }),
    ...(timeoutMs === undefined ? {} : { meetTimeoutMs: timeoutMs }),
    ...(request.transport === undefined ? {} : { vut: request.transport }),
    onEvent: (event) => {
      const told = commandEvent(event, request, own)
      if (told?.type === 'path') paths.tell(told)
      else if (told !== undefined) onEvent(told)
    },
  })
  const transport = await connecter.connect({ signal }).catch(async (error: unknown) => {
    // What it told the other side last, as why there is no way, leaves before the process does.
    await within(context.reactor, LAST_WORD_MS, connecter.whenReleased)
    throw error
  })
  paths.connected(transport)
  return {
    transport,
    close: async () => {
      paths.close()
      connecter.close()
      await own?.close()
    },
  }
}

/** An event of the connecter as one of the command. */
function commandEvent(
  event: VConnecterEvent,
  request: VMeetRequest,
  own: OwnRelay | null,
): VCliEvent | undefined {
  switch (event.type) {
    case 'code':
      return { type: 'code', code: event.code, command: lineFor(event.code, request, own) }
    case 'phase': {
      if (event.phase === 'closed') return undefined
      const detail = event.detail === undefined ? {} : { detail: event.detail }
      return { type: 'phase', phase: event.phase, ...detail }
    }
    case 'path': {
      const { path: kind, family, rttMs, relay, why } = event
      return {
        type: 'path',
        kind,
        family,
        ...(rttMs < 0 ? {} : { rttMs }),
        ...(relay === undefined ? {} : { relay }),
        ...(why === undefined ? {} : { why }),
      }
    }
    case 'warning':
      return { type: 'warning', text: event.message }
  }
}

/** What to type on the other side: with the relays that were named on this line, as nothing there knows them. */
function lineFor(code: string, request: VMeetRequest, own: OwnRelay | null): string {
  const relays = request.namedRelays.map((relay) => (relay === 'self' ? (own?.address ?? relay) : relay))
  const words = request.counterpart.split(' ')
  // A command whose operands are its own affair takes the code from the environment.
  const line = words.length > 1 ? [`VUT_CODE=${code}`, 'vut', ...words] : ['vut', ...words, code]
  return [...line, ...relays.flatMap((relay) => ['--relay', relay])].join(' ')
}
