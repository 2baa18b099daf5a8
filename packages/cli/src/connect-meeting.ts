/**
 * A meeting by the connecter of `@vio/nat`.
 *
 * Decides how a request becomes options of the connecter and its events those of the command. Invariant: an attempt that
 * fails leaves nothing behind.
 */
import type { VCliContext } from './context.js'
import { EXIT, VCommandError } from './exit-codes.js'
import type { VMeeting, VMeetRequest } from './meeting.js'

/** Meets over the network. @throws VCommandError with the code that says why not */
export async function connectMeeting(_context: VCliContext, request: VMeetRequest): Promise<VMeeting> {
  throw new VCommandError(EXIT.failure, `no way to ${request.relays.join(', ')} is built in yet`)
}
