/**
 * How a transfer takes leave of the connection.
 *
 * Decides how long is waited for what. Invariant: it is over after `POLITE_MS` at the latest, and the peer was told why
 * wherever a datagram still gets through.
 */
import { VFIOLost, VIOLost } from '@vio/io'
import type { VUDPTransport } from '@vio/vudp'

/** How long a polite end may take, in ms. */
export const POLITE_MS = 1500
/**
 * How long an end that went well is repeated at most to a peer that may not have heard it, in ms; where a round trip is
 * short, only as long as an answer takes. Each side has all that it waits for by then: if it is lost, the peer only waits a
 * little longer before it ends with 0 too.
 */
const LAST_WORD_MS = 30
const LEAST_LAST_WORD_MS = 5
const LAST_WORD_ROUND_TRIPS = 2

/** Waits until both sides have ended, then lets go; after `POLITE_MS` it breaks off. */
export async function leave(transport: VUDPTransport, politeMs: number = POLITE_MS): Promise<void> {
  const isClosed = await within(transport, transport.whenClosed, politeMs)
  transport.closeIO(new VFIOLost(new VIOLost('the command has ended')))
  await within(transport, transport.whenReleased, isClosed ? lastWordMs(transport) : politeMs / 2)
}

function lastWordMs(transport: VUDPTransport): number {
  const answeredMs = LAST_WORD_ROUND_TRIPS * transport.stats().smoothedRttMs
  return Math.min(Math.max(answeredMs, LEAST_LAST_WORD_MS), LAST_WORD_MS)
}

/** Waits for a promise, but no longer than `ms` and whatever it comes to. True if it has come to something. */
async function within(transport: VUDPTransport, promise: Promise<unknown>, ms: number): Promise<boolean> {
  return await new Promise<boolean>((resolve) => {
    const timer = transport.reactor.schedule(ms, () => resolve(false))
    const done = (): void => {
      timer.cancel()
      resolve(true)
    }
    promise.then(done, done)
  })
}
