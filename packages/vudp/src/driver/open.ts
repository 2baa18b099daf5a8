/**
 * `openVUDP`: a socket and a transport on it, as a promise.
 *
 * Decides that a failure leaves nothing behind: whatever goes wrong on the way, the socket is closed. Invariant: the
 * promise settles with a transport that is connected, or rejects with the reason.
 */
import { VFIOLost, VIOLost, VIOTimeout } from '@vio/io'
import type { IVReactor } from '@vio/reactor'
import { VDatagramSocket, type VDatagramSocketOptions } from '@vio/sock'
import { VUDPTransport, type VUDPTransportOptions } from './transport.js'

/** Options of `openVUDP`. */
export interface VOpenVUDPOptions extends Omit<VUDPTransportOptions, 'socket' | 'keepSocket'> {
  /** How the socket is bound. By default to any address and port of the peer's family. */
  readonly bind?: Omit<VDatagramSocketOptions, 'signal'>
  /** Gives the attempt up. Once connected it has no effect. */
  readonly signal?: AbortSignal
  /** How long the attempt may take, in ms. By default as long as the handshake of the version. */
  readonly timeoutMs?: number
}

const ANY_ADDRESS = { 4: '0.0.0.0', 6: '::' } as const

/**
 * Binds a socket and connects a transport on it.
 *
 * ```ts
 * await using transport = await openVUDP(reactor, { peer, secret, peerSecret, signal: AbortSignal.timeout(5000) })
 * ```
 *
 * @throws (rejects) the reason of `signal`; VIOTimeout after `timeoutMs`; the error that binding or connecting ended with;
 *   TypeError and RangeError for options that cannot be
 */
export async function openVUDP(reactor: IVReactor, options: VOpenVUDPOptions): Promise<VUDPTransport> {
  const { bind, signal, timeoutMs, ...rest } = options
  signal?.throwIfAborted()
  const host = bind?.host ?? ANY_ADDRESS[rest.peer?.ipVersion ?? 4]
  const socket = await VDatagramSocket.bind({ ...bind, host, ...(signal === undefined ? {} : { signal }) })
  let transport: VUDPTransport
  try {
    signal?.throwIfAborted()
    transport = new VUDPTransport(reactor, { ...rest, socket })
  } catch (error) {
    socket.close()
    throw error
  }
  await connected(transport, { reactor, signal, timeoutMs })
  return transport
}

interface Terms {
  readonly reactor: IVReactor
  readonly signal: AbortSignal | undefined
  readonly timeoutMs: number | undefined
}

/** Waits for the connection, or for what ends the wait. */
async function connected(transport: VUDPTransport, terms: Terms): Promise<void> {
  const { reactor, signal, timeoutMs } = terms
  let reason: unknown
  const giveUp = (why: unknown): void => {
    reason ??= why
    const error = why instanceof Error ? why : new VIOLost(String(why))
    transport.closeIO(new VFIOLost(new VIOLost('the attempt was given up', { cause: error })))
  }
  const onAbort = (): void => giveUp(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  const timer =
    timeoutMs === undefined
      ? undefined
      : reactor.schedule(timeoutMs, () => giveUp(new VIOTimeout(`no connection within ${timeoutMs} ms`)))
  try {
    await transport.whenConnected
  } catch (error) {
    await transport.whenReleased
    throw reason ?? error
  } finally {
    timer?.cancel()
    signal?.removeEventListener('abort', onAbort)
  }
}
