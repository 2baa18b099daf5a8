/**
 * `--relay self`: a relay in this process, for peers that can reach this machine.
 *
 * Decides on which port it listens and by which address it is told. Invariant: it lives no longer than the meeting that it
 * was begun for.
 */
import { networkInterfaces } from 'node:os'
import { VRelayHost } from '@vio/nat'
import type { VCliContext } from './context.js'

/** A relay of one's own. */
export interface OwnRelay {
  /** How this machine is named to the other side, and to its own connecter. */
  readonly address: string
  /** Ends it. Pairs that are relayed get a moment to end by themselves. */
  close(): Promise<void>
}

const DRAIN_MS = 500

/** Begins one, on the usual port if that is free. */
export async function startOwnRelay(context: VCliContext): Promise<OwnRelay> {
  const relay = await listen(context)
  const port = relay.address?.port ?? 0
  return { address: `${ownAddress()}:${port}`, close: () => relay.drain(DRAIN_MS) }
}

/** Begins one for this machine alone, on any port. */
export async function startLocalRelay({ reactor, random }: VCliContext): Promise<OwnRelay> {
  const relay = new VRelayHost(reactor, { random, host: '127.0.0.1', port: 0, otherPort: 0 })
  await relay.listen()
  return { address: `127.0.0.1:${relay.address?.port ?? 0}`, close: () => relay.drain(DRAIN_MS) }
}

async function listen({ reactor, random }: VCliContext): Promise<VRelayHost> {
  const usual = new VRelayHost(reactor, { random })
  try {
    await usual.listen()
    return usual
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'EADDRINUSE') throw error
    const any = new VRelayHost(reactor, { random, port: 0, otherPort: 0 })
    await any.listen()
    return any
  }
}

/** The address by which others most likely reach this machine: the first of IPv4 that is not its own alone. */
function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const outer = all.filter(({ internal, scopeid }) => !internal && !scopeid)
  const found = outer.find(({ family }) => family === 'IPv4') ?? outer[0]
  if (found === undefined) return '127.0.0.1'
  return found.family === 'IPv6' ? `[${found.address}]` : found.address
}
