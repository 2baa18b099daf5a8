/**
 * One connection through the link, seen from the side where somebody has connected.
 *
 * Decides the order: a stream, the request, then at once what the client says, so that a forwarded connection costs no
 * round trip more than a direct one; what comes back is read once the answer says that the target was reached. Invariants:
 * a client whose target was not reached is reset; nothing is left of a connection that ended.
 */
import { type VByteEndpoint, VFIOLost, VIOLost } from '@vio/io'
import { ForwardRefused } from './errors.js'
import { Junction } from './junction.js'
import type { ForwardLink } from './link.js'
import type { ForwardRequest } from './message.js'

/** How a client is carried. */
export interface CarryTerms {
  readonly request: ForwardRequest
  /** The connection in words, for events. */
  readonly what: string
  /** Told before anything flows, and nothing flows until then: for clients that wait for a reply of this side. */
  readonly answered?: () => void
}

/**
 * Carries a client that was accepted to wherever the request leads, until both directions are through.
 *
 * @throws (rejects) ForwardRefused if the other side says no; what went wrong otherwise before the answer. The client is
 *   reset then, unless `answered` is given: then it is left as it is, to be told
 */
export async function carry(link: ForwardLink, client: VByteEndpoint, terms: CarryTerms): Promise<void> {
  const { request, what, answered } = terms
  const stream = await link.open().catch((error: unknown) => {
    if (answered === undefined) reset(client, error)
    throw error
  })
  const junction = new Junction(client, stream)
  const forget = link.onClose((reason) => junction.abort(reason))
  try {
    link.ask(stream, request)
    if (answered === undefined) junction.joinUp()
    const { status, text } = await link.answerOf(stream)
    if (status !== 'ok') throw new ForwardRefused(what, status, text)
  } catch (error) {
    forget()
    if (answered === undefined) junction.abort(error instanceof Error ? error : new VIOLost(String(error)))
    else reset(stream, error)
    throw error
  }
  link.tell({ type: 'opened', what })
  answered?.()
  junction.joinUp()
  junction.joinDown()
  const { sentBytes, receivedBytes, clean } = await junction.done
  forget()
  link.tell({ type: 'closed', what, sentBytes, receivedBytes, clean })
}

/** Breaks an end off in both directions. */
export function reset(end: VByteEndpoint, error: unknown): void {
  const cause = error instanceof Error ? error : undefined
  end.closeIO(new VFIOLost(new VIOLost(cause?.message ?? 'the connection was refused', { cause })))
}
