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

/** Waits until both sides have ended, then lets go; after `POLITE_MS` it breaks off. */
export async function leave(transport: VUDPTransport, politeMs: number = POLITE_MS): Promise<void> {
  await within(transport, transport.whenClosed, politeMs)
  transport.closeIO(new VFIOLost(new VIOLost('the command has ended')))
  await within(transport, transport.whenReleased, politeMs / 2)
}

/** Waits for a promise, but no longer than `ms` and whatever it comes to. */
async function within(transport: VUDPTransport, promise: Promise<unknown>, ms: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = transport.reactor.schedule(ms, () => resolve())
    const done = (): void => {
      timer.cancel()
      resolve()
    }
    promise.then(done, done)
  })
}
